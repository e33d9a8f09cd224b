"""tf-parity explain: all that is known of one symbol of TensorFlow 1.x."""

import click

from parity_tests.commands import options, outputs
from parity_tests.commands.mistakes import told
from parity_tests.models import chapters


@click.command(
    "explain",
    cls=options.Command,
    examples=["explain tf.nn.dropout", "explain layers.dense --format json"],
)
@click.argument("symbol", metavar="SYMBOL")
@options.format_option("terminal", "json")
@options.output_file
def command(symbol, form, output_path):
    """What becomes of one symbol of TensorFlow 1.x, and why."""
    from tf2_keras.migrate import terminal

    with outputs.Output(output_path, "--output") as output:
        with told(terminal.UnknownSymbol):
            rule = terminal.explained(symbol)
        if form == "json":
            cases = [case._asdict() for case in rule.cases]
            output.write({**rule._asdict(), "cases": cases})
        else:
            output.write(terminal.explanation(rule, chapters.teaches()))
