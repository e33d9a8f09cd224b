"""Optimizers with weight decay that no TensorFlow of today has: contrib's and BERT's."""

import re

import tensorflow.compat.v1 as tf

from tf1_graph.parts.cases import genuine

DECOUPLED = {
    "AdamW": "tf.train.AdamOptimizer",
    "MomentumW": "tf.train.MomentumOptimizer",
}
BERT = "optimizers.AdamWeightDecay"


class Decoupled:
    """``tf.contrib.opt``'s weight decay, which compat.v1 lost, before an optimizer.

    Source: contrib/opt/python/training/weight_decay_optimizers.py, 1.15: a variable is
    decayed, its rows if the gradient is sparse, and then updated.
    """

    def __init__(self, name, weight_decay, **arguments):
        self.optimizer = genuine(DECOUPLED[name])(name=name, **arguments)
        self.weight_decay = weight_decay

    def apply_gradients(self, gradients_and_variables, step, decay_var_list=None):
        decays = []
        for gradient, variable in gradients_and_variables:
            if gradient is None or not (
                decay_var_list is None
                or any(variable is decayed for decayed in decay_var_list)
            ):
                continue
            # TF1 left open which comes first; the twin's gradient does.
            with tf.control_dependencies(_dense_parts(gradient)):
                if isinstance(gradient, tf.IndexedSlices):
                    rows = tf.unique(gradient.indices)[0]
                    change = -self._decay(variable) * tf.gather(variable, rows)
                    decays.append(tf.scatter_add(variable, rows, change))
                else:
                    change = self._decay(variable) * variable
                    decays.append(tf.assign_sub(variable, change))
        with tf.control_dependencies(decays):
            return self.optimizer.apply_gradients(gradients_and_variables, step)

    def _decay(self, variable):
        """A number; or a schedule's tensor, which TF1 had for float32 variables."""
        if not tf.is_tensor(self.weight_decay):
            return self.weight_decay
        return tf.cast(self.weight_decay, variable.dtype.base_dtype)

    def variables(self):
        return self.optimizer.variables()


def _dense_parts(gradient):
    if isinstance(gradient, tf.IndexedSlices):
        return [gradient.values, gradient.indices]
    return [gradient]


class AdamWeightDecayOptimizer:
    """BERT's optimizer, and what its ``create_optimizer`` did with the global step.

    Written anew from what google-research/bert, optimization.py, computes: Adam's
    moments without a bias correction, to which the decay is added before the rate. Its
    class left the global step alone; ``create_optimizer`` counted by hand, beside the
    updates, so that a ref variable was read before or after: here it is after them.

    Args:
        moves_global_step: False for the class alone.
    """

    def __init__(
        self,
        learning_rate,
        weight_decay_rate=0.0,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-6,
        exclude_from_weight_decay=None,
        moves_global_step=True,
    ):
        self.learning_rate = learning_rate
        self.weight_decay_rate = weight_decay_rate
        self.betas = beta_1, beta_2
        self.epsilon = epsilon
        self.excluded = exclude_from_weight_decay or ()
        self.moves_global_step = moves_global_step

    def apply_gradients(self, gradients_and_variables, step):
        updates = [
            update
            for gradient, variable in gradients_and_variables
            if gradient is not None
            for update in self._updates(gradient, variable)
        ]
        if not self.moves_global_step:
            return tf.group(*updates)
        with tf.control_dependencies(updates):
            return tf.assign_add(step, 1).op

    def _updates(self, gradient, variable):
        name = variable.op.name
        m, v = (
            tf.get_variable(
                name + slot,
                variable.shape.as_list(),
                tf.float32,
                tf.zeros_initializer(),
                trainable=False,
            )
            for slot in ("/adam_m", "/adam_v")
        )
        beta_1, beta_2 = self.betas
        # A sparse gradient becomes a dense one, by tf.multiply.
        next_m = tf.multiply(beta_1, m) + tf.multiply(1.0 - beta_1, gradient)
        next_v = tf.multiply(beta_2, v) + tf.multiply(1.0 - beta_2, tf.square(gradient))
        update = next_m / (tf.sqrt(next_v) + self.epsilon)
        if self.weight_decay_rate and not any(
            re.search(pattern, name) for pattern in self.excluded
        ):
            update += self.weight_decay_rate * variable
        after = variable - self.learning_rate * update
        return [tf.assign(variable, after), tf.assign(m, next_m), tf.assign(v, next_v)]

    def variables(self):
        """None that is no slot of a variable, whose name it begins with."""
        return []
