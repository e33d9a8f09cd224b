"""The TF1 side of a play: a graph, its moves, and a Session that plays them.

A ``Program`` is a graph whose placeholders have names in a batch and whose ``session.run``
calls have names, the moves. ``play`` initialises it and yields plain data, a record a
move: what the move saw, by stage, then the optimizer's slots and all other variables as
it left them.

    built = build()  # of a chapter, or any graph with its tensors at hand
    program = session.program(
        built.graph, {'x': built.x, 'y_true': built.y_true},
        train=session.train(built.train, built.loss),
        predict=session.move(outputs={'y_pred': built.y_pred}),
    )
    for record in session.play(program, [('train', {'x': x, 'y_true': y})]):
        ...
"""

import collections
import contextlib

import numpy as np
import tensorflow.compat.v1 as tf

from tf1_graph import updates
from tf1_graph.errors import refusal

REMAPPING = "remapping"  # an option of tf.config.optimizer

# One kind of session.run.
Move = collections.namedtuple(
    "Move",
    [
        "op",  # what runs, besides what is seen
        "seen",  # {stage: {name: tensor}}, fetched in that run
        "feed",  # {tensor: value}, besides the batch
        "slots",  # names of the variables that belong to its optimizer
        "unrecorded",  # names of the variables whose gradients are not to be seen
    ],
    defaults=[frozenset()],
)
Program = collections.namedtuple(
    "Program",
    [
        "graph",
        "inputs",  # {name in a batch: tensor that is fed}
        "moves",  # {name: Move}
        "settings",  # {name: tensor that a whole play may feed, such as a constant rate}
        "variables",  # {TF1 name: variable} of what is recorded, in order of creation
        "slots",  # names of the variables that belong to an optimizer, of every move
        "initialisers",  # [[op]]: run together, those of one list after another
    ],
)


def move(op=(), feed=None, slots=(), **seen):
    """One kind of ``session.run``.

    Args:
        op: an op, or several, that run besides what is seen.
        feed: {tensor: value} fed besides the batch, such as ``{keep_prob: 1.0}``.
        slots: names of variables that belong to an optimizer.
        **seen: stages, each {name: tensor}, fetched in that run. What a move sees as
            ``carried`` is fed to the next one under the same names, unless its batch
            has them.
    """
    return Move(op, seen, dict(feed or {}), frozenset(slots))


def train(op, loss=None, gradients=None, optimizer=None, feed=None, **seen):
    """A move that trains; its gradients and slots are found from the graph.

    Every ``Apply...`` op that ``op`` runs says which variable it updates, by which
    gradient and with which slots: what ``minimize`` made of them. The gradient is what
    the update got, after any clipping.

    Args:
        op: what ``minimize`` or ``apply_gradients`` returned, or what runs it.
        loss: a scalar tensor, or {name: tensor} of several.
        gradients: what ``compute_gradients`` returned, where a gradient has no
            ``Apply...`` op and is none of the rows that gradient descent and Adam
            scatter; or {variable name: tensor}, and None for no record of it.
        optimizer: the ``tf.train.Optimizer``, where its slots have no ``Apply...`` op
            either; or several.
        feed, **seen: as of ``move``.

    Raises:
        ValueError: if ``op`` updates a variable in a way that has no gradient to find.
    """
    named = gradients or {}
    if not isinstance(named, dict):
        named = {variable.op.name: gradient for gradient, variable in named}
    graph = updates.operations_of(op)[0].graph
    gradients, slots = updates.gradients_and_slots(graph, op, named)
    optimizers = optimizer if isinstance(optimizer, (list, tuple)) else [optimizer]
    with graph.as_default():  # variables() returns those of the default graph
        slots |= {
            variable.op.name
            for known in optimizers
            if known is not None
            for variable in known.variables()
        }
    stages = collections.OrderedDict()
    if loss is not None:
        stages["loss"] = loss if isinstance(loss, dict) else {"loss": loss}
    stages["gradients"] = gradients
    stages.update(seen)
    trained = move(op, feed, slots, **stages)
    unrecorded = frozenset(name for name, value in named.items() if value is None)
    return trained._replace(unrecorded=unrecorded)


