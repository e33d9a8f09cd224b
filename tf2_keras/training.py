"""The TF2 side of a run, at three levels.

    eager     ``train_step`` called as plain Python, op by op
    function  the same step inside a ``tf.function``: what a custom loop is
    fit       ``model.fit`` with Keras's own train_step

A ``Training`` makes one twin ready to be run at each level again and again without
retracing. What happened is handed over as plain data, in order of execution: the
initial values, then for each step the loss, the gradients, the optimizer slots and the
new values, as dictionaries of numpy arrays under TF1's names.
"""

import warnings

import keras
import tensorflow as tf

LEVELS = ("eager", "function", "fit")


def train_step(model, x, y_true):
    """One update: what ``session.run(train, feed_dict=...)`` became.

    Returns:
        (scalar loss, gradients in the order of ``model.trainable_variables``).
    """
    with tf.GradientTape() as tape:
        y_pred = model(x, training=True)
        loss = model.compute_loss(x, y_true, y_pred)
    gradients = tape.gradient(loss, model.trainable_variables)
    model.optimizer.apply(gradients, model.trainable_variables)
    return loss, gradients


def batch_specs(model, x, y_true):
    """TensorSpecs of a batch (x, y_true), with no static size beyond the model's input.

    A static batch size would let Grappler fold what a TF1 placeholder of unknown
    size left open, ``sum / count`` into ``sum * (1 / count)`` for one.
    """
    return (
        tf.TensorSpec(model.inputs[0].shape, model.inputs[0].dtype),
        tf.TensorSpec([None] * y_true.ndim, y_true.dtype),
    )


