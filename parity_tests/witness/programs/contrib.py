"""What contrib and a few other functions that TF2 lacks computed, row by row.

``python -m parity_tests.witness.programs.contrib --out DIR`` under 1.15.5 runs TF1's form
of each row of parity_tests/migrate/contrib_rows.py, each in a graph of its own.
"""

import collections
import operator

import numpy as np
import tensorflow as tf

from parity_tests.migrate import contrib_rows
from parity_tests.witness.programs import export


class Run:
    """How to run what a row's form gave; each method is a word of the rows."""

    def __init__(self):
        self.draws, self.before, self.steps = True, [], 1

    def initial(self, tensor):
        self.draws = False
        return tensor

    def moved(self, tensor, update_ops=False):
        self.before.append(tensor)
        if update_ops:
            self.before += tf.get_collection(tf.GraphKeys.UPDATE_OPS)
        return [
            variable
            for name in ("moving_mean", "moving_variance")
            for variable in tf.global_variables()
            if variable.op.name.endswith(name)
        ]

    def streamed(self, metric):
        value, update = metric
        self.before.append(update)
        return value

    def trained(self, optimizer):
        variable = tf.Variable(contrib_rows.w(0, 3))
        loss = 0.5 * tf.reduce_sum(contrib_rows.w(1, 3) * variable**2)
        step = tf.train.get_or_create_global_step()
        self.before.append(optimizer.minimize(loss, step))
        self.steps = contrib_rows.STEPS
        return variable

    def unrolled(self, cell):
        inputs = tf.constant(contrib_rows.inputs()["sequences"])
        return tf.nn.dynamic_rnn(cell, inputs, dtype=tf.float32)[0]

    def elements(self, dataset):
        self.dataset = tf.data.make_one_shot_iterator(dataset).get_next()

    def looked_up(self, table, keys):
        return table.lookup(tf.constant(keys))


WORDS = ("initial", "moved", "streamed", "trained", "unrolled", "elements", "looked_up")


def namespace(run):
    """What a form finds: numbers as tensors, but for the ids, which rows count."""
    names = {
        name: array if name == "ids" or array.dtype.kind == "U" else tf.constant(array)
        for name, array in contrib_rows.inputs().items()
    }
    names.update(tf=tf, np=np, sparse=contrib_rows.sparse, w=contrib_rows.w)
    names.update({word: getattr(run, word) for word in WORDS})
    return names


def computed(form):
    """The arrays of one form, raveled one after the other if there are several."""
    run = Run()
    with tf.Graph().as_default() as graph:
        result = eval(form, namespace(run))
        draws = [
            variable.assign(contrib_rows.w(number, *variable.shape.as_list()))
            for number, variable in enumerate(tf.trainable_variables())
            if run.draws and not run.steps > 1
        ]
        starts = [
            tf.global_variables_initializer(),
            tf.local_variables_initializer(),
            tf.tables_initializer(),
        ]
        with export.session(graph) as session:
            session.run(starts)
            session.run(draws)
            for _ in range(run.steps if run.before else 0):
                session.run(run.before)
            if result is None:
                return np.concatenate(list(elements(session, run.dataset)))
            result = session.run(result)
    if isinstance(result, list):
        return np.concatenate([np.ravel(array) for array in result])
    return np.asarray(result)


def elements(session, element):
    while True:
        try:
            yield np.ravel(session.run(element))
        except tf.errors.OutOfRangeError:
            return


def reads(use_resource):
    """[old, new] of one run: old reads x before new assigns x + 1."""
    with tf.Graph().as_default() as graph:
        x = tf.get_variable("x", initializer=0.0, use_resource=use_resource)
        old = tf.identity(x)
        with tf.control_dependencies([old]):
            new = tf.assign(x, x + 1)
        with export.session(graph) as session:
            session.run(tf.global_variables_initializer())
            return np.array(session.run([old, new]))


MODULES = (
    "framework",
    "layers",
    "layers.feature_column",
    "layers.summaries",
    "losses",
    "metrics",
    "slim",
    "slim.initializers",
    "slim.layers",
    "slim.losses",
    "slim.metrics",
    "slim.regularizers",
)


def one_object():
    """[text] of all names that one object of contrib has, apart by blanks."""
    names = collections.defaultdict(list)
    for module in MODULES:
        for name in dir(operator.attrgetter(module)(tf.contrib)):
            dotted = module + "." + name
            value = operator.attrgetter(dotted)(tf.contrib)
            if callable(value) and not name.startswith("_"):
                names[id(value)].append("tf.contrib." + dotted)
    return np.array(sorted(" ".join(group) for group in names.values() if group[1:]))


def main():
    out = export.folder("contrib", __doc__)
    arrays = collections.OrderedDict(
        (form, computed(form)) for form in contrib_rows.forms()
    )
    arrays["reads of a reference variable"] = reads(False)
    arrays["reads of a resource variable"] = reads(True)
    arrays["names of one object"] = one_object()
    export.write("contrib", out, None, arrays)


if __name__ == "__main__":
    main()
