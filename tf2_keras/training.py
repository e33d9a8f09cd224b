"""The ``Twin`` of a compiled Keras model, and its training with nothing observed.

twin = training.compiled(model, checkpoint_names(model))
for record in training.play(twin, [('train', {'x': x, 'y_true': y})], 'fit'):
    ...
"""

import itertools
from typing import NamedTuple

import keras
import tensorflow as tf

from tf2_keras.levels import FittedMove
from tf2_keras.observing import key_of, observed_loss
from tf2_keras.slots import averages_of, slots_of_all
from tf2_keras.twins import LEVELS, Twin, play

__all__ = [
    "LEVELS",
    "State",
    "Twin",
    "compiled",
    "data_of",
    "optimizers_of",
    "play",
    "scales_of",
    "state_of",
    "steps_of",
    "train",
    "train_step",
]

# What a batch has besides the inputs of a model.
TARGETS, WEIGHTS = "y_true", "sample_weight"


def compiled(
    model, checkpoint_names, inputs=None, remembered=None, unfitted=None, **moves
):
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
        remembered: as of ``Twin``.
        unfitted: names of moves that are no part of ``fit``; by default ``predict`` and
            all that are given besides.
        **moves: others than the two, or in their places, as of ``Twin``.

    Raises:
        ValueError: for a model that is not built, for paths that lead nowhere or to
            several variables, for trainable variables that have no name.
    """
    state, slots, optimizers, variables = state_of(model, checkpoint_names)
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
            logs = _step(model, data)
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
        state,
        {"train": train, "predict": predict, **moves},
        slots=slots,
        hidden=variables,
        settings=settings,
        optimizers=optimizers,
        inputs=inputs,
        fitted={"train": FittedMove(model, lambda batch: data_of(model, batch))},
        unfitted={"predict", *moves} if unfitted is None else unfitted,
        remembered=remembered,
    )


def steps_of(model, names):
    """{name: move} of a model that trains by several methods, ``NAME_step(x, y)``.

    Returns:
        Nothing for a model that has none of them: it has one ``train_step``.
    """

    def move_of(name):
        @tf.autograph.experimental.do_not_convert
        def move(**batch):
            x, *y = data_of(model, batch)
            return {"loss": {"loss": getattr(model, f"{name}_step")(x, *y[:1])}}

        return move

    return {name: move_of(name) for name in names if name != "train"}


class State(NamedTuple):
    """What a compiled model holds, under TF1's names.

    state, slots, optimizers: as of ``Twin``. variables: all of them, named or not.
    """

    state: dict
    slots: frozenset
    optimizers: list
    variables: list


def state_of(model, checkpoint_names):
    """The ``State`` of a compiled model; arguments and errors as of ``compiled``."""
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
    slots = {
        name: slot
        for name, slot in slots_of_all(optimizers, names).items()
        if key_of(slot) not in names
    }
    for optimizer in optimizers:
        for name, average in averages_of(optimizer, names).items():
            if key_of(average) not in names:
                state[name] = average
    belonging = {key_of(v) for optimizer in optimizers for v in optimizer.variables}
    # A count of steps and a rate were variables of the program in TF1, no slots.
    apart = {
        key_of(variable)
        for optimizer in optimizers
        for variable in (
            optimizer.iterations,
            optimizer.learning_rate,
            *scales_of(optimizer),
        )
    }
    slots_by_other_names = {
        name for key, name in names.items() if key in belonging - apart
    }
    return State(
        {**state, **dict(sorted(slots.items()))},
        frozenset({*slots, *slots_by_other_names}),
        optimizers,
        variables,
    )


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


def scales_of(optimizer):
    """What a dynamic scale of losses has come to, and its count; () without one."""
    if not isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return ()
    return optimizer.dynamic_scale, optimizer.step_counter


def _inputs_of(model):
    """{name in a batch: spec} of a functional model's inputs, some of them sparse."""
    listed = getattr(model, "inputs", None) or []
    specs = {
        tensor.name: (tf.SparseTensorSpec if tensor.sparse else tf.TensorSpec)(
            tensor.shape, tensor.dtype
        )
        for tensor in listed
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


def _step(model, data):
    """One update: by the model's own ``train_step``, if it has one, or by ours."""
    if type(model).train_step is not keras.Model.train_step:
        return type(model).train_step(model, data)
    return train_step(model, *data)


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


def train(twin, dataset, level, steps, in_one_call=True):
    """Trains a ``compiled`` twin with nothing observed, as a program does.

    Args:
        dataset: a ``tf.data.Dataset`` of (x, y_true); a function and eager code also
            take its iterator, and go on where they stopped.
        level: one of ``LEVELS``.
        steps: how many.
        in_one_call: whether the loop of a function is in the graph as well; else Python
            calls it once a step, as it calls ``session.run`` and as ``fit`` does.
    """
    model = twin.fitted["train"].model
    if level == "fit":
        model.fit(dataset, steps_per_epoch=steps, shuffle=False, verbose=0)
    elif level == "function" and not in_one_call:
        if "step" not in twin.unobserved:
            twin.unobserved["step"] = tf.function(
                lambda *data: _step(model, data), input_signature=dataset.element_spec
            )
        for data in itertools.islice(dataset, steps):
            twin.unobserved["step"](*data)
    elif level == "function":
        if "train" not in twin.unobserved:
            twin.unobserved["train"] = tf.function(_steps(model))
        # The loop is in the graph as well: one call runs all the steps.
        twin.unobserved["train"](iter(dataset), tf.constant(steps))
    else:
        batches = iter(dataset)
        for _ in range(steps):
            _step(model, next(batches))


def _steps(model):
    def run(batches, steps):
        for _ in tf.range(steps):
            _step(model, next(batches))

    return run
