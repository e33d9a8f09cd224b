"""All that ``record`` can record: the chapters, and each kind of part.

Runs under Python 3.7 as well. A kind of part is a module of tf1_graph.parts: its cases
are the plays of the golden ``parts/KIND``.
"""

import collections
import dataclasses
import functools
import importlib
import os

from parity_tests.models import chapters, programs
from parity_tests.witness import runs

PLAY = "play"  # the name of a chapter's one play

Recordable = collections.namedtuple(
    "Recordable",
    [
        "name",  # and the folder of its golden
        "says",  # what is recorded, in a few words
        "sources",  # the files of this project that the numbers come from
        "plays",  # () -> {name of a play: iterable of records}
        "facts",  # {fact: value} besides; complete after the last record
        "export",  # folder -> None, after the last record; or None
    ],
)


def part(name, says, sources, plays):
    """A kind of part."""
    facts = {"kind": name.rpartition("/")[2]}
    return Recordable(name, says, tuple(sources), plays, facts, None)


def plays_of(kind):
    """{name of a play: its records} of all cases of a kind, each played when read."""
    from tf1_graph import session
    from tf1_graph.parts import cases

    graph_side = importlib.import_module("tf1_graph.parts." + kind)

    def records(case):
        # Played when it is read, so that one graph at a time is in memory.
        yield from cases.kept(case, session.play(*graph_side.play(case)))

    return collections.OrderedDict(
        (name, records(case)) for name, case in graph_side.CASES.items()
    )


# {kind of part: what else of tf1_graph its parts are recorded with}
KINDS = collections.OrderedDict(
    [
        ("attention", ("parts/initializers", "parts/recurrent")),
        ("averages", ()),
        ("clipping", ()),
        ("crf", ("parts/initializers", "parts/recurrent")),
        ("decoding", ("parts/initializers", "parts/recurrent")),
        ("initializers", ()),
        (
            "layers",
            ("parts/initializers", "parts/normalizations", "parts/update_ops"),
        ),
        ("lookup", ()),
        ("losses", ("parts/sequence_losses",)),
        ("metrics", ()),
        (
            "optimizers",
            (
                "parts/averages",
                "parts/clipping",
                "parts/schedules",
                "parts/weight_decays",
            ),
        ),
        ("random", ()),
        ("recurrent", ("parts/initializers", "parts/layers", "rnn_cell")),
        ("schedules", ()),
        ("tf_keras", ("parts/initializers", "parts/recurrent")),
        (
            "unrolled",
            ("parts/initializers", "parts/layers", "parts/recurrent", "rnn_cell"),
        ),
    ]
)
PARTS = tuple(
    part(
        "parts/" + kind,
        f"every case of {kind}",
        [f"tf1_graph/{name}.py" for name in ("parts/cases", "parts/" + kind) + others]
        + ["tf1_graph/session.py", "tf1_graph/updates.py"],
        functools.partial(plays_of, kind),
    )
    for kind, others in KINDS.items()
)
# {golden: (chapter, its configuration of that name)}, where a file has a second one.
VARIANTS = collections.OrderedDict([("ppo_a2c", ("ppo", "A2C"))])
NAMES = (
    chapters.NAMES + tuple(VARIANTS) + tuple(recordable.name for recordable in PARTS)
)


def recordable(name, steps=None, data=None):
    """The ``Recordable`` of that name.

    Args:
        name: one of ``NAMES``.
        steps: how many moves of a chapter train; by default ``runs.steps_of`` it.
        data: a folder of data for a chapter, instead of what comes along.

    Raises:
        chapters.UnknownName: if there is none.
    """
    chapters.require_known(name, NAMES, "CHAPTER")
    if name in chapters.PROGRAMS:
        return program(name, steps or runs.steps_of(name), data)
    if name in chapters.NAMES:
        return chapter(name, steps or runs.steps_of(name), data)
    if name in VARIANTS:
        of_chapter, configuration = VARIANTS[name]
        steps = steps or runs.steps_of(of_chapter)
        return chapter(of_chapter, steps, data, name, configuration)
    return next(part for part in PARTS if part.name == name)


def chapter(name, steps, data=None, golden=None, configuration=None):
    """A chapter: its training, and the predictions that its evaluation scores.

    Args:
        golden: the name of one of ``VARIANTS``, if it is one.
        configuration: what that calls the Config that its fields are set in.
    """
    facts, outputs, built, state = {}, [], [], {}

    def play():
        from tf1_graph import session

        graph = chapters.graph(name)
        config = getattr(graph, configuration) if configuration else graph.Config()
        config = dataclasses.replace(config, **runs.fields_of(name, data))
        program = chapters.program(name, config)
        built.append(program)
        for record in session.play(program, runs.moves_of(name, config, steps, data)):
            if record.get("outputs"):
                outputs.append(record["outputs"])
            state.update(record.get("slots", {}), **record.get("updates", {}))
            yield record
        facts.update(
            chapter=name,
            config=dataclasses.asdict(config),
            steps=steps,
            reached=runs.score(name, outputs, data),
        )

    return Recordable(
        golden or name,
        f"{steps} steps of training, and the evaluation",
        (
            f"tf1_graph/models/{name}.py",
            "tf1_graph/session.py",
            "tf1_graph/updates.py",
        )
        + getattr(chapters.setup(name), "SOURCES", ()),
        lambda: {PLAY: play()},
        facts,
        lambda folder: export(built[-1], state, folder),
    )


def program(name, steps, data=None):
    """One of ``chapters.PROGRAMS``: all that its ``run`` returns, text in bytes."""
    facts = {"chapter": name, "steps": steps}

    def play(fields):
        known = dict(runs.fields_of(name, data), steps=steps)
        config = chapters.graph(name).Config(**dict(known, **fields))
        train, _ = chapters.setup(name).load(data, runs.SEED)
        history = programs.records(chapters.graph(name), train, config)
        yield from programs.without_text(history)
        # What every play has that says nothing else.
        facts.setdefault("config", dataclasses.asdict(config))

    plays = chapters.recorded(name) or {PLAY: {}}

    sources = (f"tf1_graph/models/{name}.py",)
    return Recordable(
        name,
        f"{steps} steps of the program",
        sources + getattr(chapters.setup(name), "SOURCES", ()),
        lambda: {key: play(fields) for key, fields in plays.items()},
        facts,
        None,
    )


def export(program, state, folder):
    """A Saver checkpoint with its .meta, and a SavedModel that predicts.

    Args:
        program: a ``Program`` with a move ``predict``.
        state: {TF1 name: array} of all its variables.
        folder: where to put them.
    """
    import tensorflow.compat.v1 as tf

    from tf1_graph import session as tf1_session
    from tf1_graph import updates

    predict = program.moves["predict"]
    needed = updates.ancestors([predict.seen["outputs"]["y_pred"].op])
    inputs = {
        name: tensor for name, tensor in program.inputs.items() if tensor.op in needed
    }
    # Exported, the model is to predict as it is: no placeholder of the training left.
    for number, tensor in enumerate(predict.feed):
        inputs[f"fed_{number}"] = tensor
    session = tf1_session.open_session(program.graph)
    try:
        tf1_session.initialise(session, program, state)
        with program.graph.as_default():
            tf.train.Saver().save(session, os.path.join(folder, "model.ckpt"))
            tf.saved_model.simple_save(
                session,
                os.path.join(folder, "saved_model"),
                inputs,
                {"y_pred": predict.seen["outputs"]["y_pred"]},
            )
    finally:
        session.close()
