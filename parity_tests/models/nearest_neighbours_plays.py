"""What the claims about nearest neighbours are drawn from."""

import numpy as np
from hypothesis import strategies as st

from parity_tests.models.drawn import Drawn, random_state
from parity_tests.models.kmeans_plays import digits

FEATURES = 12


@st.composite
def plays(draw, awkward=True):
    """Few digits of few values: equal ones, equally near ones and empty ones are common.

    Awkward pixels are not finite in places: a distance is then none, or no number.
    """
    random = random_state(draw)
    known, asked = draw(st.integers(1, 20)), draw(st.integers(1, 8))
    xtr, xte = digits(random, known, FEATURES), digits(random, asked, FEATURES)
    if awkward and draw(st.booleans()):
        for x in (xtr, xte):
            x[random.rand(*x.shape) < 0.02] = random.choice([np.nan, np.inf, -0.0])
    labels, test_labels = random.randint(3, size=known), random.randint(3, size=asked)
    fields = {"num_features": FEATURES, "steps": asked}
    return Drawn((*fields.items(),), (xtr, labels, xte, test_labels))
