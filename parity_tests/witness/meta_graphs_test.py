"""Claims about files that are no ``.meta``, and about a ``.meta`` that means harm."""

import os
import pathlib
import sys
import time
import tracemalloc

import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1
from google.protobuf import text_format

from parity_tests.commands import seeds_table
from tf1_graph import exported, meta_graphs, seeds

GOLDEN = pathlib.Path(__file__).parents[1] / "goldens" / "exported" / "graph_seed_only"
META = GOLDEN / "model.meta"


def graph_of_a_draw(op="RandomUniform", shape=(2, 3), dtype=tf.float32, inputs=1):
    """A GraphDef: a constant shape, a draw of it, and a variable that it starts."""
    graph_def = tf1.GraphDef()
    constant = graph_def.node.add(name="shape", op="Const")
    constant.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(np.array(shape)))
    constant.attr["dtype"].type = constant.attr["value"].tensor.dtype
    draw = graph_def.node.add(name="draw", op=op, input=["shape"] * inputs)
    draw.attr[
        "Tout" if op == "RandomUniformInt" else "dtype"
    ].type = dtype.as_datatype_enum
    draw.attr["seed"].i, draw.attr["seed2"].i = 1, 2
    graph_def.node.add(name="w", op="VariableV2").attr["dtype"].type = 1
    graph_def.node.add(name="w/Assign", op="Assign", input=["w", "draw"])
    return graph_def


def with_constant(**fields):
    """The same graph, but of another constant."""
    graph_def = graph_of_a_draw()
    tensor = graph_def.node[0].attr["value"].tensor
    tensor.CopyFrom(tf1.make_tensor_proto(0).__class__(**fields))
    return graph_def


def shape_of(*sizes):
    return tf.TensorShape(sizes).as_proto()


def with_attribute(node, name, value):
    graph_def = graph_of_a_draw()
    graph_def.node[node].attr[name].CopyFrom(value)
    return graph_def


def chained(number):
    """Variables of which each is started by all before it."""
    graph_def = graph_of_a_draw()
    previous = "draw"
    for position in range(number):
        for name, op, inputs in (
            (f"add_{position}", "AddV2", [previous, "draw"]),
            (f"w_{position}", "VariableV2", []),
            (f"w_{position}/Assign", "Assign", [f"w_{position}", f"add_{position}"]),
        ):
            graph_def.node.add(name=name, op=op, input=inputs)
        previous = f"add_{position}"
    return graph_def


def without_dtype():
    graph_def = graph_of_a_draw()
    del graph_def.node[1].attr["dtype"]
    return graph_def


# {what is wrong: (a graph, words of the refusal)}; content that protobuf itself takes.
WHEN_READ = {
    "too few bytes": (
        with_constant(dtype=3, tensor_shape=shape_of(2), tensor_content=b"abc"),
        "'shape' has 3 bytes for int32 of the shape [2]",
    ),
    "too many bytes": (
        with_constant(dtype=3, tensor_shape=shape_of(2), tensor_content=bytes(12)),
        "'shape' has 12 bytes for int32 of the shape [2]",
    ),
    "a constant without a value": (
        with_constant(),
        "constant 'shape' has none",
    ),
    "a constant of unknown rank": (
        with_constant(dtype=3, tensor_shape=tf.TensorShape(None).as_proto()),
        "constant 'shape' has none",
    ),
    "a negative size": (
        with_constant(dtype=3, tensor_shape=shape_of(None, 3), int_val=[1]),
        "int32 of the shape [-1, 3]",
    ),
    "four gibibytes of one number": (
        with_constant(dtype=3, tensor_shape=shape_of(2**30), int_val=[1]),
        "at most 2147483648 bytes",
    ),
    "more than memory can address": (
        with_constant(dtype=3, tensor_shape=shape_of(2**31, 2**31), int_val=[1]),
        "at most 2147483648 bytes",
    ),
    "strings without end": (
        with_constant(dtype=7, tensor_shape=shape_of(2**30), string_val=[b"a"]),
        "at most 2147483648 bytes",
    ),
    "a constant's dtype": (
        with_constant(dtype=99, tensor_shape=shape_of(2), int_val=[1]),
        "constant 'shape' has none",
    ),
    "an attribute's dtype": (
        with_attribute(1, "dtype", tf1.AttrValue(type=99)),
        "node 'draw' has the dtype 99",
    ),
    "a dtype in a list": (
        with_attribute(2, "T", tf1.AttrValue(list=tf1.AttrValue.ListValue(type=[99]))),
        "node 'w' has the dtype 99",
    ),
}
WHEN_LISTED = {
    "no dtype": (without_dtype(), "a RandomUniform of no dtype"),
    "a dtype that no one draws": (
        graph_of_a_draw(dtype=tf.string),
        "a RandomUniform of string",
    ),
    "integers of a float dtype": (
        graph_of_a_draw("RandomUniformInt"),
        "a RandomUniformInt of float32",
    ),
    "no shape": (graph_of_a_draw(inputs=0), "a RandomUniform without inputs"),
    "a shape that is a number": (graph_of_a_draw(shape=5), "of the shape 5"),
    "a shape of two axes": (graph_of_a_draw(shape=[[5]]), "of the shape [[5]]"),
    "a shape of floats": (graph_of_a_draw(shape=[1.5, np.nan]), "the shape [1.5, nan]"),
    "a negative shape": (graph_of_a_draw(shape=[-1, 4]), "the shape [-1, 4]"),
    "more than can be counted": (
        graph_of_a_draw(shape=[2**31, 2**31]),
        "the shape [2147483648, 2147483648]",
    ),
}
# What asks for time rather than memory.
SLOW = {"initial values of each other": (chained(800), "all go into each other")}