class Training:
    """One compiled twin, with what is needed to run it again and again.

    Args:
        model: a compiled ``keras.Model`` with one input.
        checkpoint_names: {TF1 variable name: Keras path} of what is compared.
        on_batch: an example batch (x, y_true) of numpy arrays: fixes ranks and dtypes.
        steps_per_execution: steps that one call of ``fit``'s function runs; with more
            than one, callbacks (and ``run``) see only the last of them.
    """

    def __init__(self, model, checkpoint_names, on_batch, steps_per_execution=1):
        self.model = model
        model.steps_per_execution = steps_per_execution
        self.optimizer = model.optimizer
        self.optimizer.build(model.trainable_variables)
        self.specs = batch_specs(model, *on_batch)
        by_path = {
            variable.path: variable
            for variable in [*model.variables, *self.optimizer.variables]
        }
        missing = sorted(set(checkpoint_names.values()) - set(by_path))
        if missing:
            raise ValueError(
                "checkpoint_names must lead to variables of the model. "
                f"Received: {missing}. Use some of: {sorted(by_path)}."
            )
        self.variables = {
            name: by_path[path] for name, path in checkpoint_names.items()
        }
        tf1_names = {path: name for name, path in checkpoint_names.items()}
        self._trainable = {
            tf1_names[variable.path]: variable for variable in model.trainable_variables
        }
        self.slots = dict(sorted(self._named_slots(tf1_names)))
        # Everything that moves, named or not (a dropout layer's position in its
        # stream), as it was at the start.
        self._state = list(by_path.values())
        self._start = [variable.numpy() for variable in self._state]
        # Called with its model bound, the step is one concrete function for all batches.
        self._function = tf.function(
            lambda x, y_true: train_step(model, x, y_true), input_signature=self.specs
        )
        self._train_function = tf.function(self._train_steps)
        self._predict = tf.function(
            lambda x: model(x, training=False), input_signature=self.specs[:1]
        )
        self._recorder = None

    def _named_slots(self, tf1_names):
        if not hasattr(self.optimizer, "tf1_slots"):
            return  # Keras's plain SGD has none
        slots, others = self.optimizer.tf1_slots()
        for slot, slot_variables in slots.items():
            for variable, of in zip(slot_variables, self.model.trainable_variables):
                yield f"{tf1_names[of.path]}/{slot}", variable
        yield from others.items()

    def reset(self, values=None):
        """Back to the start: initial values, empty slots, random streams unread.

        ``values``, {TF1 name: array}, are put in place of initial ones.
        """
        for variable, value in zip(self._state, self._start):
            variable.assign(value)
        for name, value in (values or {}).items():
            variable = self.variables.get(name, self.slots.get(name))
            if variable is None:
                raise ValueError(
                    "values must be named after variables of the twin. "
                    f"Received: {name}. Use some of: {sorted(self.variables)}."
                )
            variable.assign(value)

    def run(self, batches, level, observe, values=None, learning_rate=None):
        """Trains on ``batches`` at ``level`` and gives every record to ``observe``.

        Args:
            batches: iterable of (x, y_true) numpy arrays in the model's dtypes.
            level: one of ``LEVELS``.
            observe: called with ``{'initial values': {...}}``, then after each step
                with ``{'loss': {...}, 'gradients': {...}, 'slots': {...},
                'updates': {...}}``. Gradients come as backpropagation reaches them,
                the last variable's first.
            values: see ``reset``.
            learning_rate: a float in place of the optimizer's own.
        """
        if level not in LEVELS:
            raise ValueError(
                f"level must be one of {LEVELS}. Received: {level!r}. "
                "Use 'function' for a custom loop."
            )
        self.reset(values)
        if learning_rate is not None:
            self.optimizer.learning_rate = learning_rate
        observe({"initial values": _numpy({**self.variables, **self.slots})})
        if level == "fit":
            self._fit_observed(batches, observe)
            return
        step = {"eager": self._eager, "function": self._function}[level]
        for x, y_true in batches:
            loss, gradients = step(x, y_true)
            observe(self._record(loss, gradients))

    def _eager(self, x, y_true):
        x_spec, y_spec = self.specs
        return train_step(
            self.model,
            tf.convert_to_tensor(x, x_spec.dtype),
            tf.convert_to_tensor(y_true, y_spec.dtype),
        )

    def _record(self, loss, gradients):
        return {
            "loss": {"loss": loss.numpy()},
            "gradients": _numpy(dict(reversed(list(zip(self._trainable, gradients))))),
            "slots": _numpy(self.slots),
            "updates": _numpy(self.variables),
        }

    def _fit_observed(self, batches, observe):
        if self._recorder is None:
            self._recorder = Recorder(self.model)
        self._recorder.after_step = lambda loss, gradients: observe(
            self._record(loss, gradients)
        )
        self._fit(batches, [self._recorder])

    def _fit(self, batches, callbacks=()):
        if not isinstance(batches, tf.data.Dataset):
            batches = self._dataset(batches)
        with warnings.catch_warnings():
            # Batches end where they end: the run is as long as they are.
            warnings.filterwarnings("ignore", message="Your input ran out of data")
            self.model.fit(batches, callbacks=list(callbacks), shuffle=False, verbose=0)

    def _dataset(self, batches):
        return tf.data.Dataset.from_generator(
            lambda: iter(batches), output_signature=self.specs
        )

    def train(self, dataset, level, steps):
        """Trains with nothing observed, as a program that only wants the result.

        Args:
            dataset: a ``tf.data.Dataset`` of (x, y_true); a function and eager code
                also take its iterator, and go on where they stopped.
            level: one of ``LEVELS``.
            steps: how many.
        """
        if level == "fit":
            self.model.fit(dataset, steps_per_epoch=steps, shuffle=False, verbose=0)
        elif level == "function":
            # The loop is in the graph as well: one call runs all the steps.
            self._train_function(iter(dataset), tf.constant(steps))
        else:
            batches = iter(dataset)
            for _ in range(steps):
                train_step(self.model, *next(batches))

    def _train_steps(self, batches, steps):
        for _ in tf.range(steps):
            x, y_true = next(batches)
            train_step(self.model, x, y_true)

    def predict(self, x):
        """What the model predicts for ``x``, as a numpy array: inference, no dropout."""
        return self._predict(x).numpy()


class Recorder(keras.callbacks.Callback):
    """Sees the loss and the gradients of Keras's own train_step, step by step.

    ``fit`` logs a running mean of the loss and no gradients. Both pass through
    ``compute_loss`` and ``optimizer.apply``: those two are wrapped, on this one model,
    to store in variables what they are given.
    """

    def __init__(self, model):
        super().__init__()
        self.loss = tf.Variable(0.0, trainable=False)
        self.gradients = [
            tf.Variable(tf.zeros_like(variable), trainable=False)
            for variable in model.trainable_variables
        ]
        self.after_step = None
        compute_loss, apply = model.compute_loss, model.optimizer.apply

        def recorded_compute_loss(
            x=None, y=None, y_pred=None, sample_weight=None, training=True
        ):
            loss = compute_loss(
                x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=training
            )
            self.loss.assign(loss)
            return loss

        def recorded_apply(gradients, trainable_variables=None):
            for store, gradient in zip(self.gradients, gradients):
                store.assign(gradient)
            return apply(gradients, trainable_variables)

        model.compute_loss = recorded_compute_loss
        model.optimizer.apply = recorded_apply

    def on_train_batch_end(self, batch, logs=None):
        self.after_step(self.loss, self.gradients)


def _numpy(tensors):
    return {name: tensor.numpy() for name, tensor in tensors.items()}
