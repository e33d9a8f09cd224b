"""What the claims about train_and_evaluate are drawn from: what 1.15.5 recorded."""

from parity_tests.models import drawn


def plays():
    return drawn.recorded("train_and_evaluate")
