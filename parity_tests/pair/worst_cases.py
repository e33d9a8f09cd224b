"""The smallest play on which two sides part: drawn, driven apart, and shrunk.

Hypothesis draws plays of the pair's batches, or of rows of them where they are arrays,
``target``s the distance of the two sides, and shrinks the first play that parts, all
within the seconds that it is given. ``script`` is a file of Python that shows it again.
"""

import base64
import contextlib
import hashlib
import math
import os
import time

import numpy as np
from hypothesis import HealthCheck, Phase, Verbosity, given, reject, settings, target
from hypothesis import seed as seeded
from hypothesis import strategies as st

from parity_tests.pair import plays, tf1_sides
from parity_tests.pair.errors import PairError, mistake

MOST_EXAMPLES = 1000
MOST_WRITTEN = 2000  # numbers of an array that a script has as text
FURTHEST = 64.0  # binary places; also of what is not comparable


IMPORTS = """
import numpy as np

from parity_tests.pair import loading
"""
STORED = '''

def stored(text, dtype, shape):
    """An array whose bytes are in base64."""
    return np.frombuffer(base64.b64decode(text), dtype).reshape(shape)

'''


class TimeIsOver(BaseException):
    """Ends Hypothesis wherever it is; an Exception it would take for a failing play."""


class Parts(Exception):
    """A play on which the two sides part."""


class Search:
    """A search among the plays of one pair.

    Args:
        seconds: after which it ends; a play that was begun is played to its end.
        seed: of what is drawn.
        most_steps: of a drawn play; by default as many as the pair's own.

    Attributes, after ``run``:
        level: at which it was looked for. played: how many plays were. took: seconds.
        moves: the smallest play that parts, [(move, batch)], or None.
        divergence: the engine's, of that play, or None.
        furthest: greatest distance of a play within budgets, in binary places.
    """

    def __init__(self, seconds, seed=None, most_steps=None):
        self.seconds, self.seed, self.most_steps = seconds, seed or 0, most_steps
        self.level = self.moves = self.divergence = None
        self.played, self.took, self.furthest = 0, 0.0, 0.0
        self._outcomes = {}

    @staticmethod
    def require_playable(is_recorded):
        """Refuses a TF1 side that cannot play what is drawn, before anything is played.

        Args:
            is_recorded: whether its records come from a file or another process.
        """
        if is_recorded:
            raise mistake(
                "--worst-case must have a TF1 side that is a graph in this process",
                "one that ran in a process of its own, or was recorded",
                "Name the build function itself: tf1=build",
            )

    def run(self, own, pair, program, level, drawn):
        """Looks for the play.

        Args:
            own: the ``OwnPair``. pair: its ``Pair``, open. level: of the twin.
            program: the ``session.Program``.
            drawn: the moves of the check, [(move, batch)], among which rows are chosen.

        Raises:
            PairError: if there is nothing to draw from.
        """
        self.level = level
        begin = time.monotonic()
        deadline = begin + self.seconds
        strategy = self._plays(own, program, drawn)

        def outcome(moves):
            key = _fingerprint(moves)
            if key not in self._outcomes:
                if time.monotonic() >= deadline:
                    raise TimeIsOver
                self._outcomes[key] = self._outcome(pair, program, level, moves)
            return self._outcomes[key]

        own_moves = trained(drawn)
        # The pair's own is a play too, and says how long one takes.
        self._outcomes[_fingerprint(own_moves)] = self._outcome(
            pair, program, level, own_moves
        )
        one = max(1e-3, time.monotonic() - begin)
        examples = int(min(MOST_EXAMPLES, max(10, self.seconds / one)))

        @seeded(self.seed)
        @settings(
            max_examples=examples,
            database=None,
            deadline=None,
            phases=[Phase.generate, Phase.target, Phase.shrink],
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
            verbosity=Verbosity.quiet,
        )
        @given(strategy)
        def search(moves):
            found = outcome(moves)
            if found is None:
                reject()
            distance, divergence = found
            target(distance, label="distance")
            if divergence is not None:
                raise Parts

        with contextlib.suppress(TimeIsOver, Parts):
            search()
        self.took = time.monotonic() - begin

    def _outcome(self, pair, program, level, moves):
        """(distance, divergence or None) of a play; None if it cannot be played."""
        try:
            whole = tf1_sides.with_predictions(program, moves)
            tf1_sides.require_playable(program, whole)
            whole = [move for move in whole if move[0] not in pair.left_out_moves]
            comparison = pair.compare(whole, level)
        except PairError:
            # Rows that do not go together, say. The pair's own play has been played.
            return None
        self.played += 1
        divergence = comparison.first_divergence
        distance = max(map(_distance, comparison.cells.values()), default=0.0)
        if divergence is None:
            self.furthest = max(self.furthest, distance)
        elif self.moves is None or _size(moves) < _size(self.moves):
            self.moves, self.divergence = moves, divergence
        return distance, divergence

    def _plays(self, own, program, drawn):
        """A strategy of plays, [(move, batch)]."""
        batches = own.batches
        if callable(batches) and not plays.is_strategy(batches):
            batches = batches()
        known = trained(drawn)
        most = self.most_steps or len(known)
        if plays.is_strategy(batches):
            return st.lists(batches.map(plays.move_of), min_size=1, max_size=most)
        if any(move.seen.get("carried") for move in program.moves.values()):
            # What one move carries is fed to the next: only beginnings are plays.
            return st.integers(1, most).map(lambda count: known[:count])
        moves = st.sampled_from(range(len(known))).flatmap(
            lambda number: _rows(*known[number], program)
        )
        return st.lists(moves, min_size=1, max_size=most)

    def as_data(self):
        """A dict that is valid JSON."""
        found = self.divergence is not None
        return {
            "level": self.level,
            "plays": self.played,
            "seconds": round(self.took, 1),
            "steps": len(self.moves) if found else None,
            "numbers": _numbers(self.moves) if found else None,
            "divergence": self.divergence.as_data() if found else None,
        }

    def describe(self, path):
        """What was found, in words; ``path`` is the script's."""
        tried = f"{self.played} plays in {self.took:.0f} s (at most {self.seconds:g} s)"
        if self.divergence is None:
            distance = 2**self.furthest - 1
            return (
                f"Worst case, level {self.level}: none of {tried} parts; the furthest "
                f"is {distance:.3g} ULP, within its budget. {path} was not written."
            )
        count = len(self.moves)
        moves = "1 move" if count == 1 else f"{count} moves"
        return (
            f"Worst case, level {self.level}: the smallest of {tried} that parts has "
            f"{moves} and {_numbers(self.moves)} numbers.\n  python {path}"
        )


