"""What the claims about control flow are drawn from."""

from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.models.drawn import Drawn


@st.composite
def plays(draw, awkward=True):
    """Any signals of any length, and any bounds."""
    shape = draw(st.integers(1, 6)), draw(st.integers(1, 3))
    arrays = strategies.arrays(shape, awkward=awkward, magnitude=2.0)
    fields = {
        "steps": draw(st.integers(1, 3)),
        "learning_rate": draw(st.sampled_from([0.0625, 0.1, 1e-3])),
        "enough": draw(st.sampled_from([0.0, 0.5, 1e9])),
        "largest": draw(st.sampled_from([0.0, 0.1, 0.5, 1e9])),
    }
    return Drawn((*fields.items(),), (draw(arrays), draw(arrays)))
