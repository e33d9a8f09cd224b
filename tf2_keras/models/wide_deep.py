"""A wide and deep net, Cheng et al. 2016, arXiv:1606.07792: the Keras 3 twin.

Who earned more than 50 000 dollars a year? A linear model over words and pairs of words
remembers, a net over numbers and embeddings generalises; their logits are added. What
feature columns did is done by preprocessing layers, which give the same numbers if they
are told to.

Shapes: B people.
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from tf2_keras import tf1_semantics

NUMBERS = ("age", "education_num", "capital_gain", "capital_loss", "hours_per_week")
# fmt: off
VOCABULARIES = {
    "education": [
        "Bachelors", "HS-grad", "11th", "Masters", "9th", "Some-college", "Assoc-acdm",
        "Assoc-voc", "7th-8th", "Doctorate", "Prof-school", "5th-6th", "10th", "1st-4th",
        "Preschool", "12th"],
    "marital_status": [
        "Married-civ-spouse", "Divorced", "Married-spouse-absent", "Never-married",
        "Separated", "Married-AF-spouse", "Widowed"],
    "relationship": [
        "Husband", "Not-in-family", "Wife", "Own-child", "Unmarried", "Other-relative"],
    "workclass": [
        "Self-emp-not-inc", "Private", "State-gov", "Federal-gov", "Local-gov", "?",
        "Self-emp-inc", "Without-pay", "Never-worked"],
}
# fmt: on
WORDS = (*VOCABULARIES, "occupation")
AGES = (18.0, 25.0, 30.0, 35.0, 40.0, 45.0, 50.0, 55.0, 60.0, 65.0)


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


def input_fn(features, labels, batch_size, seed):
    """An endless tf.data.Dataset of ({column: [B]}, labels [B]), shuffled in each epoch."""
    random = np.random.RandomState(seed)

    def orders():
        # Dataset.shuffle would draw another order than NumPy.
        while True:
            order = random.permutation(len(labels))
            for start in range(0, len(labels), batch_size):
                yield order[start : start + batch_size]

    return tf.data.Dataset.from_generator(
        orders, output_signature=tf.TensorSpec([None], tf.int64)
    ).map(
        lambda rows: tf.nest.map_structure(
            lambda column: tf.gather(column, rows), (features, labels)
        )
    )


def category(words, vocabulary):
    """Words [B] -> their places [B] in a vocabulary; -1, no category, of unknown ones."""
    # Keras counts what is unknown as number 0, in front of the vocabulary.
    return keras.layers.StringLookup(vocabulary=vocabulary)(words) - 1


def hashed(words, buckets):
    """Words [B] -> buckets [B]; -1 of an empty word, which was none in TF1."""
    # Keras's hash is TF1's, and an empty word has one unless it is the mask, number 0.
    return keras.layers.Hashing(buckets + 1, mask_value="")(words) - 1


def crossed(columns, buckets):
    """Columns [B] -> buckets [B] of what they say together."""
    # keras.layers.HashedCrossing takes two columns and no more.
    return tf1_semantics.lookup.CrossedColumn(buckets)(columns)


def build_model_columns(features, config):
    """({wide column: ids [B]}, {deep column: [B, width]})."""
    buckets, dimension = config.hash_bucket_size, config.embedding_dimension
    education, occupation = features["education"], features["occupation"]
    age_buckets = keras.layers.Discretization(AGES)(features["age"])
    ids = {
        name: category(features[name], vocabulary)
        for name, vocabulary in VOCABULARIES.items()
    }
    indicators = {
        name + "_indicator": keras.ops.one_hot(ids[name], len(vocabulary))
        for name, vocabulary in VOCABULARIES.items()
    }
    ids["occupation"] = hashed(occupation, buckets)
    ids["age_bucketized"] = age_buckets
    ids["education_X_occupation"] = crossed([education, occupation], buckets)
    ids["age_bucketized_X_education_X_occupation"] = crossed(
        [age_buckets, education, occupation], buckets
    )
    # keras.layers.Embedding would need a row for what is no category, and train it.
    embedding = tf1_semantics.lookup.SafeEmbedding(
        buckets,
        dimension,
        initializer=tf1_semantics.initializers.TruncatedNormal(
            stddev=dimension**-0.5, seed=(config.seed, 11)
        ),
        name="dnn_occupation_embedding",
    )(ids["occupation"])
    numbers = {name: keras.ops.expand_dims(features[name], 1) for name in NUMBERS}
    return ids, {**numbers, **indicators, "occupation_embedding": embedding}


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
    sizes = {name: len(vocabulary) for name, vocabulary in VOCABULARIES.items()}
    sizes["age_bucketized"] = len(AGES) + 1
    weights = [
        tf1_semantics.lookup.SafeEmbedding(
            sizes.get(name, config.hash_bucket_size), 1, name="linear_" + name
        )(wide_columns[name])
        for name in sorted(wide_columns)
    ]
    total = keras.layers.Add()(weights)
    return tf1_semantics.layers.BiasAdd(name="linear_model")(total)


def dnn(deep_columns, config):
    """Logits [B, 1]."""
    # TF1 put them side by side in the order of their names, not in that of a list.
    net = keras.ops.concatenate(
        [deep_columns[name] for name in sorted(deep_columns)], 1
    )
    for number, units in enumerate(config.hidden_units):
        seed = config.seed, 12 + number
        net = dense(net, units, f"dnn_hiddenlayer_{number}", seed, keras.ops.relu)
    return dense(net, 1, "dnn_logits", (config.seed, 12 + len(config.hidden_units)))


def inference(features, config):
    """{column: [B]} -> logits [B, 1]."""
    wide_columns, deep_columns = build_model_columns(features, config)
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

    def compile(self, linear, dnn, **kwargs):
        super().compile(**kwargs)
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
        optimizers = keras.saving.deserialize_keras_object(config)
        self.compile(**optimizers, jit_compile=False)


def build(config=Config()):
    """The whole model, compiled."""
    features = {name: keras.Input([], name=name) for name in NUMBERS}
    for name in WORDS:
        features[name] = keras.Input([], dtype="string", name=name)
    model = WideDeep(features, inference(features, config))
    model.compile(**optimizer(config), jit_compile=False)
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
        features: {column: [n]}, float32 of NUMBERS and str of WORDS.
        labels: [n], int32, whether more than 50 000 dollars.
    """
    model = build(config)
    steps = -(-len(labels) // config.batch_size)
    # What fit itself keeps is a mean over the epoch; a Session fetched each step's loss.
    history = tf1_semantics.callbacks.StepHistory()
    model.fit(
        input_fn(features, labels, config.batch_size, config.seed),
        epochs=config.train_epochs,
        steps_per_epoch=steps,
        shuffle=False,
        verbose=0,
        callbacks=[history],
    )
    losses = np.reshape(history.history["loss"], [config.train_epochs, steps])
    return [float(total) / len(labels) for total in losses.sum(1)]
