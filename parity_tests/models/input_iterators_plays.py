"""What the claims about iterators are drawn from."""

import numpy as np
from hypothesis import strategies as st

from parity_tests.models.drawn import Drawn


@st.composite
def plays(draw, awkward=True):
    """Any number of shards and rows, batches and buffers larger than all of them too."""
    del awkward
    fields = {
        "steps": draw(st.integers(1, 2)),
        "batch_size": draw(st.integers(1, 20)),
        "buffer": draw(st.integers(1, 40)),
        "drop_remainder": draw(st.booleans()),
        "seed": draw(st.integers(0, 2**31 - 2)),
    }
    shards, rows = draw(st.integers(1, 5)), draw(st.integers(1, 6))
    trained = np.arange(shards * rows).reshape(shards, rows)
    return Drawn((*fields.items(),), (trained, -np.arange(draw(st.integers(1, 9)))))
