"""How a move of a twin is played: eagerly, in a function, in ``fit``."""

import contextlib
import re
from collections.abc import Callable
from concurrent import futures
from typing import NamedTuple

import keras
import tensorflow as tf

from tf2_keras.observing import in_parts, observed_gradients, observed_loss, replaced

# Ops whose place in a stream, or whose contents, only a new function starts over.
STREAMS = re.compile(
    r"(?!Stateless).*(Random|TruncatedNormal|Multinomial|CandidateSampler|Queue|PyFunc)"
)


def graph_has_streams():
    """Whether the graph that is being traced keeps anything apart from variables."""
    graph = tf.compat.v1.get_default_graph().as_graph_def()
    nodes = [*graph.node]
    for function in graph.library.function:
        nodes.extend(function.node_def)
    return any(STREAMS.match(node.op) for node in nodes)


class Eager:
    """Plays a move as plain Python, op by op."""

    has_streams = False  # eager kernels are shared: nothing starts them over

    def __init__(self, twin, name, specs):
        self.twin, self.name, self.specs = twin, name, specs

    def step(self, batch):
        return self.twin.step(self.name, batch)

    def play(self, batches, carried):
        """Yields ({stage: {name: tensor}}, record) of each batch.

        Args:
            batches: [{name: array}].
            carried: {name: tensor} that the first batch lacks.
        """
        for batch in batches:
            seen = self.step(self.twin.batch({**batch, **carried}))
            carried = {
                key: value
                for key, value in seen.get("carried", {}).items()
                if key in carried
            }
            yield seen, self.twin.record(self.name, seen)


class Function(Eager):
    """Plays a move as one concrete function for all batches."""

    def __init__(self, twin, name, specs):
        super().__init__(twin, name, specs)
        function = tf.function(self.traced, input_signature=[specs])
        self.taken = {}  # {name in a batch: tensor}, while it is traced
        # Its one trace: to look for it at every call costs half as much as a small step.
        self.concrete = function.get_concrete_function()
        taken = {id(tensor): key for key, tensor in self.taken.items()}
        given = self.concrete.inputs[: len(specs)]
        self.order = [taken.get(id(tensor)) for tensor in given]
        self.taken = {}

    def step(self, batch):
        # Straight to the kernels, where nothing of a batch is left to be found out: to
        # bind it by its names costs as much again as a small step.
        if batch.keys() == set(self.order) and all(
            type(spec := self.specs[key]) is tf.TensorSpec
            and spec.dtype == tensor.dtype
            and spec.shape.is_compatible_with(tensor.shape)
            for key, tensor in batch.items()
        ):
            flat = [batch[key] for key in self.order]
            return self.concrete._call_flat(flat, self.concrete.captured_inputs)
        return self.concrete(batch)

    def traced(self, batch):
        self.taken = batch
        seen = self.twin.step(self.name, batch)
        self.has_streams = graph_has_streams()
        return seen


class FittedMove(NamedTuple):
    """How a model's own ``train_step`` plays a move.

    model: a compiled ``keras.Model``.
    data: batch by name -> what ``fit`` takes: x, (x, y) or (x, y, sample_weight).
    """

    model: keras.Model
    data: Callable


class Stepping(keras.Model):
    """A model whose training step is a function of the batch: ``fit`` for any move."""

    def __init__(self, step):
        super().__init__()
        self.step = step
        self.compile(jit_compile=False)

    def train_step(self, data):
        # An element of a data set holds something, even if the move takes nothing.
        self.step(data if isinstance(data, dict) else {})
        return {"moves": tf.ones([])}  # fit insists on something to log


