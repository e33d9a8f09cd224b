"""Refuses XLA, which would compute and draw other numbers without a word."""

import tensorflow as tf
from tensorflow.python.ops import control_flow_util  # nothing public tells


def refuse_xla(what):
    """Raises if ``what`` is being traced for ``jit_compile=True``.

    Raises:
        NotImplementedError: then.
    """
    if tf.executing_eagerly():
        return
    if control_flow_util.GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph()):
        raise NotImplementedError(
            f"{what} must run without XLA, whose kernels give other numbers than TF1. "
            "Received: jit_compile=True. "
            "Use jit_compile=False in model.compile or tf.function."
        )