def program(graph, inputs=None, settings=None, variables=None, **moves):
    """A ``Program``.

    Args:
        graph: a ``tf.Graph``.
        inputs: {name in a batch: placeholder}; by default all placeholders by their own
            names.
        settings: {name: tensor} that a play may set for all of its moves: any tensor of
            a TF1 graph can be fed, constants such as a learning rate included.
        variables: what is recorded; by default all global variables. Local ones, as of
            streaming metrics, are initialised too.
        **moves: what ``move`` and ``train`` made.
    """
    if inputs is None:
        inputs = collections.OrderedDict(
            (op.name, op.outputs[0])
            for op in graph.get_operations()
            if op.type == "Placeholder"
        )
    if variables is None:
        variables = graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)
    variables = collections.OrderedDict(
        (variable.op.name, variable) for variable in variables
    )
    slots = frozenset().union(*(made.slots for made in moves.values()))
    return Program(
        graph,
        dict(inputs),
        moves,
        dict(settings or {}),
        variables,
        slots,
        _in_order(graph, variables.values()),
    )


def _in_order(graph, variables):
    """[[op]]: initialisers, those that read other variables after those of these.

    Those of lookup tables are last; a table that is filled already takes the same again.

    A moving average starts at what its variable holds, if it holds something: in a
    Session that has played before, that is old until it is initialised again.
    """
    waiting = collections.OrderedDict(
        (variable.op, variable.initializer)
        for variable in (
            *variables,
            *graph.get_collection(tf.GraphKeys.LOCAL_VARIABLES),
            *graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES),
        )
    )
    read = {
        operation: {
            earlier
            for earlier in updates.ancestors([initialiser])
            if earlier.type in updates.VARIABLES
        }
        - {operation}
        for operation, initialiser in waiting.items()
    }
    ordered = []
    while waiting:
        # What reads itself in a circle is run all the same, as TF1 did.
        ready = [op for op in waiting if not read[op] & set(waiting)] or list(waiting)
        ordered.append([waiting.pop(operation) for operation in ready])
    tables = graph.get_collection(tf.GraphKeys.TABLE_INITIALIZERS)
    return ordered + ([tables] if tables else [])


def supervised(built, training_feed=None, inference_feed=None, learning_rate=None):
    """The ``Program`` of a model with one input and one target: train and predict.

    Args:
        built: what has ``graph``, ``x``, ``y_true``, ``y_pred``, ``loss`` and ``train``;
            and ``predict``, if it predicts otherwise than it trains.
        training_feed, inference_feed: {tensor: value} fed besides the batch.
        learning_rate: name of a tensor that a play may set, such as
            ``'train/GradientDescent/learning_rate:0'``.
    """
    settings = {}
    if learning_rate is not None:
        settings["learning_rate"] = built.graph.get_tensor_by_name(learning_rate)
    predicted = getattr(built, "predict", built.y_pred)
    return program(
        built.graph,
        {"x": built.x, "y_true": built.y_true},
        settings,
        train=train(built.train, built.loss, feed=training_feed),
        predict=move(outputs={"y_pred": predicted}, feed=inference_feed),
    )


def open_session(graph):
    """A Session; each new one reads its random streams from the start.

    With soft placement, as in the notes: an op without a kernel for the wanted device
    goes to one that has it instead of failing. Of the remapper what ``tf.config`` says
    holds for a Session too, see ``unfused``.
    """
    config = tf.ConfigProto(allow_soft_placement=True)
    if not remaps():
        rewriting = config.graph_options.rewrite_options
        rewriting.remapping = rewriting.OFF
    return tf.Session(graph=graph, config=config)


def remaps():
    """Whether Grappler's remapper is on, see ``unfused``."""
    return _remapping() is not False


def _remapping():
    """What tf.config was told: True, False, or None for nothing."""
    return tf.config.optimizer.get_experimental_options().get(REMAPPING)


@contextlib.contextmanager
def unfused():
    """Keeps Grappler's remapper from fusing ops, in Sessions and functions of its body.

    What it fuses hangs on how a graph is written, not on what it computes: a convolution
    and its batch norm in a graph without a phase, not where a ``tf.cond`` on a placeholder
    parts them; and what is fused rounds otherwise.
    """
    kept = _remapping()
    tf.config.optimizer.set_experimental_options({REMAPPING: False})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({REMAPPING: kept})