class Fit(keras.callbacks.Callback):
    """Plays a move in ``model.fit``.

    ``fit`` logs running means, and no gradients. What the move sees is stored in
    variables by the graph of the step itself, and read after every batch.
    """

    def __init__(self, twin, name, specs):
        super().__init__()
        self.twin, self.name, self.specs = twin, name, specs
        self.stores = {}  # {stage: {name: variable}}
        self.carried = {}  # {name: variable}: what the next step takes from the last
        self.played = []
        self.batches = ()  # those of the call of fit that runs
        self.data_sets = {}  # {names in a batch: what fit reads}, each made once
        fitted = twin.fitted.get(name)
        if fitted is None:
            self.fitted_model = Stepping(self.step)
            self.data = lambda batch: batch
            self.train_step = self.fitted_model.train_step
        else:
            self.fitted_model, self.data = fitted
            self.train_step = self.observed_train_step
        self.function = None  # what fit made of the step
        self.has_streams = False

    def play(self, batches, carried):
        """Yields ({stage: {name: tensor}}, record) of each batch."""
        for name, value in carried.items():
            if name not in self.carried:
                self.carried[name] = _variable_like(value)
            self.carried[name].assign(value)
        data, self.batches = self.data_set(batches), batches
        with self.in_place():
            # With its length, or fit would begin one more step at the end, and Keras's
            # optimizers count it.
            self.fitted_model.fit(
                data,
                steps_per_epoch=len(batches),
                shuffle=False,
                verbose=0,
                callbacks=[self],
            )
        played, self.played = self.played, []
        yield from played

    def data_set(self, batches):
        """What fit reads: these batches, once they are ``self.batches``.

        One of each kind of batch serves for all calls of fit: to make it, four functions
        are traced.
        """
        names = tuple(batches[0])
        if not names:
            return tf.data.Dataset.range(len(batches))
        if names not in self.data_sets:
            self.data_sets[names] = tf.data.Dataset.from_generator(
                lambda: (self.data(self.twin.batch(batch)) for batch in self.batches),
                output_signature=self.data({name: self.specs[name] for name in names}),
            )
        return self.data_sets[names]

    def on_train_batch_end(self, *_, **__):
        # The next step stores over this one: of what it goes on from a tensor is kept.
        carried = {
            name: store.value()
            for name, store in self.stores.get("carried", {}).items()
        }
        record = self.twin.record(self.name, self.stores)
        self.played.append(({"carried": carried} if carried else {}, record))

    @contextlib.contextmanager
    def in_place(self):
        """The model with a step that stores what it sees; afterwards as it was."""
        model = self.fitted_model
        kept = model.train_function
        with replaced(model, train_step=self.train_step):
            model.train_function = self.function
            try:
                yield
            finally:
                self.function, model.train_function = model.train_function, kept

    def step(self, batch):
        """A move that is played by ``Stepping``."""
        carried = {
            name: tf.ensure_shape(variable, self.specs[name].shape)
            for name, variable in self.carried.items()
            if name not in batch
        }
        seen = self.twin.step(self.name, {**batch, **carried})
        for name in carried:
            if name in seen.get("carried", {}):
                self.carried[name].assign(seen["carried"][name])
        self.store(seen)

    def observed_train_step(self, data):
        """The model's own step, observed while it is traced."""
        model, losses = self.fitted_model, {}
        with (
            observed_gradients(self.twin.optimizers) as gradients,
            observed_loss(model, losses),
        ):
            logs = type(model).train_step(model, data)
        # A step of the model's own that does not call compute_loss logs its losses.
        seen = {"loss": losses or dict(logs)}
        if gradients:
            seen["gradients"] = self.twin.named_gradients(gradients)
        self.store(seen)
        return logs

    def store(self, seen):
        """Assigns all that a step sees to variables, made as it is traced."""
        self.has_streams = graph_has_streams()
        for stage, named in seen.items():
            stores = self.stores.setdefault(stage, {})
            for name, value in in_parts(named).items():
                value = tf.convert_to_tensor(value)
                if name not in stores:
                    stores[name] = _variable_like(value)
                stores[name].assign(value)


def _variable_like(value):
    """A variable that takes values of any shape, in the dtype of a tensor.

    A function that makes variables is traced twice, which doubles what ``fit`` costs. So
    this is made in a thread of its own, where no function is being traced.
    """

    def variable():
        zeros = tf.zeros([], value.dtype)
        return tf.Variable(zeros, trainable=False, shape=tf.TensorShape(None))

    with futures.ThreadPoolExecutor(1) as thread:
        return thread.submit(variable).result()
