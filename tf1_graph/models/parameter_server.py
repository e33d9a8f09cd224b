"""Parameter servers: variables in processes of their own, and workers that train them.

Synchronous: each update is of the mean of one gradient of each worker, gathered by
``SyncReplicasOptimizer``. Asynchronous: a worker applies its gradients as they come; with
one worker that is in an order that can be said.

Each task of the cluster is a process, which ``TF_CONFIG`` tells the cluster and its place.

Shapes: B examples of I inputs, for each worker; H hidden units; K classes.

Run it: ``python -m tf1_graph.models.parameter_server [synchronous|asynchronous]``, in each
task; without a ``TF_CONFIG`` it is a cluster of one worker.
"""

import collections
import dataclasses
import json
import os
import sys

import numpy as np
import tensorflow.compat.v1 as tf


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


ALONE = {"cluster": {"worker": ["127.0.0.1:0"]}, "task": {"type": "worker", "index": 0}}


def started():
    """(cluster, job, number of the task, its server), as TF_CONFIG says."""
    told = json.loads(os.environ.get("TF_CONFIG", json.dumps(ALONE)))
    cluster = tf.train.ClusterSpec(told["cluster"])
    job, task = told["task"]["type"], told["task"]["index"]
    return cluster, job, task, tf.train.Server(cluster, job_name=job, task_index=task)


def dense(x, units, seed, name):
    """[B, inputs] -> [B, units]."""
    with tf.variable_scope(name):
        normal = tf.truncated_normal_initializer(stddev=0.5, seed=seed)
        kernel = tf.get_variable("kernel", [int(x.shape[1]), units], initializer=normal)
        bias = tf.get_variable("bias", [units], initializer=tf.zeros_initializer())
        return tf.nn.bias_add(tf.matmul(x, kernel), bias)


def inference(x, config):
    """[B, I] -> logits [B, K]."""
    hidden = tf.nn.relu(dense(x, config.hidden, 11, "hidden"))
    return dense(hidden, config.classes, 12, "logits")


def loss(y_true, y_pred):
    """Mean cross-entropy of labels [B] and logits [B, K], a scalar."""
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y_true, logits=y_pred)
    )


def optimizer(replicas, config):
    """The mean of so many workers' gradients is one update; of 0, each gradient is."""
    momentum = tf.train.MomentumOptimizer(config.learning_rate, config.momentum)
    if not replicas:
        return momentum
    return tf.train.SyncReplicasOptimizer(momentum, replicas, replicas)


Model = collections.namedtuple(
    "Model",
    [
        *("graph", "x", "y_true", "loss", "gradients", "train", "hooks", "predict"),
        *("state", "ready", "wait"),
    ],
)


def build(inputs, cluster, task, replicas, config):
    """The graph of one worker: its ops are its own, the variables the servers'."""
    place = tf.train.replica_device_setter(
        cluster=cluster, worker_device=f"/job:worker/task:{task}"
    )
    with tf.Graph().as_default() as graph, tf.device(place):
        tf.set_random_seed(config.seed)
        x = tf.placeholder(tf.float32, [None, inputs], name="x")
        y_true = tf.placeholder(tf.int64, [None], name="y_true")
        predict = inference(x, config)
        worker_loss = loss(y_true, predict)
        descent = optimizer(replicas, config)
        pairs = descent.compute_gradients(worker_loss)
        step = tf.train.get_or_create_global_step()
        train = descent.apply_gradients(pairs, step)
        hooks = [tf.train.StopAtStepHook(last_step=config.steps)]
        if replicas:
            # With tokens to begin with, a fast worker may bring two gradients to one
            # update, and another none.
            hooks.append(descent.make_session_run_hook(task == 0, num_tokens=0))
        state = {variable.op.name: variable for variable in tf.global_variables()}
        with tf.device(step.device):
            chief = tf.FIFOQueue(100, tf.bool, [()], shared_name="chief_is_ready")
        others = [True] * (cluster.num_tasks("worker") - 1)
        ready = chief.enqueue_many([tf.constant(others, tf.bool)])
        wait = chief.dequeue()
    gradients = {variable.op.name: gradient for gradient, variable in pairs}
    return Model(
        *(graph, x, y_true, worker_loss, gradients, train, hooks, predict),
        *(state, ready, wait),
    )


def session(server, built, task, config, folder):
    """What trains, when the chief has initial values or those of a checkpoint."""
    # Without it a session waits for all workers, those that are lost as well.
    filters = tf.ConfigProto(device_filters=["/job:ps", f"/job:worker/task:{task}"])
    if task != 0:
        # Found too early, values that are missing are looked for after 30 seconds.
        with tf.Session(server.target, config=filters) as waiting:
            waiting.run(built.wait)
    return tf.train.MonitoredTrainingSession(
        server.target,
        is_chief=task == 0,
        checkpoint_dir=folder,
        hooks=built.hooks,
        config=filters,
        save_checkpoint_steps=config.save_every,
        save_summaries_steps=None,
        log_step_count_steps=None,
        # The chief's thread waits for gradients that nobody brings: two minutes, else.
        stop_grace_period_secs=1,
    )


def rows(step, worker, workers, examples, config):
    """The examples that a worker takes at a step."""
    batch = step * workers + worker
    return (np.arange(config.batch_size) + batch * config.batch_size) % examples


def run(x_data, y_data, config=Config(), folder=None):
    """What a worker sees: of each step a record, and at last what is predicted.

    folder: where the chief saves to, and goes on from if it is started again.
    """
    (mode,) = config.modes
    cluster, job, task, server = started()
    if job == "ps":
        server.join()  # it has no end of its own
    workers = cluster.num_tasks("worker")
    replicas = workers if mode == "synchronous" else 0
    built = build(x_data.shape[1], cluster, task, replicas, config)
    seen = {
        "loss": {f"worker {task}": built.loss},
        "gradients": {
            f"worker {task} {name}": gradient
            for name, gradient in built.gradients.items()
        },
    }
    with built.graph.as_default(), session(
        server, built, task, config, folder
    ) as training:

        def aside(fetches, feed=None):
            """What no hook sees."""
            return training.run_step_fn(
                lambda step_context: step_context.session.run(fetches, feed)
            )

        def state(stage):
            return {stage: aside(built.state)} if task == 0 else {}

        step = aside(built.state["global_step"])
        history = [state("restored" if step else "initial values")]
        if task == 0:
            aside(built.ready)
        while not training.should_stop():
            taken = rows(step, task, workers, len(x_data), config)
            feed = {built.x: x_data[taken], built.y_true: y_data[taken]}
            record, _ = training.run([seen, built.train], feed)
            history.append(dict(record, **state("updates")))
            step = aside(built.state["global_step"])
        logits = aside(built.predict, {built.x: x_data})
    return history + [{"outputs": {"logits": logits}} if task == 0 else {}]


def examples():
    """(float32 [20, 4], int64 [20]): three clusters, the larger the rarer."""
    random = np.random.RandomState(0)
    labels = np.int64([0, 1, 0, 2, 1] * 4)
    centres = np.float32([[1, 0, 0, 0], [0, 2, 0, 0], [0, 0, 3, 1]])
    noise = random.uniform(-0.5, 0.5, [20, 4]).astype(np.float32)
    return centres[labels] + noise, labels


if __name__ == "__main__":
    modes = tuple(sys.argv[1:]) or ("synchronous",)
    for record in run(*examples(), config=Config(modes=modes))[1:-1]:
        ((worker, value),) = record["loss"].items()
        print(f"{worker}: loss {value:.5f}")
