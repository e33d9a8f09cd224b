"""What the claims about queues are drawn from."""

import numpy as np
from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.models.drawn import Drawn, random_state


@st.composite
def plays(draw, awkward=True):
    """Any examples in any number of files, also more files than examples."""
    fields = {
        "steps": draw(st.integers(1, 3)),
        "files": draw(st.integers(1, 4)),
        "batch_size": draw(st.integers(1, 6)),
        "allow_smaller": draw(st.booleans()),
        "seed": draw(st.integers(0, 2**31 - 2)),
    }
    rows, random = draw(st.integers(1, 6)), random_state(draw)
    x = draw(strategies.arrays((rows, 2), awkward=awkward))
    labels, lengths = random.randint(-1, 5, rows), random.randint(0, 4, rows)
    return Drawn((*fields.items(),), (x, labels.astype(np.int64), lengths))
