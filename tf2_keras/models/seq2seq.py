"""Translation with attention, of words into their mirror images: the Keras 3 twin.

An LSTM reads a source; another writes the target and looks back at all that the first
saw: Luong's attention or Bahdanau's, fed to the next step. Trained, the writer is fed the
true target; translating, what it wrote itself: the likeliest letter, or those of W beams.

Shapes: B pairs, S and T letters of the longest source and target, V letters known, E = H
units of embedding, cells and attention, W beams.
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
    attention: str = "scaled_luong"  # or "bahdanau"
    init_weight: float = 0.1  # kernels start within this of zero
    forget_bias: float = 1.0
    batch_size: int = 128  # B
    learning_rate: float = 1.0
    max_gradient_norm: float = 5.0  # of all gradients together
    beam_width: int = 10  # W, of a translation; 1 is greedy
    num_train_steps: int = 12000
    seed: int = 1  # of the graph; all variables draw by one more


def padded(sequences):
    """[n, longest] int32 of lists of numbers, EOS behind them."""
    return keras.utils.pad_sequences(sequences, padding="post", value=EOS)


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
        .cache()  # Python makes each batch once, and not in every epoch
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
        units, start = config.num_units, {"kernel_initializer": initializer(config)}
        # Keras's attention layers see a whole target at once; here each step feeds on
        # the attention of the step before.
        if config.attention == "scaled_luong":
            attention_mechanism = tf1_semantics.attention.LuongAttention(
                units, scale=True, **start
            )
        else:
            attention_mechanism = tf1_semantics.attention.BahdanauAttention(
                units, **start
            )
        self.cell = tf1_semantics.attention.AttentionWrapper(
            lstm_cell(config), attention_mechanism, attention_layer_size=units, **start
        )
        self.compiled = tf.function(self.logits, autograph=False)

    def build(self, inputs_shape, memory_shape, memory_lengths_shape):
        self.cell.build(inputs_shape[-1], memory_shape)
        self.projection = self.add_weight(
            shape=(self.config.num_units, self.config.vocab_size),
            initializer=initializer(self.config),
            name="projection",
        )

    def start(self, memory, memory_lengths, encoder_state):
        """(step, the state before the first).

        A step takes inputs [B, E] and a state, the cell's and its attention [B, H], and
        returns an output [B, H] and the next state.
        """
        memory = self.cell.prepare(memory, memory_lengths)
        zeros = self.cell.get_initial_state(memory)

        def step(inputs, state):
            cell_state, attention = state
            state = zeros._replace(cell_state=cell_state, attention=attention)
            output, state = self.cell(inputs, state, memory)
            # What a loop hands on needs TF1's barrier: Grappler adds gradients by name.
            state = state.cell_state, state.attention
            return output, tf1_semantics.recurrent.carried(state)

        return step, (tuple(encoder_state), zeros.attention)

    def call(self, inputs, memory, memory_lengths, c, h):
        """Inputs [B, T, E] -> logits [B, T, V]."""
        # Run op by op, a loop would sum its gradients in another order.
        logits = self.compiled if tf.executing_eagerly() else self.logits
        return logits(inputs, memory, memory_lengths, c, h)

    def logits(self, inputs, memory, memory_lengths, c, h):
        step, start = self.start(memory, memory_lengths, (c, h))
        outputs = teacher_forced(step, start, inputs)
        return tf.tensordot(outputs, tf.convert_to_tensor(self.projection), 1)

    def compute_output_spec(self, inputs, memory, memory_lengths, c, h):
        shape = *inputs.shape[:2], self.config.vocab_size
        return keras.KerasTensor(shape, self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "config": dataclasses.asdict(self.config)}


def teacher_forced(step, state, inputs):
    """Inputs [B, T, E] -> outputs [B, T, H]: dynamic_decode with a TrainingHelper."""
    steps = tf.shape(inputs)[1]
    by_time = tf.TensorArray(tf.float32, steps, element_shape=[None, inputs.shape[2]])
    by_time = by_time.unstack(tf.transpose(inputs, [1, 0, 2]))

    def body(time, outputs, state):
        output, state = step(by_time.read(time), state)
        return time + 1, outputs.write(time, output), state

    outputs = tf.TensorArray(tf.float32, steps, element_shape=state[1].shape)
    _, outputs, _ = tf.while_loop(
        lambda time, *_: time < steps, body, (0, outputs, state)
    )
    return tf.transpose(outputs.stack(), [1, 0, 2])


def beam_search(step, state, embeddings, projection, most_steps, config):
    """(tokens [B, W, at most so many] int32, the best first, their log-probabilities).

    dynamic_decode with a BeamSearchDecoder, of a state of B W rows; one beam is greedy.
    """
    width, words = config.beam_width, config.vocab_size
    batch = tf.shape(state[1])[0] // width
    # What has ended goes on with </s> alone, at no cost.
    ended = tf.one_hot(EOS, words, on_value=0.0, off_value=tf.float32.min)  # [V]

    def body(written, log_probs, state):
        inputs = embeddings(tf.reshape(written[..., -1], [-1]))
        output, state = step(inputs, state)
        step_log_probs = tf.nn.log_softmax(tf.matmul(output, projection))
        step_log_probs = tf.reshape(step_log_probs, [batch, width, words])
        finished = tf.equal(written[..., -1:], EOS)  # [B, W, 1]
        step_log_probs = tf.where(finished, ended, step_log_probs)
        total = log_probs[..., tf.newaxis] + step_log_probs
        log_probs, chosen = tf.nn.top_k(tf.reshape(total, [batch, -1]), width)
        parents, tokens = chosen // words, chosen % words  # [B, W]
        rows = tf.reshape(parents + width * tf.range(batch)[:, tf.newaxis], [-1])
        state = tf.nest.map_structure(lambda part: tf.gather(part, rows), state)
        written = tf.gather(written, parents, batch_dims=1)
        return tf.concat([written, tokens[..., tf.newaxis]], 2), log_probs, state

    def unfinished(written, log_probs, state):
        return ~tf.reduce_all(tf.equal(written[..., -1], EOS))

    written = tf.fill([batch, width, 1], SOS)
    # All beams begin alike: only the first can be chosen from.
    log_probs = tf.one_hot(tf.zeros([batch], tf.int32), width, 0.0, -np.inf)
    start = written, log_probs, state
    shapes = tf.nest.map_structure(lambda part: part.shape, (log_probs, state))
    written, log_probs, _ = tf.while_loop(
        unfinished,
        body,
        start,
        shape_invariants=(tf.TensorShape([None, width, None]), *shapes),
        maximum_iterations=most_steps,
    )
    return written[..., 1:], log_probs


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
        """[B, S], [B] -> (tokens [B, W, 2 S at most], log-probabilities [B, W])."""
        embeddings, encoder, decoder = (
            self.get_layer(name) for name in ("embedding_share", "encoder", "decoder")
        )
        memory, state = encoder(embeddings(source), source_lengths)
        # contrib's tile_batch: a source stands once for each of its beams.
        tiled = tf.nest.map_structure(
            lambda part: tf.repeat(part, decoder.config.beam_width, axis=0),
            (memory, source_lengths, state),
        )
        most_steps = 2 * tf.reduce_max(source_lengths)
        arguments = *decoder.start(*tiled), embeddings, decoder.projection, most_steps
        return beam_search(*arguments, decoder.config)


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
    # What fit itself keeps is a mean over the epoch; a Session fetched each step's loss.
    history = tf1_semantics.callbacks.StepHistory()
    model.fit(
        next_batch(data, config.batch_size),
        steps_per_epoch=config.num_train_steps,
        shuffle=False,
        verbose=0,
        callbacks=[history],
    )
    lengths = tf.constant([len(source) for source in sources])
    tokens, _ = model.translate(tf.constant(padded(sources)), lengths)
    # What follows the end was written to wait for longer translations.
    return history.history["loss"], [
        row[: (row + [EOS]).index(EOS)] for row in tokens[:, 0].numpy().tolist()
    ]
