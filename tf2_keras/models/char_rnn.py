"""A character-level language model: the Keras 3 twin.

Two layers of LSTM read a text in parallel streams, fifty characters a step, and carry
their state from one step to the next; what they learned is sampled, one character at a
time, by a second model of batch 1 and length 1.

Shapes: B streams, T characters a step, V characters known, H units a layer. A state is
((c, h), (c, h)), a pair for each layer, each [B, H].
"""

import collections
import dataclasses

import keras
import numpy as np
import tensorflow as tf

from tf2_keras import tf1_semantics


@dataclasses.dataclass(frozen=True)
class Config:
    vocab_size: int = 65  # V, of the text that the source comes with
    rnn_size: int = 128  # H
    num_layers: int = 2
    batch_size: int = 50  # B
    seq_length: int = 50  # T
    num_epochs: int = 50
    grad_clip: float = 5.0  # of the norm of all gradients together
    learning_rate: float = 0.002  # of the first epoch
    decay_rate: float = 0.97  # of the rate, from epoch to epoch
    seed: int = 1  # of the graph; each variable adds its own


def vocabulary(text):
    """{character: number}, the most frequent first."""
    # Equal counts in order of the characters: a set would order them anew in each run.
    counts = sorted(
        collections.Counter(text).items(), key=lambda pair: (-pair[1], pair)
    )
    return {character: number for number, (character, _) in enumerate(counts)}


def epoch(codes, config):
    """A tf.data.Dataset of (x [B, T], y [B, T]), one pass; y is x one character on.

    Stream b of a batch goes on where stream b of the batch before ended: whoever
    shuffles these batches, as ``fit`` does with arrays, cuts the text to pieces.
    """
    size = config.batch_size * config.seq_length
    num_batches = len(codes) // size
    if num_batches == 0:
        raise ValueError(
            f"A text must fill a batch, at least {size} characters. "
            f"Received: {len(codes)}. Use a smaller batch_size or seq_length."
        )
    x_data = codes[: num_batches * size]
    y_data = np.append(x_data[1:], x_data[0])  # the last target is the first character
    batches = [
        part.reshape(config.batch_size, num_batches, config.seq_length).swapaxes(0, 1)
        for part in (x_data, y_data)
    ]
    return tf.data.Dataset.from_tensor_slices(tuple(batches))


def glorot_uniform(seed, config):
    # Keras's GlorotUniform draws other numbers from the same seed.
    return tf1_semantics.initializers.GlorotUniform(seed=(config.seed, seed))


def inference(input_data, config):
    """[B, T] -> logits [B * T, V]; the state before and after is the layer's own."""
    inputs = keras.layers.Embedding(
        config.vocab_size,
        config.rnn_size,
        embeddings_initializer=glorot_uniform(11, config),
        name="embedding",
    )(input_data)  # [B, T, H]
    # keras.layers.LSTM starts from other weights and sums in another order.
    cells = [
        tf1_semantics.recurrent.LSTMCell(
            config.rnn_size,
            initializer=glorot_uniform(21 + layer, config),
            name=f"cell_{layer}",
        )
        for layer in range(config.num_layers)
    ]
    cell = tf1_semantics.recurrent.MultiRNNCell(cells)
    # TF1 fetched the last state and fed it; here it stays in the layer.
    outputs, _ = tf1_semantics.recurrent.DynamicRNN(cell, stateful=True, name="rnn")(
        inputs
    )
    output = keras.ops.reshape(outputs, [-1, config.rnn_size])  # [B * T, H]
    logits = keras.layers.Dense(
        config.vocab_size,
        use_bias=False,
        kernel_initializer=glorot_uniform(12, config),
        name="softmax",
    )(output)
    return tf1_semantics.layers.AddBias("zeros", name="softmax_add")(logits)


@keras.saving.register_keras_serializable("char_rnn")
def loss(targets, logits):
    """Cross-entropy of targets [B, T] and logits [B * T, V]: by stream and character."""
    losses = keras.losses.sparse_categorical_crossentropy(
        keras.ops.reshape(targets, [-1]), logits, from_logits=True
    )  # [B * T]
    return keras.ops.mean(losses)


def optimizer(config):
    """Adam; the rate is a variable in every Keras optimizer."""
    # clipnorm would clip each variable's gradient by itself.
    return tf1_semantics.optimizers.Adam(
        config.learning_rate,
        clip=[tf1_semantics.clipping.ByGlobalNorm(config.grad_clip)],
        name="adam",
    )


def build(config=Config()):
    """The whole model, compiled."""
    input_data = keras.Input(
        batch_shape=(config.batch_size, config.seq_length), dtype="int32", name="x"
    )
    model = keras.Model(input_data, inference(input_data, config))
    model.compile(optimizer=optimizer(config), loss=loss, jit_compile=False)
    return model


def checkpoint_names(model):
    """{TF1 variable name: Keras path}."""
    names = {"embedding": "embedding/embeddings"}
    rnn = model.get_layer("rnn")
    names.update((name, weight.path) for name, weight in rnn.tf1_weights().items())
    names.update({"softmax/w": "softmax/kernel", "softmax/b": "softmax_add/bias"})
    return {**names, "learning_rate": "adam/learning_rate"}


def sample(trained, prime, length, config):
    """``length`` numbers of characters drawn after the text ``prime``, numbers too.

    Args:
        trained: values of the trainable variables, in order.
    """
    model = build(dataclasses.replace(config, batch_size=1, seq_length=1))
    random = np.random.RandomState(config.seed)
    drawn = []
    for variable, value in zip(model.trainable_variables, trained, strict=True):
        variable.assign(value)

    @tf.function
    def probabilities(code):
        return tf.nn.softmax(model(code, training=False))  # [1, V]

    for step in range(len(prime) - 1 + length):
        code = prime[step] if step < len(prime) else drawn[-1]
        p = probabilities(tf.constant([[code]]))
        if step >= len(prime) - 1:
            cumulative = np.cumsum(p[0])
            place = random.rand() * cumulative[-1]
            drawn.append(int(np.searchsorted(cumulative, place)))
    return drawn


def run(text, prime, length, config=Config()):
    """Trains on a text; returns ([loss of each step], the text that goes on ``prime``)."""
    numbers = vocabulary(text)
    config = dataclasses.replace(config, vocab_size=len(numbers))
    codes = np.array([numbers[character] for character in text], np.int32)
    model = build(config)

    def start(epoch, _logs):
        # By epoch: a schedule handed to the optimizer would count steps.
        rate = config.learning_rate * config.decay_rate**epoch
        model.optimizer.learning_rate.assign(rate)
        # Each epoch begins at the start of the text; fit itself forgets nothing.
        model.get_layer("rnn").reset_state()

    # What fit itself keeps is a mean over the epoch; a Session fetched each step's loss.
    history = tf1_semantics.callbacks.StepHistory()
    model.fit(
        epoch(codes, config),
        epochs=config.num_epochs,
        shuffle=False,
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_begin=start), history],
    )
    trained = [variable.numpy() for variable in model.trainable_variables]
    characters = list(numbers)
    drawn = sample(trained, [numbers[c] for c in prime], length, config)
    return history.history["loss"], prime + "".join(characters[code] for code in drawn)
