"""Translation with attention, of words into their mirror images: the Keras 3 twin.

An LSTM reads a source; another writes the target and looks back at all that the first
saw: Luong's attention with input feeding. Trained, it is fed the true target; translating,
what it wrote itself.

Shapes: B pairs, S and T letters of the longest source and target, V letters known, E = H
units of embedding, cells and attention.
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from tf2_keras import tf1_semantics

SOS, EOS = 1, 2  # <s>, which starts a target, and </s>, which ends it; 0 is unknown


@dataclasses.dataclass(frozen=True)
class Config:
    vocab_size: int = 60  # V, of both languages
    num_units: int = 32  # H
    init_weight: float = 0.1  # kernels start within this of zero
    forget_bias: float = 1.0
    batch_size: int = 128  # B
    learning_rate: float = 1.0
    max_gradient_norm: float = 5.0  # of all gradients together
    num_train_steps: int = 12000
    seed: int = 1  # of the graph; all variables draw by one more


def padded(sequences):
    """[n, longest] int32 of lists of numbers, EOS behind them."""
    shape = [len(sequences), max(map(len, sequences))]
    array = np.full(shape, EOS, np.int32)
    for row, sequence in zip(array, sequences, strict=True):
        row[: len(sequence)] = sequence
    return array


def next_batch(data, batch_size):
    """Endless batches of (sources, targets), lists of lists of letters, in order.

    Returns:
        A tf.data.Dataset of ({source [B, S] and its lengths [B], target with SOS before
        it [B, T] and its lengths [B]}, target with EOS behind it [B, T]), all int32.
    """

    def examples():
        for source, target in zip(*data, strict=True):
            inputs = {
                "x": source,
                "source_lengths": len(source),
                "target_input": [SOS, *target],
                "target_lengths": len(target) + 1,
            }
            yield inputs, [*target, EOS]

    ranks = {"x": 1, "source_lengths": 0, "target_input": 1, "target_lengths": 0}
    inputs = {
        name: tf.TensorSpec([None] * rank, tf.int32) for name, rank in ranks.items()
    }
    return (
        tf.data.Dataset.from_generator(
            examples, output_signature=(inputs, tf.TensorSpec([None], tf.int32))
        )
        .padded_batch(batch_size, padding_values=EOS)
        .repeat()
    )


def initializer(config):
    # nmt gave all variables one seed: they begin with the same numbers.
    return tf1_semantics.initializers.RandomUniform(
        -config.init_weight, config.init_weight, seed=(config.seed, config.seed + 1)
    )


def lstm_cell(config):
    """keras.layers.LSTM starts from other weights and sums in another order."""
    return tf1_semantics.recurrent.LSTMCell(
        config.num_units,
        initializer=initializer(config),
        forget_bias=config.forget_bias,
    )


def encoder(config):
    """[B, S, E], lengths [B] -> (outputs [B, S, H], zeros past the end, last (c, h))."""
    return tf1_semantics.recurrent.DynamicRNN(lstm_cell(config), name="encoder")


@keras.saving.register_keras_serializable("seq2seq")
class Decoder(keras.layers.Layer):
    """A cell with attention, and what makes logits of its outputs."""

    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = config = Config(**config)
        # Keras's attention layers see a whole target at once; here each step feeds on
        # the attention of the step before.
        attention_mechanism = tf1_semantics.attention.LuongAttention(
            config.num_units, scale=True, kernel_initializer=initializer(config)
        )
        self.cell = tf1_semantics.attention.AttentionWrapper(
            lstm_cell(config),
            attention_mechanism,
            attention_layer_size=config.num_units,
            kernel_initializer=initializer(config),
        )
        self.compiled = tf.function(self.teacher_forced, autograph=False)

    def build(self, inputs_shape, memory_shape, memory_lengths_shape):
        self.cell.build(inputs_shape[-1], memory_shape)
        self.projection = self.add_weight(
            shape=(self.config.num_units, self.config.vocab_size),
            initializer=initializer(self.config),
            name="projection",
        )

    def start(self, memory, memory_lengths, encoder_state):
        """(the prepared memory, the state before the first step)."""
        memory = self.cell.prepare(memory, memory_lengths)
        zeros = self.cell.get_initial_state(memory)
        return memory, zeros._replace(cell_state=tuple(encoder_state))

    def step(self, inputs, memory, initial_state, cell_state, attention):
        """Inputs [B, E] -> (output [B, H], the cell's state, attention [B, H])."""
        state = initial_state._replace(cell_state=cell_state, attention=attention)
        output, state = self.cell(inputs, state, memory)
        # What a loop hands on needs TF1's barrier: Grappler adds gradients by their names.
        carried = tf1_semantics.recurrent.carried((state.cell_state, state.attention))
        return output, *carried

    def call(self, inputs, memory, memory_lengths, c, h):
        """Inputs [B, T, E] -> logits [B, T, V]."""
        # Run op by op, a loop would sum its gradients in another order.
        forced = self.compiled if tf.executing_eagerly() else self.teacher_forced
        return forced(inputs, memory, memory_lengths, c, h)

    def teacher_forced(self, inputs, memory, memory_lengths, c, h):
        """A step for each of the true target's letters, whatever was written."""
        memory, initial = self.start(memory, memory_lengths, (c, h))
        steps = tf.shape(inputs)[1]
        by_time = tf.TensorArray(
            tf.float32, steps, element_shape=[None, inputs.shape[2]]
        )
        by_time = by_time.unstack(tf.transpose(inputs, [1, 0, 2]))

        def body(time, outputs, cell_state, attention):
            output, cell_state, attention = self.step(
                by_time.read(time), memory, initial, cell_state, attention
            )
            return time + 1, outputs.write(time, output), cell_state, attention

        outputs = tf.TensorArray(
            tf.float32, steps, element_shape=[None, self.config.num_units]
        )
        _, outputs, _, _ = tf.while_loop(
            lambda time, *_: time < steps,
            body,
            (0, outputs, initial.cell_state, initial.attention),
        )
        outputs = tf.reshape(outputs.stack(), [-1, self.config.num_units])  # [T B, H]
        logits = tf.matmul(outputs, self.projection)
        shape = [steps, -1, self.config.vocab_size]
        return tf.transpose(tf.reshape(logits, shape), [1, 0, 2])

    def greedy(self, embeddings, memory, memory_lengths, encoder_state, most_steps):
        """[B, at most so many] int32."""
        memory, initial = self.start(memory, memory_lengths, encoder_state)
        batch = tf.shape(initial.attention)[0]

        def body(time, written, tokens, finished, cell_state, attention):
            output, cell_state, attention = self.step(
                embeddings(tokens), memory, initial, cell_state, attention
            )
            logits = tf.matmul(output, self.projection)
            tokens = tf.argmax(logits, -1, output_type=tf.int32)
            finished = tf.logical_or(finished, tf.equal(tokens, EOS))
            written = written.write(time, tokens)
            return time + 1, written, tokens, finished, cell_state, attention

        def unfinished(time, written, tokens, finished, *_):
            return tf.logical_and(time < most_steps, ~tf.reduce_all(finished))

        written = tf.TensorArray(tf.int32, most_steps, dynamic_size=True)
        start = tf.fill([batch], SOS), tf.fill([batch], False)
        start += initial.cell_state, initial.attention
        time, written, *_ = tf.while_loop(unfinished, body, (0, written, *start))
        return tf.transpose(written.gather(tf.range(time)))

    def compute_output_spec(self, inputs, memory, memory_lengths, c, h):
        shape = *inputs.shape[:2], self.config.vocab_size
        return keras.KerasTensor(shape, self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "config": dataclasses.asdict(self.config)}


def inference(source, source_lengths, target_input, config):
    """Logits [B, T, V]."""
    embeddings = keras.layers.Embedding(
        config.vocab_size,
        config.num_units,
        embeddings_initializer=initializer(config),
        name="embedding_share",
    )
    memory, (c, h) = encoder(config)(embeddings(source), source_lengths)
    return Decoder(dataclasses.asdict(config), name="decoder")(
        embeddings(target_input), memory, source_lengths, c, h
    )


def loss(target_output, logits, target_lengths):
    """Cross-entropy summed over a target's letters, and its mean over the batch."""
    crossent = keras.losses.sparse_categorical_crossentropy(
        target_output, logits, from_logits=True
    )  # [B, T]
    target_weights = tf.sequence_mask(
        target_lengths, tf.shape(target_output)[1], tf.float32
    )
    # Keras would divide by letters: by T, or by all that a mask leaves.
    batch_size = tf.cast(tf.shape(target_output)[0], tf.float32)
    return keras.ops.sum(crossent * target_weights) / batch_size


def optimizer(config):
    """Plain gradient descent; clipnorm would clip each variable's gradient by itself."""
    return tf1_semantics.optimizers.GradientDescent(
        config.learning_rate,
        clip=[tf1_semantics.clipping.ByGlobalNorm(config.max_gradient_norm)],
        name="sgd",
    )


@keras.saving.register_keras_serializable("seq2seq")
class Translator(keras.Model):
    """A functional model that is trained by lengths, and translates."""

    @property
    def trainable_weights(self):
        # In TF1's order: the norm of all gradients is a sum, whose last bit depends on it.
        paths = list(checkpoint_names(self).values())
        return sorted(super().trainable_weights, key=lambda w: paths.index(w.path))

    @property
    def trainable_variables(self):
        return self.trainable_weights

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        return loss(y, y_pred, x["target_lengths"])

    def translate(self, source, source_lengths):
        """[B, S], [B] -> tokens [B, twice as many as the source has at most]."""
        embeddings = self.get_layer("embedding_share")
        memory, state = self.get_layer("encoder")(embeddings(source), source_lengths)
        most_steps = 2 * tf.reduce_max(source_lengths)
        return self.get_layer("decoder").greedy(
            embeddings, memory, source_lengths, state, most_steps
        )


def build(config=Config()):
    """The whole model, compiled."""
    inputs = {
        "x": keras.Input([None], dtype="int32", name="x"),
        "source_lengths": keras.Input([], dtype="int32", name="source_lengths"),
        "target_input": keras.Input([None], dtype="int32", name="target_input"),
        "target_lengths": keras.Input([], dtype="int32", name="target_lengths"),
    }
    source, source_lengths, target_input, _ = inputs.values()
    model = Translator(inputs, inference(source, source_lengths, target_input, config))
    model.compile(optimizer=optimizer(config), jit_compile=False)
    return model


def checkpoint_names(model):
    """{TF1 variable name: Keras path}, in the order in which TF1 made them."""
    decoder = model.get_layer("decoder")
    of_cell = decoder.cell.tf1_weights()
    of_decoder = {
        "memory_layer/kernel": of_cell["memory_layer/kernel"],
        "output_projection/kernel": decoder.projection,
        **of_cell,
    }
    weights = {
        "embeddings/embedding_share": model.get_layer("embedding_share").embeddings,
        **model.get_layer("encoder").tf1_weights("encoder/rnn"),
        **{f"decoder/{name}": weight for name, weight in of_decoder.items()},
    }
    return {f"nmt/{name}": weight.path for name, weight in weights.items()}


def run(data, sources, config=Config()):
    """Trains on pairs; returns ([loss of each step], translations, lists of letters).

    Args:
        data: (sources, targets) as ``next_batch`` takes them.
        sources: what is translated.
    """
    model = build(config)
    losses = []
    each_loss = keras.callbacks.LambdaCallback(
        # What fit logs is a mean over the epoch so far, unless it is reset.
        on_train_batch_begin=lambda step, logs: model.reset_metrics(),
        on_train_batch_end=lambda step, logs: losses.append(logs["loss"]),
    )
    model.fit(
        next_batch(data, config.batch_size),
        steps_per_epoch=config.num_train_steps,
        shuffle=False,
        verbose=0,
        callbacks=[each_loss],
    )
    lengths = tf.constant([len(source) for source in sources])
    tokens = model.translate(tf.constant(padded(sources)), lengths).numpy().tolist()
    # What follows the end was written to wait for longer translations.
    return losses, [row[: (row + [EOS]).index(EOS)] for row in tokens]
