"""TF1's random streams as stateless ones, against the ops of compat.v1 graphs."""

import contextlib

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given
from hypothesis import strategies as st

from parity_tests.engine import strategies
from tf2_keras.tf1_semantics import philox

SEEDS = strategies.seeds() | st.integers(-(2**63), 2**63 - 1)
OPS = {
    "uniform": tf.compat.v1.random_uniform,
    "normal": tf.compat.v1.random_normal,
    "truncated_normal": tf.compat.v1.truncated_normal,
}


@given(graph_seed=st.none() | SEEDS, op_seed=SEEDS)
@example(0, 0)
@example(2**31 - 1, -(2**31 - 1))
@example(None, 0)
@example(-(2**63), 2**63 - 1)
@example(2**63 - 1, -(2**63))
def test_seeds_reach_the_kernel_as_in_tf1(graph_seed, op_seed):
    with tf.Graph().as_default():
        if graph_seed is not None:
            tf.compat.v1.set_random_seed(graph_seed)
        expected = tf.compat.v1.get_seed(op_seed)
    seed = op_seed if graph_seed is None else (graph_seed, op_seed)
    assert philox.op_seeds(seed) == expected


@given(
    kind=st.sampled_from(sorted(OPS)),
    dtype=st.sampled_from(["float16", "bfloat16", "float32", "float64"]),
    shapes=st.lists(
        st.lists(st.integers(0, 5), max_size=3) | st.just([400]), min_size=1, max_size=4
    ),
    graph_seed=SEEDS,
    op_seed=SEEDS,
)
@example("normal", "float32", [[3], [3], [3]], 1, 2)
def test_a_stream_goes_on_from_run_to_run_as_in_tf1(
    kind, dtype, shapes, graph_seed, op_seed
):
    """One op of one Session draws again and again, each time another shape."""
    with tf.Graph().as_default() as graph:
        tf.compat.v1.set_random_seed(graph_seed)
        shape_to_draw = tf.compat.v1.placeholder(tf.int32, [None])
        draw = OPS[kind](shape_to_draw, dtype=dtype, seed=op_seed)
    drawn = 0
    with contextlib.closing(tf.compat.v1.Session(graph=graph)) as session:
        for shape in shapes:
            expected = session.run(draw, {shape_to_draw: shape})
            from_start = {"drawn": drawn} if drawn else {}  # where it is by default
            received = getattr(philox, kind)(
                shape, (graph_seed, op_seed), dtype=dtype, **from_start
            ).numpy()
            assert received.dtype == expected.dtype and received.shape == expected.shape
            # -0.0 from a product with the standard deviation, 0.0 once the mean is added
            np.testing.assert_array_equal(
                received.astype(np.float64), expected.astype(np.float64), strict=True
            )
            drawn += expected.size * philox.RESERVED_PER_ELEMENT


@pytest.mark.parametrize(
    "seed", [None, 1.0, "1", True, (1,), (1, 2, 3), (1, None), 2**63, (-(2**63) - 1, 0)]
)
def test_what_is_no_seed_is_told_by_rule_received_and_remedy(seed):
    with pytest.raises(ValueError) as caught:
        philox.op_seeds(seed)
    message = str(caught.value)
    assert message.startswith("seed must be ")
    assert f". Received: {seed!r}. Use " in message and message.endswith(".")
