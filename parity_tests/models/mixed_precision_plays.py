"""What the claims about mixed precision are drawn from."""

from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.models.drawn import Drawn


@st.composite
def plays(draw, awkward=True):
    """Any examples; scales that never come down to 1, where the two part."""
    fields = {
        "steps": draw(st.integers(1, 5)),
        "initial_scale": draw(st.sampled_from([1024.0, 32768.0, 2.0**30])),
        "growth_steps": draw(st.integers(1, 3)),
        "learning_rate": draw(st.sampled_from([0.125, 0.01])),
        "seed": draw(st.integers(0, 2**31 - 2)),
    }
    rows = draw(st.integers(1, 3))
    arrays = (strategies.arrays((rows, size), awkward=awkward) for size in (2, 1))
    return Drawn((*fields.items(),), tuple(map(draw, arrays)))
