"""``python -m parity_tests`` is ``tf-parity``."""

from parity_tests.commands.cli import main

if __name__ == "__main__":
    main()
