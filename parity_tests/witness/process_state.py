"""What a process keeps that changes what calls give: read, settled, put back.

A call that is compared with what another process gave starts from what a new process
starts from, whatever ran before it: the graph rewriter's options, Keras's float type, the
levels of loggers. ``as_new`` settles all of them and puts them back.
"""

import contextlib
import functools
from typing import NamedTuple

SEED = "TensorFlow's global seed"


class Setting(NamedTuple):
    """One thing that a process keeps."""

    read: object  # () -> the value
    write: object  # (value) -> None
    new: object  # in a new process, after ``reference_conditions.import_tensorflow``
    other: object  # any other value, for a test to set


@functools.cache
def settings():
    """{name: Setting} of today's TensorFlow and Keras."""
    import keras
    import tensorflow as tf

    config, optimizer, v1 = tf.config, tf.config.optimizer, tf.compat.v1

    def switch(read, turn_on, turn_off, new):
        def write(value):
            (turn_on if value else turn_off)()

        return Setting(read, write, new, not new)

    def write_options(options):
        # None takes back what was said of an option; there is no other way to.
        told = dict.fromkeys(optimizer.get_experimental_options())
        optimizer.set_experimental_options({**told, **options})

    options = {"disable_model_pruning": False, "disable_meta_optimizer": False}
    return {
        "tf.config.optimizer's options": Setting(
            optimizer.get_experimental_options,
            write_options,
            options,
            {**options, "remapping": False},
        ),
        "tf.config.optimizer's jit": Setting(
            optimizer.get_jit,
            lambda value: optimizer.set_jit(value or False),
            "",
            "autoclustering",
        ),
        "tf.config's soft placement": Setting(
            config.get_soft_device_placement,
            config.set_soft_device_placement,
            True,
            False,
        ),
        "tf.config's functions run eagerly": Setting(
            config.functions_run_eagerly, config.run_functions_eagerly, False, True
        ),
        "tf.config's TensorFloat-32": Setting(
            config.experimental.tensor_float_32_execution_enabled,
            config.experimental.enable_tensor_float_32_execution,
            True,
            False,
        ),
        "tf.debugging's log of placement": Setting(
            tf.debugging.get_log_device_placement,
            tf.debugging.set_log_device_placement,
            False,
            True,
        ),
        "compat.v1's control flow v2": switch(
            v1.control_flow_v2_enabled,
            v1.enable_control_flow_v2,
            v1.disable_control_flow_v2,
            True,
        ),
        "compat.v1's resource variables": switch(
            v1.resource_variables_enabled,
            v1.enable_resource_variables,
            v1.disable_resource_variables,
            True,
        ),
        "compat.v1's tensor equality": switch(
            lambda: tf.Tensor._USE_EQUALITY,  # no public name reads it
            v1.enable_tensor_equality,
            v1.disable_tensor_equality,
            True,
        ),
        "TensorFlow's level of logs": Setting(
            v1.logging.get_verbosity, v1.logging.set_verbosity, 40, 10
        ),
        SEED: Setting(
            # Where one is set, this takes a number of its stream.
            lambda: v1.get_seed(None)[0],
            tf.random.set_seed,
            None,
            7,
        ),
        "Keras's float type": Setting(
            keras.config.floatx, keras.config.set_floatx, "float32", "float64"
        ),
        "Keras's epsilon": Setting(
            keras.config.epsilon, keras.config.set_epsilon, 1e-7, 1e-2
        ),
        "Keras's layout of images": Setting(
            keras.config.image_data_format,
            keras.config.set_image_data_format,
            "channels_last",
            "channels_first",
        ),
        "Keras's policy of types": Setting(
            lambda: keras.config.dtype_policy().name,
            keras.config.set_dtype_policy,
            "float32",
            "mixed_bfloat16",
        ),
        "Keras's progress bars": switch(
            keras.config.is_interactive_logging_enabled,
            keras.config.enable_interactive_logging,
            keras.config.disable_interactive_logging,
            True,
        ),
        "Keras's short tracebacks": switch(
            keras.config.is_traceback_filtering_enabled,
            keras.config.enable_traceback_filtering,
            keras.config.disable_traceback_filtering,
            True,
        ),
    }


def read():
    """{name: value} of every setting."""
    return {name: setting.read() for name, setting in settings().items()}


def write(values):
    """Sets what differs of {name: value}: some setters throw away what is compiled."""
    known = settings()
    for name, value in values.items():
        if known[name].read() != value:
            known[name].write(value)


@contextlib.contextmanager
def as_new():
    """The body runs in what a new process has; afterwards all is as it was."""
    with _settled({name: setting.new for name, setting in settings().items()}):
        yield


@contextlib.contextmanager
def as_other():
    """The body runs in what no new process has, as if others had set everything."""
    with _settled({name: setting.other for name, setting in settings().items()}):
        yield


@contextlib.contextmanager
def _settled(values):
    kept = read()
    write(values)
    try:
        yield
    finally:
        write(kept)
