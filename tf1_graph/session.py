"""The Session side of a run: initialise, step, yield what happened.

A chapter's ``build`` returns a ``Program``; ``run`` drives it and yields plain data, in
order of execution: the initial values, then for each step the loss, the gradients, the
optimizer slots and the new values, as dictionaries of numpy arrays under TF1's names.
"""

import collections

import tensorflow.compat.v1 as tf

Program = collections.namedtuple(
    "Program",
    [
        "graph",  # tf.Graph that holds everything below
        "x",  # placeholder for one batch of inputs
        "y_true",  # placeholder for one batch of targets
        "y_pred",  # what inference computes from x in training
        "loss",  # scalar
        "gradients",  # [(gradient, variable)], as compute_gradients returned it
        "optimizer",  # knows its slots
        "train",  # op: one update of everything
        "training_feed",  # fed besides x and y_true when training: {keep_prob: 0.5}
        "inference_feed",  # fed besides x when predicting: {keep_prob: 1.0}
        "predict",  # y_pred with moving statistics, without dropout
    ],
)


def program(**fields):
    """A Program; the last three fields default to a model that trains as it predicts."""
    fields.setdefault("training_feed", {})
    fields.setdefault("inference_feed", {})
    fields.setdefault("predict", fields["y_pred"])
    return Program(**fields)


def open_session(built):
    """A Session on ``built.graph``; each one draws its random streams from the start."""
    # Soft placement as in the notes: an op without a kernel for the wanted device goes
    # to one that has it instead of failing.
    return tf.Session(
        graph=built.graph, config=tf.ConfigProto(allow_soft_placement=True)
    )


def slot_variables(built):
    """{TF1 name: variable} of the optimizer's own state: slots and beta powers."""
    with built.graph.as_default():  # variables() returns those of the default graph
        return collections.OrderedDict(
            sorted(
                (variable.op.name, variable) for variable in built.optimizer.variables()
            )
        )


def model_variables(built):
    """{TF1 name: variable} of everything else that is saved, in order of creation."""
    slots = slot_variables(built)
    with built.graph.as_default():
        return collections.OrderedDict(
            (variable.op.name, variable)
            for variable in tf.global_variables()
            if variable.op.name not in slots
        )


def initialise(session, built, values=None):
    """Runs every initialiser; ``values`` ({TF1 name: array}) replace what they compute.

    A fed value takes the place of the initialiser's own result, so a run can start
    from any state without a single new node in the graph.
    """
    variables = model_variables(built)
    variables.update(slot_variables(built))
    unknown = sorted(set(values or {}) - set(variables))
    if unknown:
        raise ValueError(
            f"values must be named after variables of the program. Received: {unknown}. "
            f"Use some of: {sorted(variables)}."
        )
    session.run(
        [variable.initializer for variable in variables.values()],
        feed_dict={
            variables[name].initializer.inputs[1]: value
            for name, value in (values or {}).items()
        },
    )


def run(session, built, batches, values=None, feed=None):
    """Trains on ``batches`` and yields what happened, record by record.

    Args:
        session: an open Session on ``built.graph``.
        built: a ``Program``.
        batches: iterable of (x, y_true) numpy arrays.
        values: see ``initialise``.
        feed: {tensor or its name: value} fed at every step, for instance
            ``{'train/Adam/learning_rate:0': 1e-3}``: any tensor of a TF1 graph can be
            fed, constants included.

    Yields:
        ``{'initial values': {...}}``, then for each batch
        ``{'loss': {...}, 'gradients': {...}, 'slots': {...}, 'updates': {...}}``.
        Gradients come in the order in which backpropagation reaches them: the last
        variable's first.
    """
    initialise(session, built, values)
    variables = model_variables(built)
    slots = slot_variables(built)
    gradients = collections.OrderedDict(
        (variable.op.name, gradient)
        for gradient, variable in reversed(built.gradients)
        if gradient is not None
    )
    state = {"slots": dict(slots), "updates": dict(variables)}
    initial = session.run(state)
    yield {
        "initial values": _in_order(
            list(variables) + list(slots), initial["updates"], initial["slots"]
        )
    }
    fetches = {"loss": built.loss, "gradients": gradients, "train": built.train}
    for x, y_true in batches:
        feed_dict = {built.x: x, built.y_true: y_true}
        feed_dict.update(built.training_feed)
        feed_dict.update(feed or {})
        # The gradients are fetched in the run that applies them, the new values in a
        # second one: within one run nothing says whether a fetched variable is read
        # before or after its update.
        happened = session.run(fetches, feed_dict=feed_dict)
        after = session.run(state)
        yield {
            "loss": {"loss": happened["loss"]},
            "gradients": _in_order(gradients, happened["gradients"]),
            "slots": _in_order(slots, after["slots"]),
            "updates": _in_order(variables, after["updates"]),
        }


def _in_order(names, *found):
    merged = {}
    for values in found:
        merged.update(values)
    return collections.OrderedDict((name, merged[name]) for name in names)


def train(session, built, batches):
    """Trains on ``batches`` as a program does that only wants the result: no fetches."""
    for x, y_true in batches:
        feed_dict = {built.x: x, built.y_true: y_true}
        feed_dict.update(built.training_feed)
        session.run(built.train, feed_dict=feed_dict)


def predict(session, built, x):
    """What the program predicts for ``x``: moving statistics, no dropout."""
    feed_dict = {built.x: x}
    feed_dict.update(built.inference_feed)
    return session.run(built.predict, feed_dict=feed_dict)
