"""The TF2 side of a user's own pair, whatever it comes as, as a ``training.Twin``.

a compiled keras.Model       Keras's own train_step, or the model's
a training.Twin              state, moves and slots, as its docstring says
a dictionary                 the arguments of Twin: callables over variables
a function                   that returns one of these
"""

import keras
import numpy as np

from parity_tests.pair.errors import mistake, theirs
from parity_tests.pair.tf1_sides import unswitched
from tf2_keras import training
from tf2_keras.migrate.checkpoint.matching import Variable
from tf2_keras.paths import paths_of


def twin_of(tf2):
    """(``training.Twin`` under names of its own, the keras.Model or None).

    Raises:
        PairError: for what is none of the kinds above, or a model that is not compiled.
    """
    if callable(tf2) and not isinstance(tf2, keras.Model):
        with theirs("tf2 must build its model"), unswitched():
            tf2 = tf2()
    if isinstance(tf2, training.Twin):
        return tf2, None
    if isinstance(tf2, dict):
        with theirs("tf2 must be the arguments of a Twin"):
            return training.Twin(**tf2), None
    if not isinstance(tf2, keras.Model):
        raise mistake(
            "tf2 must be a compiled keras.Model, a Twin, or a function that returns one",
            f"{type(tf2).__name__} ({tf2!r:.60})",
            "See docs/own_pair.md",
        )
    if not (tf2.compiled or training.optimizers_of(tf2)):
        raise mistake(
            "A keras.Model must be compiled, or have optimizers of its own",
            tf2.name,
            "Call compile(optimizer, loss, jit_compile=False)",
        )
    if getattr(tf2, "jit_compile", False):
        raise mistake(
            "A keras.Model must be compiled without XLA, which changes numbers",
            f"{tf2.name} with jit_compile={tf2.jit_compile}",
            "Use compile(..., jit_compile=False)",
        )
    if getattr(tf2, "steps_per_execution", 1) != 1:
        raise mistake(
            "A keras.Model must be compiled to make a step an execution: both sides need "
            "as many",
            f"{tf2.name} with steps_per_execution={tf2.steps_per_execution}",
            "Leave steps_per_execution out of compile(...)",
        )
    with theirs("tf2 must be a model that can be trained"):
        return training.compiled(tf2, paths_of(tf2)), tf2


def variables(twin, model):
    """{the twin's name: Variable} without slots."""
    trainable = None
    if model is not None:
        trainable = {variable.path for variable in model.trainable_variables}
    listed = {}
    for name, variable in twin.state.items():
        if name in twin.slots or not hasattr(variable, "assign"):
            continue
        dtype = getattr(variable.dtype, "as_numpy_dtype", variable.dtype)
        is_trained = (
            name in trainable
            if trainable is not None
            else bool(getattr(variable, "trainable", True))
        )
        listed[name] = Variable(tuple(variable.shape), _dtype(dtype), is_trained)
    return listed


def _dtype(dtype):
    import ml_dtypes

    return np.dtype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)


def dropped(twin, model):
    """What of a twin's state is not compared unless it is matched: counts, and places
    in streams of random numbers, which TF1 kept in its kernels."""
    return tuple(
        name
        for name, variable in variables(twin, model).items()
        if model is not None and variable.dtype.kind in "iu" and not variable.trainable
    )
