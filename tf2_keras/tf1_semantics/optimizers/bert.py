"""BERT's ``AdamWeightDecayOptimizer`` as a Keras optimizer."""

import functools
import re

import keras
import tensorflow as tf

from tf2_keras.tf1_semantics.errors import (
    is_number,
    require,
    require_below_one,
    require_flags,
    require_not_negative,
)
from tf2_keras.tf1_semantics.optimizers.fused import FusedOptimizer


@keras.saving.register_keras_serializable("tf1_semantics")
class AdamWeightDecay(FusedOptimizer):
    r"""BERT's ``AdamWeightDecayOptimizer``: Adam without its bias correction.

        m = beta_1 * m + (1 - beta_1) * gradient
        v = beta_2 * v + (1 - beta_2) * gradient^2
        update = m / (sqrt(v) + epsilon) + weight_decay_rate * variable
        variable -= learning_rate * update

    The decay is multiplied by the rate, as in Keras and not as in ``AdamW``. Without the
    bias correction the first step is some three times as long as Adam's: with warm-up
    and fine-tuning's few steps that is most of the way. Its epsilon is 1e-6.

    A sparse gradient is made a dense one: all of m, v and the variable move.

    BERT's class left ``global_step`` to its caller, ``create_optimizer``, which added
    one to it after each update. Here ``iterations`` counts, as in every Keras
    optimizer, so that a warm-up moves. BERT clipped before:
    ``clip=clipping.ByGlobalNorm(1.0)``. It is called eagerly as a function, for what
    Grappler makes of the formula is part of its numbers.

    Args:
        learning_rate: a float or a schedule.
        weight_decay_rate: float, not negative.
        beta_1, beta_2: floats in [0, 1).
        epsilon: float, above zero: a row without a gradient divides zero by it, and
            today's Grappler makes m * rsqrt(v) of m / sqrt(v) in those graphs in which
            it can leave a sum with zero out. 1.15.5 did not.
        exclude_from_weight_decay: None or regular expressions: a variable in whose path
            one is found does not decay, such as "LayerNorm", "bias". Keras's method of
            this name looks at the last part of a path alone, "gamma", "beta".
        moves_global_step: False for ``iterations`` that only the caller counts.

    Source: google-research/bert, optimization.py, AdamWeightDecayOptimizer; Devlin et
        al. 2018, arXiv:1810.04805, section A.2.
    """

    dtypes = ("float32",)
    sums_duplicate_rows = False

    def __init__(
        self,
        learning_rate,
        weight_decay_rate=0.0,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-6,
        exclude_from_weight_decay=None,
        moves_global_step=True,
        name="adam_weight_decay",
        **kwargs,
    ):
        require_not_negative("weight_decay_rate", weight_decay_rate, 0.01)
        require_below_one("beta_1", beta_1, 0.9)
        require_below_one("beta_2", beta_2, 0.999)
        require(
            is_number(epsilon) and epsilon > 0,
            "epsilon must be positive: without it a row that never had a gradient "
            "divides zero by zero, and TensorFlow of today divides by a root or "
            "multiplies by its reciprocal, by what it knows of the gradient's shape",
            repr(epsilon),
            "Use 1e-6",
        )
        require(
            exclude_from_weight_decay is None
            or isinstance(exclude_from_weight_decay, (list, tuple))
            and all(map(_is_pattern, exclude_from_weight_decay)),
            "exclude_from_weight_decay must be None or a list of regular expressions",
            repr(exclude_from_weight_decay),
            'Use for instance ["LayerNorm", "layer_norm", "bias"]',
        )
        require_flags(moves_global_step=moves_global_step)
        super().__init__(learning_rate, name, **kwargs)
        self.weight_decay_rate = weight_decay_rate
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.exclude_from_weight_decay = exclude_from_weight_decay
        self.moves_global_step = moves_global_step

    def create_slots(self, variables):
        return {
            "adam_m": self.add_slots(variables, "m"),
            "adam_v": self.add_slots(variables, "v"),
        }

    def finish(self):
        if not self.moves_global_step:
            self._iterations.assign_sub(1)  # Keras has just added one

    def dense_update(self, variable, gradient, rate, m, v):
        formula = self._compiled if tf.executing_eagerly() else self._formula
        slots = [
            tf.raw_ops.ReadVariableOp(resource=slot, dtype=variable.dtype)
            for slot in (m, v)
        ]
        value, *slot_values = formula(
            variable.read_value(), gradient, rate, *slots, decays=self._decays(variable)
        )
        variable.assign(value)
        for slot, slot_value in zip((m, v), slot_values, strict=True):
            tf.raw_ops.AssignVariableOp(resource=slot, value=slot_value)

    def _decays(self, variable):
        trained = self._trainable_variables[self._get_variable_index(variable)]
        path = getattr(trained, "path", trained.name.partition(":")[0])
        return bool(self.weight_decay_rate) and not any(
            re.search(pattern, path) for pattern in self.exclude_from_weight_decay or ()
        )

    def sparse_update(self, variable, values, rows, rate, *slots):
        shape = tf.constant(list(variable.shape), rows.dtype)
        gradient = tf.convert_to_tensor(tf.IndexedSlices(values, rows, shape))
        self.dense_update(variable, gradient, rate, *slots)

    def _formula(self, variable, gradient, rate, m, v, decays):
        """(variable, m, v) after the update."""
        m = self.beta_1 * m + (1.0 - self.beta_1) * gradient
        v = self.beta_2 * v + (1.0 - self.beta_2) * tf.square(gradient)
        update = m / (tf.sqrt(v) + self.epsilon)
        if decays:
            update += self.weight_decay_rate * variable
        return variable - rate * update, m, v

    @functools.cached_property
    def _compiled(self):
        return tf.function(self._formula, autograph=False)


def _is_pattern(pattern):
    try:
        re.compile(pattern)
    except (re.error, TypeError):
        return False
    return isinstance(pattern, str)
