"""Which variable of a twin is which of TF1's: by name, shape, order and behaviour."""

import collections
import contextlib
import difflib
import itertools
from typing import NamedTuple

import numpy as np

from parity_tests.pair import behaviour, layouts, names
from parity_tests.pair.errors import mistake

COUNTERS = ("iteration", "iterations")
MOST_PARTS = 4  # variables of a twin that one TF1 variable may lie in


class Variable(NamedTuple):
    """shape: sizes. dtype: numpy's. trainable: whether a loss trains it."""

    shape: tuple
    dtype: np.dtype
    trainable: bool = True


class Matching(NamedTuple):
    """matches: {TF1 name: layouts.Match}. left_out: names that the map says are not to
    be compared. unmatched: TF1 names that have no counterpart. confirmed: whether with
    equal values both losses are equal; None if that could not be tried."""

    matches: dict
    left_out: tuple
    unmatched: tuple
    confirmed: bool | None

    def as_map(self):
        """{TF1 name: what ``names`` takes}, JSON-valid."""
        return {
            **{name: match.entry for name, match in self.matches.items()},
            **dict.fromkeys(self.left_out),
        }


class NoLoss(Exception):
    """The twin gave no loss for values that were tried: behaviour tells nothing."""


class Matcher:
    """Matches variables step by step.

    Args:
        tf1: {TF1 name: Variable} without slots, in order of use.
        twin: {twin's name: Variable} without slots, in order.
        given: {TF1 name: twin's name, or what ``Match.entry`` says, or None}.
    """

    def __init__(self, tf1, twin, given=None):
        self.tf1, self.twin, self.given = tf1, twin, dict(given or {})
        self.matches, self.tentative, self.left_out = {}, {}, []
        self.taken = set()

    @property
    def open_tf1(self):
        return {
            name: variable
            for name, variable in self.tf1.items()
            if name not in self.matches and name not in self.left_out
        }

    @property
    def open_twin(self):
        return {n: v for n, v in self.twin.items() if n not in self.taken}

    def take(self, match):
        self.matches[match.name] = match
        self.taken.update(match.sources)

    def by_map(self):
        for name, entry in self.given.items():
            if name not in self.tf1:
                raise mistake(
                    "names must be those of TF1 variables",
                    repr(name),
                    f"Use some of: {_nearest(name, self.tf1)}",
                )
            if entry is None:
                self.left_out.append(name)
                continue
            is_one = isinstance(entry, str)
            sources = [entry] if is_one else list(entry.get("of", ()))
            unknown = [source for source in sources if source not in self.twin]
            if unknown:
                raise mistake(
                    "names must lead to variables of the twin",
                    f"{name}: {unknown[0]!r}",
                    f"Use some of: {_nearest(unknown[0], self.twin)}",
                )
            shapes = [self.twin[source].shape for source in sources]
            shape = self.tf1[name].shape
            if is_one:
                match = layouts.of_one(name, shape, entry, shapes[0], "map")
            else:
                layout = entry.get("layout")
                if layout not in layouts.LAYOUTS:
                    raise mistake(
                        "A layout must be a known one",
                        f"{name}: {layout!r}",
                        f"Use some of: {', '.join(layouts.LAYOUTS)}",
                    )
                match = layouts.match(
                    name,
                    shape,
                    sources,
                    shapes,
                    layout,
                    "map",
                    entry.get("forget_bias", 0.0),
                )
            if match is None:
                raise mistake(
                    "names must lead to a variable of TF1's shape",
                    f"{name} {list(shape)}: "
                    + ", ".join(
                        f"{source} {list(s)}"
                        for source, s in zip(sources, shapes, strict=True)
                    ),
                    "Name another, or the layout that the twin has it in",
                )
            self.take(match)

    def by_name(self):
        for equal in (str.__eq__, names.same):
            for name, variable in self.open_tf1.items():
                called = [other for other in self.open_twin if equal(name, other)]
                fitting = [
                    match
                    for other in called
                    if (match := self._of_one(name, variable, other, "name"))
                ]
                back = [
                    other
                    for other, its in self.open_tf1.items()
                    if fitting
                    and equal(other, fitting[0].sources[0])
                    and its.shape == variable.shape
                ]
                if len(fitting) == 1 and len(back) == 1:
                    self.take(fitting[0])

    def by_role(self):
        """A step of TF1's counted by the twin's optimizer."""
        counters = [
            name
            for name, variable in self.open_twin.items()
            if name.rpartition("/")[2] in COUNTERS and variable.shape == ()
        ]
        steps = [
            name
            for name, variable in self.open_tf1.items()
            if not variable.trainable
            and variable.shape == ()
            and np.dtype(variable.dtype).kind in "iu"
        ]
        if len(counters) == len(steps) == 1:
            self.take(layouts.match(steps[0], (), counters, [()], "same", "role"))

    def by_gates(self):
        """Keras's LSTM and GRU, which lie otherwise than TF1's cells."""
        cells = collections.defaultdict(dict)
        for name, variable in self.open_twin.items():
            scope, _, part = name.rpartition("/")
            cells[scope][part] = name, variable.shape
        for scope, parts in cells.items():
            if not {"kernel", "recurrent_kernel"} <= set(parts):
                continue
            (kernel, (inputs, width)) = parts["kernel"]
            (recurrent, (units, _)) = parts["recurrent_kernel"]
            gates = width // units
            wanted = [
                ("lstm kernel", (inputs + units, 4 * units)),
                ("lstm bias", (4 * units,)),
            ]
            if gates == 3:
                wanted = [
                    ("gru gates kernel", (inputs + units, 2 * units)),
                    ("gru candidate kernel", (inputs + units, units)),
                    ("gru gates bias", (2 * units,)),
                    ("gru candidate bias", (units,)),
                ]
            elif gates != 4:
                continue
            for layout, shape in wanted:
                if layout.endswith("kernel"):
                    sources = [(kernel, (inputs, width)), (recurrent, (units, width))]
                elif "bias" in parts:
                    sources = [parts["bias"]]
                else:
                    continue
                self._by_gate(scope, layout, shape, sources)

    def _by_gate(self, scope, layout, shape, sources):
        role = layout.rpartition(" ")[2]
        fitting = [
            name
            for name, variable in self.open_tf1.items()
            if variable.shape == shape
            and names.spelled(name)[-1] == role
            and ("candidate" in name) == ("candidate" in layout)
        ]
        if fitting:  # cells come in the same order on both sides
            self.take(
                layouts.match(
                    fitting[0],
                    shape,
                    [source for source, _ in sources],
                    [its for _, its in sources],
                    layout,
                    f"gates of {scope}",
                    1.0 if layout == "lstm bias" else 0.0,
                )
            )

    def by_shape(self):
        """Where a shape, transposed or not, is there once; where several, by order."""
        groups = collections.defaultdict(lambda: ([], []))
        for side, variables in enumerate((self.open_tf1, self.open_twin)):
            for name, variable in variables.items():
                groups[_key(variable)][side].append(name)
        for of_tf1, of_twin in groups.values():
            if len(of_tf1) == len(of_twin) == 1:
                match = self._of_one(
                    of_tf1[0], self.tf1[of_tf1[0]], of_twin[0], "shape"
                )
                if match is not None:
                    self.take(match)
            elif of_tf1 and len(of_tf1) == len(of_twin):
                for name, source in zip(of_tf1, of_twin, strict=True):
                    match = self._of_one(
                        name, self.tf1[name], source, "shape and order of use"
                    )
                    if match is not None:
                        self.tentative[name] = match

    def by_parts(self):
        """A TF1 variable that lies in several of the twin's, side by side."""
        for name, variable in self.open_tf1.items():
            if name in self.tentative or not variable.shape:
                continue
            listed = [
                other
                for other in self.open_twin
                if other not in self._tentatively_taken()
            ]
            found = []
            for count in range(2, MOST_PARTS + 1):
                for begin in range(len(listed) - count + 1):
                    for step in (1, 2):  # kernels and biases alternate
                        sources = listed[begin : begin + step * count : step]
                        if len(sources) < count:
                            continue
                        shapes = [self.twin[source].shape for source in sources]
                        found += [
                            match
                            for layout in ("columns", "rows")
                            if len(shapes[0]) == len(variable.shape)
                            and (
                                match := layouts.match(
                                    name,
                                    variable.shape,
                                    sources,
                                    shapes,
                                    layout,
                                    "parts",
                                )
                            )
                        ]
            unique = {
                (match.sources, match.positions.tobytes()): match for match in found
            }
            if len(unique) == 1:
                self.take(next(iter(unique.values())))

    def _tentatively_taken(self):
        return {s for match in self.tentative.values() for s in match.sources}

    def _of_one(self, name, variable, other, how):
        twin = self.twin[other]
        if _kind(variable) != _kind(twin):
            return None
        return layouts.of_one(name, variable.shape, other, twin.shape, how)

    def settled(self):
        """{TF1 name: Match}, the tentative ones included."""
        return {**self.matches, **self.tentative}

    def require_whole(self):
        """Refuses a matching that leaves a trained variable, or several candidates."""
        missing = {
            name: variable
            for name, variable in self.open_tf1.items()
            if variable.trainable and name not in self.tentative
        }
        if not missing:
            return
        listed = []
        for name, variable in list(missing.items())[:3]:
            candidates = [
                f"{other} {list(its.shape)}"
                for other, its in self.open_twin.items()
                if _key(its) == _key(variable)
            ] or [f"{o} {list(v.shape)}" for o, v in list(self.open_twin.items())[:6]]
            listed.append(
                f"{name} {list(variable.shape)} (candidates: "
                f"{', '.join(candidates[:6]) or 'none left'})"
            )
        more = len(missing) - len(listed)
        raise mistake(
            "Every trained variable of TF1 must have its counterpart",
            "; ".join(listed) + (f"; and {more} more" if more else ""),
            f"Say which, names={{{next(iter(missing))!r}: ...}}; None leaves one out",
        )


