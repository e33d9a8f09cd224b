"""Workers in processes of their own, in TensorFlow 2: synchronous, or with servers.

Synchronous: MultiWorkerMirroredStrategy. There are no parameter servers: each worker has
the variables, and all apply the sum of their gradients. Asynchronous:
ParameterServerStrategy, whose program is a coordinator's, where TF1 had one in each
worker; with one worker gradients come in an order that can be said.

Shapes: B examples of I inputs, for each worker; H hidden units; K classes.

Run it: ``python -m tf2_keras.models.parameter_server [synchronous|asynchronous]`` in the
process of each task, which ``TF_CONFIG`` tells the cluster and its place in it; without a
``TF_CONFIG`` it is a cluster of one worker.
"""

import dataclasses
import functools
import sys

import keras
import numpy as np
import tensorflow as tf

from tf2_keras import tf1_semantics
from tf2_keras.models.towers import examples, loss


@dataclasses.dataclass(frozen=True)
class Config:
    steps: int = 6
    modes: tuple = ("synchronous", "asynchronous")  # each in a cluster of its own
    workers: int = 2  # that are synchronous; asynchronous is one
    batch_size: int = 4  # of each worker
    hidden: int = 5  # H
    classes: int = 3  # K
    save_every: int = 2  # steps
    learning_rate: float = 0.25
    momentum: float = 0.5
    seed: int = 1  # of the graph; each random op adds its own


def started(mode):
    """(strategy, number of the task), as TF_CONFIG says; what serves stays here."""
    resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    task = resolver.task_id or 0
    if mode == "synchronous":
        return tf.distribute.MultiWorkerMirroredStrategy(), task
    if resolver.task_type != "chief":
        server = tf.distribute.Server(
            resolver.cluster_spec(), job_name=resolver.task_type, task_index=task
        )
        server.join()  # it has no end of its own
    return tf.distribute.ParameterServerStrategy(resolver), task


def dense(units, seed, config, name):
    """[B, inputs] -> [B, units]."""
    normal = tf1_semantics.initializers.TruncatedNormal(
        0, 0.5, seed=(config.seed, seed)
    )
    return keras.layers.Dense(units, kernel_initializer=normal, name=name)


def inference(x, config):
    """[B, I] -> logits [B, K]."""
    hidden = keras.layers.ReLU()(dense(config.hidden, 11, config, "hidden")(x))
    return dense(config.classes, 12, config, "logits")(hidden)


def share(gradients, replicas):
    """What a worker adds to the update."""
    # apply adds up what SyncReplicasOptimizer took the mean of.
    return [gradient / replicas for gradient in gradients]


def build(inputs, config):
    """The model, and the optimizer with its slots made."""
    x = keras.Input([inputs], name="x")
    model = keras.Model(x, inference(x, config))
    momentum = tf1_semantics.optimizers.Momentum(config.learning_rate, config.momentum)
    momentum.build(model.trainable_variables)
    return model, momentum


def batches(x_data, y_data, step, worker, config):
    """Endless batches of a worker, a ``tf.distribute.InputContext``, from a step on."""
    dataset = tf.data.Dataset.from_tensor_slices((x_data, y_data)).repeat()
    dataset = dataset.batch(config.batch_size)
    dataset = dataset.shard(worker.num_input_pipelines, worker.input_pipeline_id)
    return dataset.skip(step)


def run(x_data, y_data, config=Config(), folder=None):
    """What a worker sees: of each step a record, and at last what is predicted.

    folder: where the chief saves to, and goes on from if it is started again.
    """
    (mode,) = config.modes
    strategy, task = started(mode)
    with strategy.scope():
        model, momentum = build(x_data.shape[1], config)
    variables = model.trainable_variables
    checkpoint = tf.train.Checkpoint(model=model, optimizer=momentum)
    if folder and tf.train.latest_checkpoint(folder):
        checkpoint.restore(tf.train.latest_checkpoint(folder)).assert_consumed()
    done = int(np.asarray(momentum.iterations))

    def replica_step(x, y_true):
        with tf.GradientTape() as tape:
            worker_loss = loss(y_true, model(x, training=True))
        gradients = tape.gradient(worker_loss, variables)
        momentum.apply(share(gradients, strategy.num_replicas_in_sync), variables)
        return worker_loss, gradients

    @tf.function
    def train_worker(drawn):
        """What a worker saw; a coordinator's function, or that of all workers alike."""
        return strategy.run(replica_step, next(drawn))

    def dataset():
        return strategy.distribute_datasets_from_function(
            lambda worker: batches(x_data, y_data, done, worker, config)
        )

    if mode == "synchronous":
        train, drawn = train_worker, iter(dataset())
    else:
        coordinator = tf.distribute.coordinator.ClusterCoordinator(strategy)
        drawn = iter(coordinator.create_per_worker_dataset(dataset))

        def train(drawn):
            return coordinator.schedule(train_worker, args=(drawn,)).fetch()

    paths = [variable.path for variable in variables]
    state = dict(zip(paths, variables, strict=True))
    state.update(momentum.tf1_variables(paths))
    read = functools.partial(tf.nest.map_structure, np.asarray)
    history = [{"restored" if done else "initial values": read(state)}]
    for step in range(done + 1, config.steps + 1):
        worker_loss, gradients = train(drawn)
        named = {
            f"worker {task} {path}": gradient
            for path, gradient in zip(paths, gradients, strict=True)
        }
        record = {"loss": {f"worker {task}": worker_loss}, "gradients": named}
        history.append(read({**record, "updates": state}))
        if folder and task == 0 and step % config.save_every == 0:
            checkpoint.save(f"{folder}/model.ckpt")
    predict = tf.function(lambda x: model(x, training=False))
    return history + [{"outputs": {"logits": predict(x_data).numpy()}}]


if __name__ == "__main__":
    modes = tuple(sys.argv[1:]) or ("synchronous",)
    for record in run(*examples(), config=Config(modes=modes))[1:-1]:
        ((worker, value),) = record["loss"].items()
        print(f"{worker}: loss {value:.5f}")
