"""tf-parity, also as ``python -m parity_tests``."""

import signal
import sys


def main():
    """The entry point, which answers to Ctrl-C while the command line is still imported."""
    try:
        from parity_tests.commands import cli
    except KeyboardInterrupt:
        sys.stderr.write("tf-parity: interrupted.\n")
        sys.exit(128 + signal.SIGINT)
    cli.main()


if __name__ == "__main__":
    main()
