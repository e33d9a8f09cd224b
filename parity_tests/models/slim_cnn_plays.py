"""What the claims about slim are drawn from: what 1.15.5 recorded."""

from hypothesis import strategies as st

from parity_tests.models import chapters
from parity_tests.models.drawn import Drawn

CHAPTER = "slim_cnn"


def plays():
    """Any of the recorded configurations."""
    (examples, _), of_setup = (
        chapters.setup(CHAPTER).load(None, 1),
        chapters.setup(CHAPTER),
    )
    return st.sampled_from(
        [
            Drawn((*{**of_setup.configure(None, 1), **fields}.items(),), examples)
            for fields in chapters.recorded(CHAPTER).values()
        ]
    )
