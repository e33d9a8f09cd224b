"""The TF2 side of a play: a twin, its moves, and the levels at which they are played.

    eager     a move called as plain Python, op by op
    function  the same inside a ``tf.function``: what a custom loop is
    fit       Keras's own training loop, ``model.fit``

A ``Twin`` is state and moves: variables by TF1's names, and functions of a batch by name.
Of a compiled Keras model it is made, not written:

    twin = training.compiled(model, checkpoint_names(model))
    for record in training.play(twin, [('train', {'x': x, 'y_true': y})], 'fit'):
        ...

``play`` yields what ``tf1_graph.session.play`` yields: the initial values, then a record
a move, of what it saw and what it left behind.
"""

import inspect
import itertools

import keras
import tensorflow as tf

from tf2_keras.levels import Eager, Fit, FittedMove, Function
from tf2_keras.observing import (
    as_tensor,
    key_of,
    observed_gradients,
    observed_loss,
    plain,
)
from tf2_keras.slots import slots_of

LEVELS = ("eager", "function", "fit")
PLAYERS = dict(zip(LEVELS, (Eager, Function, Fit), strict=True))
# Moves that one call of fit plays, and what their records may take in memory.
MOST_MOVES, MOST_BYTES = 64, 2**28


class Twin:
    """A TF2 program that can be played again and again without retracing.

    Args:
        state: {TF1 name: variable} of what is compared, Keras's or TensorFlow's; or a
            function without arguments, of what is only computed from variables.
        moves: {name: f(**batch)}, each returning {stage: {name: tensor}}. What a move
            returns as ``carried`` is given to the next one under the same names, unless
            its batch has them.
        slots: names in ``state`` that belong to an optimizer.
        hidden: variables that are not compared, but reset with the others: a dropout's
            place in its stream, a count of steps.
        settings: {name: variable} of what a play may set for all its moves, such as a
            learning rate.
        optimizers: whose gradients are observed: those that their updates got, after
            clipping. A move that returns ``gradients`` itself is taken at its word.
        inputs: {name in a batch: tf.TensorSpec}; by default every size is left
            open, as TF1's placeholders left that of the batch. A size that is known would let
            Grappler fold what TF1 left open, ``sum / count`` into ``sum * (1 / count)``.
        fitted: {name of a move: FittedMove}: moves that a model's own ``train_step``
            plays at level ``fit``. All others are played there by a model whose
            ``train_step`` is the move.
        unfitted: names of moves that are played in a function at level ``fit`` too, as
            predictions are.

    Raises:
        ValueError: for slots that are not in ``state``.
    """

    def __init__(
        self,
        state,
        moves,
        slots=(),
        hidden=(),
        settings=None,
        optimizers=(),
        inputs=None,
        fitted=None,
        unfitted=(),
    ):
        unknown = sorted(set(slots) - set(state))
        if unknown:
            raise ValueError(
                "slots must be names in state. "
                f"Received: {unknown}. Use some of: {sorted(state)}."
            )
        self.state = dict(state)
        self.moves = dict(moves)
        self.slots = frozenset(slots)
        self.settings = dict(settings or {})
        self.inputs = dict(inputs or {})
        self.fitted = dict(fitted or {})
        self.unfitted = frozenset(unfitted)
        self.optimizers = list(optimizers)
        self._names = {}
        moving = {}
        for name, variable in self.state.items():
            if hasattr(variable, "assign"):
                self._names[key_of(variable)] = name
                moving[key_of(variable)] = variable
        for variable in (*hidden, *self.settings.values()):
            moving[key_of(variable)] = variable
        self._start = [(variable, variable.numpy()) for variable in moving.values()]
        self.unobserved = {}  # what ``train`` runs
        self._players = {}  # {(level, move, names in its batch): what plays it}

    def reset(self, values=None, settings=None):
        """Back to the start: initial values, empty slots, random streams unread.

        Args:
            values: {TF1 name: array} in place of initial ones.
            settings: {name: number}.

        Raises:
            ValueError: for names that the twin has not got.
        """
        for variable, value in self._start:
            variable.assign(value)
        for kind, known, given in (
            ("values", self.state, values),
            ("settings", self.settings, settings),
        ):
            for name, value in (given or {}).items():
                if not hasattr(known.get(name), "assign"):
                    raise ValueError(
                        f"{kind} must be named after variables of the twin. "
                        f"Received: {name}. Use some of: {sorted(known)}."
                    )
                known[name].assign(value)
        # Kernels hold the place in a stream: a new function starts it over.
        self._players = {
            key: player
            for key, player in self._players.items()
            if not player.has_streams
        }

    def spec(self, name, value):
        """The tf.TensorSpec of one input, given the first value of it."""
        if name not in self.inputs:
            value = as_tensor(value)
            spec = (
                tf.SparseTensorSpec if hasattr(value, "dense_shape") else tf.TensorSpec
            )
            self.inputs[name] = spec([None] * value.shape.rank, value.dtype)
        return self.inputs[name]

    def batch(self, batch):
        """{name: tensor} of a batch of arrays, in the dtypes of the inputs."""
        return {
            name: as_tensor(value, self.spec(name, value).dtype)
            for name, value in batch.items()
        }

    def specs(self, batch):
        """{name: tf.TensorSpec} of a batch."""
        return {name: self.spec(name, value) for name, value in batch.items()}

    def step(self, name, batch):
        """Plays one move where it is called, eagerly or while a function is traced.

        Returns:
            {stage: {name: tensor}}.
        """
        with observed_gradients(self.optimizers) as gradients:
            seen = dict(self.moves[name](**batch) or {})
        if gradients and "gradients" not in seen:
            seen["gradients"] = self.named_gradients(gradients)
        return seen

    def named_gradients(self, gradients):
        """{TF1 name: gradient}, the last variable's first, as backpropagation goes."""
        by_name = {self._names.get(key): value for key, value in gradients.items()}
        if None in by_name:
            raise ValueError(
                "Every trained variable must be in the twin's state. "
                "Received: a gradient of a variable that is not. "
                f"Add its TF1 name to {sorted(self.state)}."
            )
        return {name: by_name[name] for name in reversed(self.state) if name in by_name}

    def values(self):
        """{TF1 name: array} of all that is compared."""
        return plain(
            {
                name: variable if hasattr(variable, "assign") else variable()
                for name, variable in self.state.items()
            }
        )

    def record(self, name, seen):
        """The record of a move that was just played."""
        state = self.values()
        return {
            "move": name,
            **{stage: plain(named) for stage, named in seen.items()},
            "slots": {key: state[key] for key in state if key in self.slots},
            "updates": {key: state[key] for key in state if key not in self.slots},
        }

    def player(self, level, name, batch):
        """What plays a move of a batch with these inputs at a level."""
        key = level, name, tuple(batch)
        if key not in self._players:
            self._players[key] = PLAYERS[level](self, name, self.specs(batch))
        return self._players[key]

    def takes(self, name, carried):
        """What of ``carried`` a move takes, by the names of its parameters."""
        parameters = inspect.signature(self.moves[name]).parameters.values()
        if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            return carried
        names = {parameter.name for parameter in parameters}
        return {key: value for key, value in carried.items() if key in names}


