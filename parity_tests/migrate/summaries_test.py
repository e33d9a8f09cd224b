"""What TF1 wrote for TensorBoard and what today's TensorFlow writes, event by event."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.compat.v1 import Event

from parity_tests.witness import stored
from parity_tests.witness.programs import event_file

pytest.importorskip("tensorboard", reason="tf.summary needs the package tensorboard")


def events(path):
    return [Event.FromString(r.numpy()) for r in tf.data.TFRecordDataset(str(path))]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """The events that 1.15.5 wrote."""
    path = tmp_path_factory.mktemp("recorded") / "events"
    path.write_bytes(stored.computed("event_file")["events"].tobytes())
    return events(path)


@pytest.fixture(scope="module")
def rewritten(tmp_path_factory):
    """{tag: [(step, array), ...]} of the same training in TensorFlow 2."""
    folder = tmp_path_factory.mktemp("rewritten")
    weights = tf.Variable(tf.zeros([3, 1]))
    with tf.summary.create_file_writer(str(folder)).as_default():
        for step in range(event_file.STEPS):
            with tf.GradientTape() as tape:
                errors = tf.matmul(event_file.FEATURES, weights) - event_file.TARGETS
                loss = tf.reduce_mean(errors**2)
            with tf.name_scope("train"):
                tf.summary.scalar("loss", loss, step)
                tf.summary.scalar("loss", 2 * loss, step)
                tf.summary.histogram("weights", weights, step)
            tf.summary.image("images", event_file.IMAGES, step, max_outputs=2)
            tf.summary.text("words", ["one", "two"], step)
            tf.summary.audio("sound", event_file.SOUND, event_file.SAMPLE_RATE, step)
            weights.assign_sub(event_file.LEARNING_RATE * tape.gradient(loss, weights))
        tf.summary.scalar("by_hand", 0.5, event_file.STEPS)
    (path,) = folder.iterdir()
    written = {}
    for event in events(path):
        for value in event.summary.value:
            array = tf.make_ndarray(value.tensor)
            written.setdefault(value.tag, []).append((event.step, array))
    return written


def series(recorded, tag, field):
    """[(step, the field of the value), ...] of a tag that 1.15.5 wrote."""
    return [
        (event.step, getattr(value, field))
        for event in recorded
        for value in event.summary.value
        if value.tag == tag
    ]


def test_the_events_are_those_that_1_15_5_wrote():
    stored.require_provenance("event_file")


def test_compat_v1_writes_the_bytes_that_1_15_5_wrote(recorded, tmp_path):
    """Merged, added by a FileWriter, and by hand; graphs say who made them."""
    event_file.run(str(tmp_path))
    (path,) = tmp_path.iterdir()
    written = events(path)
    assert [event.WhichOneof("what") for event in written] == [
        "file_version",
        "graph_def",
        "meta_graph_def",
        *["summary"] * (event_file.STEPS + 1),
    ]
    for old, new in zip(recorded, written, strict=True):
        assert old.step == new.step
        assert old.summary.SerializeToString() == new.summary.SerializeToString()
    old, new = (
        {
            (node.name, node.op)
            for node in tf.compat.v1.GraphDef.FromString(side[1].graph_def).node
        }
        for side in (recorded, written)
    )
    assert {node for node in old if "Summary" in node[1]} <= new


def test_a_scalar_has_the_same_tag_step_and_value(recorded, rewritten):
    expected = series(recorded, "train/loss", "simple_value")
    assert [(step, float(value)) for step, value in rewritten["train/loss"][::2]] == (
        expected
    )
    assert len(expected) == event_file.STEPS
    (by_hand,) = series(recorded, "by_hand", "simple_value")
    assert [(step, float(value)) for step, value in rewritten["by_hand"]] == [by_hand]


def test_a_tag_that_is_taken_is_numbered_in_tf1_only(recorded, rewritten):
    """Two curves become one that jumps between them."""
    expected = series(recorded, "train/loss_1", "simple_value")
    assert [(step, float(value)) for step, value in rewritten["train/loss"][1::2]] == (
        expected
    )
    assert "train/loss_1" not in rewritten


def test_a_histogram_counts_the_same_numbers_in_other_buckets(recorded, rewritten):
    expected = series(recorded, "train/weights", "histo")
    for (step, old), (new_step, buckets) in zip(
        expected[1:], rewritten["train/weights"][1:], strict=True
    ):
        assert step == new_step and buckets.shape == (30, 3)
        assert buckets[0, 0] == old.min and buckets[-1, 1] == old.max
        assert buckets[:, 2].sum() == old.num == sum(old.bucket)
        width = (old.max - old.min) / 30
        np.testing.assert_allclose(np.diff(buckets[:, :2]), width, rtol=1e-9)
        assert len(old.bucket) != 30


def scaled(image):
    """uint8, as TF1's image summary made it of floats: by the largest of each image."""
    largest = np.abs(image).max()
    if image.min() < 0:
        return (image * (127 / largest) + 128).astype(np.uint8)
    return (image * (255 / largest)).astype(np.uint8)


@functools.cache
def clipped(number):
    """uint8, as TF2's makes it: from 0 to 1, whatever else is there."""
    image = np.clip(event_file.IMAGES[number], 0, 1)
    return tf.image.convert_image_dtype(image, tf.uint8, saturate=True).numpy()


@pytest.mark.parametrize("number", range(2))
def test_an_image_of_floats_is_scaled_in_tf1_and_clipped_in_tf2(
    recorded, rewritten, number
):
    expected = series(recorded, f"images/image/{number}", "image")
    for (step, old), (new_step, encoded) in zip(
        expected, rewritten["images"], strict=True
    ):
        assert step == new_step
        assert encoded[:2].tolist() == [b"5", b"4"] and (old.width, old.height) == (
            5,
            4,
        )
        before = tf.io.decode_png(old.encoded_image_string).numpy()
        today = tf.io.decode_png(encoded[2 + number]).numpy()
        expected_before = scaled(event_file.IMAGES[number])
        np.testing.assert_array_equal(before, expected_before, strict=True)
        np.testing.assert_array_equal(today, clipped(number), strict=True)
        assert np.abs(before.astype(int) - today).max() > 100


def test_an_image_scaled_beforehand_is_the_same(recorded, tmp_path):
    """The replacement: uint8 goes through as it is."""
    images = np.stack([scaled(image) for image in event_file.IMAGES])
    with tf.summary.create_file_writer(str(tmp_path)).as_default():
        tf.summary.image("images", images, step=0, max_outputs=2)
    (path,) = tmp_path.iterdir()
    (value,) = events(path)[1].summary.value
    for number, encoded in enumerate(tf.make_ndarray(value.tensor)[2:]):
        old = series(recorded, f"images/image/{number}", "image")[0][1]
        np.testing.assert_array_equal(
            tf.io.decode_png(encoded),
            tf.io.decode_png(old.encoded_image_string),
            strict=True,
        )


def test_text_and_sound_are_the_same_bytes(recorded, rewritten):
    for (step, old), (new_step, new) in zip(
        series(recorded, "words", "tensor"), rewritten["words"], strict=True
    ):
        assert step == new_step and tf.make_ndarray(old).tolist() == new.tolist()
    for (step, old), (new_step, new) in zip(
        series(recorded, "sound/audio/0", "audio"), rewritten["sound"], strict=True
    ):
        assert step == new_step and old.encoded_audio_string == new[0, 0]
