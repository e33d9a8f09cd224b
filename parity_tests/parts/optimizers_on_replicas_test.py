"""TF1's optimizers on two replicas, beside one device that gets the sums."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from parity_tests.parts.optimizer_pairs import (
    BATCH,
    as_tensors,
    examples,
    initial_values,
    new_model,
    new_optimizer,
    new_twin,
    require_same,
)
from parity_tests.parts.optimizer_twins import gradient_of
from tf1_graph.parts import optimizers as tf1_optimizers
from tf2_keras import tf1_semantics, training

# Two replicas, in a process of its own: logical devices are made before all else.

REPLICAS = """
import json
from parity_tests.witness import reference_conditions
reference_conditions.import_tensorflow()
import keras, numpy as np, tensorflow as tf
(cpu,) = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(
    cpu, [tf.config.LogicalDeviceConfiguration()] * 2
)
from parity_tests.parts import optimizers_on_replicas_test as test
print(json.dumps(test.on_two_replicas()))
"""
ON_REPLICAS = ("GradientDescent", "Momentum", "Adam", "RMSProp", "AdagradDA", "AdamW")


def on_two_replicas():
    """What differs from one device; to be called where there are two logical ones."""
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    random = np.random.RandomState(0)

    def normal(*shape):
        return random.standard_normal(shape).astype(np.float32)

    values = {"weights": normal(3, 5), "table": normal(7, 2)}
    # [replica, ...] of each step, and what one device gets of both together.
    apart = [
        {
            "weights": normal(2, 3, 5),
            "table values": normal(2, 4, 2),
            "table indices": random.randint(7, size=(2, 4)),
        }
        for _ in range(3)
    ]
    summed = [
        {
            "weights": batch["weights"].sum(0),
            "table values": np.concatenate(batch["table values"]),
            "table indices": np.concatenate(batch["table indices"]),
        }
        for batch in apart
    ]
    problem = values, summed
    differing = []
    for name in ON_REPLICAS:
        kind = f"optimizers.{name}"
        with strategy.scope():
            optimizer = new_optimizer(kind)
            several = new_twin(kind, problem, optimizer=optimizer)
        variables = {name: several.state[name] for name in values}

        def replica_step(batch, optimizer=optimizer, variables=variables):
            number = tf.distribute.get_replica_context().replica_id_in_sync_group
            own = {name: array[number] for name, array in batch.items()}
            gradients = [
                gradient_of(name, variable, own) for name, variable in variables.items()
            ]
            optimizer.apply(gradients, list(variables.values()))

        step = tf.function(
            lambda batch, replica_step=replica_step: strategy.run(
                replica_step, (batch,)
            )
        )
        records = training.play(
            new_twin(kind, problem),
            tf1_optimizers.moves({}, summed),
            "eager",
        )
        next(records)
        for batch, record in zip(apart, records, strict=True):
            step(as_tensors(batch))
            received = several.values()
            for name, expected in {**record["slots"], **record["updates"]}.items():
                if not np.array_equal(expected, received[name]):
                    differing.append((kind, name))
    with strategy.scope():
        accumulating = new_optimizer("an accumulation")
        played = new_twin("an accumulation", problem, optimizer=accumulating)
    before = played.values()
    variables = [played.state[name] for name in values]
    refused = ""
    try:
        ones = [tf.ones(value.shape) for value in values.values()]
        strategy.run(lambda: accumulating.apply(ones, variables))
    except NotImplementedError as error:
        refused = str(error)
    require_same(before, played.values())
    with strategy.scope():
        models = [
            new_model("optimizers.GradientDescent"),
            new_model(
                "optimizers.GradientDescent", optimizer=keras.optimizers.SGD(0.1)
            ),
        ]
    for model in models:
        model.fit(*examples(6), batch_size=BATCH, shuffle=False, verbose=0)
    ours, of_keras = (model.get_weights() for model in models)
    pairs = zip(ours, of_keras, strict=True)
    return {
        "differing": differing,
        "refused": refused,
        "clipped": clipped_on(strategy),
        "off": [float(abs(own - other).max()) for own, other in pairs],
        "way": float(abs(ours[0] - initial_values()["table"]).max()),
    }


def clipped_on(strategy):
    """What two replicas' gradients of norms 3 and 4 move a variable by: ours, Keras's."""
    moved = []
    for clip in ({"clip": tf1_semantics.clipping.ByNorm(1.0)}, {"clipnorm": 1.0}):
        with strategy.scope():
            variable = keras.Variable([0.0, 0.0])
            optimizer = tf1_semantics.optimizers.GradientDescent(1.0, **clip)
            optimizer.build([variable])
        gradients = tf.constant([[3.0, 0.0], [0.0, 4.0]])

        def replica_step(optimizer=optimizer, variable=variable, gradients=gradients):
            number = tf.distribute.get_replica_context().replica_id_in_sync_group
            optimizer.apply([gradients[number]], [variable])

        strategy.run(replica_step)
        moved.append(variable.numpy().tolist())
    return moved


@pytest.mark.slow
def test_two_replicas_update_as_one_device_does_on_the_summed_gradients(run_python):
    result = run_python("-c", REPLICAS)
    assert result.returncode == 0, result.stderr[-3000:]
    received = json.loads(result.stdout.splitlines()[-1])
    assert received["differing"] == []
    # Clips see the gradients of a replica, as Keras's clipnorm does: of their sum,
    # [3, 4], there would be [0.6, 0.8] left.
    assert received["clipped"] == [[-1.0, -1.0]] * 2
    assert "must be None on several replicas. Received: 3. Use" in received["refused"]
    # In fit too: Keras's SGD is TF1's.
    assert received["way"] > 0.01 and received["off"] == [0.0, 0.0]
