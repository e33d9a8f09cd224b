"""What 1.15.5's graph rewrite makes of the chapter mixed_precision, with a GPU and without.

    python -m parity_tests.witness.programs.graph_rewrite

The rewrite is a pass over the graph: it is told of a GPU that is not there, and what it
returns runs on a CPU, whose products in float16 are rounded as often. Prints one line of
JSON: the ops that it had compute in float16, and the records of both.
"""

import json

import tensorflow.compat.v1 as tf

from tf1_graph.models import mixed_precision as graph

DEVICE = "/job:localhost/replica:0/task:0/device:GPU:0"
SEEN = ("y_pred", "loss", "scale", "good_steps", "kernel", "bias", "global_step")


def main():
    config = graph.Config(rewrite=True)
    without = [
        {
            name: value.tolist()
            for stage in record.values()
            for name, value in stage.items()
        }
        for record in graph.run(*graph.examples(), config=config)
    ]
    rewritten, names = with_a_gpu(config)
    print(
        json.dumps(
            {
                "float16": sorted(
                    node.op
                    for node in rewritten.node
                    if node.op != "Cast"
                    and "T" in node.attr
                    and node.attr["T"].type == tf.float16.as_datatype_enum
                ),
                "without": without,
                "with": played(rewritten, names, config),
            }
        )
    )


def with_a_gpu(config):
    """(the graph as it is rewritten where there is a GPU, {what is seen: its tensor})."""
    from tensorflow.core.protobuf import (
        config_pb2,
        device_properties_pb2,
        rewriter_config_pb2,
    )
    from tensorflow.python.grappler import cluster, tf_optimizer

    with tf.Graph().as_default() as built:
        tf.set_random_seed(config.seed)
        x = tf.placeholder(tf.float32, [None, 2], "x")
        y_true = tf.placeholder(tf.float32, [None, 1], "y_true")
        y_pred = graph.predict(x, config)
        loss = tf.reduce_mean(tf.square(y_true - tf.cast(y_pred, tf.float32)))
        train = graph.optimizer(config).minimize(
            loss, global_step=tf.train.get_or_create_global_step()
        )
        tf.train.experimental.disable_mixed_precision_graph_rewrite()
        state = {variable.op.name: variable for variable in tf.global_variables()}
        state["scale"] = state.pop("current_loss_scale")
        names = {name: tf.identity(state[name]).name for name in SEEN[2:]}
        names.update(y_pred=y_pred.name, loss=loss.name, train=train.name)
        names["init"] = tf.global_variables_initializer().name
        built.add_to_collection("train_op", train)
        exported = tf.train.export_meta_graph(graph=built)
    for node in exported.graph_def.node:
        node.device = DEVICE
    gpu = device_properties_pb2.DeviceProperties(
        type="GPU", frequency=1000, num_cores=60, environment={"architecture": "7"}
    )
    named = device_properties_pb2.NamedDevice(properties=gpu, name=DEVICE)
    options = config_pb2.ConfigProto()
    rewriting = options.graph_options.rewrite_options
    rewriting.auto_mixed_precision = rewriter_config_pb2.RewriterConfig.ON
    rewriting.optimizers.append("auto_mixed_precision")
    rewriting.min_graph_nodes = -1
    rewritten = tf_optimizer.OptimizeGraph(
        options, exported, cluster=cluster.Cluster(devices=[named])
    )
    for node in rewritten.node:
        node.device = ""
    return rewritten, names


def played(rewritten, names, config):
    """The records of as many steps as the chapter's own."""
    x_data, y_data = graph.examples()
    history = []
    with tf.Graph().as_default():
        tf.import_graph_def(rewritten, name="")
        with tf.Session() as session:
            session.run(names["init"])
            for step in range(config.steps):
                example = [step % len(x_data)]
                feed = {"x:0": x_data[example], "y_true:0": y_data[example]}
                fetches = {name: names[name] for name in SEEN[:2]}
                record, _ = session.run([fetches, names["train"]], feed)
                record.update(session.run({name: names[name] for name in SEEN[2:]}))
                history.append({name: value.tolist() for name, value in record.items()})
    return history


if __name__ == "__main__":
    main()