def matched(tf1, twin, given=None, tf1_effects=None, twin_loss=None):
    """The ``Matching`` of two sides' variables.

    Args:
        tf1, twin, given: as of ``Matcher``.
        tf1_effects: "apart" or "raised" -> that of ``behaviour.effects``, or None.
        twin_loss: {TF1 name: Match}, {TF1 name: array} -> the twin's loss with them; it
            may raise ``NoLoss``.

    Raises:
        PairError: for a map that leads nowhere, and for what is ambiguous.
    """
    matcher = Matcher(tf1, twin, given)
    for step in ("by_map", "by_name", "by_role", "by_gates", "by_shape", "by_parts"):
        getattr(matcher, step)()
    confirmed = None
    effects = None
    if tf1_effects and _worth_trying(matcher):
        effects = tf1_effects(behaviour.APART)
    if effects and effects[behaviour.APART] is not None:
        with contextlib.suppress(NoLoss):  # then by order of use alone
            confirmed = _by_loss(matcher, effects, tf1_effects, twin_loss)
    matcher.require_whole()
    suffix = ", confirmed by behaviour" if confirmed else ""
    for match in matcher.tentative.values():
        matcher.take(match._replace(how=match.how + suffix))
    unmatched = tuple(matcher.open_tf1)
    in_order = {n: matcher.matches[n] for n in tf1 if n in matcher.matches}
    return Matching(in_order, tuple(matcher.left_out), unmatched, confirmed)


