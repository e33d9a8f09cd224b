"""What the claims about fine-tuning are drawn from."""

from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.models.drawn import Drawn


@st.composite
def plays(draw, awkward=True):
    """Any pictures of any size, of more classes after than before and of fewer."""
    classes, new_classes = draw(st.integers(2, 4)), draw(st.integers(2, 4))
    fields = {
        "steps": draw(st.integers(1, 3)),
        "features": draw(st.sampled_from([1, 2, 5])),
        "classes": classes,
        "new_classes": new_classes,
        "decay": draw(st.sampled_from([0.9, 0.0, 0.999])),
        "learning_rate": draw(st.sampled_from([0.1, 0.01])),
        "seed": draw(st.integers(0, 2**31 - 3)),
    }
    size = draw(st.integers(2, 6))
    arrays = []
    for known in (classes, new_classes):
        examples = draw(st.integers(2, 5))
        shape = (examples, size, size, 1)
        arrays.append(draw(strategies.arrays(shape, awkward=awkward, magnitude=10.0)))
        arrays.append(draw(strategies.labels(examples, known, "int32")))
    return Drawn((*fields.items(),), tuple(arrays))
