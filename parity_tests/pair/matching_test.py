"""Claims about matching: what tells which variable is which, and what it refuses."""

import numpy as np
import pytest

from parity_tests.pair import behaviour, translated
from parity_tests.pair.errors import PairError
from parity_tests.pair.matching import NoLoss, matched
from tf2_keras.migrate.checkpoint import layouts, names
from tf2_keras.migrate.checkpoint.matching import Variable

F32 = np.dtype(np.float32)


def variables(**shapes):
    """{name: Variable}; two underscores stand for a slash."""
    return {
        name.replace("__", "/"): Variable(tuple(shape), F32)
        for name, shape in shapes.items()
    }


def entries(found):
    return {name: match.entry for name, match in found.matches.items()}


def hows(found):
    return {name: match.how for name, match in found.matches.items()}


@pytest.mark.parametrize(
    "tf1_name, path",
    [
        ("dense/kernel", "dense/kernel"),
        ("conv1/weights", "conv1/kernel"),
        ("tower/conv1/biases", "conv1/bias"),
        ("conv1/weights", "my_model/conv1/kernel"),
        ("Block_1/W", "block_1/kernel"),
    ],
)
def test_names_that_mean_the_same_are_the_same(tf1_name, path):
    assert names.same(tf1_name, path)


@pytest.mark.parametrize(
    "tf1_name, path",
    [("dense/kernel", "dense/bias"), ("weights", "dense/kernel"), ("a/w", "b/kernel")],
)
def test_names_that_do_not_are_not(tf1_name, path):
    assert not names.same(tf1_name, path)


def test_names_come_before_shapes_whatever_the_order():
    found = matched(
        variables(a__weights=[4, 4], b__weights=[4, 4]),
        variables(b__kernel=[4, 4], a__kernel=[4, 4]),
    )
    assert entries(found) == {"a/weights": "a/kernel", "b/weights": "b/kernel"}
    assert set(hows(found).values()) == {"name"}


def test_a_name_of_another_shape_is_no_match():
    found = matched(
        variables(a__weights=[4, 3], b__weights=[5, 2]),
        variables(a__kernel=[5, 2], b__kernel=[4, 3]),
    )
    assert entries(found) == {"a/weights": "b/kernel", "b/weights": "a/kernel"}


def test_a_shape_that_is_there_once_is_enough():
    found = matched(
        variables(Variable=[7, 4], Variable_1=[4]), variables(k=[7, 4], b=[4])
    )
    assert entries(found) == {"Variable": "k", "Variable_1": "b"}
    assert set(hows(found).values()) == {"shape"}


def test_a_transposed_kernel_is_recognised_and_taken_over():
    found = matched(variables(weights=[1, 3]), variables(dense__kernel=[3, 1]))
    (match,) = found.matches.values()
    assert match.entry == {"layout": "transposed", "of": ["dense/kernel"]}
    kernel = np.arange(3.0).reshape(3, 1)
    np.testing.assert_array_equal(match.to_tf1([kernel]), kernel.T, strict=True)
    np.testing.assert_array_equal(
        match.to_twin(kernel.T, [0 * kernel])[0], kernel, strict=True
    )


def test_sizes_of_1_come_and_go():
    found = matched(variables(filters=[1, 1, 3, 5]), variables(dense__kernel=[3, 5]))
    assert found.matches["filters"].layout == "reshaped"


def test_split_biases_are_put_together():
    found = matched(
        variables(qkv__kernel=[6, 9], qkv__bias=[9]),
        variables(
            q__kernel=[6, 3],
            q__bias=[3],
            k__kernel=[6, 3],
            k__bias=[3],
            v__kernel=[6, 3],
            v__bias=[3],
        ),
    )
    bias = found.matches["qkv/bias"]
    assert bias.sources == ("q/bias", "k/bias", "v/bias")
    np.testing.assert_array_equal(
        bias.to_tf1([np.full(3, n) for n in range(3)]),
        np.repeat(range(3), 3),
        strict=True,
    )


def lstm(inputs, units):
    return (
        variables(
            rnn__basic_lstm_cell__kernel=[inputs + units, 4 * units],
            rnn__basic_lstm_cell__bias=[4 * units],
        ),
        variables(
            lstm__lstm_cell__kernel=[inputs, 4 * units],
            lstm__lstm_cell__recurrent_kernel=[units, 4 * units],
            lstm__lstm_cell__bias=[4 * units],
        ),
    )