def play(twin, moves, level="function", values=None, settings=None):
    """Plays ``moves`` at ``level`` and yields what happened, record by record.

    Args:
        twin: a ``Twin``.
        moves: iterable of (name of a move, {name in a batch: array}).
        level: one of ``LEVELS``. At ``fit`` consecutive moves of one kind go through one
            call of ``model.fit``, as many as ``MOST_MOVES`` and ``MOST_BYTES`` allow.
        values, settings: see ``Twin.reset``.

    Yields:
        ``{'initial values': {...}}``, then for each move ``{'move': name}`` with the
        stages that it sees, then ``'slots'`` and ``'updates'``: {TF1 name: array}.
        Sparse values come as their parts, ``table values`` and ``table indices``.

    Raises:
        ValueError: for an unknown level, move, value or setting.
    """
    if level not in LEVELS:
        raise ValueError(
            f"level must be one of {LEVELS}. Received: {level!r}. "
            "Use 'function' for a custom loop."
        )
    twin.reset(values, settings)
    initial = twin.values()
    yield {"initial values": initial}
    # A record holds the state, and gradients and slots of its size.
    size = 1 + 3 * sum(value.nbytes for value in initial.values())
    most = max(1, min(MOST_MOVES, MOST_BYTES // size)) if level == "fit" else 1
    carried = {}
    for name, batches in _runs(moves, most):
        if name not in twin.moves:
            raise ValueError(
                "A move must be one of the twin's. "
                f"Received: {name}. Use some of: {sorted(twin.moves)}."
            )
        given = {
            key: value
            for key, value in twin.takes(name, carried).items()
            if key not in batches[0]
        }
        at = "function" if level == "fit" and name in twin.unfitted else level
        player = twin.player(at, name, {**batches[0], **given})
        for seen, record in player.play(batches, given):
            carried = seen.get("carried", {})
            yield record


def _runs(moves, most):
    """Yields (name, [batch, ...]) of consecutive moves of one kind, with equal inputs."""
    for (name, _), run in itertools.groupby(
        moves, lambda move: (move[0], tuple(move[1]))
    ):
        batches = (batch for _, batch in run)
        while chunk := list(itertools.islice(batches, most)):
            yield name, chunk


# What a batch has besides the inputs of a model.
TARGETS, WEIGHTS = "y_true", "sample_weight"


def compiled(model, checkpoint_names, inputs=None):
    """The ``Twin`` of a compiled model: its moves are ``train`` and ``predict``.

    A batch for ``train`` has the model's inputs, by their names or, if there is one only,
    as ``x``; ``y_true``, or a target for each output by its name; and ``sample_weight``,
    if any. At levels ``eager`` and ``function`` it is a custom loop, at ``fit`` Keras's
    own; a model with a ``train_step`` of its own runs that one at every level. An output
    that has the name of an input, as a recurrent state, is carried to the next step at
    levels ``eager`` and ``function``.

    Args:
        model: a built and compiled ``keras.Model``, subclassed ones and those with
            several optimizers among their attributes included.
        checkpoint_names: {TF1 variable name: Keras path} of what is compared, an
            optimizer's variables included where TF1 named them otherwise than
            ``slots_of`` does.
        inputs: as of ``Twin``; by default what the model's own inputs say.

    Raises:
        ValueError: for a model that is not built, for paths that lead nowhere or to
            several variables, for trainable variables that have no name.
    """
    _require(
        model.built,
        "model must be built, so that its variables exist",
        model.name,
        "Call it once on a batch",
    )
    optimizers = optimizers_of(model)
    if len(optimizers) == 1 and not optimizers[0].built:
        # Before a function is traced: the first call of one that creates slots runs
        # another graph, fused otherwise, and its last bits differ.
        optimizers[0].build(model.trainable_variables)
    unbuilt = [optimizer.name for optimizer in optimizers if not optimizer.built]
    _require(
        not unbuilt,
        "several optimizers of a model must be built, each on its own variables",
        unbuilt,
        "Call their build(variables)",
    )
    variables = [*model.variables]
    for optimizer in optimizers:
        variables += optimizer.variables
    by_path = {}
    for variable in variables:
        by_path.setdefault(variable.path, {})[key_of(variable)] = variable
    state = {}
    for name, path in checkpoint_names.items():
        led_to = list(by_path.get(path, {}).values())
        _require(
            len(led_to) == 1,
            "checkpoint_names must lead to one variable of the model each",
            f"{name}: {path}, which leads to {len(led_to)}",
            f"Use some of: {sorted(by_path)}"
            if not led_to
            else "Give optimizers and layers names of their own",
        )
        state[name] = led_to[0]
    names = {key_of(variable): name for name, variable in state.items()}
    unnamed = [v.path for v in model.trainable_variables if key_of(v) not in names]
    _require(
        not unnamed,
        "checkpoint_names must name every trainable variable",
        f"none for {unnamed}",
        "Add their TF1 names",
    )
    slots = {}
    for optimizer in optimizers:
        of_optimizer = slots_of(optimizer, names)
        apart = {name for name in of_optimizer if "/" not in name}
        for name, slot in of_optimizer.items():
            if key_of(slot) not in names:
                # What belongs to no variable, as a power, TF1 numbered.
                slots[numbered(name, slots) if name in apart else name] = slot
    belonging = {key_of(v) for optimizer in optimizers for v in optimizer.variables}
    counts = {key_of(optimizer.iterations) for optimizer in optimizers}
    slots_by_other_names = {
        name for key, name in names.items() if key in belonging - counts
    }
    settings = {}
    if optimizers and hasattr(optimizers[0].learning_rate, "assign"):
        settings["learning_rate"] = optimizers[0].learning_rate
    if inputs is None:
        inputs = _inputs_of(model)

    taken = {tensor.name for tensor in getattr(model, "inputs", None) or []}

    # As inside fit, AutoGraph leaves Keras's code alone: it takes seconds to read it.
    @tf.autograph.experimental.do_not_convert
    def train(**batch):
        data = data_of(model, batch)
        losses, outputs = {}, {}
        with observed_loss(model, losses, outputs):
            if type(model).train_step is not keras.Model.train_step:
                logs = type(model).train_step(model, data)
            else:
                logs = train_step(model, *data)
        carried = {name: outputs[name] for name in outputs if name in taken}
        return {"loss": losses or logs, **({"carried": carried} if carried else {})}

    @tf.autograph.experimental.do_not_convert
    def predict(**batch):
        x, *_ = data_of(model, batch)
        outputs = model(x, training=False)
        if not isinstance(outputs, dict):
            listed = tf.nest.flatten(outputs)
            named = ["y_pred"] if len(listed) == 1 else model.output_names
            outputs = dict(zip(named, listed, strict=True))
        return {"outputs": outputs}

    return Twin(
        {**state, **dict(sorted(slots.items()))},
        {"train": train, "predict": predict},
        slots={*slots, *slots_by_other_names},
        hidden=variables,
        settings=settings,
        optimizers=optimizers,
        inputs=inputs,
        fitted={"train": FittedMove(model, lambda batch: data_of(model, batch))},
        unfitted={"predict"},
    )


def numbered(name, taken):
    """A name that is not taken yet: ``power``, then ``power_1``, as TF1 made it."""
    numbers = itertools.count(1)
    free = name
    while free in taken:
        free = f"{name}_{next(numbers)}"
    return free


def _require(condition, rule, received, remedy):
    if not condition:
        raise ValueError(f"{rule}. Received: {received}. {remedy}.")


def optimizers_of(model):
    """The optimizers of a model: its attributes, or what it was compiled with."""
    attributes = {
        id(value): value
        for value in vars(model).values()
        if isinstance(value, keras.optimizers.Optimizer)
    }
    compiled_with = getattr(model, "optimizer", None)
    # compile() without an optimizer makes one that nothing uses.
    if len(attributes) > 1 and compiled_with and not compiled_with.built:
        attributes.pop(id(compiled_with), None)
    return list(attributes.values())


def _inputs_of(model):
    """{name in a batch: tf.TensorSpec} of a functional model's inputs."""
    listed = getattr(model, "inputs", None) or []
    specs = {
        tensor.name: tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in listed
    }
    if len(listed) == 1:
        specs["x"] = next(iter(specs.values()))
    return specs


def data_of(model, batch):
    """What ``fit`` takes of a batch by name: (x,), (x, y) or (x, y, sample_weight)."""
    outputs = getattr(model, "output_names", None) or []
    targets = {name: batch[name] for name in outputs if name in batch}
    y = batch.get(TARGETS, targets or None)
    rest = (TARGETS, WEIGHTS, *targets)
    x = {name: value for name, value in batch.items() if name not in rest}
    if len(x) == 1:
        (x,) = x.values()
    if WEIGHTS in batch:
        return x, y, batch[WEIGHTS]
    return (x,) if y is None else (x, y)


def train_step(model, x, y=None, sample_weight=None):
    """One update: what ``session.run(train, feed_dict=...)`` became in a custom loop.

    Returns:
        {"loss": scalar}.
    """
    with tf.GradientTape() as tape:
        y_pred = model(x, training=True)
        loss = model.compute_loss(x, y, y_pred, sample_weight)
    gradients = tape.gradient(loss, model.trainable_variables)
    model.optimizer.apply(gradients, model.trainable_variables)
    return {"loss": loss}


def train(twin, dataset, level, steps):
    """Trains a ``compiled`` twin with nothing observed, as a program does.

    Args:
        dataset: a ``tf.data.Dataset`` of (x, y_true); a function and eager code also
            take its iterator, and go on where they stopped.
        level: one of ``LEVELS``.
        steps: how many.
    """
    model = twin.fitted["train"].model
    if level == "fit":
        model.fit(dataset, steps_per_epoch=steps, shuffle=False, verbose=0)
    elif level == "function":
        if "train" not in twin.unobserved:
            twin.unobserved["train"] = tf.function(_steps(model))
        # The loop is in the graph as well: one call runs all the steps.
        twin.unobserved["train"](iter(dataset), tf.constant(steps))
    else:
        batches = iter(dataset)
        for _ in range(steps):
            train_step(model, *next(batches))


def _steps(model):
    def run(batches, steps):
        for _ in tf.range(steps):
            train_step(model, *next(batches))

    return run
