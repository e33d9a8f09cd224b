"""Towers in Keras: MirroredStrategy, a replica of the model on each device.

The same training as the TF1 twin: each replica takes its share of a batch, normalises by
it, and all apply the mean of their gradients. Each has the variables to itself; they stay
equal, because they are updated alike. The moving statistics do not: each replica's move by
its own share, and what is read or saved of them are the first one's.

Devices are made before TensorFlow's first op: ``run`` is for a process of its own.

Shapes: B examples of I inputs, a share of them on each replica; H hidden units; K classes.

Run it: ``python -m tf2_keras.models.towers``
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from tf2_keras import tf1_semantics


@dataclasses.dataclass(frozen=True)
class Config:
    steps: int = 6
    towers: int = 2  # a device each
    batch_size: int = 8  # of all towers together
    hidden: int = 5  # H
    classes: int = 3  # K
    decay: float = 0.9  # of the moving statistics
    epsilon: float = 0.001
    learning_rate: float = 0.25
    momentum: float = 0.5
    seed: int = 1  # of the graph; each random op adds its own


def devices(config):
    """The names of so many devices."""
    # Where there are GPUs, each is a device; processors are counted out here.
    (processor,) = tf.config.list_physical_devices("CPU")
    logical = [tf.config.LogicalDeviceConfiguration()] * config.towers
    tf.config.set_logical_device_configuration(processor, logical)
    return [f"/cpu:{tower}" for tower in range(config.towers)]


def dense(units, seed, config, name, has_bias=True):
    """[B, inputs] -> [B, units]."""
    normal = tf1_semantics.initializers.TruncatedNormal(
        0, 0.5, seed=(config.seed, seed)
    )
    return keras.layers.Dense(
        units, use_bias=has_bias, kernel_initializer=normal, name=name
    )


def batch_norm(config):
    """Normalises by the replica's own examples; its statistics move in the same pass."""
    # Keras's own writes 1 - momentum in another order, a last bit apart.
    return tf1_semantics.layers.BatchNormalization(
        momentum=config.decay, epsilon=config.epsilon, name="norm"
    )


def inference(x, config):
    """[B, I] -> logits [B, K]. Whether it is training is said at each call."""
    # Batch norm adds the bias.
    hidden = dense(config.hidden, 11, config, "hidden", has_bias=False)(x)
    hidden = keras.layers.ReLU()(batch_norm(config)(hidden))
    return dense(config.classes, 12, config, "logits")(hidden)


def loss(y_true, y_pred):
    """Mean cross-entropy of labels [B] and logits [B, K], a scalar."""
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y_true, logits=y_pred)
    )


def share(replica_loss, replicas):
    """What a replica adds to the loss of the whole batch."""
    # apply adds up the gradients of all replicas, where average_gradients took the mean.
    # tf.nn.compute_average_loss would round the inverse of the whole batch's size.
    return replica_loss / replicas


def optimizer(config):
    return tf1_semantics.optimizers.Momentum(config.learning_rate, config.momentum)


def build(inputs, config):
    """The model, and the optimizer with its slots made."""
    x = keras.Input([inputs], name="x")
    model = keras.Model(x, inference(x, config))
    momentum = optimizer(config)
    momentum.build(model.trainable_variables)
    return model, momentum


def batches(x_data, y_data, strategy, config):
    """Endless batches, each split among the replicas."""
    dataset = tf.data.Dataset.from_tensor_slices((x_data, y_data)).repeat()
    whole = dataset.batch(config.batch_size)
    return iter(strategy.experimental_distribute_dataset(whole))


def run(x_data, y_data, config=Config()):
    """A record of each step, and at last what is predicted of all examples."""
    strategy = tf.distribute.MirroredStrategy(devices(config))
    with strategy.scope():
        model, momentum = build(x_data.shape[1], config)
    variables = model.trainable_variables

    def replica_step(x, y_true):
        with tf.GradientTape() as tape:
            replica_loss = loss(y_true, model(x, training=True))
            scaled = share(replica_loss, strategy.num_replicas_in_sync)
        gradients = tape.gradient(scaled, variables)
        momentum.apply(gradients, variables)
        # What apply added up, for the record.
        replica = tf.distribute.get_replica_context()
        return replica_loss, replica.all_reduce(tf.distribute.ReduceOp.SUM, gradients)

    batches_of_all = batches(x_data, y_data, strategy, config)

    # The size of a batch is left open, as a placeholder left it: known, a graph would
    # make products with its rounded inverse of the divisions by it.
    @tf.function(input_signature=batches_of_all.element_spec)
    def train(x, y_true):
        losses, gradients = strategy.run(replica_step, (x, y_true))
        mean = strategy.reduce(tf.distribute.ReduceOp.MEAN, losses, axis=None)
        first = [
            strategy.experimental_local_results(gradient)[0] for gradient in gradients
        ]
        return strategy.experimental_local_results(losses), mean, first

    def state():
        (slots,), _ = (list(part.values()) for part in momentum.tf1_slots())
        named = {variable.path: variable for variable in model.variables}
        for variable, slot in zip(variables, slots, strict=True):
            named[f"{variable.path}/Momentum"] = slot
        named["global_step"] = momentum.iterations
        return {name: np.asarray(variable) for name, variable in named.items()}

    history = [{"initial values": state()}]
    for _ in range(config.steps):
        losses, mean_loss, gradients = train(*next(batches_of_all))
        record = {f"tower {tower}": value for tower, value in enumerate(losses)}
        record = {name: value.numpy() for name, value in record.items()}
        paths = [variable.path for variable in variables]
        pairs = zip(paths, gradients, strict=True)
        history.append(
            {
                "loss": {**record, "loss": mean_loss.numpy()},
                "gradients": {path: gradient.numpy() for path, gradient in pairs},
                "updates": state(),
            }
        )
    # Outside of the strategy the variables are the first replica's.
    predict = tf.function(lambda x: model(x, training=False))
    return history + [{"outputs": {"logits": predict(x_data).numpy()}}]


def examples():
    """(float32 [20, 4], int64 [20]): three clusters, the larger the rarer."""
    random = np.random.RandomState(0)
    labels = np.int64([0, 1, 0, 2, 1] * 4)
    centres = np.float32([[1, 0, 0, 0], [0, 2, 0, 0], [0, 0, 3, 1]])
    noise = random.uniform(-0.5, 0.5, [20, 4]).astype(np.float32)
    return centres[labels] + noise, labels


if __name__ == "__main__":
    for record in run(*examples())[1:-1]:
        print(
            "loss {loss:.5f}, of the towers {tower 0:.5f} and {tower 1:.5f}".format(
                **record["loss"]
            )
        )
