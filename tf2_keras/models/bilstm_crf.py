"""Names in sentences: a bidirectional LSTM under a CRF: the Keras 3 twin.

A word is what its number says and how it is spelt, which two small LSTMs read from both
ends. Two larger ones read the sentence; a linear-chain conditional random field scores
the steps from tag to tag and is trained on whole sentences of tags at once.

Shapes: B sentences, T words of the longest, C letters of the longest word, N tags, D_w
and D_c widths of the embeddings, H_c and H units a direction.
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from tf2_keras import tf1_semantics


@dataclasses.dataclass(frozen=True)
class Config:
    nwords: int = 2000  # known words, of the data; number 0 is padding
    nchars: int = 60  # known letters, of the data; number 0 is padding
    ntags: int = 9  # N, of the data; number 0 is "no name", and padding
    dim_word: int = 300  # D_w
    dim_char: int = 100  # D_c
    hidden_size_char: int = 100  # H_c
    hidden_size_lstm: int = 300  # H
    batch_size: int = 20  # B
    nepochs: int = 15
    learning_rate: float = 0.001  # of the first epoch
    lr_decay: float = 0.9  # of the rate, from epoch to epoch
    seed: int = 1  # of the graph; each variable adds its own


# What the model takes, and how many axes it has; x are the words.
INPUTS = {"x": 2, "char_ids": 3, "word_lengths": 2, "lengths": 1}


def minibatches(data, batch_size):
    """Endless batches in order, short at the end of the data, each as long as it must be.

    Args:
        data: (sentences, tags): lists of [(letters, word), ...] and of [tag, ...].

    Returns:
        A tf.data.Dataset of int32 by the names of INPUTS: words [B, T], letters
        [B, T, C], lengths of words [B, T] and of sentences [B]; and tags [B, T].
    """
    sentences, tags = data
    words = [[word for _, word in sentence] for sentence in sentences]
    chars = [[letters for letters, _ in sentence] for sentence in sentences]
    ragged = (
        tf.ragged.constant(part, tf.int32, row_splits_dtype=tf.int32)
        for part in (words, chars, tags)
    )

    def example(words, chars, tags):
        inputs = words, chars.to_tensor(), chars.row_lengths(), tf.size(words)
        return dict(zip(INPUTS, inputs, strict=True)), tags

    examples = tf.data.Dataset.from_tensor_slices(tuple(ragged)).map(example)
    return examples.padded_batch(batch_size).repeat()


def glorot_uniform(seed):
    # Keras's GlorotUniform draws other numbers; here a seed is the graph's and its own.
    return tf1_semantics.initializers.GlorotUniform(seed=seed)


def cell(num_units, seed):
    """An LSTM. keras.layers.LSTM starts from other weights and sums in another order."""
    return tf1_semantics.recurrent.LSTMCell(num_units, initializer=glorot_uniform(seed))


@keras.saving.register_keras_serializable("bilstm_crf")
class Spelling(tf1_semantics.recurrent.BidirectionalDynamicRNN):
    """[B, T, C, D_c], lengths [B, T] -> [B, T, 2 H_c]: what both ways end in."""

    def build(self, char_embeddings_shape, word_lengths_shape):
        super().build((None, *char_embeddings_shape[2:]))

    def call(self, char_embeddings, word_lengths):
        # All words of all sentences are one batch. keras.ops.reshape cannot say so: three
        # of the sizes are open.
        s = tf.shape(char_embeddings)
        shape = [s[0] * s[1], s[2], char_embeddings.shape[3]]
        # States are (c, h); Keras's own layers return h, then c.
        _, ((_, output_fw), (_, output_bw)) = super().call(
            tf.reshape(char_embeddings, shape), tf.reshape(word_lengths, [-1])
        )
        output = tf.concat([output_fw, output_bw], axis=-1)  # [B T, 2 H_c]
        return tf.reshape(output, [s[0], s[1], output.shape[-1]])

    def compute_output_spec(self, char_embeddings, word_lengths):
        shape = *word_lengths.shape, 2 * self.cell_fw.num_units
        return keras.KerasTensor(shape, self.compute_dtype)


def spelling(char_ids, word_lengths, config):
    """[B, T, C], [B, T] -> [B, T, 2 H_c]."""
    char_embeddings = keras.layers.Embedding(
        config.nchars,
        config.dim_char,
        embeddings_initializer=glorot_uniform((config.seed, 12)),
        name="char_embeddings",
    )(char_ids)  # [B, T, C, D_c]
    return Spelling(
        cell(config.hidden_size_char, (config.seed, 21)),
        cell(config.hidden_size_char, (config.seed, 22)),
        name="chars",
    )(char_embeddings, word_lengths)


@keras.saving.register_keras_serializable("bilstm_crf")
class CRF(keras.layers.Layer):
    """Logits as they are; keeps the transitions [N, N], from the row's tag to the column's.

    They are a weight of the model, or no optimizer would see them. Keras has no CRF.
    """

    def __init__(self, seed, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed

    def build(self, logits_shape):
        self.transitions = self.add_weight(
            shape=(logits_shape[-1], logits_shape[-1]),
            initializer=glorot_uniform(self.seed),
            name="transitions",
        )

    def call(self, logits):
        return logits


def inference(word_ids, char_ids, word_lengths, sequence_lengths, config):
    """Logits [B, T, N]; the transitions are the last layer's."""
    word_embeddings = keras.layers.Embedding(
        config.nwords,
        config.dim_word,
        embeddings_initializer=glorot_uniform((config.seed, 11)),
        name="word_embeddings",
    )(word_ids)  # [B, T, D_w]
    spelt = spelling(char_ids, word_lengths, config)
    (output_fw, output_bw), _ = tf1_semantics.recurrent.BidirectionalDynamicRNN(
        cell(config.hidden_size_lstm, (config.seed, 23)),
        cell(config.hidden_size_lstm, (config.seed, 24)),
        name="bi_lstm",
    )(keras.ops.concatenate([word_embeddings, spelt], axis=-1), sequence_lengths)
    output = keras.ops.concatenate([output_fw, output_bw], axis=-1)  # [B, T, 2 H]
    pred = keras.layers.Dense(
        config.ntags,
        use_bias=False,
        kernel_initializer=glorot_uniform((config.seed, 13)),
        name="proj",
    )(output)
    logits = tf1_semantics.layers.AddBias("zeros", name="proj_add")(pred)
    return CRF((config.seed, 14), name="crf")(logits)