def _by_loss(matcher, effects, tf1_effects, twin_loss):
    """Settles what names and shapes leave open; whether both losses are equal then."""
    if _confirmed(matcher, effects, twin_loss):
        return True
    if _by_other_layouts(matcher, effects, twin_loss):
        return True
    if not matcher.tentative:
        return False
    raised = tf1_effects(
        behaviour.RAISED
    )  # one run a variable: only where it is needed
    if not raised or behaviour.RAISED not in raised:
        return False
    _by_behaviour(matcher, raised, twin_loss)
    return _confirmed(matcher, effects, twin_loss)


def _worth_trying(matcher):
    return bool(matcher.tentative) or any(
        match.how not in ("map", "role")
        and (not match.is_plain or _is_square(match.positions.shape))
        for match in matcher.matches.values()
    )


def _is_square(shape):
    return len(shape) == 2 and shape[0] == shape[1] > 1


def _own_values(matches, tf1):
    return {
        name: behaviour.apart(name, tf1[name].shape, tf1[name].dtype)
        for name in matches
        if np.dtype(tf1[name].dtype).kind == "f"
    }


def _confirmed(matcher, effects, twin_loss):
    """Whether both losses are equal where every variable has values of its own."""
    matches = matcher.settled()
    loss = twin_loss(matches, _own_values(matches, matcher.tf1))
    return behaviour.agree(effects["apart"], loss)


