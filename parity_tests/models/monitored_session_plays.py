"""What the claims about supervised trainings are drawn from."""

from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.models.drawn import Drawn


@st.composite
def plays(draw, awkward=True):
    """Any examples; killed at any step, or after its last one, and so not at all."""
    fields = {
        "steps": draw(st.integers(1, 4)),
        "killed_at": draw(st.integers(0, 5)),
        "save_every": draw(st.integers(1, 3)),
        "max_to_keep": draw(st.sampled_from([1, 2, 10])),
        "learning_rate": draw(st.sampled_from([0.125, 0.01])),
        "seed": draw(st.integers(0, 2**31 - 2)),
    }
    rows = draw(st.integers(1, 3))
    arrays = (strategies.arrays((rows, size), awkward=awkward) for size in (2, 1))
    return Drawn((*fields.items(),), tuple(map(draw, arrays)))
