"""What the optimizers share: they run on the fused kernels that TF1's own Session ran.

Keras 3 writes its updates as a dozen elementwise ops; these are one kernel a variable:
the numbers are TF1's and the step is faster.
"""

import keras
import tensorflow as tf

from tf2_keras.tf1_semantics.averages import ExponentialMovingAverage
from tf2_keras.tf1_semantics.clipping import values_of
from tf2_keras.tf1_semantics.configuration import Configured
from tf2_keras.tf1_semantics.errors import (
    is_function,
    is_int,
    is_number,
    require,
    require_positive,
)
from tf2_keras.tf1_semantics.xla import refuse_xla

# What Keras offers every optimizer and TF1 computed otherwise, or not at all.
UNLIKE_TF1 = {
    "weight_decay": "Add weight_decay * tf.nn.l2_loss(variable) to the loss, or use "
    "AdamW or MomentumW",
    "use_ema": "Use moving_average=averages.ExponentialMovingAverage(0.99), whose "
    "first is the initial value",
    "loss_scale_factor": "Wrap the optimizer in keras.optimizers.LossScaleOptimizer",
}

# What Keras's base class takes; it drops an argument called decay without an error.
OF_KERAS = (
    "clipnorm",
    "clipvalue",
    "global_clipnorm",
    "weight_decay",
    "use_ema",
    "ema_momentum",
    "ema_overwrite_frequency",
    "loss_scale_factor",
)


