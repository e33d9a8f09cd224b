"""The TF1 side of a pair as a comparison takes it: a graph here, or a recording."""

import os
import tempfile

from parity_tests.engine.records import MOVE
from parity_tests.pair import recorder, recording, stored_graphs, tf1_sides
from parity_tests.pair.errors import mistake
from tf1_graph import session as tf1_session
from tf2_keras.migrate.checkpoint.matching import Variable


def reference_of(own, stack, steps, examples, seed, play):
    """(Program or Recording, [[(move, batch)]], Program or None) of the TF1 side."""
    if own.is_recorded and play is None:
        play = own.path(own.tf1.source)
    if play is not None:
        stored = recording.Recording(play)
        return stored, _stored_moves(stored, steps, examples, seed), None
    if own.runs_apart:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="tf-parity-"))
        path = os.path.join(folder, "play.npz")
        own.record(path, steps, examples, seed)
        stored = recording.Recording(path)
        drawn = [stored.moves(number) for number in range(stored.plays)]
        return stored, drawn, None
    program = own.program()
    drawn = []
    for moves in own.drawn(steps, examples, seed):
        moves = tf1_sides.with_predictions(program, moves)
        tf1_sides.require_playable(program, moves)
        drawn.append(moves)
    return program, drawn, program


def _stored_moves(stored, steps, examples, seed):
    """The moves of a recording; what it was recorded with stays."""
    drawn = [stored.moves(number) for number in range(stored.plays)]
    trained = max(
        sum(name != tf1_sides.PREDICT for name, _ in moves) for moves in drawn
    )
    for option, value, kept in (
        ("--steps", steps, trained),
        ("--examples", examples, len(drawn)),
        ("--seed", seed, "its own"),
    ):
        if value not in (None, kept):
            raise mistake(
                f"{option} must be what was recorded",
                f"{value}; the recording has {kept}",
                f"Leave it out, or record again with {option} {value}",
            )
    return drawn


def variables(reference):
    """{TF1 name: Variable} without slots, in order of use."""
    if isinstance(reference, recording.Recording):
        initial = next(iter(reference.records(0)))["initial values"]
        return {
            name: Variable(initial[name].shape, initial[name].dtype, facts["trainable"])
            for name, facts in reference.variables.items()
            if not facts["slot"]
        }
    return {
        name: Variable(**facts)
        for name, facts in recorder.variables(reference).items()
        if name not in reference.slots
    }


def slots(reference):
    """Names of TF1's slots."""
    if isinstance(reference, recording.Recording):
        return {name for name, facts in reference.variables.items() if facts["slot"]}
    return reference.slots


def unrecorded(reference):
    """Names of the TF1 variables whose gradients TF1's side was told not to record."""
    if isinstance(reference, recording.Recording):
        return frozenset(
            name for name, facts in reference.variables.items() if "unrecorded" in facts
        )
    return tf1_sides.unrecorded(reference)


def with_outputs(reference):
    """Names of the moves in which TF1's side sees outputs."""
    if isinstance(reference, recording.Recording):
        seen = reference.records(0, stages=(MOVE, "outputs"))
        return {record.get(MOVE) for record in seen if record.get("outputs")}
    return {name for name, move in reference.moves.items() if "outputs" in move.seen}


def effects(reference, moves, which):
    """What ``behaviour.effects`` gives of a TF1 side, or None."""
    if isinstance(reference, recording.Recording):
        return reference.effects
    return recorder.effects(reference, moves, [which])


def program_of(recording, notes):
    """The ``session.Program`` of a recording's graph, or None, with a note that says why."""
    try:
        if not isinstance(recording.graph, dict):
            raise ValueError(recording.graph or "it was recorded without its graph")
        return stored_graphs.restored(recording.graph, recording.array)
    except Exception as error:  # ops of another library, or of a later TensorFlow
        said = str(error).strip().splitlines() or [type(error).__name__]
        notes.append(
            "Where in the network the sides part, and the cause, cannot be looked for: "
            f"TF1's side is recorded, and {said[0]:.200}"
        )
        return None


def records(reference, moves, values=None):
    """TF1's records of a play, from its start."""
    if isinstance(reference, recording.Recording):
        return iter(reference.records(moves.play))
    return tf1_session.play(reference, moves, values)


def initial_values(reference):
    """{TF1 name: array} of TF1's initial values, slots included."""
    if isinstance(reference, recording.Recording):
        return next(iter(reference.records(0)))["initial values"]
    return next(tf1_session.play(reference, ()))["initial values"]
