"""What the claims about the U-Net are drawn from."""

from hypothesis import strategies as st

from parity_tests.engine import strategies
from parity_tests.models import chapters
from parity_tests.models.drawn import Drawn, random_state, trained_and_predicted
from parity_tests.models.unet import make_data

SMALL = {
    "nx": 20,
    "layers": 2,
    "features_root": 3,
    "keep_prob": 0.5,
    "training_iters": 2,
    "batch_size": 4,
}
START = None
# Sizes and rates are part of a graph: few of them, so that few graphs are built.
CONFIGURATIONS = tuple(
    tuple({**SMALL, **fields}.items())
    for fields in (
        {},
        # Without a crop, and another weight for each of three classes.
        {"layers": 1, "n_class": 3, "class_weights": (0.1, 1.0, 3.0), "nx": 9},
    )
)


@st.composite
def plays(draw, awkward=True):
    """A short training on images of any numbers, or all alike."""
    fields = draw(st.sampled_from(CONFIGURATIONS))
    config = chapters.graph("unet").Config(**dict(fields))
    random = random_state(draw)
    examples = draw(st.integers(3, 8))
    shape = (examples, config.nx, config.nx, 1)
    images = draw(strategies.arrays(shape, awkward=awkward, magnitude=1.0))
    size = chapters.setup("unet").output_size(config)
    classes = random.randint(config.n_class, size=(examples, size, size))
    labels = (classes[..., None] == range(config.n_class)).astype("float32")
    cuts = draw(strategies.batches(examples, 4))
    return Drawn(
        fields,
        trained_and_predicted(
            [{"x": images[cut], "y_true": labels[cut]} for cut in cuts]
        ),
    )


def moves(config):
    """Four steps on circles, the last on a short batch, and predictions."""
    size = config.batch_size
    images, labels = make_data(0, 4 * size - 3, config)
    cuts = [slice(start, start + size) for start in range(0, len(images), size)]
    return trained_and_predicted(
        [{"x": images[cut], "y_true": labels[cut]} for cut in cuts]
    )