class FusedOptimizer(Configured, keras.optimizers.Optimizer):
    """The base of TF1's optimizers as Keras ones.

    Dense gradients update all of a variable; of sparse ones (``tf.IndexedSlices``, what
    an embedding gets) duplicate rows are summed first and only the rows that occur are
    touched, as in TF1, unless a subclass says otherwise.

    Args:
        learning_rate: a float, not negative, or a schedule.
        name: of the optimizer.
        clip: functions of a list of gradients, applied in order; see ``clipping``, also
            for what they see under a strategy.
        moving_average: an ``averages.ExponentialMovingAverage`` of the variables, or
            None.
        gradient_accumulation_steps: None, or n: sum the gradients of n batches, then
            apply their mean, as TF1 programs did with variables of their own.
            ``iterations`` counts what was applied, as TF1's global step did, so that a
            schedule changes only then. A sparse gradient is added to its rows of a
            dense sum, and the update is a dense one.
        clipnorm, global_clipnorm, clipvalue: Keras's own arguments, which do here what
            ``tf.clip_by_norm``, ``tf.clip_by_global_norm`` and ``tf.clip_by_value``
            did.

    Raises:
        ValueError: for arguments outside their range.
        NotImplementedError: when traced under ``jit_compile=True``; when gradients are
            to be accumulated on several replicas.
    """

    # TF1's kernels, names in tf.raw_ops: of dense gradients, and of rows.
    dense_kernel = sparse_kernel = None
    # What they call the rate, a dense gradient, and the slots as create_slots has them.
    rate_name, dense_gradient_name = "lr", "grad"
    slot_names = ()
    # {what they call a hyper-parameter: the attribute that it is here}.
    hyperparameters = {}
    # What they take.
    dtypes = ("float16", "bfloat16", "float32", "float64")
    # Whether slices of equal rows are summed before ``sparse_update`` sees them.
    sums_duplicate_rows = True

    def __init__(
        self,
        learning_rate,
        name,
        clip=(),
        moving_average=None,
        gradient_accumulation_steps=None,
        **kwargs,
    ):
        if not is_function(learning_rate):  # schedules are
            require(
                is_number(learning_rate) and 0 <= learning_rate < float("inf"),
                "learning_rate must be a finite number that is not negative, or a "
                "schedule",
                repr(learning_rate),
                "Use a value such as 0.01",
            )
            learning_rate = float(learning_rate)
        for argument in kwargs:
            require(
                argument in OF_KERAS,
                f"{argument} must be an argument of {type(self).__name__}",
                repr(kwargs[argument]),
                "Use help() to see what it takes",
            )
        for argument, remedy in UNLIKE_TF1.items():
            require(
                not kwargs.get(argument),
                f"{argument} must be left out: TF1 had none, or computed it otherwise",
                repr(kwargs.get(argument)),
                remedy,
            )
        for argument in ("clipnorm", "global_clipnorm", "clipvalue"):
            if kwargs.get(argument) is not None:
                require_positive(argument, kwargs[argument], 1.0)
        steps = gradient_accumulation_steps
        require(
            steps is None or is_int(steps, at_least=2),
            "gradient_accumulation_steps must be an int of at least 2, or None",
            repr(steps),
            "Use None to apply every gradient",
        )
        clips = clip if isinstance(clip, (list, tuple)) else [clip]
        require(
            all(map(is_function, clips)),
            "clip must be a function of a list of gradients, or a list of such",
            repr(clip),
            "Use for instance clip=clipping.ByGlobalNorm(1.0)",
        )
        require(
            moving_average is None
            or isinstance(moving_average, ExponentialMovingAverage),
            "moving_average must be an ExponentialMovingAverage, or None",
            repr(moving_average),
            "Use for instance averages.ExponentialMovingAverage(0.99)",
        )
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        # Keras's attribute gradient_accumulation_steps stays None: by it Keras would
        # count batches instead of updates, and clip a batch instead of the mean.
        self.accumulation_steps = steps
        self.clip = tuple(clips)
        self.moving_average = moving_average

    def build(self, variables):
        if self.built:
            return
        for variable in variables:
            dtype = tf.as_dtype(variable.dtype).name
            require(
                dtype in self.dtypes,
                f"variables must be of a dtype that {type(self).__name__} has a kernel "
                f"for, {self.dtypes}",
                f"{dtype} of {variable.name}",
                "Use 'float32'",
            )
        super().build(variables)
        self._slots = self.create_slots(variables)
        if self.accumulation_steps:
            self._sums = self.add_slots(variables, "gradient_sum")
            self._summed = self.add_variable(
                shape=(),
                dtype="int64",
                initializer="zeros",
                name="summed_batches",
                aggregation="only_first_replica",
            )
        if self.moving_average is not None:
            self.moving_average.build(variables, self)

    def create_slots(self, _variables):
        """{TF1's name of a slot: [a Keras variable for each of the variables]}."""
        return {}

    def add_slots(self, variables, name, initializer="zeros"):
        """[a variable of the same shape and dtype for each of ``variables``]."""
        return [
            self.add_variable_from_reference(
                variable, name=name, initializer=initializer
            )
            for variable in variables
        ]

    def tf1_slots(self):
        """({slot: [a variable for each trainable one]}, {name: variable of no other}).

        The names are TF1's, so that a checkpoint can be handed over.
        """
        return dict(self._slots), {}

    def tf1_variables(self, names):
        """{TF1 name: variable} of what it keeps, its count of steps as ``global_step``.

        Args:
            names: what TF1 called the variables that it was built on, in their order.
        """
        slots, others = self.tf1_slots()
        kept = {
            f"{name}/{slot}": variable
            for slot, variables in slots.items()
            for name, variable in zip(names, variables, strict=True)
        }
        return {**kept, **others, "global_step": self.iterations}

    def apply(self, grads, trainable_variables=None):
        refuse_xla(type(self).__name__)
        grads = list(grads)
        if not grads:
            return
        if trainable_variables is not None:
            trainable_variables = list(trainable_variables)
        if self.accumulation_steps:
            self._accumulate(grads, trainable_variables)
        else:
            self._apply_now(grads, trainable_variables)

    def _apply_now(self, grads, trainable_variables):
        # TF1 counts a step once its updates are done. Keras counts as soon as it can:
        # when a data set of unknown length runs out, fit has one more step in hand,
        # whose batch never comes and which is counted all the same.
        with tf.control_dependencies(
            [values_of(gradient) for gradient in grads if gradient is not None][-1:]
        ):
            for clip in self.clip:
                grads = clip(grads)
            super().apply(grads, trainable_variables)
            self.finish()
            if self.moving_average is not None:
                self.moving_average.update(self.iterations)

    def _accumulate(self, grads, trainable_variables):
        """Adds the gradients to the sums, and applies the mean if that was the n-th."""
        if tf.distribute.get_strategy().num_replicas_in_sync > 1:
            raise NotImplementedError(
                "gradient_accumulation_steps must be None on several replicas. "
                f"Received: {self.accumulation_steps}. "
                "Use one replica, or larger batches."
            )
        if not self.built:
            if trainable_variables is None:
                return self._apply_now(grads, None)  # which refuses
            # Variables cannot be made inside tf.cond.
            with keras.name_scope(self.name, caller=self):
                self.build(trainable_variables)
        if trainable_variables is None:
            trainable_variables = self._trainable_variables
        sums = [
            None
            if gradient is None
            else self._sums[self._get_variable_index(variable)].value
            for gradient, variable in zip(grads, trainable_variables, strict=True)
        ]
        present = [
            (total, gradient)
            for total, gradient in zip(sums, grads, strict=True)
            if total is not None
        ]
        if not present:
            return self._apply_now(grads, trainable_variables)  # which refuses
        for total, gradient in present:
            gradient = tf.cast(gradient, total.dtype)
            if isinstance(gradient, tf.IndexedSlices):
                total.scatter_add(gradient)
            else:
                total.assign_add(gradient)

        def apply_mean():
            # Grappler makes a product of TF1's division by a constant.
            means = [
                None
                if total is None
                else total * (1 / tf.constant(self.accumulation_steps, total.dtype))
                for total in sums
            ]
            self._apply_now(means, trainable_variables)
            for total, _ in present:
                total.assign(tf.zeros_like(total))
            self._summed.value.assign(0)
            return True

        with tf.control_dependencies([values_of(present[-1][1])]):
            due = self._summed.value.assign_add(1) >= self.accumulation_steps
        tf.cond(due, apply_mean, lambda: False)

    def finish(self):
        """What happens once every variable is updated: nothing, in most optimizers."""
        return  # AutoGraph cannot convert a body that is only a docstring

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        slots = [companions[index].value.handle for companions in self._slots.values()]
        rate = self.as_tf1(learning_rate, variable.dtype)
        gradient = tf.cast(gradient, variable.dtype)  # what a loss scale may widen
        if isinstance(gradient, tf.IndexedSlices):
            values, rows = gradient.values, gradient.indices
            if self.sums_duplicate_rows:
                values, rows = sum_of_duplicates(gradient)
            self.sparse_update(variable, values, rows, rate, *slots)
        else:
            self.dense_update(variable, gradient, rate, *slots)

    def dense_update(self, variable, gradient, rate, *slots):
        """Updates ``variable`` and its slots, which come as handles."""
        kernel = getattr(tf.raw_ops, self.dense_kernel)
        gradient = {self.dense_gradient_name: gradient}
        kernel(var=variable.handle, **gradient, **self.arguments(variable, rate, slots))

    def sparse_update(self, variable, values, rows, rate, *slots):
        """Updates the ``rows`` [number] of ``variable`` by ``values`` [number, ...]."""
        kernel = getattr(tf.raw_ops, self.sparse_kernel)
        arguments = self.arguments(variable, rate, slots)
        kernel(var=variable.handle, grad=values, indices=rows, **arguments)

    def arguments(self, variable, rate, slots):
        """{name: value} of what both kernels take besides variable and gradient."""
        return {
            self.rate_name: rate,
            **dict(zip(self.slot_names, slots, strict=True)),
            **{
                name: self.as_tf1(getattr(self, attribute), variable.dtype)
                for name, attribute in self.hyperparameters.items()
            },
        }

    def _clip_gradients(self, grads):
        # Keras's own makes dense gradients of sparse ones here and there.
        if self.clipnorm:
            return [tf.clip_by_norm(gradient, self.clipnorm) for gradient in grads]
        if self.global_clipnorm:
            return tf.clip_by_global_norm(grads, self.global_clipnorm)[0]
        if self.clipvalue:
            return [
                tf.clip_by_value(gradient, -self.clipvalue, self.clipvalue)
                for gradient in grads
            ]
        return grads

    @staticmethod
    def as_tf1(hyperparameter, dtype):
        """TF1 made a float32 of every number, whatever it updated; not of a tensor."""
        if not tf.is_tensor(hyperparameter):
            hyperparameter = tf.cast(hyperparameter, tf.float32)
        return tf.cast(hyperparameter, dtype)

    def get_config(self):
        steps = self.accumulation_steps
        return {**super().get_config(), "gradient_accumulation_steps": steps}


def filled_with(value):
    """An initializer. Keras's Constant goes by way of float32, also to float64, and
    multiplies by ones, which makes zero of a denormal number.
    """
    return lambda shape, dtype: tf.fill(shape, tf.constant(value, dtype))


def sum_of_duplicates(gradient):
    """(values [rows, ...], distinct rows): the slices of equal rows summed.

    Source: training/optimizer.py, _deduplicate_indexed_slices.
    """
    rows, position = tf.unique(gradient.indices)
    return tf.math.unsorted_segment_sum(gradient.values, position, tf.size(rows)), rows
