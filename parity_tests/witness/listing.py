"""Python as ``tf-parity seeds`` lists it, and graphs to list: what its claims run on."""

import tensorflow as tf
import tensorflow.compat.v1 as tf1

from tf1_graph import seeds
from tf2_keras.tf1_semantics import initializers, layers, philox, recurrent

IN_SCOPE = {
    "initializers": initializers,
    "layers": layers,
    "philox": philox,
    "recurrent": recurrent,
    "tf": tf,
}


def in_tf2(text, **names):
    """What the listed Python gives; it is what a user pastes."""
    return eval(text, dict(IN_SCOPE), names)


def by_node(meta_graph):
    """{node: RandomOp}, in the order of the graph."""
    return {operation.node: operation for operation in seeds.random_ops(meta_graph)}


def exported(build):
    """The MetaGraphDef of what ``build`` builds, and the graph."""
    with tf1.Graph().as_default() as graph:
        build()
        return tf1.train.export_meta_graph(), graph
