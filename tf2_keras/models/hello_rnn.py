"""The next letter of a word: the Keras 3 twin.

Two layers of BasicRNNCell read a word letter by letter, with dropout between them, and say
at each letter which one comes next. Words are of many lengths, so that the loss weighs each
step: 1 where there is a letter to guess, and 0 behind it.

Shapes: B words, T letters of the longest but one, V letters known, H units a layer.

Run it: ``python -m tf2_keras.models.hello_rnn``
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from tf2_keras import tf1_semantics


@dataclasses.dataclass(frozen=True)
class Config:
    hidden_size: int = 32  # H
    output_keep_prob: float = 0.5  # of the first layer, while training
    learning_rate: float = 0.5
    steps: int = 20
    seed: int = 1  # of the graph; each random op adds its own


def encode(words):
    """(letters, one-hot [B, T, V]; next ones [B, T]; weights [B, T]; the V letters)."""
    letters = sorted(set("".join(words)))
    length = max(map(len, words)) - 1
    x = np.zeros([len(words), length, len(letters)], np.float32)
    y = np.zeros([len(words), length], np.int32)
    weights = np.zeros([len(words), length], np.float32)
    for row, word in enumerate(words):
        for t, (letter, following) in enumerate(zip(word, word[1:], strict=False)):
            x[row, t, letters.index(letter)] = 1
            y[row, t] = letters.index(following)
            weights[row, t] = 1
    return x, y, weights, letters


def inference(x, config):
    """[B, T, V] -> logits [B, T, V], float32; ``training`` is said at the call."""
    _, length, classes = x.shape
    recurrent = tf1_semantics.recurrent

    def glorot_uniform(seed):
        # Keras's GlorotUniform draws other numbers, and its SimpleRNN starts otherwise.
        return tf1_semantics.initializers.GlorotUniform(seed=(config.seed, seed))

    def layer():
        return recurrent.BasicRNNCell(
            config.hidden_size, kernel_initializer=glorot_uniform(21)
        )

    # Another mask at each step: SimpleRNN(dropout=) draws one for all of a word.
    first = recurrent.DropoutWrapper(
        layer(), output_keep_prob=config.output_keep_prob, seed=(config.seed, 31)
    )
    cell = recurrent.MultiRNNCell([first, layer()])
    outputs, _ = recurrent.DynamicRNN(cell, name="rnn")(x)  # [B, T, H]
    flat = keras.ops.reshape(outputs, [-1, config.hidden_size])
    logits = keras.layers.Dense(
        classes, use_bias=False, kernel_initializer=glorot_uniform(12), name="w"
    )(flat)
    logits = tf1_semantics.layers.AddBias("zeros", name="b")(logits)
    return keras.ops.reshape(logits, [-1, length, classes])


def loss(y_true, weights, y_pred):
    """Cross-entropy of a letter: the weighted sum over the sum of the weights, a scalar."""
    # Keras's own divides by B * T, whatever the weights are. In fit it is
    # SparseSoftmaxCrossEntropy(reduction="weighted_mean"), given a sample_weight.
    return tf1_semantics.losses.sequence_loss(y_pred, y_true, weights)


def optimizer(config):
    """The optimizer. Keras's SGD without momentum is TF1's gradient descent."""
    return keras.optimizers.SGD(config.learning_rate, name="sgd")


def build(length, classes, config=Config()):
    """The whole model, compiled; ``training=`` chooses between the two towers of TF1."""
    x = keras.Input([length, classes], name="x")
    model = keras.Model(x, inference(x, config))
    model.compile(optimizer(config), jit_compile=False)
    model.optimizer.build(model.trainable_variables)
    return model


def checkpoint_names(model):
    """{TF1 variable name: variable}."""
    rnn = model.get_layer("rnn").tf1_weights()
    names = {"net/rnn/" + name: weight for name, weight in rnn.items()}
    output = {"w": model.get_layer("w").kernel, "b": model.get_layer("b").bias}
    return {**names, **{"net/" + name: weight for name, weight in output.items()}}


def run(words, config=Config()):
    """A record of the start, of each step, and of what comes next after the last."""
    x, y_true, weights, letters = encode(words)
    model = build(*x.shape[1:], config=config)
    names = checkpoint_names(model)

    def variables():
        return {name: np.asarray(variable) for name, variable in names.items()}

    # train_on_batch would tell the loss times B through B, whose last bit may be another.
    @tf.function
    def train(x, y_true, weights):
        with tf.GradientTape() as tape:
            loss_value = loss(y_true, weights, model(x, training=True))
        variables = model.trainable_variables
        model.optimizer.apply(tape.gradient(loss_value, variables), variables)
        return loss_value

    history = [{"initial values": variables()}]
    for _ in range(config.steps):
        loss_value = train(x, y_true, weights).numpy()
        history.append({"loss": {"loss": loss_value}})
        history.append({"updates": variables()})
    y_pred = model.predict_on_batch(x)
    history.append({"outputs": {"y_pred": y_pred}})
    guessed = said(y_pred, weights, letters)
    history.append({"evaluation": {"guessed": np.array(guessed)}})
    return history


def said(y_pred, weights, letters):
    """Of each word what was guessed behind its first letter."""
    return [
        "".join(letters[number] for number in numbers[: int(length)])
        for numbers, length in zip(y_pred.argmax(2), weights.sum(1), strict=True)
    ]


def examples():
    """Words of this trade."""
    return ["graph", "session", "feed", "fetch", "variable", "tensor", "placeholder"]


if __name__ == "__main__":
    for record in run(examples()):
        for value in record.get("loss", {}).values():
            print(f"loss {value:.4f}")
        for value in record.get("evaluation", {}).values():
            print(*value)
