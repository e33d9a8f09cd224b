"""The twins of tf1_graph.parts.optimizers: Keras optimizers on the same problems."""

import keras
import tensorflow as tf

from parity_tests.engine.comparison import compare_plays
from parity_tests.pair.pair import Pair
from parity_tests.parts.making import made
from tf1_graph.parts import optimizers as tf1_optimizers
from tf1_graph.parts.optimizers import KERNEL, TABLE
from tf2_keras import training
from tf2_keras.observing import key_of
from tf2_keras.slots import averages_of, slots_of


def twin(part, arguments, problem, optimizer=None, variable=keras.Variable):
    """The ``training.Twin`` of ``tf1_graph.parts.optimizers.program``.

    Args:
        part, arguments, problem: as there.
        optimizer: what to use in place of the part.
        variable: makes a variable of an array and a name.
    """
    values, (batch, *_) = problem
    if optimizer is None:
        optimizer = made(part, arguments)
    variables = {name: variable(value, name=name) for name, value in values.items()}
    optimizer.build(list(variables.values()))
    slots = slots_by_name(optimizer, variables)
    accumulates = bool(getattr(optimizer, "accumulation_steps", None))

    def train(**batch):
        gradients = {
            name: gradient_of(name, variables[name], batch) for name in variables
        }
        optimizer.apply(list(gradients.values()), list(variables.values()))
        # Of an accumulated gradient the batch's own is seen.
        return {"gradients": gradients} if accumulates else {}

    return training.Twin(
        # Keras's own divides its count by the batches that it sums.
        {
            **variables,
            "global_step": optimizer._iterations,
            **averages_by_name(optimizer, variables),
            **slots,
        },
        {"train": train, "accumulate": train},
        slots=slots,
        hidden=optimizer.variables,
        settings={"learning_rate": optimizer._learning_rate}
        if hasattr(optimizer._learning_rate, "assign")
        else {},
        optimizers=[] if accumulates else [optimizer],
        inputs={name: spec_like(name, array, values) for name, array in batch.items()},
    )


def spec_like(name, array, values):
    """The tf.TensorSpec of an input; how many rows are sparse is left open."""
    shape = array.shape if name in values else [None, *array.shape[1:]]
    return tf.TensorSpec(shape, array.dtype)


def gradient_of(name, variable, batch):
    """A variable's gradient in a batch: dense, sparse or None."""
    if name in batch:
        return batch[name]
    if f"{name} values" not in batch:
        return None
    return tf.IndexedSlices(
        batch[f"{name} values"],
        batch[f"{name} indices"],
        tf.constant(list(variable.shape), tf.int64),
    )


def slots_by_name(optimizer, variables):
    """{TF1 name: variable} of the slots and sums of an optimizer; built beforehand."""
    names = {key_of(variable): name for name, variable in variables.items()}
    slots = slots_of(optimizer, names)
    if sums := getattr(optimizer, "_sums", None):
        for name, total in zip(variables, sums, strict=True):
            slots[f"{name}/gradient_sum"] = total
    return slots


def averages_by_name(optimizer, variables):
    """{TF1 name: variable} of moving averages; none if the optimizer has none."""
    names = {key_of(variable): name for name, variable in variables.items()}
    return averages_of(optimizer, names)


@keras.saving.register_keras_serializable("parts")
def mean_square(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_pred - y_true))


def regression(part, arguments, values, optimizer=None, **options):
    """The compiled Keras model of ``tf1_graph.parts.optimizers.regression``."""
    model = keras.Sequential(
        [
            keras.Input((2,), dtype="int32", name="x"),
            keras.layers.Embedding(*TABLE),
            keras.layers.Flatten(),
            keras.layers.Dense(KERNEL[1], use_bias=False),
        ]
    )
    model.set_weights([values["table"], values["kernel"]])
    model.compile(
        made(part, arguments) if optimizer is None else optimizer,
        mean_square,
        **{"jit_compile": False, **options},
    )
    return model


def regression_twin(model):
    """The ``training.Twin`` of the model, loaded or new."""
    optimizer = model.optimizer
    if not optimizer.built:
        optimizer.build(model.trainable_variables)
    variables = dict(zip(("table", "kernel"), model.trainable_variables, strict=True))
    averages = averages_by_name(optimizer, variables)
    names = {
        **variables,
        "global_step": optimizer.iterations,
        **averages,
        **slots_by_name(optimizer, variables),
    }
    compiled = training.compiled(
        model, {name: variable.path for name, variable in names.items()}
    )
    compiled.slots -= set(averages)  # the optimizer owns them, but not as TF1's slots
    # Which batches are only summed, the optimizer counts itself.
    compiled.moves["accumulate"] = compiled.moves["train"]
    compiled.fitted["accumulate"] = compiled.fitted["train"]
    return compiled


def regression_pair(part, arguments, values):
    """The Pair of the regression's program and its model's twin."""
    return Pair(
        tf1_optimizers.regression(part, arguments),
        regression_twin(regression(part, arguments, values)),
    )


def saved_and_loaded(part, arguments, steps, saved, path):
    """Trains a model in ``fit``, saves it, and goes on with what is loaded.

    Args:
        steps, saved: how many there are, and after how many it is saved.
        path: of the .keras file.

    Returns:
        (the loaded model, the Comparison of what it does with what TF1 does on).

    Raises:
        AssertionError: if the model was not TF1's before.
    """
    values, moves = tf1_optimizers.regression_problem(steps)
    moves = tf1_optimizers.moves(arguments, [batch for _, batch in moves])
    model, records = regression(part, arguments, values), []
    program = tf1_optimizers.regression(part, arguments)
    with Pair(program, regression_twin(model)) as pair:
        pair.compare(
            moves[:saved], "fit", values, on_reference=records.append
        ).require_agreement()
        model.save(path)
        loaded = keras.models.load_model(path)
        # What was loaded has to be what TF1 was left with, and goes on from there.
        left = {**records[-1]["slots"], **records[-1]["updates"]}
        comparison = compare_plays(
            pair.reference(moves[saved:], left),
            training.play(regression_twin(loaded), moves[saved:], "fit"),
        )
    assert comparison.records == steps - saved + 1
    return loaded, comparison
