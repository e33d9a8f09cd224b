"""The words of what a build function returns, and what is said of others.

Runs under Python 3.7 as well.
"""

import difflib

from parity_tests.pair.errors import mistake
from tf1_graph import updates

RESERVED = "inputs", "settings"
UNNAMED = "op", "loss", "gradients", "optimizer"  # of a move, what may be no dictionary


def require_named(move, spec):
    """That what a move sees is named, as it is not where one of its words is mistyped."""
    for key, value in spec.items():
        if key in UNNAMED or isinstance(value, dict):
            continue
        if difflib.get_close_matches(move, RESERVED):
            remedy = f"Write {updates.nearest(move, RESERVED)!r} for {move!r}"
        else:
            words = [*UNNAMED, "feed", "outputs", "carried"]
            remedy = (
                f"Nearest: {updates.nearest(key, words)}; else write {{name: tensor}}"
            )
        raise mistake(
            "What a move sees must be {name: tensor}, besides its "
            + ", ".join(UNNAMED),
            f"{key!r} of move {move!r}, {repr(value):.60}",
            remedy,
        )
