"""Pairs of parts, built once and compared again and again."""

from parity_tests.engine import budgets
from parity_tests.pair.pair import Pair


class Pairs:
    """The pairs of a kind of parts, by what they are made of.

        pairs = Pairs(tf1_losses.program, losses.twin)
        pairs("losses.HuberLoss", {"delta": 0.3}, problem).compare(moves, level)

    Args:
        program: (part, arguments, problem) -> tf1_graph.session.Program.
        twin: the same -> tf2_keras.training.Twin.
    """

    def __init__(self, program, twin):
        self.program, self.twin = program, twin
        self._pairs = {}

    def __call__(self, part, arguments, problem, of_twin=None):
        """The Pair, with the budgets of the part.

        Args:
            of_twin: arguments of the twin, if they are to differ from the program's.
        """
        key = repr((part, arguments, problem, of_twin))
        if key not in self._pairs:
            of_twin = arguments if of_twin is None else of_twin
            self._pairs[key] = Pair(
                self.program(part, arguments, problem),
                self.twin(part, of_twin, problem),
                lambda level: budgets.budget_for(part, level),
            )
        return self._pairs[key]

    def close(self):
        """Frees all Sessions."""
        while self._pairs:
            self._pairs.popitem()[1].close()
