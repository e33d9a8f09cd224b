"""What the claims about summaries are drawn from."""

from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.models.drawn import Drawn


@st.composite
def plays(draw, awkward=True):
    """Any pictures whose numbers are finite: of others TF1 makes no histogram."""
    del awkward
    side = draw(st.integers(1, 3))
    fields = {
        "steps": draw(st.integers(1, 3)),
        "test_every": draw(st.integers(1, 3)),
        "side": side,
        "learning_rate": draw(st.sampled_from([0.125, 0.01])),
        "seed": draw(st.integers(0, 2**31 - 2)),
    }
    arrays = tuple(
        draw(strategies.arrays((rows, size), awkward=False))
        for rows in (draw(st.integers(1, 3)), draw(st.integers(1, 2)))
        for size in (side**2, 1)
    )
    return Drawn((*fields.items(),), arrays)
