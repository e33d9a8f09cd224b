"""Which variable of a twin is which of TF1's: by a map, name, role, gates and shape."""

import collections
import difflib
from typing import NamedTuple

import numpy as np

from tf2_keras.migrate.checkpoint import layouts, names
from tf2_keras.migrate.checkpoint.errors import mistake

COUNTERS = ("iteration", "iterations")
# What is tried, the surest first; none of it looks at a value.
STEPS = ("by_map", "by_name", "by_role", "by_gates", "by_shape", "by_parts")
MOST_PARTS = 4  # variables of a twin that one TF1 variable may lie in


class Variable(NamedTuple):
    """shape: sizes. dtype: numpy's. trainable: whether a loss trains it."""

    shape: tuple
    dtype: np.dtype
    trainable: bool = True


class Matcher:
    """Matches variables step by step.

    Args:
        tf1: {TF1 name: Variable} without slots, in order of use.
        twin: {twin's name: Variable} without slots, in order.
        given: {TF1 name: twin's name, or what ``Match.entry`` says, or None}.
        ordered: whether ``tf1`` is in order of use, or only in some order.

    Attributes:
        uncertain: {TF1 name: [the twin's scopes]} of cells that only the order would tell.
    """

    def __init__(self, tf1, twin, given=None, ordered=True):
        self.ordered, self.uncertain = ordered, {}
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

    def match(self):
        """Takes every step."""
        for step in STEPS:
            getattr(self, step)()

    def take(self, match):
        self.matches[match.name] = match
        self.taken.update(match.sources)

    def by_map(self):
        for name, entry in self.given.items():
            if name not in self.tf1:
                raise mistake(
                    "names must be those of TF1 variables",
                    repr(name),
                    f"Use some of: {nearest(name, self.tf1)}",
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
                    f"Use some of: {nearest(unknown[0], self.twin)}",
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
        scopes = self._scopes()
        for equal in (str.__eq__, names.same, names.same_depthwise):
            self._by_equal_names(equal)
        if any(scopes):
            for equal in (names.same, names.same_depthwise):
                self._by_equal_names(names.below(scopes, equal))

    def _by_equal_names(self, equal):
        for name, variable in self.open_tf1.items():
            called = [other for other in self.open_twin if equal(name, other)]
            fitting = [
                match
                for other in called
                if (match := self.of_one(name, variable, other, "name"))
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

    def _same_gates(self, name, other):
        """Whether a name may tell: not where Keras has a cell and TF1 one of another kind.

        ``rnn/lstm_cell/bias`` is a bias of both, with the gates in another order.
        """
        kernels = [
            scope + "/recurrent_kernel" in side
            for scope, side in (
                (name.rpartition("/")[0], self.tf1),
                (other.rpartition("/")[0], self.twin),
            )
        ]
        return kernels[0] == kernels[1]

    def _scopes(self):
        """What the names of each side's variables have in common, steps apart."""
        return [
            names.common_scope(n for n, v in side.items() if kind_of(v) == "f")
            for side in (self.tf1, self.twin)
        ]

    def namesake(self, name):
        """The one open variable of the twin that has the name; or None."""
        scopes = self._scopes()
        for equal in (str.__eq__, names.same, names.below(scopes, names.same)):
            called = [other for other in self.open_twin if equal(name, other)]
            if called:
                return called[0] if len(called) == 1 else None
        return None

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
        if len(fitting) > 1 and not self.ordered:
            for name in fitting:
                self.uncertain.setdefault(name, []).append(scope)
        elif fitting:  # cells come in the same order on both sides
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
                groups[key_of(variable)][side].append(name)
        for of_tf1, of_twin in groups.values():
            if len(of_tf1) == len(of_twin) == 1:
                match = self.of_one(of_tf1[0], self.tf1[of_tf1[0]], of_twin[0], "shape")
                if match is not None:
                    self.take(match)
            elif of_tf1 and len(of_tf1) == len(of_twin):
                for name, source in zip(of_tf1, of_twin, strict=True):
                    match = self.of_one(
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
            # Of vectors, rows and columns are the same.
            unique = {match.sources: match for match in found}
            if len(unique) == 1:
                self.take(next(iter(unique.values())))

    def _tentatively_taken(self):
        return {s for match in self.tentative.values() for s in match.sources}

    def of_one(self, name, variable, other, how):
        twin = self.twin[other]
        if kind_of(variable) != kind_of(twin) or not self._same_gates(name, other):
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
                if key_of(its) == key_of(variable)
            ] or [
                f"{other} {list(its.shape)}, of another shape"
                for other, its in self.open_twin.items()
                if its.trainable
            ]
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


def kind_of(variable):
    kind = np.dtype(variable.dtype).kind
    return "f" if kind == "V" else kind


def _sizes(shape):
    """What two variables of one shape, transposed or not, with 1s or not, share."""
    return tuple(sorted(size for size in shape if size != 1))


def key_of(variable):
    """What variables have in common that may be each other's counterpart."""
    return _sizes(variable.shape), kind_of(variable), variable.trainable


def nearest(name, known):
    close = difflib.get_close_matches(str(name), list(known), n=3, cutoff=0.4)
    return ", ".join(close or list(known)[:6]) or "none"


def require_targets_once(given):
    """Refuses a map that leads to a variable twice, but for layouts that share one."""
    users = {}
    for name, entry in given.items():
        if entry is None:
            continue
        if not isinstance(entry, (str, dict)):
            raise mistake(
                "A map must lead to names",
                f"{name}: {entry!r:.60}",
                'Use a name, {"layout": ..., "of": [names]}, or null',
            )
        whole = isinstance(entry, str)
        for source in [entry] if whole else entry.get("of", ()):
            users.setdefault(source, []).append((name, whole))
    for source, several in users.items():
        if len(several) > 1 and any(whole for _, whole in several):
            raise mistake(
                "A map must lead to each variable once",
                f"{source}, for {' and '.join(name for name, _ in several)}",
                "Name another for one of them",
            )
