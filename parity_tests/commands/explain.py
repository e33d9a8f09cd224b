"""tf-parity explain: all that is known of one symbol of TensorFlow 1.x, or of a message."""

import click

from parity_tests.commands import options, outputs
from parity_tests.commands.mistakes import told
from parity_tests.models import chapters
from tf2_keras.migrate import addresses


@click.command(
    "explain",
    cls=options.Command,
    examples=[
        "explain tf.nn.dropout",
        "explain \"module 'tensorflow' has no attribute 'Session'\"",
    ],
)
@click.argument("symbol", metavar="SYMBOL")
@options.format_option("terminal", "json")
@options.output_file
def command(symbol, form, output_path):
    """What becomes of a symbol of TensorFlow 1.x, or of an error.

    In place of SYMBOL: the message of an error, pasted in quotes.
    """
    from tf2_keras.migrate import errors, terminal

    with outputs.Output(output_path, "--output") as output:
        if len(symbol.split()) > 1:
            with told(errors.UnknownMessage):
                answer = errors.found(symbol)
            data = {
                "error": {
                    **answer.error._asdict(),
                    "received": answer.received,
                    "evidence": answer.error.evidence,
                    "address": addresses.of_message(answer.error),
                }
            }
            data["rule"] = answer.rule and _as_data(answer.rule)
            table = terminal.answer(answer, chapters.teaches())
        else:
            with told(terminal.UnknownSymbol):
                rule = terminal.explained(symbol)
            data = _as_data(rule)
            table = terminal.explanation(rule, chapters.teaches())
        output.write(data if form == "json" else table)


def _as_data(rule):
    return {
        **rule._asdict(),
        "cases": [case._asdict() for case in rule.cases],
        "address": addresses.of_symbol(rule.symbol),
    }
