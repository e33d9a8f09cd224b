"""Claims about the nodes of a GraphDef: what leads to them and what they lead to."""

import numpy as np
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from tf1_graph.nodes import DEEPEST_FOLD, MOST_VALUES, Nodes


def graph(*lines, **constants):
    """Nodes of lines such as ``name Op input input``, and constants by name."""
    graph_def = tf1.GraphDef()
    for name, value in constants.items():
        node = graph_def.node.add(name=name, op="Const")
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
    for line in lines:
        name, op, *inputs = line.split()
        graph_def.node.add(name=name, op=op, input=inputs)
    nodes = Nodes(graph_def.node)
    return nodes, {node.name: node for node in nodes}


def test_inputs_are_nodes_by_position_without_controls():
    nodes, named = graph(
        "a Op", "b Op a:0 ^c a:1 gone", "c Op b:output:0", "d Op a ^b", "e Op a b"
    )
    assert nodes.inputs(named["b"]) == [named["a"], named["a"], None]
    assert nodes.inputs(named["c"]) == [named["b"]]
    assert [nodes.input(named["b"], position) for position in range(4)] == [
        *(named["a"], named["a"]),
        *(None, None),
    ]
    names = [nodes.input_name(named["b"], position) for position in range(4)]
    assert names == ["a", "a:1", "gone", None]
    assert nodes.other(named["e"], named["a"]) is named["b"]
    assert nodes.other(named["e"], named["b"]) is named["a"]
    for name in "abd":  # none, three and one
        assert nodes.other(named[name], named["a"]) is None


def test_consumers_are_found_behind_what_hands_a_value_on():
    nodes, named = graph(
        "x Op",
        "first Mul x x",
        "copy Identity x",
        "again Identity copy",
        "into Enter again",
        "second Add into:0",
        "other Neg x",
        "third Mul other",
        "circle Identity circle_back",
        "circle_back Switch circle",
    )
    found = nodes.consumers(named["x"], "Mul", "Add")
    assert [node.name for node in found] == ["first", "first", "second"]
    assert nodes.consumers(named["x"], "Identity") == [named["copy"]]
    assert nodes.consumers(named["circle"], "Mul") == []
    assert nodes.source(named["into"]) is named["x"]
    assert nodes.source(named["other"]) is named["other"]
    assert nodes.source(None) is None
    assert nodes.source(named["circle"]).name.startswith("circle")


def test_a_constant_is_known_up_to_its_most_values():
    assert MOST_VALUES == 256
    for shape, known in (
        *(([0], True), ([256], True), ([2, 128], True)),
        *(([257], False), ([2, 129], False)),
    ):
        values = np.ones(shape, np.int32)
        nodes, named = graph("read Identity c", c=values)
        constant = nodes.constant(named["read"])
        assert np.array_equal(constant, values) if known else constant is None


def test_what_ops_make_of_constants_is_known_to_a_depth():
    lines = [f"d{level} Sub d{level - 1} one" for level in range(1, DEEPEST_FOLD + 2)]
    nodes, named = graph(*lines, d0=np.float32(9), one=np.float32(1))
    for level in range(DEEPEST_FOLD + 1):
        assert nodes.constant(named[f"d{level}"]) == 9 - level
    assert DEEPEST_FOLD == 4 and nodes.constant(named["d5"]) is None


def test_what_depends_on_an_input_is_no_constant():
    nodes, named = graph(
        "x Placeholder",
        "half RealDiv one two",
        "fed Sub one x",
        "also Sub x one",
        "lone Sub one",
        "product Mul one two",
        "without_value Const",
        one=np.float32(1),
        two=np.float32(2),
        many=np.float32([1]),
        flag=True,
    )
    scalar = nodes.scalar(named["half"])
    assert scalar == 0.5 and scalar.dtype == np.float32
    for name in ("x", "fed", "also", "lone", "product", "without_value", "many"):
        assert nodes.scalar(named[name]) is None, name
    assert nodes.scalar(named["flag"]) is None  # no number
    assert nodes.scalar(None) is None
    assert nodes.constant(named["many"]).tolist() == [1]


def test_what_is_within_a_loop_ends_with_its_exit():
    nodes, _ = graph(
        "before Op",
        "enter Enter before",
        "merge Merge enter next",
        "body Op merge",
        "next NextIteration body",
        "leave Exit body",
        "after Op leave",
        "ref RefEnter before",
        "of_ref Op ref",
        "ref_leaves RefExit of_ref",
        "after_ref Op ref_leaves",
    )
    assert nodes.within_loops() == {
        *("enter", "merge", "body", "next", "ref", "of_ref"),
    }
