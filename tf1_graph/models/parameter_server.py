"""Parameter servers: variables in processes of their own, and workers that train them.

Synchronous: each update is of the mean of one gradient of each worker, gathered by
``SyncReplicasOptimizer``. Asynchronous: a worker applies its gradients as they come; with
one worker that is in an order that can be said.

Shapes: B examples of I inputs, for each worker; H hidden units; K classes.

Run it: ``python -m tf1_graph.models.parameter_server [synchronous|asynchronous]`` in the
process of each task, which ``TF_CONFIG`` tells the cluster and its place in it; without a
``TF_CONFIG`` it is a cluster of one worker.
"""

import collections
import dataclasses
import sys

import numpy as np
import tensorflow.compat.v1 as tf

from tf1_graph.models.towers import examples, loss


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


def started():
    """(cluster, job, number of the task, its server), as TF_CONFIG says."""
    resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    alone = tf.train.ClusterSpec({"worker": ["localhost:0"]})
    cluster = resolver.cluster_spec() or alone
    job, task = resolver.task_type or "worker", resolver.task_id or 0
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


Model = collections.namedtuple(
    "Model", ["x", "y_true", "seen", "train", "hooks", "predict", "state"]
)


def build(inputs, cluster, task, replicas, config):
    """What one worker runs: its ops are its own, the variables the servers'."""
    place = tf.train.replica_device_setter(
        cluster=cluster, worker_device=f"/job:worker/task:{task}"
    )
    tf.set_random_seed(config.seed)
    optimizer = tf.train.MomentumOptimizer(config.learning_rate, config.momentum)
    hooks = [tf.train.StopAtStepHook(last_step=config.steps)]
    if replicas:
        # The mean of so many workers' gradients is one update.
        optimizer = tf.train.SyncReplicasOptimizer(optimizer, replicas, replicas)
        # With tokens to begin with, a fast worker may bring two of them, another none.
        hooks.append(optimizer.make_session_run_hook(task == 0, num_tokens=0))
    with tf.device(place):
        x = tf.placeholder(tf.float32, [None, inputs], name="x")
        y_true = tf.placeholder(tf.int64, [None], name="y_true")
        predict = inference(x, config)
        worker_loss = loss(y_true, predict)
        pairs = optimizer.compute_gradients(worker_loss)
        train = optimizer.apply_gradients(pairs, tf.train.get_or_create_global_step())
    gradients = {
        f"worker {task} {variable.op.name}": gradient for gradient, variable in pairs
    }
    seen = {"loss": {f"worker {task}": worker_loss}, "gradients": gradients}
    state = {variable.op.name: variable for variable in tf.global_variables()}
    return Model(x, y_true, seen, train, hooks, predict, state)


def session(server, built, task, config, folder):
    """What trains, when the chief has initial values or those of a checkpoint."""
    # Without it a session waits for all workers, those that are lost as well.
    filters = tf.ConfigProto(device_filters=["/job:ps", f"/job:worker/task:{task}"])
    if task != 0:
        # A MonitoredTrainingSession that finds some missing looks again after 30 seconds.
        missing = tf.report_uninitialized_variables(tf.global_variables())
        manager = tf.train.SessionManager(ready_op=missing, recovery_wait_secs=0.1)
        manager.wait_for_session(server.target, config=filters).close()
    return tf.train.MonitoredTrainingSession(
        server.target,
        is_chief=task == 0,
        checkpoint_dir=folder,
        hooks=built.hooks,
        config=filters,
        save_checkpoint_steps=config.save_every,
        # The chief's thread waits for gradients that nobody brings: two minutes, else.
        stop_grace_period_secs=1,
    )


def aside(training, fetches, feed=None):
    """What no hook sees, of the last step as well."""
    return training.run_step_fn(
        lambda step_context: step_context.session.run(fetches, feed)
    )


def rows(step, worker, workers, size, config):
    """The examples, of so many, that a worker takes at a step."""
    batch = step * workers + worker
    return (np.arange(config.batch_size) + batch * config.batch_size) % size


def run(x_data, y_data, config=Config(), folder=None):
    """What a worker sees: of each step a record, and at last what is predicted.

    folder: where the chief saves to, and goes on from if it is started again.
    """
    (mode,) = config.modes
    cluster, job, task, server = started()
    if job == "ps":
        server.join()  # it has no end of its own
    workers = cluster.num_tasks("worker")
    with tf.Graph().as_default():
        replicas = workers if mode == "synchronous" else 0
        built = build(x_data.shape[1], cluster, task, replicas, config)
        with session(server, built, task, config, folder) as training:
            state = aside(training, built.state)
            begun = "restored" if state["global_step"] else "initial values"
            history = [{begun: state}]
            while not training.should_stop():
                taken = rows(state["global_step"], task, workers, len(x_data), config)
                feed = {built.x: x_data[taken], built.y_true: y_data[taken]}
                record, _ = training.run([built.seen, built.train], feed)
                state = aside(training, built.state)
                history.append(dict(record, updates=state))
            logits = aside(training, built.predict, {built.x: x_data})
    return history + [{"outputs": {"logits": logits}}]


if __name__ == "__main__":
    modes = tuple(sys.argv[1:]) or ("synchronous",)
    for record in run(*examples(), config=Config(modes=modes))[1:-1]:
        ((worker, value),) = record["loss"].items()
        print(f"{worker}: loss {value:.5f}")