def test_the_gates_of_an_lstm_are_put_in_order():
    found = matched(*lstm(5, 2))
    kernel, bias = found.matches.values()
    assert (kernel.layout, bias.layout) == ("lstm kernel", "lstm bias")
    i, j, f, o = (np.full([7, 2], float(gate)) for gate in range(4))
    parts = kernel.to_twin(
        np.concatenate([i, j, f, o], 1), [np.zeros([5, 8]), np.zeros([2, 8])]
    )
    expected = np.concatenate([i, f, j, o], 1)
    np.testing.assert_array_equal(np.concatenate(parts), expected, strict=True)
    (keras_bias,) = bias.to_twin(np.zeros(8, np.float32), [np.zeros(8, np.float32)])
    np.testing.assert_array_equal(
        keras_bias, np.float32([0, 0, 1, 1, 0, 0, 0, 0]), strict=True
    )


def test_the_two_kernels_of_a_gru_lie_in_the_same_two_of_keras():
    found = matched(
        variables(
            rnn__gru_cell__gates__kernel=[5, 4],
            rnn__gru_cell__gates__bias=[4],
            rnn__gru_cell__candidate__kernel=[5, 2],
            rnn__gru_cell__candidate__bias=[2],
        ),
        variables(
            gru__gru_cell__kernel=[3, 6],
            gru__gru_cell__recurrent_kernel=[2, 6],
            gru__gru_cell__bias=[6],
        ),
    )
    twin = {"gru/gru_cell/bias": np.zeros(6)}
    values = translated.Translation(found.matches).values(
        {
            "rnn/gru_cell/gates/bias": np.array([1.0, 1, 2, 2]),  # r, u
            "rnn/gru_cell/candidate/bias": np.array([3.0, 3]),
        },
        twin,
    )
    np.testing.assert_array_equal(
        values["gru/gru_cell/bias"], np.float64([2, 2, 1, 1, 3, 3]), strict=True
    )


def chain(order):
    """A loss of three square kernels, the ``order`` in which a side applies them."""

    def loss_of(values):
        x = np.linspace(-1, 1, 4)
        for name in order:
            x = np.tanh(x @ values[name].astype(np.float64))
        return float(np.sum(x * np.arange(1, 5)))

    return loss_of


def matched_chains(tf1_order, twin_order, given=None):
    tf1 = variables(**{name: [4, 4] for name in "abc"})
    twin = variables(**{name: [4, 4] for name in "pqr"})

    def twin_loss(matches, values):
        translation = translated.Translation(matches)
        state = {name: np.zeros([4, 4], np.float32) for name in twin}
        return chain(twin_order)({**state, **translation.values(values, state)})

    facts = {name: (v.shape, v.dtype) for name, v in tf1.items()}
    effects = behaviour.effects(facts, chain(tf1_order))
    return matched(tf1, twin, given, lambda _which: effects, twin_loss)


def test_equal_shapes_go_by_order_and_the_loss_confirms_it():
    found = matched_chains("abc", "pqr")
    assert entries(found) == {"a": "p", "b": "q", "c": "r"}
    assert found.confirmed
    assert set(hows(found).values()) == {
        "shape and order of use, confirmed by behaviour"
    }


def test_where_order_misleads_behaviour_tells():
    found = matched_chains("cab", "qrp")
    assert entries(found) == {"c": "q", "a": "r", "b": "p"}
    assert found.confirmed


def test_a_square_kernel_that_is_transposed_is_told_by_the_loss():
    tf1, twin = variables(dense__weights=[4, 4]), variables(dense__kernel=[4, 4])

    def loss_of(kernel):
        return float(np.sum(np.tanh(np.arange(4) @ kernel) * np.arange(4)))

    def twin_loss(matches, values):
        state = {"dense/kernel": np.zeros([4, 4], np.float32)}
        values = translated.Translation(matches).values(values, state)
        return loss_of(values["dense/kernel"].T)

    facts = {name: (v.shape, v.dtype) for name, v in tf1.items()}
    effects = behaviour.effects(facts, lambda values: loss_of(values["dense/weights"]))
    found = matched(tf1, twin, None, lambda _which: effects, twin_loss)
    assert found.matches["dense/weights"].layout == "transposed" and found.confirmed


def parallel(values):
    x = np.linspace(-1, 1, 4)
    return float(sum(np.sum(np.tanh(x @ values[name])) for name in values))


def test_what_nothing_can_tell_apart_is_refused_with_its_candidates():
    """Two towers that are added: either may be either, and initial values would differ."""
    tf1 = variables(a=[4, 4], b=[4, 4])
    twin = variables(p=[4, 4], q=[4, 4])
    facts = {name: (v.shape, v.dtype) for name, v in tf1.items()}
    # The twin's loss is another one, so that nothing is confirmed.
    effects = behaviour.effects(facts, lambda values: parallel(values) + 1)
    with pytest.raises(PairError, match=r"a \[4, 4\] \(candidates: p .*q "):
        matched(tf1, twin, None, lambda _which: effects, lambda _matches, _values: 7.0)


