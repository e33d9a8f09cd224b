"""What the claims about the next letter are drawn from: words, sizes and shares."""

from hypothesis import strategies as st

from parity_tests.models.drawn import Drawn

# Of a share that is a power of two 1.15's scaling and today's compat.v1's are one number.
SHARES = (0.25, 0.5, 1.0)


@st.composite
def plays(draw):
    """One word or several, of one letter to guess at least; few steps."""
    words = st.text("abcd", min_size=2, max_size=6)
    fields = {
        "hidden_size": draw(st.integers(1, 5)),
        "output_keep_prob": draw(st.sampled_from(SHARES)),
        "learning_rate": draw(st.sampled_from([0.5, 0.01])),
        "steps": draw(st.integers(1, 4)),
        "seed": draw(st.integers(0, 2**31 - 1)),
    }
    return Drawn((*fields.items(),), (draw(st.lists(words, min_size=1, max_size=5)),))
