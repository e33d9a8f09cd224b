"""A wide and deep net, Cheng et al. 2016, arXiv:1606.07792: the Keras 3 twin.

Who earned more than 50 000 dollars a year? A linear model over words and pairs of words
remembers, a net over numbers and embeddings generalises; their logits are added. What
both halves are given of a person is in feature_columns.py.

Shapes: B people.
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from tf2_keras import tf1_semantics
from tf2_keras.models import feature_columns


@dataclasses.dataclass(frozen=True)
class Config:
    hash_bucket_size: int = 1000  # of occupations and of each cross
    embedding_dimension: int = 8  # of an occupation
    hidden_units: tuple = (100, 75, 50, 25)
    linear_learning_rate: float = 0.005  # the estimator's own, for as many columns
    dnn_learning_rate: float = 0.001
    batch_size: int = 40
    train_epochs: int = 40
    seed: int = 1  # of the graph; each variable adds its own


def dense(net, units, name, seed, activation=None):
    """[B, n] -> [B, units]."""
    net = keras.layers.Dense(
        units,
        use_bias=False,
        kernel_initializer=tf1_semantics.initializers.GlorotUniform(seed=seed),
        name=name,
    )(net)
    # Dense's own bias is broadcast: of a single unit its gradient is another kernel's sum.
    net = tf1_semantics.layers.BiasAdd(name=name + "_bias")(net)
    return net if activation is None else activation(net)


def linear(wide_columns, config):
    """A weight for each word, number range and pair: logits [B, 1]."""
    return feature_columns.linear_model(wide_columns, config)


def dnn(deep_columns, config):
    """Logits [B, 1]."""
    net = feature_columns.input_layer(deep_columns)
    for number, units in enumerate(config.hidden_units):
        seed = config.seed, 12 + number
        net = dense(net, units, f"dnn_hiddenlayer_{number}", seed, keras.ops.relu)
    return dense(net, 1, "dnn_logits", (config.seed, 12 + len(config.hidden_units)))


def inference(features, config):
    """{column: [B]} -> logits [B, 1]."""
    wide_columns, deep_columns = feature_columns.build_model_columns(features, config)
    return dnn(deep_columns, config) + linear(wide_columns, config)


def loss(labels, logits):
    """Cross-entropy of labels [B] and logits [B, 1], summed over the batch, a scalar."""
    # Keras would take the mean: a step of a fortieth, whatever the rate.
    labels = tf.expand_dims(tf.cast(labels, tf.float32), 1)
    return tf1_semantics.losses.SigmoidCrossEntropy(reduction="weighted_sum")(
        labels, logits
    )


def optimizer(config):
    """{scope: the optimizer of its variables}."""
    optimizers = tf1_semantics.optimizers
    return {
        "linear": optimizers.Ftrl(config.linear_learning_rate, name="Ftrl"),
        "dnn": optimizers.Adagrad(config.dnn_learning_rate, name="Adagrad"),
    }


@keras.saving.register_keras_serializable("wide_deep")
class WideDeep(keras.Model):
    """One loss, and each optimizer trains its own half."""

    def compile(self, linear, dnn):
        super().compile(jit_compile=False)
        self.linear, self.dnn = linear, dnn
        for half, variables in self.halves():
            half.build(variables)

    def halves(self):
        """[(optimizer, the variables that it trains), ...]."""
        return [
            (half, [v for v in self.trainable_variables if v.path.startswith(scope)])
            for scope, half in {"linear": self.linear, "dnn": self.dnn}.items()
        ]

    def train_step(self, data):
        features, labels = data
        with tf.GradientTape(persistent=True) as tape:
            cost = loss(labels, self(features, training=True))
        for half, variables in self.halves():
            half.apply(tape.gradient(cost, variables), variables)
        return {"loss": cost}

    def get_compile_config(self):
        optimizers = {"linear": self.linear, "dnn": self.dnn}
        return keras.saving.serialize_keras_object(optimizers)

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))


def build(config=Config()):
    """The whole model, compiled."""
    features = feature_columns.inputs()
    model = WideDeep(features, inference(features, config))
    model.compile(**optimizer(config))
    return model


def checkpoint_names(model):
    """{TF1 variable name: Keras path}, such as dnn/logits/bias: dnn_logits_bias/bias."""
    table = "dnn/input_from_feature_columns/input_layer/{}/embedding_weights"
    names = {"linear/linear_model/bias_weights": "linear_model/bias"}
    for variable in model.trainable_variables:
        layer, weight = variable.path.split("/")
        scope, _, name = layer.partition("_")
        if weight == "rows":
            form = table if scope == "dnn" else "linear/linear_model/{}/weights"
            names[form.format(name)] = variable.path
        elif scope == "dnn":
            names[f"dnn/{name.removesuffix('_bias')}/{weight}"] = variable.path
    return names


def run(features, labels, config=Config()):
    """Returns [mean loss of an example in each epoch].

    Args:
        features: {column: [n]}, float32 of numbers and str of words.
        labels: [n], int32, whether more than 50 000 dollars.
    """
    model = build(config)
    steps = -(-len(labels) // config.batch_size)
    # What fit itself keeps is a mean over the epoch; a Session fetched each step's loss.
    history = tf1_semantics.callbacks.StepHistory()
    model.fit(
        feature_columns.input_fn(features, labels, config.batch_size, config.seed),
        epochs=config.train_epochs,
        steps_per_epoch=steps,
        shuffle=False,
        verbose=0,
        callbacks=[history],
    )
    losses = np.reshape(history.history["loss"], [config.train_epochs, steps])
    return [float(total) / len(labels) for total in losses.sum(1)]
