"""What only the chapter of summaries claims."""

import functools
import os

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from parity_tests.models import chapters
from parity_tests.models.pair import ProgramPair

CHAPTER = "summaries"
GRAPH, TWIN = chapters.graph(CHAPTER), chapters.twin(CHAPTER)
DATA = chapters.setup(CHAPTER).load(None, 1)[0]
NUMBERS = np.float32([[[[-2.0], [0.0]], [[0.5], [1.0]]]])  # a picture, [1, 2, 2, 1]


@functools.cache
def events(fault=None):
    """[{tag: array}] of the twin's training."""
    planted = fault and chapters.faults(CHAPTER)[fault]
    records = ProgramPair(CHAPTER, None, planted).candidate(DATA, "function")
    return [record["train"] for record in records if "step" in record.get("train", {})]


def test_after_the_update_stands_what_belongs_to_the_next_step():
    """The margin: a whole step, in all that is seen of the variables."""
    for tag in (
        "summaries/max_1",
        "summaries/min_1",
        "summaries_1/max_1",
        "picture/image/0",
    ):
        true, late = (
            [event[tag] for event in events(fault)]
            for fault in (None, "after_the_update")
        )
        np.testing.assert_array_equal(late[:-1], true[1:], strict=True)


def test_the_mean_of_an_epoch_is_not_the_loss_of_its_steps():
    """The margin: at the last of six steps a hundred times the loss."""
    last, mean = (events(fault)[-1]["loss"] for fault in (None, "mean_so_far"))
    assert mean > 100 * last


def test_merge_all_has_what_was_made_before_it_and_nothing_later():
    with tf.Graph().as_default():
        tf1.summary.scalar("first", 1.0)
        merged = tf1.summary.merge_all()
        tf1.summary.scalar("second", 2.0)
        with tf1.Session() as session:
            summary = tf1.Summary.FromString(session.run(merged))
    assert [value.tag for value in summary.value] == ["first"]


def test_a_tag_is_a_name_that_the_graph_uses_once():
    with tf.Graph().as_default(), tf1.Session() as session:
        tags = []
        for _ in range(2):
            with tf1.name_scope("scope"):
                tensors = [tf1.summary.scalar(name, 1.0) for name in ("Const", "CONST")]
            tags += [
                tf1.Summary.FromString(session.run(tensor)).value[0].tag
                for tensor in tensors
            ]
    assert tags[0].startswith("scope/") and tags[2].startswith("scope_1/")
    assert len({tag.lower() for tag in tags}) == 4
    with pytest.raises(tf.errors.InvalidArgumentError, match="Duplicate tag"):
        tf.raw_ops.MergeSummary(inputs=[TWIN.scalar("loss", 1.0)] * 2)


def test_a_histogram_of_what_is_no_number_is_an_error():
    for values in ([np.nan], [np.inf]):
        with pytest.raises(
            tf.errors.InvalidArgumentError, match="in (summary h|H)istogram"
        ):
            TWIN.histogram("h", np.float32(values))


def written(folder):
    """{tag: tensor} of the events of a folder, as TensorBoard's functions write them."""
    values = {}
    for name in os.listdir(folder):
        for event in tf1.train.summary_iterator(os.path.join(folder, name)):
            for value in event.summary.value:
                values[value.tag] = tf.make_ndarray(value.tensor)
    return values


def test_what_tensorboard_s_own_functions_write(tmp_path):
    """The same number; buckets of one width, where TF1's grow; other pixels."""
    with tf.summary.create_file_writer(str(tmp_path)).as_default():
        with pytest.raises(ValueError, match="No step set"):
            tf.summary.scalar("loss", 0.1)
        tf.summary.scalar("loss", 0.1, step=0)
        tf.summary.histogram("histogram", NUMBERS, step=0)
        tf.summary.image("picture", NUMBERS, step=0)
    values = written(tmp_path)
    (of_tf1,) = tf1.Summary.FromString(TWIN.scalar("loss", 0.1).numpy()).value
    np.testing.assert_array_equal(
        values["loss"], np.float32(of_tf1.simple_value), strict=True
    )
    buckets = values["histogram"]
    assert buckets.shape == (30, 3) and buckets[:, 2].sum() == NUMBERS.size
    np.testing.assert_allclose(np.diff(buckets[:, 1]), 0.1)
    summary = TWIN.histogram("h", np.linspace(1.0, 2.0, 50, dtype=np.float32))
    (of_tf1,) = tf1.Summary.FromString(summary.numpy()).value
    limits = np.array(of_tf1.histo.bucket_limit)
    np.testing.assert_allclose(limits[2:-1] / limits[1:-2], 1.1)  # the last has no end
    _, _, png = values["picture"]
    assert tf.io.decode_png(png).numpy().ravel().tolist() == [0, 0, 127, 255]
    image = tf.function(TWIN.image)("picture", tf.constant(NUMBERS))
    summary = tf1.Summary.FromString(image.numpy())
    png = summary.value[0].image.encoded_image_string
    assert tf.io.decode_png(png).numpy().ravel().tolist() == [1, 128, 159, 191]


def test_keras_s_callback_writes_one_mean_an_epoch(tmp_path):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", jit_compile=False)
    callback = keras.callbacks.TensorBoard(str(tmp_path), write_graph=False)
    history = model.fit(
        np.float32([[0], [9]]),
        np.float32([[0], [9]]),
        batch_size=1,
        shuffle=False,
        verbose=0,
        callbacks=[callback],
    )
    values = written(tmp_path / "train")
    assert [*values] == ["epoch_loss", "epoch_learning_rate"]
    assert values["epoch_loss"] == np.float32(history.history["loss"][0])


@pytest.mark.parametrize("side", [GRAPH, TWIN])
def test_a_damaged_file_of_events_is_refused(side, tmp_path):
    """Its records have checksums."""
    side.write(*DATA, side.Config(steps=1), str(tmp_path))
    (path,) = (tmp_path / "train").iterdir()
    content = bytearray(path.read_bytes())
    content[-6] ^= 255
    path.write_bytes(content)
    with pytest.raises(tf.errors.DataLossError, match="corrupted record"):
        list(side.read("train", str(tmp_path)))
