"""What the claims about canned Estimators are drawn from: what 1.15.5 recorded."""

from parity_tests.models import drawn


def plays():
    return drawn.recorded("canned_estimator")