def trained(moves):
    """The moves without predictions, which are added; all if there are no others."""
    listed = [move for move in moves if move[0] != tf1_sides.PREDICT]
    return listed or list(moves)


def script(search, file, name, init_from_tf1=False):
    """The text of a file that shows a play on which two sides part, by itself.

    Args:
        search: a ``Search`` that found one.
        file, name: the file of the pair, and the pair's name in it.
        init_from_tf1: as of the check.
    """
    where = f"{os.path.abspath(file)}:{name}"
    summary = search.divergence.describe(title="It parts at").replace("\\", "/")
    moves = "".join(
        f"    ({move!r}, {{\n"
        + "".join(
            f"        {key!r}: {_literal(value)},\n" for key, value in batch.items()
        )
        + "    }),\n"
        for move, batch in search.moves
    )
    imports = IMPORTS
    if "tf.compat" in moves:
        imports = imports.replace("as np\n", "as np\nimport tensorflow as tf\n")
    if "stored(" in moves:
        imports = f"\nimport base64\n{imports}{STORED}"
    return f'''"""The smallest play found on which the two sides of a pair part.

{summary}

Written by tf-parity check --worst-case. `python FILE` shows it; so does
`tf-parity check FILE`, with its cause.
"""
{imports}
pair = loading.loaded({where!r})
pair.levels, pair.steps = ({search.level!r},), None
pair.batches = [
{moves}]

if __name__ == "__main__":
    pair.check(init_from_tf1={init_from_tf1}).require_agreement()
    print("The two sides are equal on this play.")
'''


def _literal(value):
    """An array as Python that makes it again to the bit."""
    if _is_sparse(value):
        return f"tf.compat.v1.SparseTensorValue({', '.join(map(_literal, value))})"
    array = np.asarray(value)
    if array.dtype.kind in "SUO":
        return f"np.array({array.tolist()!r}, dtype={array.dtype.str!r})"
    is_plain = array.dtype.isbuiltin == 1 and array.dtype.kind in "biuf"
    if is_plain and 0 < array.size <= MOST_WRITTEN and np.isfinite(array).all():
        return f"np.array({array.tolist()!r}, dtype={array.dtype.name!r})"
    if array.dtype.isbuiltin != 1:  # bfloat16: any of its values is a float32
        return f"{_literal(array.astype(np.float32))}.astype({array.dtype.name!r})"
    text = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")
    return f"stored({text!r}, {array.dtype.str!r}, {array.shape})"


def _rows(move, batch, program):
    """A strategy of (move, some rows of a batch), or the whole where it has no rows."""
    lengths = {np.shape(value)[:1] for value in batch.values()}
    is_cut = len(lengths) == 1 and lengths != {()} and lengths != {(0,)}
    for name, value in batch.items():
        shape = getattr(program.inputs.get(name), "shape", None)
        fixed = shape is not None and shape.rank and shape.as_list()[0] is not None
        is_cut = is_cut and not fixed and not _is_sparse(value)
    if not is_cut:
        return st.just((move, batch))
    ((length,),) = lengths
    numbers = st.lists(st.integers(0, length - 1), min_size=1, unique=True)
    return numbers.map(
        lambda rows: (move, {name: value[rows] for name, value in batch.items()})
    )


def _arrays(moves):
    """All arrays that are fed, those of sparse values part by part."""
    for _, batch in moves:
        for value in batch.values():
            yield from map(np.asarray, value if _is_sparse(value) else [value])


def _is_sparse(value):
    return hasattr(value, "dense_shape")


def _numbers(moves):
    return sum(array.size for array in _arrays(moves))


def _size(moves):
    """What orders plays: moves, numbers, and how much is written in these."""
    texts = (
        repr(array.tolist()) for array in _arrays(moves) if array.size <= MOST_WRITTEN
    )
    return len(moves), _numbers(moves), sum(map(len, texts))


def _distance(cell):
    """Binary places of a cell's worst, in the measure of its budget."""
    granted = cell.budget.normwise
    worst = cell.normwise if granted is not None else cell.max_ulp
    return min(FURTHEST, math.log2(1 + worst)) if math.isfinite(worst) else FURTHEST


def _fingerprint(moves):
    text = hashlib.sha256(repr([(move, list(batch)) for move, batch in moves]).encode())
    for array in _arrays(moves):
        text.update(repr((array.dtype.str, array.shape)).encode())
        text.update(
            repr(array.tolist()).encode()
            if array.dtype.hasobject
            else np.ascontiguousarray(array).tobytes()
        )
    return text.digest()
