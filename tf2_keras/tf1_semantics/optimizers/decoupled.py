"""``tf.contrib.opt``'s optimizers with decoupled weight decay, as Keras optimizers."""

import keras
import tensorflow as tf

from tf2_keras.tf1_semantics.errors import is_function, require_not_negative
from tf2_keras.tf1_semantics.optimizers.adam import Adam
from tf2_keras.tf1_semantics.optimizers.momentum import Momentum


class DecoupledWeightDecay:
    """Decays each variable just before its update; to be mixed into an optimizer.

    ``weight_decay`` is not multiplied by the learning rate, which Keras's is.
    """

    def __init__(self, weight_decay, *args, **kwargs):
        if not is_function(weight_decay):
            require_not_negative("weight_decay", weight_decay, 1e-4)
        super().__init__(*args, **kwargs)
        self.weight_decay = weight_decay

    def _apply_weight_decay(self, _variables):
        return  # Keras's way, by the rate times the decay

    def _decay(self, variable):
        if callable(self.weight_decay):
            return tf.cast(self.weight_decay(self.iterations), variable.dtype)
        # Not by way of float32, as TF1's other hyper-parameters went.
        return tf.constant(self.weight_decay, variable.dtype)

    def dense_update(self, variable, gradient, rate, *slots):
        if self._use_weight_decay(variable):
            variable.assign_sub(self._decay(variable) * variable, read_value=False)
        super().dense_update(variable, gradient, rate, *slots)

    def sparse_update(self, variable, values, rows, rate, *slots):
        if self._use_weight_decay(variable):
            tf.raw_ops.ResourceScatterAdd(
                resource=variable.handle,
                indices=rows,
                updates=-self._decay(variable) * tf.gather(variable, rows),
            )
        super().sparse_update(variable, values, rows, rate, *slots)


@keras.saving.register_keras_serializable("tf1_semantics")
class AdamW(DecoupledWeightDecay, Adam):
    r"""``tf.contrib.opt.AdamWOptimizer``: Loshchilov and Hutter 2017, arXiv:1711.05101.

        variable -= weight_decay * variable
        then as Adam

    Of a sparse gradient only the rows that occur decay, though all of them move. Where
    ``keras.optimizers.AdamW`` has ``learning_rate * weight_decay``, this has
    ``weight_decay``: to let it follow a schedule, give it one of its own.

    ``exclude_from_weight_decay``, which every Keras optimizer has, stands where TF1 had
    the argument decay_var_list. TF1 left open whether a gradient was computed before or
    after the decay; here it always is before.

    Args:
        weight_decay: a float, not negative, or a schedule.
        learning_rate, beta1, beta2, epsilon: as for ``Adam``.

    Source: contrib/opt/python/training/weight_decay_optimizers.py, 1.15.
    """

    def __init__(
        self,
        weight_decay,
        learning_rate=0.001,
        beta1=0.9,
        beta2=0.999,
        epsilon=1e-8,
        name="adam_w",
        **kwargs,
    ):
        super().__init__(
            weight_decay, learning_rate, beta1, beta2, epsilon, name, **kwargs
        )

    def create_slots(self, variables):
        first, second = super().create_slots(variables).values()
        return {"AdamW": first, "AdamW_1": second}


@keras.saving.register_keras_serializable("tf1_semantics")
class MomentumW(DecoupledWeightDecay, Momentum):
    r"""``tf.contrib.opt.MomentumWOptimizer``: Loshchilov and Hutter 2017, SGDW.

        variable -= weight_decay * variable
        then as Momentum

    Of a sparse gradient only the rows that occur decay. See ``AdamW`` for what is not
    decayed, and for what Keras's weight_decay is instead.

    Args:
        weight_decay: a float, not negative, or a schedule.
        learning_rate, momentum, use_nesterov: as for ``Momentum``.

    Source: contrib/opt/python/training/weight_decay_optimizers.py, 1.15.
    """

    def __init__(
        self,
        weight_decay,
        learning_rate,
        momentum,
        use_nesterov=False,
        name="momentum_w",
        **kwargs,
    ):
        super().__init__(
            weight_decay, learning_rate, momentum, use_nesterov, name, **kwargs
        )

    def create_slots(self, variables):
        (accumulators,) = super().create_slots(variables).values()
        return {"MomentumW": accumulators}
