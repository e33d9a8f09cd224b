"""A convolutional network for sentences: the Keras 3 twin.

Windows of three, four and five words slide over the embedded sentence; of each filter
the largest answer counts, wherever it was. Dropout, one layer of scores, L2 on its
weights only; Adam.

Shapes: B batch, T words a sentence, E = 128 numbers a word, F = 128 filters a window.
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from tf2_keras import tf1_semantics


@dataclasses.dataclass(frozen=True)
class Config:
    sequence_length: int = 56  # T; the longest sentence of the source's data
    num_classes: int = 2
    vocab_size: int = 18758  # of the source's data; 0 is padding and the unknown
    embedding_size: int = 128  # E
    filter_sizes: tuple = (3, 4, 5)  # words a window
    num_filters: int = 128  # F
    dropout_keep_prob: float = 0.5  # while training; 1.0 while evaluating
    l2_reg_lambda: float = 0.0
    learning_rate: float = 1e-3
    batch_size: int = 64
    num_epochs: int = 200
    seed: int = 1  # of the graph; each random op adds its own


def embedding(input_x, config):
    """Words [B, T] -> [B, T, E, 1], the last axis for the convolutions."""
    # Keras's default draws from -0.05 to 0.05; and from the same seed other numbers.
    uniform = tf1_semantics.initializers.RandomUniform(
        -1.0, 1.0, seed=(config.seed, 11)
    )
    embedded = keras.layers.Embedding(
        config.vocab_size,
        config.embedding_size,
        embeddings_initializer=uniform,
        name="embedding",
    )(input_x)
    return keras.ops.expand_dims(embedded, -1)


def conv_maxpool(embedded, filter_size, seed, config):
    """[B, T, E, 1] -> [B, 1, 1, F]: each filter's largest answer in the sentence."""
    name = f"conv-maxpool-{filter_size}"
    conv = keras.layers.Conv2D(
        config.num_filters,
        (filter_size, config.embedding_size),
        padding="valid",
        use_bias=False,
        kernel_initializer=tf1_semantics.initializers.TruncatedNormal(
            stddev=0.1, seed=(config.seed, seed)
        ),
        name=name,
    )(embedded)
    # conv + b, not BiasAdd: the bias's gradient is then summed in TF1's order.
    conv = tf1_semantics.layers.AddBias(
        keras.initializers.Constant(0.1), name=name + "_add"
    )(conv)
    h = keras.layers.ReLU()(conv)  # [B, T - filter_size + 1, 1, F]
    windows = config.sequence_length - filter_size + 1
    return keras.layers.MaxPooling2D((windows, 1), strides=1, padding="valid")(h)


@keras.saving.register_keras_serializable("text_cnn")
class Scores(keras.layers.Dense):
    """x w + b, and the penalty of both: [B, 3 F] -> [B, units]."""

    def __init__(self, units, l2_reg_lambda, **kwargs):
        super().__init__(units, **kwargs)
        self.l2_reg_lambda = l2_reg_lambda

    def call(self, x):
        # kernel_regularizer=L2(...) would not halve the squares, nor add the two first.
        l2_loss = tf.nn.l2_loss(self.kernel) + tf.nn.l2_loss(self.bias)
        self.add_loss(self.l2_reg_lambda * l2_loss)
        return super().call(x)

    def get_config(self):
        return {**super().get_config(), "l2_reg_lambda": self.l2_reg_lambda}


def inference(input_x, config):
    """Words [B, T] -> scores [B, num_classes]; dropout acts in training only."""
    embedded = embedding(input_x, config)
    pooled = [
        conv_maxpool(embedded, filter_size, 21 + number, config)
        for number, filter_size in enumerate(config.filter_sizes)
    ]
    h_pool_flat = keras.layers.Flatten()(keras.ops.concatenate(pooled, 3))
    # The source fed keep_prob: evaluating at 1.0 moves the random stream on as well.
    h_drop = tf1_semantics.layers.Dropout(
        config.dropout_keep_prob, seed=(config.seed, 31), fed=True, name="dropout"
    )(h_pool_flat)
    return Scores(
        config.num_classes,
        config.l2_reg_lambda,
        kernel_initializer=tf1_semantics.initializers.GlorotUniform(
            seed=(config.seed, 12)
        ),
        bias_initializer=keras.initializers.Constant(0.1),
        name="output",
    )(h_drop)


@keras.saving.register_keras_serializable("text_cnn")
def loss(input_y, scores):
    """Mean cross-entropy of one-hot [B, num_classes] and scores, a scalar."""
    return keras.ops.mean(
        keras.losses.categorical_crossentropy(input_y, scores, from_logits=True)
    )


def optimizer(config):
    """Adam; of the embedding TF1's moves every row, whatever the batch holds."""
    return tf1_semantics.optimizers.Adam(config.learning_rate, name="adam")


def accuracy(input_y, scores):
    """The share of sentences whose largest score is at the label, a scalar."""
    # keras.ops.argmax takes 0.0 for greater than -0.0, TF1's the first of the two.
    correct_predictions = keras.ops.equal(tf.argmax(scores, 1), tf.argmax(input_y, 1))
    return keras.ops.mean(keras.ops.cast(correct_predictions, "float32"))


def build(config=Config()):
    """The whole model, compiled."""
    input_x = keras.Input([config.sequence_length], dtype="int32", name="x")
    model = keras.Model(input_x, inference(input_x, config))
    model.compile(optimizer=optimizer(config), loss=loss, jit_compile=False)
    return model


def checkpoint_names(model):
    """{TF1 variable name: Keras path}."""
    names = {"global_step": "adam/iteration", "embedding/W": "embedding/embeddings"}
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            names[layer.name + "/W"] = layer.kernel.path
            names[layer.name + "/b"] = layer.name + "_add/bias"
    return {**names, "W": "output/kernel", "output/b": "output/bias"}


def batch_iter(x, y, batch_size, seed):
    """An endless tf.data.Dataset of (x, y) in the TF1 loop's order, short at the end.

    Dataset.shuffle would draw another order; numpy's permutations are TF1's.
    """

    def epochs():
        random = np.random.RandomState(seed)
        while True:
            yield random.permutation(len(x))

    x, y = tf.constant(x), tf.constant(y)

    def batches(order):
        shuffled = tf.gather(x, order), tf.gather(y, order)
        return tf.data.Dataset.from_tensor_slices(shuffled).batch(batch_size)

    signature = tf.TensorSpec([len(x)], tf.int64)
    orders = tf.data.Dataset.from_generator(epochs, output_signature=signature)
    return orders.flat_map(batches).prefetch(2)


def run(train_sentences, test_sentences, config=Config()):
    """Returns ([loss of each step], accuracy on the test sentences).

    Args:
        train_sentences, test_sentences: (words [n, T], int32; one-hot [n, 2], float32).
    """
    model = build(config)
    batches = batch_iter(
        train_sentences[0], train_sentences[1], config.batch_size, config.seed
    )
    steps = config.num_epochs * -(-len(train_sentences[0]) // config.batch_size)
    # What fit itself keeps is a mean over the epoch; a Session fetched each step's loss.
    history = tf1_semantics.callbacks.StepHistory()
    model.fit(
        batches, steps_per_epoch=steps, shuffle=False, verbose=0, callbacks=[history]
    )
    x, y = test_sentences
    return history.history["loss"], accuracy(y, model(x, training=False)).numpy()
