"""tf-parity convert: a TF1 checkpoint into a Keras model, and back."""

import os

import click
from rich.text import Text

from parity_tests.commands import console, options, outputs
from parity_tests.commands.mistakes import UserError, told
from parity_tests.models import chapters
from tf2_keras.migrate.checkpoint.errors import HandoverError


@click.command(
    "convert",
    cls=options.Command,
    examples=[
        "convert model.ckpt-9 --to model.weights.h5 --chapter mnist_cnn",
        "convert model.keras --to tf1:back.ckpt --chapter mnist_cnn",
        "convert exported_model --to model.keras --signature serving_default",
        "convert frozen.pb --to model.keras --inputs x --outputs logits",
    ],
)
@click.argument("source", metavar="CKPT", type=click.Path())
@click.option(
    "--to",
    "target",
    metavar="OUTPUT",
    required=True,
    help="model.weights.h5, model.keras, tf1:PREFIX for a TF1 checkpoint, or "
    "saved_model:DIR for a SavedModel of TF1.",
)
@click.option(
    "--map",
    "map_path",
    metavar="FILE",
    type=click.Path(),
    help="JSON: {TF1 name: name in the model, or null to leave it out}.",
)
@click.option(
    "--chapter",
    "chapter",
    metavar="CHAPTER",
    type=options.Known("chapters", chapters.MODELS),
    help="Whose twin is the model, at its full size.",
)
@click.option(
    "--model",
    "model_file",
    metavar="FILE.py:build",
    help="A function without arguments that returns the compiled model.",
)
@click.option(
    "--streams",
    metavar="RUNSxBATCH",
    help="Go on as a program that never stopped: dropouts have read their streams for "
    "so many runs of that batch size. By default they begin anew.",
)
@click.option("--signature", metavar="NAME", help="Which one of a SavedModel.")
@options.listed(
    "--inputs",
    metavar="KEY=NAME,...",
    help="Tensors of a .pb or .meta; by default the placeholders that are needed.",
)
@options.listed("--outputs", metavar="KEY=NAME,...", help="Tensors of a .pb or .meta.")
@click.option("--partial", is_flag=True, help="Load although something is open.")
@click.option("--dry-run", is_flag=True, help="Say what goes where; write nothing.")
@click.option("--force", is_flag=True, help="Replace an output that exists.")
@options.json_file
def command(source, target, map_path, chapter, model_file, json_path, **flags):
    """Carry a TF1 checkpoint over into a Keras model, and back.

    Weights, the optimizer's slots, powers and step, averages and moving statistics go
    along. What is ambiguous or has no place is listed, and nothing is written. A
    SavedModel, a frozen .pb or a .meta without --model becomes a model of its own graph,
    which can be trained.
    """
    from parity_tests.commands import conversions

    with (
        outputs.Output(json_path, "--json", [source]) as output,
        told(HandoverError),
    ):
        request = conversions.Request(
            os.fspath(source), target, map_path, chapter, model_file, **flags
        )
        conversions.require_possible(request)
        if chapter and model_file:
            raise UserError(
                "--chapter and --model must not be given together. "
                f"Received: {chapter} and {model_file}. Leave one out."
            )
        console.import_tensorflow()
        with outputs.claimed(request.path, "--to"):
            report, lines = conversions.converted(request)
        output.show(*(Text(line) for line in lines))
        output.write(report)