def loss(labels, logits, sequence_lengths, trans_params):
    """Mean over sentences of -log p(tags [B, T] | sentence), a scalar."""
    log_likelihood, _ = tf1_semantics.crf.crf_log_likelihood(
        logits, labels, sequence_lengths, trans_params
    )
    return keras.ops.mean(-log_likelihood)


def decode(logits, sequence_lengths, trans_params):
    """The most probable tags of each sentence, [B, T] int32, zeros past its end."""
    viterbi_sequence, _ = tf1_semantics.crf.crf_decode(
        logits, trans_params, sequence_lengths
    )
    return viterbi_sequence


def optimizer(config):
    """Adam; the rate is a variable in every Keras optimizer."""
    return tf1_semantics.optimizers.Adam(config.learning_rate, name="adam")


@keras.saving.register_keras_serializable("bilstm_crf")
class Tagger(keras.Model):
    """A functional model whose loss needs the lengths and the transitions as well."""

    @property
    def transitions(self):
        return self.get_layer("crf").transitions

    def compute_loss(self, x=None, y=None, y_pred=None, *arguments, **options):
        return loss(y, y_pred, x["lengths"], self.transitions)


def build(config=Config()):
    """The whole model, compiled."""
    inputs = {
        name: keras.Input([None] * (axes - 1), dtype="int32", name=name)
        for name, axes in INPUTS.items()
    }
    model = Tagger(inputs, inference(*inputs.values(), config))
    model.compile(optimizer=optimizer(config), jit_compile=False)
    return model


def checkpoint_names(model):
    """{TF1 variable name: Keras path}."""
    names = {
        "words/_word_embeddings": "word_embeddings/embeddings",
        "chars/_char_embeddings": "char_embeddings/embeddings",
        "proj/W": "proj/kernel",
        "proj/b": "proj_add/bias",
        "transitions": "crf/transitions",
    }
    for layer, scope in (("chars", "chars"), ("bi_lstm", "bi-lstm")):
        rnn = model.get_layer(layer)
        weights = rnn.tf1_weights(f"{scope}/bidirectional_rnn")
        names.update((name, weight.path) for name, weight in weights.items())
    return names


def run(train_data, test_data, config=Config()):
    """Returns ([loss of each step], share of the test's words that are tagged right).

    Args:
        train_data, test_data: (sentences, tags) as ``minibatches`` takes them.
    """
    model = build(config)
    nbatches = -(-len(train_data[0]) // config.batch_size)
    batches = minibatches(train_data, config.batch_size)
    # What fit itself keeps is a mean over the epoch; a Session fetched each step's loss.
    history = tf1_semantics.callbacks.StepHistory()
    # By epoch, as it was fed; a schedule handed to the optimizer would count steps.
    rate = keras.callbacks.LearningRateScheduler(
        lambda epoch, _: config.learning_rate * config.lr_decay**epoch
    )
    model.fit(
        batches,
        epochs=config.nepochs,
        steps_per_epoch=nbatches,
        shuffle=False,
        verbose=0,
        callbacks=[rate, history],
    )
    inputs, labels = next(iter(minibatches(test_data, len(test_data[0]))))
    tags = decode(model(inputs), inputs["lengths"], model.transitions)
    words = tf.sequence_mask(inputs["lengths"])
    return history.history["loss"], np.mean((tags == labels)[words])
