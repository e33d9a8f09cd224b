"""Translation with attention, of words into their mirror images: the Keras 3 twin.

An LSTM reads a source; another writes the target and looks back at all that the first
saw: Luong's attention or Bahdanau's, fed to the next step. Trained, the writer is fed the
true target; translating, what it wrote itself: the likeliest letter, or those of W beams.

Shapes: B pairs, S and T letters of the longest source and target, V letters known, E = H
units of embedding, cells and attention, W beams.
"""

import dataclasses
import functools

import keras
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


INPUTS = ("x", "source_lengths", "target_input", "target_lengths")


def padded(sequences):
    """[n, longest] int32 of lists of numbers, EOS behind them."""
    return keras.utils.pad_sequences(sequences, padding="post", value=EOS)


def next_batch(data, batch_size):
    """Endless batches of (sources, targets), lists of lists of letters, in order.

    Returns:
        A tf.data.Dataset of int32 by the names of INPUTS: source [B, S] and its lengths
        [B], target with SOS before it [B, T] and its lengths [B]; and target with EOS
        behind it [B, T].
    """

    def example(source, target):
        shifted, ended = tf.concat([[SOS], target], 0), tf.concat([target, [EOS]], 0)
        inputs = source, tf.size(source), shifted, tf.size(shifted)
        return dict(zip(INPUTS, inputs, strict=True)), ended

    sources, targets = (tf.ragged.constant(part, tf.int32) for part in data)
    examples = tf.data.Dataset.from_tensor_slices((sources, targets)).map(example)
    return examples.padded_batch(batch_size, padding_values=EOS).repeat()


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
        self.output_layer = keras.layers.Dense(
            config.vocab_size, use_bias=False, name="output_projection", **start
        )
        self._eagerly = tf.function(
            self._logits, autograph=False, reduce_retracing=True
        )

    def build(self, inputs_shape, memory_shape, *_):
        self.cell.build(inputs_shape[-1], memory_shape)
        self.output_layer.build([None, self.config.num_units])

    def start(self, memory, memory_lengths, encoder_state):
        """(a cell [B, E] -> [B, H], its state before the first step)."""
        memory = self.cell.prepare(memory, memory_lengths)
        state = self.cell.get_initial_state(memory)
        cell = functools.partial(self.cell, memory=memory)
        return cell, state._replace(cell_state=tuple(encoder_state))

    def call(self, inputs, memory, memory_lengths, c, h):
        """Inputs [B, T, E] -> logits [B, T, V]."""
        # Run op by op, a loop would sum its gradients in another order; and so would a
        # function that a graph has differentiated before.
        logits = self._eagerly if tf.executing_eagerly() else self._logits
        return logits(inputs, memory, memory_lengths, c, h)

    def _logits(self, inputs, memory, memory_lengths, c, h):
        cell, start = self.start(memory, memory_lengths, (c, h))
        outputs, _ = tf1_semantics.decoding.teacher_forced(cell, inputs, start)
        return self.output_layer(outputs)


def inference(source, source_lengths, target_input, config):
    """Logits [B, T, V]."""
    embeddings = keras.layers.Embedding(
        config.vocab_size,
        config.num_units,
        embeddings_initializer=initializer(config),
        name="embedding_share",
    )
    encoder = tf1_semantics.recurrent.DynamicRNN(lstm_cell(config), name="encoder")
    # Outputs [B, S, H], zeros past a source's end, and the last state (c, h).
    memory, (c, h) = encoder(embeddings(source), source_lengths)
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
    def trainable_variables(self):
        # In TF1's order: the norm of all gradients is a sum, whose last bit depends on it.
        paths = list(checkpoint_names(self).values())
        return sorted(super().trainable_variables, key=lambda v: paths.index(v.path))

    trainable_weights = trainable_variables

    def compute_loss(self, x=None, y=None, y_pred=None, *arguments, **options):
        return loss(y, y_pred, x["target_lengths"])

    def translate(self, source, source_lengths):
        """[B, S], [B] -> (tokens [B, 2 S at most, W], log-probabilities [B, W])."""
        embeddings, encoder, decoder = (
            self.get_layer(name) for name in ("embedding_share", "encoder", "decoder")
        )
        memory, state = encoder(embeddings(source), source_lengths)
        # contrib's tile_batch: a source stands once for each of its beams, beside itself.
        tiled = tf.nest.map_structure(
            lambda part: tf.repeat(part, decoder.config.beam_width, axis=0),
            (memory, source_lengths, state),
        )
        cell, start = decoder.start(*tiled)
        return tf1_semantics.decoding.beam_search(
            cell,
            embeddings,
            tf.fill([tf.shape(source)[0]], SOS),
            EOS,
            start,
            decoder.config.beam_width,
            decoder.output_layer,
            maximum_iterations=2 * tf.reduce_max(source_lengths),
        )


def build(config=Config()):
    """The whole model, compiled."""
    inputs = {
        name: keras.Input([] if "lengths" in name else [None], dtype="int32", name=name)
        for name in INPUTS
    }
    *x, _ = inputs.values()
    model = Translator(inputs, inference(*x, config=config))
    model.compile(optimizer=optimizer(config), jit_compile=False)
    return model


def checkpoint_names(model):
    """{TF1 variable name: Keras path}, in the order in which TF1 made them."""
    decoder = model.get_layer("decoder")
    weights = {
        "embeddings/embedding_share": model.get_layer("embedding_share").embeddings,
        **model.get_layer("encoder").tf1_weights("encoder/rnn"),
        "decoder/memory_layer/kernel": decoder.cell.attention_mechanism.memory_kernel,
        **{
            f"decoder/{name}": weight
            for name, weight in decoder.cell.tf1_weights().items()
        },
        "decoder/output_projection/kernel": decoder.output_layer.kernel,
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
        row[: (row + [EOS]).index(EOS)] for row in tokens[:, :, 0].numpy().tolist()
    ]
