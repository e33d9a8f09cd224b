"""The variables of a ``.meta`` as a matching takes them: in order of use, and which train."""

import numpy as np
import tensorflow.compat.v1 as tf

from parity_tests.pair.tf1_sides import order_of_use
from tf1_graph import exported
from tf2_keras.migrate.checkpoint.matching import Variable


def variables(path):
    """{TF1 name: Variable}, in the order in which the graph first reads them.

    Raises:
        ValueError: for a file that is no MetaGraphDef, or of ops that are unknown here.
    """
    program = exported.load(path)
    with program.graph.as_default():
        trainable = {variable.op.name for variable in tf.trainable_variables()}
    return {
        name: Variable(
            tuple(variable.shape.as_list()),
            np.dtype(variable.dtype.base_dtype.as_numpy_dtype),
            name in trainable,
        )
        for name, variable in order_of_use(program).items()
    }