def _by_other_layouts(matcher, effects, twin_loss):
    """Tries what shapes cannot tell: squares transposed, the forget gate's bias."""
    choices = {}
    for name, match in matcher.settled().items():
        if match.how == "map":
            continue
        if match.layout == "lstm bias":
            choices[name] = [match, match._replace(forget_bias=0.0)]
        elif match.is_plain and _is_square(match.positions.shape):
            turned = match._replace(layout="transposed", positions=match.positions.T)
            choices[name] = [match, turned]
    if not choices or len(choices) > 6:
        return False
    for chosen in itertools.islice(itertools.product(*choices.values()), 1, None):
        for match in chosen:
            place = (
                matcher.tentative
                if match.name in matcher.tentative
                else matcher.matches
            )
            place[match.name] = match
        if _confirmed(matcher, effects, twin_loss):
            return True
    for name, (first, *_) in choices.items():
        place = matcher.tentative if name in matcher.tentative else matcher.matches
        place[name] = first
    return False


def _by_behaviour(matcher, effects, twin_loss):
    """Settles groups of one shape by what each variable does to the loss."""
    groups = collections.defaultdict(list)
    for name, match in matcher.tentative.items():
        groups[_key(matcher.tf1[name])].append(match)
    matches = matcher.settled()
    values = {
        name: behaviour.alike(matcher.tf1[name].shape, matcher.tf1[name].dtype)
        for name in matches
        if np.dtype(matcher.tf1[name].dtype).kind == "f"
    }
    alike = twin_loss(matches, values)
    for group in groups.values():
        tf1 = {
            match.name: effects["raised"][match.name] - effects["alike"]
            for match in group
            if match.name in effects["raised"]
        }
        twin = {}
        for match in group:
            raised = {**values, match.name: behaviour.raised(values[match.name])}
            twin[match.sources[0]] = twin_loss(matches, raised) - alike
        pairs = behaviour.paired(tf1, twin)
        for match in group:
            del matcher.tentative[match.name]
        for name, source in pairs.items():
            made = matcher._of_one(name, matcher.tf1[name], source, "behaviour")
            if made is not None:
                matcher.take(made)
    # What is left over of a group is certain if it is one of each.
    matcher.by_shape()
    for name in list(matcher.tentative):
        del matcher.tentative[name]


def _kind(variable):
    kind = np.dtype(variable.dtype).kind
    return "f" if kind == "V" else kind


def _key(variable):
    return behaviour.shape_key(variable.shape), _kind(variable), variable.trainable


def _nearest(name, known):
    close = difflib.get_close_matches(str(name), list(known), n=3, cutoff=0.4)
    return ", ".join(close or list(known)[:6]) or "none"
