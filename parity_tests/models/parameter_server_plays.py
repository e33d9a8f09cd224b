"""What the claims about parameter servers are drawn from."""

from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.models.drawn import Drawn


@st.composite
def plays(draw, awkward=True):
    """Any examples, in either mode; of more than two workers the order of a sum would matter."""
    fields = {
        "steps": draw(st.integers(1, 3)),
        "modes": (draw(st.sampled_from(["synchronous", "asynchronous"])),),
        "workers": draw(st.integers(1, 2)),
        "batch_size": draw(st.integers(2, 5)),
        "hidden": draw(st.sampled_from([1, 3, 8])),
        "classes": draw(st.integers(2, 4)),
        "learning_rate": draw(st.sampled_from([0.25, 0.01])),
        "momentum": draw(st.sampled_from([0.5, 0.9])),
        "seed": draw(st.integers(0, 2**31 - 2)),
    }
    rows, inputs = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    x = draw(strategies.arrays((rows, inputs), awkward=awkward, magnitude=10.0))
    y_true = draw(strategies.labels(rows, fields["classes"], "int64"))
    return Drawn((*fields.items(),), (x, y_true))
