"""What the claims about shared variables are drawn from."""

from hypothesis import strategies as st

from parity_tests.models.drawn import Drawn, random_state


@st.composite
def plays(draw, awkward=True):
    """Any pairs of words of a table of any size, in any number of parts."""
    del awkward
    parts = draw(st.integers(1, 3))
    fields = {
        "steps": draw(st.integers(1, 3)),
        "words": draw(st.integers(parts, 9)),
        "parts": parts,
        "weight_decay": draw(st.sampled_from([0.0, 0.0625, 1e-3])),
        "average_decay": draw(st.sampled_from([0.5, 0.9, 0.99])),
        "seed": draw(st.integers(0, 2**31 - 2)),
    }
    random, batch = random_state(draw), draw(st.integers(1, 6))
    left, right = random.randint(fields["words"], size=(2, batch)).astype("int32")
    y_true = random.uniform(0, 2, batch).astype("float32")
    return Drawn((*fields.items(),), (left, right, y_true))