def as_file(folder, graph_def):
    path = folder / "model.meta"
    path.write_bytes(tf1.MetaGraphDef(graph_def=graph_def).SerializeToString())
    return path


@pytest.mark.parametrize("name", [*WHEN_READ, *WHEN_LISTED, *SLOW])
def test_content_that_cannot_be_is_one_line_and_exit_code_2(tf_parity, tmp_path, name):
    graph_def, words = {**WHEN_READ, **WHEN_LISTED, **SLOW}[name]
    path = as_file(tmp_path, graph_def)
    started = time.perf_counter()
    code, out, err = tf_parity("seeds", path, "--json", tmp_path / "seeds.json")
    assert (code, out) == (2, "")
    assert err.startswith("tf-parity: A graph")
    assert " Received: " in err and words in err and err.count("\n") == 1
    assert not (tmp_path / "seeds.json").exists()
    # Seconds on a busy machine; it was minutes, or no end.
    assert time.perf_counter() - started < 60


@pytest.mark.parametrize("name", [*WHEN_READ, *WHEN_LISTED])
def test_refusing_takes_memory_by_the_size_of_the_file(name):
    graph_def, _ = {**WHEN_READ, **WHEN_LISTED}[name]
    meta_graph = tf1.MetaGraphDef(graph_def=graph_def)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError):
            seeds.random_ops(meta_graphs.check(meta_graph, "a graph"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**24 + 1000 * meta_graph.ByteSize()


@pytest.mark.parametrize("name", WHEN_READ)
def test_an_exported_program_is_looked_at_too(tmp_path, name):
    graph_def, words = WHEN_READ[name]
    names = dict(x="x", y_true="y_true", loss="loss", train="train")
    for source in (
        as_file(tmp_path, graph_def),
        tf1.MetaGraphDef(graph_def=graph_def),
    ):
        with pytest.raises(ValueError) as caught:
            exported.load(source, **names)
        assert words in str(caught.value) and "\n" not in str(caught.value)


def test_content_within_a_function_is_looked_at_too():
    graph_def, words = WHEN_READ["four gibibytes of one number"]
    within = graph_of_a_draw()
    within.library.function.add().node_def.extend(graph_def.node)
    with pytest.raises(ValueError, match=words):
        meta_graphs.check(tf1.MetaGraphDef(graph_def=within), "a graph")


def test_many_constants_may_not_take_together_what_one_may_not():
    graph_def = tf1.GraphDef()
    for number in range(9):
        node = with_constant(dtype=3, tensor_shape=shape_of(2**26), int_val=[1]).node[0]
        graph_def.node.add(name=f"constant_{number}").MergeFrom(node)
        graph_def.node[-1].name = f"constant_{number}"
    whole = tf1.MetaGraphDef(graph_def=graph_def)
    with pytest.raises(ValueError, match="whose constants take 2415919104"):
        meta_graphs.check(whole, "a graph")
    del whole.graph_def.node[0]
    assert meta_graphs.check(whole, "a graph") is whole


def test_a_long_shape_and_a_cycle_come_to_an_end():
    graph_def = with_constant(dtype=3, tensor_shape=shape_of(2**28), int_val=[1])
    for name, source in (("a", "b"), ("b", "a")):
        graph_def.node.add(name=name, op="Identity", input=[source])
    draw = graph_def.node.add(name="of_a_cycle", op="RandomUniform", input=["a"])
    draw.MergeFrom(graph_of_a_draw().node[1])
    draw.name, draw.input[:] = "of_a_cycle", ["a"]
    whole = meta_graphs.check(tf1.MetaGraphDef(graph_def=graph_def), "a graph")
    first, second = seeds.random_ops(whole)
    assert (first.shape, second.shape) == (None, None)


@pytest.mark.parametrize("shape", [[0, 0], [0], [], [3, 0, 5]])
def test_a_draw_without_elements_is_listed(shape):
    graph_def = graph_of_a_draw(shape=np.array(shape, np.int32))
    (operation,) = seeds.random_ops(tf1.MetaGraphDef(graph_def=graph_def))
    assert operation.shape == shape
    assert operation.tf2 == "initializers.RandomUniform(0.0, 1.0, seed=(1, 2))"


# ---- files


def test_a_bad_file_is_one_line_and_exit_code_2(tf_parity, tmp_path):
    whole = META.read_bytes()
    contents = {
        "empty": b"",
        "text": b"hello, world\n",
        "zeros": bytes(100),
        "archive": (GOLDEN / "computed.npz").read_bytes(),
        "graph": meta_graphs.read(META).graph_def.SerializeToString(),
        "parsed as nothing": b"\x7a\x00",
        "deep text": b"graph_def{node{" + b'attr{key:"a" value{func{' * 3000,
        **{f"cut at {at}": whole[:at] for at in (1, 10, 1000, len(whole) // 2)},
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    for path in (*map(tmp_path.joinpath, contents), tmp_path, tmp_path / "missing"):
        code, out, err = tf_parity("seeds", path, "--json", tmp_path / "seeds.json")
        assert code == 2 and out == "", path
        assert len(err.strip().splitlines()) == 1, err
        assert "A graph" in err or "MODEL.meta must name a file" in err
        assert f"Received: {path}" in err
        assert not (tmp_path / "seeds.json").exists()


def test_a_file_of_12_gigabytes_is_refused_unread(tf_parity, tmp_path):
    path = tmp_path / "model.meta"
    with open(path, "wb") as file:
        file.truncate(12_000_000_000)  # takes no room on the disk
    code, out, err = tf_parity("seeds", path)
    assert (code, out) == (2, "") and err.count("\n") == 1
    assert f"at most {meta_graphs.LARGEST_FILE_BYTES} bytes" in err
    assert f"{path} (12000000000 bytes)" in err


def test_a_text_that_would_take_minutes_is_refused_unread(tmp_path, monkeypatch):
    text = text_format.MessageToString(meta_graphs.read(META))
    path = tmp_path / "model.pbtxt"
    path.write_text(text)
    assert seeds_table.read(path) == meta_graphs.read(META)
    monkeypatch.setattr(seeds_table, "LARGEST_TEXT_BYTES", len(text) - 1)
    with pytest.raises(ValueError, match="must hold a whole MetaGraphDef"):
        seeds_table.read(path)


def test_the_largest_file_that_is_read_is_read_whole(tmp_path):
    path = tmp_path / "model.meta"
    path.write_bytes(bytes(100))
    assert meta_graphs.read_bytes(path, largest=100) == bytes(100)
    with pytest.raises(ValueError, match="at most 99 bytes. Received: .*100 bytes"):
        meta_graphs.read_bytes(path, largest=99)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes")
def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="no regular file"):
        meta_graphs.read(tmp_path / "pipe")


def test_names_cannot_steer_the_terminal(tf_parity, tmp_path):
    graph_def = graph_of_a_draw()
    graph_def.node[1].name = "draw\x1b[2J\nline"
    code, out, err = tf_parity("seeds", as_file(tmp_path, graph_def))
    assert (code, err) == (0, "") and "\x1b" not in out
    assert r"draw\x1b[2J\nline" in out
    del graph_def.node[1].attr["dtype"]
    code, out, err = tf_parity("seeds", as_file(tmp_path, graph_def))
    assert (code, out, err.count("\n")) == (2, "", 1) and "\x1b" not in err
