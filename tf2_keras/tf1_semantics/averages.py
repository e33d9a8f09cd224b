"""TF1's moving averages of variables, for optimizers and custom loops."""

import contextlib
import functools

import keras
import numpy as np
import tensorflow as tf

from tf2_keras.tf1_semantics.configuration import Configured
from tf2_keras.tf1_semantics.errors import require, require_below_one, require_flags

__all__ = ["ExponentialMovingAverage"]


@keras.saving.register_keras_serializable("tf1_semantics")
class ExponentialMovingAverage(Configured):
    r"""``tf.train.ExponentialMovingAverage`` of variables, from their first values.

        average -= (average - variable) * (1 - decay)

    after every update of the variables; with ``num_updates`` decay is
    min(decay, (1 + n) / (10 + n)), where n is the global step with that update counted,
    as ``with tf.control_dependencies([train]): average.apply(variables)`` had it.

    Keras's ``use_ema`` starts from the values after the first update and has no
    ``num_updates``.

    An optimizer updates it after every step, holds its variables and saves them:

        average = ExponentialMovingAverage(0.999, num_updates=True)
        model.compile(optimizers.Adam(moving_average=average), ...)
        model.fit(...)
        with average.swapped_in():
            model.evaluate(...)

    A custom loop calls ``build(variables)`` once, ``update(step)`` after each update.

    What has no value of its own, such as a loss, is built as a ``tf.TensorSpec`` and
    passed to ``update``. Its average starts at zero. Only such averages know
    ``zero_debias``: for variables TF1 ignored it, for they do not start at zero.

    Args:
        decay: a float in [0, 1).
        num_updates: whether the first updates count more. Where TF1 took the global
            step, this is True and the step is passed to ``update``.
        zero_debias: whether averages of tensors are divided by 1 - decay^updates.

    Raises:
        ValueError: for arguments outside their range; at ``build``, if it is built.
    Source: tf.train.ExponentialMovingAverage, 1.15.
    """

    def __init__(self, decay, num_updates=False, zero_debias=False):
        require_below_one("decay", decay, 0.999)
        require_flags(num_updates=num_updates, zero_debias=zero_debias)
        self.decay = decay
        self.num_updates = num_updates
        self.zero_debias = zero_debias
        self.averaged = None  # variables and TensorSpecs, once built
        self._swapped = False

    def build(self, variables, optimizer=None):
        """Makes the averages of ``variables``, which have to have their values.

        Args:
            variables: Keras or TensorFlow variables; or tf.TensorSpec of tensors.
            optimizer: a Keras optimizer to own the averages, or None.

        Raises:
            ValueError: if this was called before.
        """
        require(
            self.averaged is None,
            "moving_average must be an object of its own for every optimizer",
            "one that is built",
            "Use a new ExponentialMovingAverage",
        )
        variables = list(variables)
        new_variable = (
            optimizer.add_variable
            if optimizer
            else functools.partial(keras.Variable, trainable=False)
        )

        def companion(averaged, name, start):
            prefix = (averaged.name or "tensor").split(":")[0].replace("/", "_")
            return new_variable(
                shape=start.shape,
                dtype=start.dtype.name,
                name=f"{prefix}_{name}",
                initializer=lambda _, dtype=None: tf.constant(start, dtype),
                aggregation="only_first_replica",
            )

        # In a function that is being traced, a variable's value is a symbol whose value
        # is that of some later step. Here it is what the variable holds now.
        with tf.init_scope():
            starts = [
                np.zeros(variable.shape, variable.dtype.as_numpy_dtype)
                if is_spec(variable)
                # An array: of equal Python numbers TensorFlow keeps one tensor, and
                # -0.0 equals 0.0.
                else np.asarray(tf.convert_to_tensor(variable))
                for variable in variables
            ]
            pairs = list(zip(variables, starts, strict=True))
            self.averages = [
                companion(variable, "moving_average", start)
                for variable, start in pairs
            ]
            self._debiased = {
                place: (
                    companion(spec, "biased", start),
                    companion(spec, "local_step", np.zeros([], start.dtype)),
                )
                for place, (spec, start) in enumerate(pairs)
                if self.zero_debias and is_spec(spec)
            }
        self.averaged = variables

    @property
    def variables(self):
        """All that it remembers, to be saved where no optimizer does it."""
        return [
            *self.averages,
            *(variable for pair in self._debiased.values() for variable in pair),
        ]

    def update(self, step=None, values=()):
        """Moves the averages towards what the variables hold now.

        Args:
            step: how many updates there were, this one included; for ``num_updates``.
            values: a tensor for each tf.TensorSpec that it was built with.

        Raises:
            ValueError: before ``build``, without a step that is needed, for a wrong
                number of values, and while swapped in.
        """
        self._require_built("update")
        require(
            not self._swapped,
            "update must not be called while the averages are swapped in",
            "a call of update",
            "Leave the with statement first",
        )
        require(
            step is not None or not self.num_updates,
            "step must be given with num_updates=True",
            "None",
            "Use the number of updates, such as optimizer.iterations",
        )
        values = list(values)
        missing = sum(map(is_spec, self.averaged))
        require(
            len(values) == missing,
            f"values must be a list of {missing}, one for each tf.TensorSpec",
            f"{len(values)} of them",
            "Use update(step, values=[loss])",
        )
        decay = tf.constant(self.decay, tf.float32)
        if self.num_updates:
            updates = tf.cast(tf.convert_to_tensor(step), tf.float32)
            decay = tf.minimum(decay, (1.0 + updates) / (10.0 + updates))
        values = iter(values)
        for place, (average, averaged) in enumerate(self._pairs()):
            average = average.value
            value = tf.convert_to_tensor(
                next(values) if is_spec(averaged) else averaged
            )
            # TF1 rounds to float32 first, whatever it averages.
            rate = tf.cast(1.0 - decay, average.dtype)
            if place in self._debiased:
                biased, count = (variable.value for variable in self._debiased[place])
                biased.assign_sub((biased - value) * rate)
                count.assign_add(tf.ones([], count.dtype))
                average.assign(
                    tf.convert_to_tensor(biased) / (1.0 - tf.pow(1.0 - rate, count))
                )
            else:
                average.assign_sub((average - value) * rate)

    def average(self, variable):
        """The average's variable, or None if ``variable`` has none."""
        self._require_built("average")
        return next(
            (average for average, averaged in self._pairs() if averaged is variable),
            None,
        )

    @contextlib.contextmanager
    def swapped_in(self):
        """The averaged variables hold their averages in a with statement's body.

        Afterwards they hold what they held before, also if the body raises. What the
        body trains is lost. TF1 restored ``variables_to_restore()`` in a Session of
        its own.

        Raises:
            ValueError: before ``build``; if it is swapped in; in a tf.function.
        """
        self._require_built("swapped_in")
        require(
            not self._swapped,
            "swapped_in must not be nested in itself",
            "a second with statement",
            "Use one around both",
        )
        require(
            tf.executing_eagerly(),
            "swapped_in must be called eagerly",
            "a call in a tf.function",
            "Use it around the call of the function",
        )
        swapped = [
            (average, variable, tf.convert_to_tensor(variable).numpy())
            for average, variable in self._pairs()
            if not is_spec(variable)
        ]
        self._swapped = True
        try:
            for average, variable, _ in swapped:
                variable.assign(average.value)
            yield self
        finally:
            for _, variable, value in swapped:
                variable.assign(value)
            self._swapped = False

    def _pairs(self):
        """(average, what is averaged) of each."""
        return zip(self.averages, self.averaged, strict=True)

    def _require_built(self, what):
        require(
            self.averaged is not None,
            f"{what} must come after build",
            "averages that are not built",
            "Call build(variables) first, or pass it to an optimizer",
        )


def is_spec(averaged):
    """Whether what is averaged has no value of its own."""
    return isinstance(averaged, tf.TensorSpec)
