"""What the claims about towers are drawn from."""

from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.models.drawn import Drawn


@st.composite
def plays(draw, awkward=True):
    """Any examples; one tower or two: of more the order of a sum would matter.

    Two have two examples each: of one, whose hidden unit is dead in both, the gradient of
    TF1's mean is 0.0, and that of the sum of replicas -0.0.
    """
    towers = draw(st.integers(1, 2))
    share = draw(st.integers(towers, 5))
    fields = {
        "steps": draw(st.integers(1, 3)),
        "towers": towers,
        "batch_size": towers * share,
        "hidden": draw(st.sampled_from([1, 3, 8])),
        "classes": draw(st.integers(2, 4)),
        "decay": draw(st.sampled_from([0.9, 0.0, 0.999])),
        "learning_rate": draw(st.sampled_from([0.25, 0.01])),
        "momentum": draw(st.sampled_from([0.5, 0.9])),
        "seed": draw(st.integers(0, 2**31 - 2)),
    }
    rows, inputs = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    x = draw(strategies.arrays((rows, inputs), awkward=awkward, magnitude=10.0))
    y_true = draw(strategies.labels(rows, fields["classes"], "int64"))
    return Drawn((*fields.items(),), (x, y_true))