def streams(graph, operations=None):
    """Ops that keep something between runs, apart from variables.

    Random ops and samplers their place in a stream, queues and iterators what they
    hold: only a new Session starts them over.

    Args:
        operations: those to look at with all that they need; by default every one.
    """
    known = graph.get_operations()
    if operations is not None:
        known = updates.ancestors(operations)
    return [
        operation
        for operation in known
        if operation.op_def is not None
        and operation.op_def.is_stateful
        and operation.type not in updates.VARIABLES
        and not any(_refers_to_a_variable(tensor) for tensor in operation.inputs)
    ]


def _refers_to_a_variable(tensor):
    return tensor.dtype == tf.resource or tensor.dtype._is_ref_dtype


def initialise(session, built, values=None):
    """Runs every initialiser; ``values`` ({TF1 name: array}) replace what they compute.

    A fed value takes the place of the initialiser's own result, so a play can start from
    any state without a single new node in the graph.

    Raises:
        ValueError: for values that are not named after variables.
    """
    unknown = sorted(set(values or {}) - set(built.variables))
    if unknown:
        raise refusal(
            "values must be named after variables of the program",
            unknown,
            f"Use some of: {sorted(built.variables)}",
        )
    feed_dict = {
        built.variables[name].initializer.inputs[1]: value
        for name, value in (values or {}).items()
    }
    for initialisers in built.initialisers:
        session.run(initialisers, feed_dict=feed_dict)


def play(built, moves, values=None, settings=None, session=None):
    """Plays ``moves`` and yields what happened, record by record.

    Args:
        built: a ``Program``.
        moves: iterable of (name of a move, {name in a batch: array}).
        values: {TF1 name: array} to start from, see ``initialise``.
        settings: {name: value} of ``built.settings``, fed to every move.
        session: an open Session on the graph; by default one of its own.

    Yields:
        ``{'initial values': {...}}``, then for each move ``{'move': name}`` with the
        stages that it sees, then ``'slots'`` and ``'updates'``: {TF1 name: array}.
        Sparse values come as their parts, ``table values`` and ``table indices``.

    Raises:
        ValueError: for a move, an input, a value or a setting that is not there.
    """
    with contextlib.ExitStack() as stack:
        if session is None:
            session = stack.enter_context(contextlib.closing(open_session(built.graph)))
        initialise(session, built, values)
        # What is the same in every run is looked up once: for a small step that is as
        # much as the step itself.
        read = session.make_callable(list(built.variables.values()))
        feed = {
            built.settings[known(name, built.settings, "setting")]: value
            for name, value in (settings or {}).items()
        }
        yield {"initial values": plain(_by_name(built.variables, read()))}
        carried = {}
        for name, batch in moves:
            seen = run(session, built, name, dict(carried, **batch), feed)
            carried = {
                key: value
                for key, value in seen.get("carried", {}).items()
                if key in built.inputs
            }
            # The new values come in a second run: within one, nothing says whether a
            # fetched variable is read before or after its update.
            state = _by_name(built.variables, read())
            record = {"move": name}
            record.update((stage, plain(named)) for stage, named in seen.items())
            record["slots"] = plain(
                {key: state[key] for key in state if key in built.slots}
            )
            record["updates"] = plain(
                {key: state[key] for key in state if key not in built.slots}
            )
            yield record


def _by_name(names, values):
    return collections.OrderedDict(zip(names, values))


def run(session, built, name, batch, feed=None, unseen=False):
    """One move: {stage: {name: value}} of what it sees, as ``session.run`` returns it.

    Args:
        unseen: whether to fetch nothing, as a program does that only wants the result.
    """
    made = built.moves[known(name, built.moves, "move")]
    feed_dict = dict(feed or {})
    feed_dict.update(made.feed)
    for key, value in batch.items():
        feed_dict[built.inputs[known(key, built.inputs, "input")]] = value
    seen, _ = session.run(({} if unseen else made.seen, made.op), feed_dict=feed_dict)
    return seen


def known(name, names, kind):
    """``name``, if it is one of ``names``.

    Raises:
        ValueError: otherwise, with the known ones.
    """
    if name not in names:
        raise refusal(
            f"{kind} must be one of the program's",
            name,
            f"Use some of: {sorted(names)}",
        )
    return name


def plain(named):
    """Arrays by name; what is sparse as its parts, ``table values``, ``table indices``."""
    arrays = collections.OrderedDict()
    for name, value in named.items():
        if hasattr(value, "dense_shape"):
            arrays[name + " values"] = np.asarray(value.values)
            arrays[name + " indices"] = np.asarray(value.indices)
        else:
            arrays[name] = np.asarray(value)
    return arrays
