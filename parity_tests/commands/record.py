"""tf-parity record: the TF1 side of a user's own pair, played once and stored."""

import os
import shlex

import click
from rich.text import Text

from parity_tests.commands import (
    console,
    options,
    outputs,
    pair_files,
    replaceable,
    tables,
    time_limits,
)
from parity_tests.commands.mistakes import UserError
from parity_tests.pair import loading


@click.command(
    "record",
    cls=options.Command,
    examples=["record pair.py -o play.npz", "record pair.py -o play.npz --steps 100"],
)
@pair_files.arguments
@click.option(
    "-o",
    "--output",
    "output_path",
    metavar="PLAY.npz",
    type=click.Path(),
    required=True,
    help="The file to write.",
)
@pair_files.timeout("play")
def command(file, output_path, steps, examples, seed, timeout):
    """Store the play of a pair's TF1 side.

    `tf-parity check FILE.py --play PLAY.npz` then needs no TensorFlow 1.
    """
    path = pair_files.require_file(file)
    if not output_path.endswith(".npz"):
        raise UserError(
            f"-o must name a file that ends with .npz. Received: {output_path}. "
            "Use for instance -o play.npz."
        )
    with (
        outputs.Output(
            output_path, "-o", [path], replaceable.is_play, "play.npz"
        ) as output,
        time_limits.limited(timeout, "record"),
    ):
        console.import_tensorflow()
        from parity_tests.pair import recording

        with pair_files.explained():
            loading.loaded(file).record(output_path, steps, examples, seed)
            stored = recording.Recording(output_path)
        size = os.path.getsize(output_path)
        plays = f"{stored.plays} play" + ("" if stored.plays == 1 else "s")
        count = len(stored.moves(0))
        output.show(
            tables.whole(
                Text(
                    f"{output_path}: {plays} of {count} moves, {size:,} bytes, by "
                    f"TensorFlow {stored.facts['tensorflow']}.\n"
                    + shlex.join(["tf-parity", "check", file, "--play", output_path])
                )
            )
        )
