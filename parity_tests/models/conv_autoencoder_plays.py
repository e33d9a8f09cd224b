"""What the claims about the autoencoder of tf.layers are drawn from: what 1.15.5 recorded."""

from parity_tests.models import drawn


def plays():
    return drawn.recorded("conv_autoencoder")