def test_a_twin_that_gives_no_loss_is_matched_by_order_alone():
    def no_loss(_matches, _values):
        raise NoLoss

    tf1 = variables(a=[4, 4], b=[4, 4])
    facts = {name: (v.shape, v.dtype) for name, v in tf1.items()}
    effects = behaviour.effects(facts, parallel)
    found = matched(
        tf1, variables(p=[4, 4], q=[4, 4]), None, lambda _which: effects, no_loss
    )
    assert entries(found) == {"a": "p", "b": "q"} and found.confirmed is None
    assert set(hows(found).values()) == {"shape and order of use"}


def test_more_of_a_shape_on_one_side_is_refused():
    with pytest.raises(PairError, match=r"candidates: p \[3\]"):
        matched(variables(a=[3], b=[3]), variables(p=[3]))


def test_where_no_candidate_is_left_that_is_said_and_the_others_are_counted():
    several = variables(a=[3], b=[4], c=[5], d=[6], e=[7])
    with pytest.raises(PairError) as refused:
        matched(several, variables(p=[3]))
    said = str(refused.value)
    assert "b [4] (candidates: none left); c [5] (candidates: none left)" in said
    assert "e [7]" not in said and "; and 1 more. Say which, names={'b': ...}" in said


def test_a_map_comes_first_and_may_leave_out():
    tf1 = variables(a=[4, 4], b=[4, 4], c=[2])
    twin = variables(p=[4, 4], q=[4, 4])
    given = {"a": "q", "c": None}
    found = matched(tf1, twin, given)
    assert entries(found) == {"a": "q", "b": "p"}
    assert found.left_out == ("c",)
    again = matched(tf1, twin, found.as_map())
    assert entries(again) == entries(found)


@pytest.mark.parametrize(
    "given, said",
    [
        ({"aa": "p"}, "'aa'.*Use some of: a"),
        ({"a": "pp"}, "a: 'pp'.*Use some of: p"),
        ({"a": "q"}, r"a \[4, 3\]: q \[2\]"),
        ({"a": {"layout": "turned", "of": ["p"]}}, "a: 'turned'.*transposed"),
    ],
)
def test_a_map_that_leads_nowhere_is_refused(given, said):
    with pytest.raises(PairError, match=said):
        matched(variables(a=[4, 3]), variables(p=[4, 3], q=[2]), given)


def test_a_global_step_is_the_count_of_the_optimizer():
    step = Variable((), np.dtype(np.int64), False)
    found = matched({"global_step": step}, {"adam/iteration": step})
    assert entries(found) == {"global_step": "adam/iteration"}


def test_slots_and_gradients_follow_their_variable():
    found = matched(variables(w=[1, 3]), variables(dense__kernel=[3, 1]))
    translation = translated.Translation(found.matches, dropped=["adam/iteration"])
    kernel = np.arange(3.0).reshape(3, 1)
    record = translation.candidate(
        {
            "move": "train",
            "gradients": {"dense/kernel": kernel},
            "slots": {"dense/kernel/Adam": kernel, "beta1_power": np.array(0.9)},
            "updates": {"dense/kernel": kernel, "adam/iteration": np.array(1)},
        }
    )
    assert list(record["slots"]) == ["beta1_power", "w/Adam"]
    assert list(record["updates"]) == ["w"]
    for stage, name in (("gradients", "w"), ("slots", "w/Adam"), ("updates", "w")):
        np.testing.assert_array_equal(record[stage][name], kernel.T, strict=True)


@pytest.mark.parametrize("layout", layouts.LAYOUTS)
def test_every_layout_takes_values_there_and_back(layout):
    sources = {
        "rows": [(2, 3), (4, 3)],
        "columns": [(3, 2), (3, 4)],
        "lstm kernel": [(3, 8), (2, 8)],
        "lstm bias": [(8,)],
        "gru gates kernel": [(3, 6), (2, 6)],
        "gru candidate kernel": [(3, 6), (2, 6)],
        "gru gates bias": [(6,)],
        "gru candidate bias": [(6,)],
    }.get(layout, [(3, 2)])
    arrays = [np.random.RandomState(n).rand(*s) for n, s in enumerate(sources)]
    shape = np.asarray(layouts.LAYOUTS[layout](*arrays)).shape
    match = layouts.match("v", shape, "ab"[: len(sources)], sources, layout, "test")
    value = match.to_tf1(arrays)
    np.testing.assert_array_equal(value, layouts.LAYOUTS[layout](*arrays), strict=True)
    parts = match.to_twin(value, arrays)
    for part, array in zip(parts, arrays, strict=True):
        np.testing.assert_array_equal(part, array, strict=True)
