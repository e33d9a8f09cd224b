"""tf-parity draft: a Keras twin of a TF1 training graph, written and proven."""

import contextlib
import glob
import os

import click
from rich.text import Text

from parity_tests.commands import console, options, outputs, pair_files, tables
from parity_tests.commands.mistakes import UserError, shortened, told
from tf2_keras.migrate.checkpoint.errors import HandoverError


@click.command(
    "draft",
    cls=options.Command,
    examples=[
        "draft model.meta -o twin.py",
        "draft model.meta -o twin.py --y-pred logits --pair pair.py",
        "draft program.py:build -o twin.py --checkpoint model.ckpt-1000",
    ],
)
@click.argument("path", metavar="MODEL", type=click.Path())
@click.option(
    "-o",
    "--output",
    "twin_path",
    metavar="FILE",
    required=True,
    help="The twin, FILE.py.",
)
@click.option(
    "--x",
    "inputs",
    metavar="KEY=NAME,...",
    help="Tensors that are fed with a batch; by default the placeholders.",
)
@click.option("--y-true", metavar="NAME", help="Which of them is to be predicted.")
@click.option("--y-pred", metavar="NAME", help="The tensor that is predicted.")
@click.option("--loss", metavar="NAME", help="The scalar that is minimised.")
@click.option("--train", metavar="NAME", help="The op that a step runs.")
@click.option(
    "--training-feed",
    metavar="NAME=VALUE,...",
    help="What a step feeds besides, such as is_training=True.",
)
@click.option(
    "--inference-feed",
    metavar="NAME=VALUE,...",
    help="What a prediction feeds, such as is_training=False.",
)
@click.option(
    "--checkpoint",
    metavar="PREFIX",
    help="Start from a checkpoint of that program, and write what it holds, slots "
    "included, as TWIN.keras beside the twin.",
)
@options.file_option(
    "--pair", "pair_path", "Write the pair for tf-parity check to FILE"
)
@click.option("--force", is_flag=True, help="Replace a twin or pair that exists.")
@options.number(
    "--steps", int, 1, 10_000, 10, "To compare.", default=10, show_default=True
)
@options.json_file
def command(path, twin_path, pair_path, force, steps, json_path, checkpoint, **named):
    """Draft a Keras twin of a training graph, and prove it.

    MODEL is a .meta, the folder of a SavedModel, or FILE.py:build, a function that builds
    a graph in the default one, or returns it.

    What the graph holds and a reader would not see is in the source: seeds, rates,
    epsilons. The twin is then compared with the graph: initial values, loss, gradients,
    slots, updates. The first lines of FILE say what was compared. The exit code is 0 only
    if all of it was, and is equal to the bit; 1 if something was not.
    """
    read = _read(path, checkpoint)
    with (
        _program(twin_path, "--output", read, "twin.py") as twin_output,
        _program(pair_path, "--pair", read, "pair.py") as pair_output,
        outputs.Output(json_path, "--json", read) as json_output,
    ):
        _require_source(path, pair_path)
        model_path = None
        if checkpoint is not None and twin_path.endswith(".py"):
            model_path = f"{twin_path[: -len('.py')]}.keras"
            if os.path.exists(model_path) and not force:
                raise UserError(
                    "--checkpoint writes a file that must not be there yet. "
                    f"Received: {shortened(model_path)}. "
                    "Choose another twin, or allow it with --force."
                )
        for option, written in (("--output", twin_path), ("--pair", pair_path)):
            _require_program(option, written, force)
        with told(HandoverError):
            names = _names(**named)
        console.import_tensorflow()
        from parity_tests.pair.drafting import (
            finding,
            pair_file,
            proving,
            sources,
            trained,
        )
        from tf2_keras.migrate.draft.errors import Undraftable

        with (
            told(HandoverError, Undraftable, ValueError),
            pair_files.explained(),  # first, for it shows the user's own traceback
            outputs.claimed(model_path, "--checkpoint")
            if model_path
            else contextlib.nullcontext(),
        ):
            meta_graph, names = sources.read(path, finding.Names(**names))
            names = finding.found(meta_graph, names)
            proof = proving.proven(
                meta_graph, names, os.path.basename(path), steps, checkpoint=checkpoint
            )
            names = proof.names
            pair_text = None
            if pair_path is not None:
                pair_text = pair_file.text(
                    path, twin_path, pair_path, proof, checkpoint
                )
            if model_path is not None:
                trained.write(proof, checkpoint, model_path)
        twin_output.write(proof.source)
        if pair_text is not None:
            pair_output.write(pair_text)
        json_output.write(
            {
                "meta_graph": path,
                "twin": twin_path,
                "model": model_path,
                "equal": proof.is_equal,
                "status": proof.status,
                "names": names._asdict(),
                "remainder": proof.product.remainder,
                "raw_ops": proof.product.raw,
            }
        )
        lines = [f"{twin_path}: {len(proof.source.splitlines())} lines", *proof.status]
        if model_path is not None:
            lines.append(f"{model_path}: {os.path.getsize(model_path):,} bytes")
        twin_output.show(tables.whole(Text("\n".join(lines))))
        if proof.divergence is not None:
            told_at = f"{twin_path}, level {proof.level}"
            twin_output.show(tables.divergence(told_at, proof.divergence.describe()))
    return int(not proof.is_equal)


