"""What the claims about checkpoints are drawn from."""

from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.models.drawn import Drawn


@st.composite
def plays(draw, awkward=True):
    """Any examples, however often they are saved and however few are kept."""
    fields = {
        "steps": draw(st.integers(1, 3)),
        "save_every": draw(st.integers(1, 4)),
        "max_to_keep": draw(st.sampled_from([1, 2, 10])),
        "units": draw(st.integers(1, 5)),
        "learning_rate": draw(st.sampled_from([0.125, 0.01])),
        "halve_every": draw(st.integers(1, 3)),
        "seed": draw(st.integers(0, 2**31 - 3)),
    }
    rows = draw(st.integers(1, 4))
    arrays = (strategies.arrays((rows, size), awkward=awkward) for size in (2, 1))
    return Drawn((*fields.items(),), tuple(map(draw, arrays)))
