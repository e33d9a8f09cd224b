"""tf-parity draft: a Keras twin of a TF1 training graph, written and proven."""

import contextlib
import glob
import importlib.machinery
import keyword
import os
import sys

import click
from rich.text import Text

from parity_tests.commands import (
    console,
    node_names,
    options,
    outputs,
    pair_files,
    tables,
)
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
@options.listed(
    "--x",
    "inputs",
    metavar="KEY=NAME,...",
    help="Tensors that are fed with a batch; by default the placeholders.",
)
@click.option("--y-true", metavar="NAME", help="Which of them is to be predicted.")
@click.option("--y-pred", metavar="NAME", help="The tensor that is predicted.")
@options.listed(
    "--loss", metavar="NAME,...", help="The scalar that is minimised, of each step."
)
@options.listed(
    "--train",
    metavar="NAME,...",
    help="The op that a step runs; several, of a GAN, in their order.",
)
@options.listed(
    "--training-feed",
    metavar="NAME=VALUE,...",
    help="What a step feeds besides, such as is_training=True.",
)
@options.listed(
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
    "--pair",
    "pair_path",
    "Write the pair for tf-parity check to FILE; of a MODEL that is no .meta, also its "
    "graph, as the .meta of that name,",
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
        _require_source(path)
        model_path = _beside("--checkpoint", checkpoint, twin_path, ".keras", force)
        exports = pair_path is not None and not path.endswith(".meta")
        graph_path = _beside("--pair", exports or None, pair_path, ".meta", force)
        for option, written in (("--output", twin_path), ("--pair", pair_path)):
            _require_program(option, written, force)
        with told(HandoverError):
            names = _names(**named)
        node_names.require_known(path, _told(names))
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
            _claimed("--checkpoint", model_path),
            _claimed("--pair", graph_path),
            _named_by_its_option(),
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
                    graph_path or path, twin_path, pair_path, proof, checkpoint
                )
            if model_path is not None:
                trained.write(proof, checkpoint, model_path)
        twin_output.write(proof.source)
        if pair_text is not None:
            pair_output.write(pair_text)
        if graph_path is not None:
            with open(graph_path, "wb") as file:
                file.write(meta_graph.SerializeToString(deterministic=True))
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


def _beside(option, given, path, ending, force):
    """The file that an option writes beside another, of the same name; or None."""
    if given is None or not path.endswith(".py"):
        return None
    beside = path[: -len(".py")] + ending
    if os.path.exists(beside) and not force:
        raise UserError(
            f"{option} writes a file that must not be there yet. "
            f"Received: {shortened(beside)}. "
            "Choose another name beside it, or allow it with --force."
        )
    return beside


def _claimed(option, path):
    return outputs.claimed(path, option) if path else contextlib.nullcontext()


@contextlib.contextmanager
def _named_by_its_option():
    """A mistake in what --checkpoint names is told by the name of the option."""
    try:
        yield
    except ValueError as error:
        if not str(error).startswith("checkpoint must"):
            raise
        raise UserError(f"--{error}") from None


def _require_source(path):
    file, _, _ = path.rpartition(":") if ".py:" in path else (path, "", "")
    if os.path.isdir(file):
        known = os.path.isfile(os.path.join(file, "saved_model.pb"))
        kind = "a folder without saved_model.pb"
    else:
        known, kind = os.path.isfile(file), "no such file"
    if not known:
        remedy = "what tf.train.Saver.save or export_meta_graph wrote, or FILE.py:build"
        if os.path.isfile(f"{path}.meta"):
            remedy = "the graph beside that checkpoint, which ends in .meta"
        raise UserError(
            f"MODEL must name a file or a SavedModel. Received: {shortened(path)} "
            f"({kind}). Name {remedy}."
        )


def _require_program(option, path, force):
    if path is None:
        return
    if not path.endswith(".py"):
        raise UserError(
            f"{option} must name a Python file. Received: {shortened(path)}. "
            "Let it end in .py."
        )
    _require_module(option, path)
    if os.path.exists(path) and not force:
        raise UserError(
            f"{option} must name a file that is not there yet. "
            f"Received: {shortened(path)}, which may hold what somebody wrote by hand. "
            "Choose another name, or allow it with --force."
        )


def _require_module(option, path):
    """A file must be one that Python can import, and hide no other module."""
    from parity_tests.pair.errors import is_theirs

    name = os.path.basename(path)[: -len(".py")]
    if not name.isidentifier() or keyword.iskeyword(name):
        raise UserError(
            f"{option} must name a file that can be imported. Received: "
            f"{shortened(path)}. Use letters, digits and _, such as twin.py."
        )
    spec = importlib.machinery.PathFinder.find_spec(name)
    origin = spec.origin if spec is not None else None
    is_installed = origin is not None and not is_theirs(os.path.abspath(origin))
    if name in sys.stdlib_module_names or is_installed:
        raise UserError(
            f"{option} must not hide a module that programs import. Received: "
            f"{shortened(path)}, by whose name there is a {name}. "
            "Choose another name, such as twin.py."
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


def _told(names):
    """[(option, name)] of all tensors and ops that the options name."""
    told = [("--x", name) for name in (names["inputs"] or {}).values()]
    for key in ("y_pred", "loss", "train"):
        option = "--" + key.replace("_", "-")
        listed = (names[key] or "").split(",")
        told += [(option, name.strip()) for name in listed if name.strip()]
    for key in ("training_feed", "inference_feed"):
        option = "--" + key.replace("_", "-")
        told += [(option, name) for name in names[key] or ()]
    return told


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
