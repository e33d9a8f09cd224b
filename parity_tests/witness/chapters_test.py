"""What chapters say of 1.15.5 beside their goldens, asked of it live."""

import json
import runpy
import subprocess

import pytest
import tensorflow as tf

from parity_tests.models import chapters
from parity_tests.models.mixed_precision_test import rewritten_without_a_gpu
from parity_tests.models.wide_deep_test import ids_of_twin
from parity_tests.witness import environment
from parity_tests.witness.programs import fused_shuffles, wide_deep_ids
from tf2_keras.models import feature_columns
from tf2_keras.tf1_semantics import orders


def printed(python, module, *words):
    """What a module prints under a Python."""
    with environment.running(
        python,
        module,
        *map(str, words),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        output, error = process.communicate()
    assert process.returncode == 0, error[-3000:]
    return output


def said(python, program, *words):
    """The line of JSON that a program prints under a Python."""
    output = printed(python, f"parity_tests.witness.programs.{program}", *words)
    return json.loads(output.splitlines()[-1])


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in filter(chapters.recorded, chapters.PROGRAMS)
        # The digits of these two are not their own.
        if name not in ("cnn_layers", "conv_autoencoder")
    ],
)
def test_what_only_1_15_5_runs_prints_what_its_twin_does(name, genuine_python, capsys):
    """As read_alike_test.py has it of all chapters that run today."""
    runpy.run_path(chapters.twin(name).__file__, run_name="__main__")
    of_twin = capsys.readouterr().out
    assert of_twin and printed(genuine_python, f"tf1_graph.models.{name}") == of_twin


def test_the_wide_and_deep_chapter_is_the_canned_estimator(genuine_python, tmp_path):
    """Its loss of every step, and every variable and slot after twenty, to the bit."""
    report = said(genuine_python, "canned_wide_deep", tmp_path)
    assert report["estimator"] == report["written out"]
    assert len(set(report["estimator"])) == 20
    assert report["farthest"] == 0 and report["variables"] == 49


def test_preprocessing_layers_give_the_numbers_of_1_15_5(genuine_python):
    """Of unknown and empty words, of ages on a boundary, of crosses."""
    expected = said(genuine_python, "wide_deep_ids")
    twin = chapters.twin("wide_deep")
    received = ids_of_twin(wide_deep_ids.people(), twin.Config())
    assert {name: ids.tolist() for name, ids in received.items()} == expected
    assert {name for name, ids in expected.items() if min(ids) < 0} == {
        *feature_columns.WORDS
    }


def test_a_resource_variable_took_another_shape_in_1_15_5_too(genuine_python, tmp_path):
    report = said(genuine_python, "another_shape", tmp_path)
    assert report == {"ref": "InvalidArgumentError", "resource": [4, 3]}


def test_the_graph_rewrite_of_1_15_5_casts_products_alone(genuine_python):
    """Told of a GPU it gives the twin's numbers to the bit; without one it casts nothing."""
    report = said(genuine_python, "graph_rewrite")
    passed_on = {"Identity", "Reshape"}
    assert report["float16"].count("MatMul") == 3  # the product and its two gradients
    assert {*report["float16"]} == {"MatMul", *passed_on}
    twin = chapters.twin("mixed_precision")
    histories = {
        "without": rewritten_without_a_gpu(),
        "with": twin.run(*twin.examples(), config=twin.Config(rewrite=True))[1:],
    }
    for key, history in histories.items():
        for expected, record in zip(report[key], history, strict=True):
            received = {
                name: value
                for stage in record.values()
                for name, value in stage.items()
            }
            assert {name: received[name].tolist() for name in expected} == expected


def test_what_1_15_5_shuffled_and_repeated_is_drawn_again(genuine_python):
    """It fused the two, and today's TensorFlow does not: the first epochs differ already."""
    seeds = fused_shuffles.GRAPH_SEED, fused_shuffles.OP_SEED
    for sizes, expected in zip(
        fused_shuffles.SIZES, said(genuine_python, "fused_shuffles"), strict=True
    ):
        rows, buffer, epochs = sizes
        drawn = orders.shuffled_and_repeated(*sizes, seeds).tolist()
        assert drawn == expected["shuffle, repeat"] == expected["shuffle_and_repeat"]
        # What is repeated first was fused with nothing.
        tf.random.set_seed(seeds[0])
        repeated = tf.data.Dataset.range(rows).repeat(epochs).shuffle(buffer, seeds[1])
        assert [*repeated.as_numpy_iterator()] == expected["repeat, shuffle"]
        tf.random.set_seed(seeds[0])
        today = tf.data.Dataset.range(rows).shuffle(buffer, seeds[1]).repeat(epochs)
        assert ([*today.as_numpy_iterator()] == drawn) == (buffer == 1)
