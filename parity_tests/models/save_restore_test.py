"""What only the chapter of checkpoints claims."""

import functools
import os
import shutil

import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from parity_tests.models import chapters
from parity_tests.models.pair import ProgramPair, distance

CHAPTER = "save_restore"
GRAPH, TWIN = chapters.graph(CHAPTER), chapters.twin(CHAPTER)
DATA = chapters.setup(CHAPTER).load(None, 1)[0]
CONFIG = TWIN.Config(steps=1)
TRAINED = [
    f"{layer}/{part}" for layer in ("hidden", "output") for part in ("kernel", "bias")
]


@functools.cache
def twin_ends(fault=None):
    """(variables when it was stopped, when it had gone on) of the twin."""
    planted = fault and chapters.faults(CHAPTER)[fault]
    records = ProgramPair(CHAPTER, None, planted).candidate(DATA, "function")
    updates = [record["updates"] for record in records if "updates" in record]
    return updates[len(updates) // 2 - 1], updates[-1]


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault, at_least",
    [("weights_only", 0.25), ("under_another_name", 0.9), ("counted_in_python", 0.5)],
)
def test_what_is_not_restored_shows_in_the_training_that_goes_on(fault, at_least):
    """The margin: a share of the way that the variables went after the restart."""
    stopped, end = twin_ends()
    same, off = twin_ends(fault)
    assert distance(stopped, same, TRAINED) == 0
    share = distance(end, off, TRAINED) / distance(end, stopped, TRAINED)
    assert share > at_least


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """{side: a folder with its checkpoints of one step}."""
    folders = {side: tmp_path_factory.mktemp(side) for side in ("graph", "twin")}
    list(GRAPH.begin(DATA, GRAPH.Config(steps=1), str(folders["graph"])))
    list(TWIN.begin(DATA, CONFIG, str(folders["twin"])))
    return folders


def latest(folder):
    return os.path.join(folder, "model.ckpt-1")


def test_tf1_knows_a_value_by_its_name_and_keras_by_its_way_through_objects(folders):
    of_graph, of_twin = (
        tf.train.load_checkpoint(latest(folders[side])) for side in ("graph", "twin")
    )
    assert of_graph.get_tensor("hidden/kernel").shape == (2, 1)
    assert not of_twin.has_tensor("hidden/kernel")
    keys = list(of_twin.get_variable_to_shape_map())
    assert any(key.endswith(".ATTRIBUTES/VARIABLE_VALUE") for key in keys)


def test_what_nothing_is_restored_into_is_an_error_in_tf1_and_silent_in_keras(folders):
    graph = tf.Graph()
    with graph.as_default(), tf1.Session() as session:
        tf1.get_variable("another_name", [2])
        with pytest.raises(tf.errors.NotFoundError, match="another_name"):
            tf1.train.Saver().restore(session, latest(folders["graph"]))
    model, _ = TWIN.build(CONFIG)
    before = model.get_weights()
    status = tf.train.Checkpoint(another_name=model).restore(latest(folders["twin"]))
    for weight, value in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, value, strict=True)
    with pytest.raises(AssertionError, match="not bound to checkpointed values"):
        status.assert_existing_objects_matched()
    status.expect_partial()


def test_a_folder_that_was_moved_is_found_by_keras_alone(folders, tmp_path):
    """TF1 writes whole paths into the file `checkpoint`, CheckpointManager names."""
    for side, found in (("graph", False), ("twin", True)):
        moved = shutil.copytree(folders[side], tmp_path / side)
        away = shutil.move(folders[side], tmp_path / f"{side} away")
        try:
            assert (tf.train.latest_checkpoint(moved) is not None) is found
        finally:
            shutil.move(away, folders[side])


@pytest.mark.parametrize("side", ["graph", "twin"])
def test_a_damaged_checkpoint_is_refused(side, folders, tmp_path):
    """Of both kinds of files; their checksums say so."""
    for suffix in (".index", ".data-00000-of-00001"):
        folder = shutil.copytree(folders[side], tmp_path / suffix)
        with open(latest(folder) + suffix, "r+b") as file:
            file.seek(8)
            byte = file.read(1)
            file.seek(8)
            file.write(bytes([byte[0] ^ 255]))
        with pytest.raises(tf.errors.OpError):
            restored(side, latest(folder))


def restored(side, path):
    if side == "twin":
        model, optimizer = TWIN.build(CONFIG)
        return TWIN.restore(model, optimizer, path)
    with tf.Graph().as_default(), tf1.Session() as session:
        GRAPH.build(GRAPH.Config())
        return tf1.train.Saver().restore(session, path)


@pytest.mark.parametrize("recovers, steps", [(False, "123"), (True, "23")])
def test_a_saver_deletes_only_what_it_knows(recovers, steps, tmp_path):
    """A new one knows of no older checkpoint unless it is told."""
    prefix = str(tmp_path / "model.ckpt")
    with tf.Graph().as_default(), tf1.Session() as session:
        tf1.get_variable("v", initializer=1.0)
        session.run(tf1.global_variables_initializer())
        first, second = (tf1.train.Saver(max_to_keep=2) for _ in range(2))
        for step in (1, 2):
            first.save(session, prefix, step, write_meta_graph=False)
        if recovers:
            known = tf.train.get_checkpoint_state(str(tmp_path))
            second.recover_last_checkpoints(known.all_model_checkpoint_paths)
        second.save(session, prefix, 3, write_meta_graph=False)
    assert "".join(sorted(path.stem[-1] for path in tmp_path.glob("*.index"))) == steps


def test_a_frozen_graph_has_no_variable_and_an_exported_model_has(folders):
    path = GRAPH.freeze(GRAPH.Config(), str(folders["graph"]))
    with open(path, "rb") as file:
        frozen = tf1.GraphDef.FromString(file.read())
    kinds = {node.op for node in frozen.node}
    assert "Const" in kinds and not kinds & {"VarHandleOp", "VariableV2"}
    exported = tf.saved_model.load(TWIN.freeze(CONFIG, str(folders["twin"])))
    assert len(exported.variables) == 4
