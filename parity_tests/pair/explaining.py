"""What explains a divergence: where in the network it begins, and its cause."""

import contextlib
from typing import NamedTuple

from parity_tests.pair import probes, taps
from parity_tests.pair.errors import defect_at
from tf2_keras import training

MOST_TRIED = 12  # names of probes in a note
FROM_TF1 = (
    "Where TF1's side starts from a checkpoint, or draws what the twin need not draw, "
    "--init-from-tf1 starts the twin from the same values, and compares all that follows."
)
UNCHANGEABLE = (
    "The cause can only be looked for where the twin is a keras.Model: callables have no "
    "layers and no optimizer to change."
)


@contextlib.contextmanager
def unless_it_fails(what, notes):
    """Lets nothing that explains a divergence stand in its way."""
    try:
        yield
    except Exception as error:  # of the user's layers, run as they did not foresee
        said = " ".join(str(error).split())
        note = f"{what} could not be looked for: {type(error).__name__}: {said:.200}"
        at = defect_at(error)
        if at is not None:
            note += (
                f". That is a defect of tf-parity, at {at}: the verdict stands, what is "
                "said of where and why lacks it"
            )
        notes.append(note)


class Explained(NamedTuple):
    """place: a ``taps.Place``, or None. cause: a ``probes.Cause``, or None.
    suspects: [taps.Suspect], where no cause was found."""

    place: object
    cause: object
    suspects: list


def explained(sides, level, divergence, before, notes):
    """``Explained`` of one divergence.

    Args:
        sides: ``probes.Sides`` of the play that parted.
        level, divergence: where.
        before: (a ``Divergence``) -> what ``state_before`` gives of it.
        notes: sentences are added to it.
    """
    place, cause, suspects = None, None, []
    with unless_it_fails("The place in the network", notes):
        place, suspects, said = _placed(sides, divergence, *before(divergence))
        notes += said

    def placed(twin, later):
        return _placed(sides._replace(twin=twin), later, *before(later))[0]

    sides = sides._replace(place=place, placed=placed)
    if sides.model is None:
        notes.append(UNCHANGEABLE)
        return Explained(place, None, suspects)
    with unless_it_fails("The cause", notes):
        found = probes.cause(sides, level, divergence)
        cause = found.cause
        if cause is None:
            tried = ", ".join(found.tried[:MOST_TRIED]) or "none applies"
            notes.append(
                f"No TF1 semantics that is known here takes it away; tried: {tried}."
                + "".join(f" Suspect: {suspect.describe()}." for suspect in suspects)
            )
            if divergence.stage == "initial values":
                notes.append(FROM_TF1)
    return Explained(place, cause, [] if cause else suspects)


def _placed(sides, divergence, before, carried):
    """``taps.Tapped`` of a divergence at any stage."""
    stage, tensor = divergence.stage, divergence.tensor
    if stage in (*probes.FORWARD, "gradients"):
        name, batch = sides.moves[divergence.step - 1]
        fed = {
            key: value for key, value in carried.items() if key in sides.program.inputs
        }
        return taps.tapped(sides, (name, {**fed, **batch}), before, divergence)
    if sides.model is None:
        return taps.Tapped(_of_callables(sides.program, stage, tensor), [], [])
    owner = _owner(sides, tensor)
    if stage in ("initial values", "updates") and tensor in sides.matches:
        trained = stage == "updates" and probes.is_trained(sides, tensor)
        if owner is not None and not trained:
            return taps.Tapped(taps.of_layer(owner), [], [])
    if stage in ("initial values", "slots", "updates"):
        operations = probes.changing(sides.program, tensor)
        operation = operations[0] if operations else None
        kinds = {type(each).__name__ for each in training.optimizers_of(sides.model)}
        kind = f"{', '.join(sorted(kinds))}, {stage} of {tensor}"
        return taps.Tapped(taps.of_operation(taps.OPTIMIZER, kind, operation), [], [])
    return taps.Tapped(None, [], [])


def _of_callables(program, stage, tensor):
    """The ``taps.Place`` of what callables begin with, or make of gradients."""
    variable = program.variables.get(tensor)
    is_slot = variable is None or tensor in program.slots
    if stage == "initial values" and not is_slot:
        return taps.of_operation(taps.VARIABLE, tensor, variable.initializer)
    changing = [*probes.changing(program, tensor), None]
    return taps.of_operation(taps.OPTIMIZER, f"{stage} of {tensor}", changing[0])


def _owner(sides, name):
    """The layer that holds the twin's counterpart of a TF1 variable, or None."""
    match = sides.matches.get(name)
    for layer in reversed(list(sides.model._flatten_layers(include_self=False))):
        paths = {variable.path for variable in layer.variables}
        if match is not None and set(match.sources) & paths:
            return layer
    return None


def state_before(records, divergence, matches):
    """({TF1 name: array}, {name: array}) of TF1 before the move that parted: its state,
    and what is carried to that move.

    Args:
        records: of TF1's play, from its start.
    """
    last = {}
    for _ in range(max(divergence.step, 1)):
        last = next(records)
    state = {
        name: value
        for stage in ("initial values", "updates")
        for name, value in last.get(stage, {}).items()
        if name in matches
    }
    return state, last.get("carried", {})