def _program(path, option, read, example):
    """The Output of a file of Python, of which ``_require_program`` says what it may be."""
    return outputs.Output(path, option, read, lambda _: True, example)


def _read(path, checkpoint):
    """The files that a draft is made of, none of which it may write over."""
    program, _, _ = path.rpartition(":")
    folder = glob.glob(os.path.join(glob.escape(path), "**"), recursive=True)
    saved = [] if checkpoint is None else glob.glob(glob.escape(checkpoint) + "*")
    return [path, *([program] if program else []), *folder, *saved]


def _require_source(path, pair_path):
    file, _, _ = path.rpartition(":") if ".py:" in path else (path, "", "")
    if os.path.isdir(file):
        known = os.path.isfile(os.path.join(file, "saved_model.pb"))
        kind = "a folder without saved_model.pb"
    else:
        known, kind = os.path.isfile(file), "no such file"
    if not known:
        raise UserError(
            f"MODEL must name a file or a SavedModel. Received: {shortened(path)} "
            f"({kind}). Name what tf.train.Saver.save or export_meta_graph wrote, or "
            "FILE.py:build."
        )
    if pair_path is not None and (os.path.isdir(file) or file.endswith(".py")):
        raise UserError(
            f"--pair must be of a MODEL that is a .meta. Received: {shortened(path)}. "
            "Leave it out, or export the graph with tf.train.export_meta_graph."
        )


def _require_program(option, path, force):
    if path is None:
        return
    if not path.endswith(".py"):
        raise UserError(
            f"{option} must name a Python file. Received: {shortened(path)}. "
            "Let it end in .py."
        )
    if os.path.exists(path) and not force:
        raise UserError(
            f"{option} must name a file that is not there yet. "
            f"Received: {shortened(path)}, which may hold what somebody wrote by hand. "
            "Choose another name, or allow it with --force."
        )


def _names(inputs, y_true, y_pred, loss, train, training_feed, inference_feed):
    """The arguments of ``finding.Names``, from words of the command line."""
    from parity_tests.commands.exported import named_tensors

    return {
        "inputs": named_tensors("--x", inputs),
        "y_true": y_true,
        "y_pred": y_pred,
        "loss": loss,
        "train": train,
        "training_feed": fed("--training-feed", training_feed),
        "inference_feed": fed("--inference-feed", inference_feed),
    }


WORDS = {"true": True, "false": False}


def fed(option, words):
    """{name of a tensor: value} of NAME=VALUE,NAME=VALUE."""
    if words is None:
        return None
    feed = {}
    for word in words.split(","):
        name, equals, value = word.strip().partition("=")
        if value.lower() in WORDS:
            number = WORDS[value.lower()]
        else:
            try:
                number = float(value)
            except ValueError:
                equals = ""
        if not (name and equals):
            raise UserError(
                f"{option} must be NAME=VALUE with a number, True or False. "
                f"Received: {shortened(word)}. Use for instance {option} keep_prob=0.5."
            )
        feed[name] = (
            int(number)
            if isinstance(number, float)
            and "." not in value
            and "e" not in value.lower()
            else number
        )
    return feed
