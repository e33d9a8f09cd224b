"""Checkpoints: Saver, max_to_keep, import_meta_graph, a subset of variables, freezing.

A small network is trained and saved every few steps, of which the last few are kept. What
was saved is then used in three ways: the training goes on from it, in a graph that is read
from the .meta file; another network begins with its hidden layer; and its variables become
constants of a graph that is written to one file and predicts.

Run it: ``python -m tf1_graph.models.save_restore``
"""

import dataclasses
import os
import tempfile

import numpy as np
import tensorflow.compat.v1 as tf


@dataclasses.dataclass(frozen=True)
class Config:
    steps: int = 6  # before it is stopped, and again after it went on
    save_every: int = 2  # steps, and at the end
    max_to_keep: int = 2  # checkpoints
    units: int = 1  # of the hidden layer: of one, no sum depends on an order
    learning_rate: float = 0.0625
    halve_every: int = 4  # steps
    seed: int = 1  # of the graph; each random op adds its own


def layer(x, size, seed, name):
    """[batch, in_size] -> [batch, size]: x kernel + bias."""
    with tf.variable_scope(name):
        kernel = tf.get_variable(
            "kernel",
            [x.shape[1], size],
            initializer=tf.random_uniform_initializer(0.25, 1.0, seed=seed),
        )
        bias = tf.get_variable("bias", [size], initializer=tf.zeros_initializer())
    return tf.matmul(x, kernel) + bias


def build(config, inputs=2):
    """A network in the default graph; what is used of it is in the graph's collections."""
    tf.set_random_seed(config.seed)
    x = tf.placeholder(tf.float32, [None, inputs], "x")
    y_true = tf.placeholder(tf.float32, [None, 1], "y_true")
    hidden = tf.nn.relu(layer(x, config.units, 11, "hidden"))
    y_pred = tf.identity(layer(hidden, 1, 12, "output"), "y_pred")
    loss = tf.reduce_mean(tf.square(y_true - y_pred), name="loss")
    global_step = tf.train.get_or_create_global_step()
    rate = tf.train.exponential_decay(
        config.learning_rate, global_step, config.halve_every, 0.5, staircase=True
    )
    # minimize puts its op into the collection "train_op", which the .meta file keeps.
    tf.train.MomentumOptimizer(rate, 0.5).minimize(loss, global_step)


def state(session):
    """{name: value} of all variables."""
    names = [variable.op.name for variable in tf.global_variables()]
    return dict(zip(names, session.run(tf.global_variables())))


def saved(path):
    """{name: value} of what the file of a checkpoint holds."""
    reader = tf.train.load_checkpoint(path)
    return {
        name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()
    }


def kept(folder):
    """The steps of the checkpoints that the folder still knows, and those it still has."""
    known = tf.train.get_checkpoint_state(folder).all_model_checkpoint_paths
    files = tf.gfile.Glob(os.path.join(folder, "model.ckpt-*.index"))
    return {
        "known": np.int64([path.rpartition("-")[2] for path in known]),
        "files": np.array(sorted(os.path.basename(path) for path in files)),
    }


def train(session, saver, data, config, folder):
    """Steps of training, saved every few and at the end; yields a record of each."""
    graph = tf.get_default_graph()
    loss = graph.get_tensor_by_name("loss:0")
    (train_op,) = graph.get_collection("train_op")
    step = session.run(tf.train.get_global_step())
    for number in range(config.steps):
        # Which example is next follows from what is saved, so that a restart goes on there.
        example = [step % len(data[0])]
        feed = {"x:0": data[0][example], "y_true:0": data[1][example]}
        before, _ = session.run([loss, train_op], feed)
        record = {"loss": {"loss": before}, "updates": state(session)}
        step = record["updates"]["global_step"]
        if step % config.save_every == 0 or number == config.steps - 1:
            saver.save(session, os.path.join(folder, "model.ckpt"), step)
            record["kept"] = kept(folder)
            record["saved"] = saved(tf.train.latest_checkpoint(folder))
        yield record


def begin(data, config, folder):
    """Trains from the initial values on, and stops."""
    with tf.Graph().as_default(), tf.Session() as session:
        build(config)
        saver = tf.train.Saver(max_to_keep=config.max_to_keep)
        session.run(tf.global_variables_initializer())
        yield {"initial values": state(session)}
        yield from train(session, saver, data, config, folder)


def go_on(data, config, folder):
    """Trains from the latest checkpoint on; the network is in the .meta file beside it."""
    with tf.Graph().as_default(), tf.Session() as session:
        latest = tf.train.latest_checkpoint(folder)
        saver = tf.train.import_meta_graph(latest + ".meta")
        saver.restore(session, latest)
        # Else this Saver knows of no older checkpoint, and those are never deleted.
        known = tf.train.get_checkpoint_state(folder).all_model_checkpoint_paths
        saver.recover_last_checkpoints(known)
        yield {"restored": state(session)}
        yield from train(session, saver, data, config, folder)


def begin_with_hidden(config, folder):
    """What another network starts from that takes over the hidden layer."""
    config = dataclasses.replace(config, seed=config.seed + 1)
    with tf.Graph().as_default(), tf.Session() as session:
        build(config)
        session.run(tf.global_variables_initializer())
        hidden = tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES, "hidden/")
        tf.train.Saver(hidden).restore(session, tf.train.latest_checkpoint(folder))
        return {"partly restored": state(session)}


def freeze(config, folder):
    """A file with the latest network, its variables constants of the graph."""
    with tf.Graph().as_default() as graph, tf.Session() as session:
        build(config)
        tf.train.Saver().restore(session, tf.train.latest_checkpoint(folder))
        frozen = tf.graph_util.convert_variables_to_constants(
            session, graph.as_graph_def(), ["y_pred"]
        )
    path = os.path.join(folder, "frozen.pb")
    with tf.gfile.GFile(path, "wb") as file:
        file.write(frozen.SerializeToString())
    return path


def predict(path, x_data):
    """What the frozen network says, without a variable or a line of its code."""
    graph_def = tf.GraphDef()
    with tf.gfile.GFile(path, "rb") as file:
        graph_def.ParseFromString(file.read())
    with tf.Graph().as_default(), tf.Session() as session:
        (y_pred,) = tf.import_graph_def(graph_def, return_elements=["y_pred:0"])
        return session.run(y_pred, {"import/x:0": x_data})


def run(x_data, y_data, folder, config=Config()):
    """A record of each step, and of what the checkpoints were used for."""
    data = x_data, y_data
    history = [*begin(data, config, folder), *go_on(data, config, folder)]
    history.append(begin_with_hidden(config, folder))
    y_pred = predict(freeze(config, folder), x_data)
    history.append({"outputs": {"frozen": y_pred}})
    return history


def examples():
    """([4, 2], [4, 1]) float32."""
    x = np.float32([[1, 0], [0, 1], [1, 1], [0, 0]])
    return x, x.sum(axis=1, keepdims=True) + 1


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        records = run(*examples(), folder=scratch)
    for record in records:
        if "kept" in record:
            known = record["kept"]["known"]
            print("loss {loss:.4f}".format(**record["loss"]), "kept", known)
    print("frozen", records[-1]["outputs"]["frozen"].round(3).ravel())
