"""What TF1's recurrent cells start with, by the names of their variables.

``python -m parity_tests.witness.programs.cells --out DIR`` under 1.15.5 writes the
initial value of every variable of every cell, in loops. The variable scope seeds what
the cells themselves give no initializer to.
"""

import collections

import tensorflow as tf

from parity_tests.witness.programs import export

OP_SEED = 5
FEATURES = 3
# A cell is (class, arguments), cells inside of it likewise; two are of a bidirectional
# loop.
GRU = ("GRUCell", {"num_units": 4})
LSTM = ("LSTMCell", {"num_units": 4, "use_peepholes": True, "num_proj": 2})
RESIDUAL = ("ResidualWrapper", {"cell": ("BasicRNNCell", {"num_units": 2})})
CELLS = collections.OrderedDict(
    [
        ("BasicRNNCell", [("BasicRNNCell", {"num_units": 5})]),
        ("GRUCell", [GRU]),
        ("BasicLSTMCell", [("BasicLSTMCell", {"num_units": 4})]),
        ("LSTMCell", [("LSTMCell", {"num_units": 4})]),
        ("peepholes and a projection", [LSTM]),
        ("MultiRNNCell", [("MultiRNNCell", {"cells": [GRU, LSTM, RESIDUAL]})]),
        ("DropoutWrapper", [("DropoutWrapper", {"cell": GRU, "seed": 1})]),
        ("both directions", [LSTM, GRU]),
    ]
)


def cell_of_tf1(name, arguments):
    arguments = {
        key: cell_of_tf1(*value) if key == "cell" else value
        for key, value in arguments.items()
    }
    if "cells" in arguments:
        arguments["cells"] = [cell_of_tf1(*cell) for cell in arguments["cells"]]
    return getattr(tf.nn.rnn_cell, name)(**arguments)


def initial_values(cells):
    """{name of a variable: its initial value} of a loop over these cells."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None, None, FEATURES])
        of_tf1 = [cell_of_tf1(*cell) for cell in cells]
        seeded = tf.glorot_uniform_initializer(seed=OP_SEED)
        with tf.variable_scope(tf.get_variable_scope(), initializer=seeded):
            if len(of_tf1) == 1:
                tf.nn.dynamic_rnn(*of_tf1, inputs=x, dtype=tf.float32)
            else:
                tf.nn.bidirectional_dynamic_rnn(*of_tf1, inputs=x, dtype=tf.float32)
        initialise = tf.global_variables_initializer()
    with export.session(graph) as session:
        session.run(initialise)
        return export.values(session, graph)


def main():
    out = export.folder("cells", __doc__)
    computed = collections.OrderedDict()
    for case, cells in CELLS.items():
        for name, value in initial_values(cells).items():
            computed[f"{case}: {name}"] = value
    export.write("cells", out, None, computed)


if __name__ == "__main__":
    main()
