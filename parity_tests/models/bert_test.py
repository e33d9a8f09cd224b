"""What only the chapter on BERT claims."""

import numpy as np
import pytest
import tensorflow as tf2
import tensorflow.compat.v1 as tf

from parity_tests.models import bert, chapters
from parity_tests.models.bert_plays import SMALL, batches, inputs_of
from parity_tests.models.pair import ChapterPair
from tf1_graph import session

CHAPTER = "bert"
GRAPH, TWIN = chapters.graph(CHAPTER), chapters.twin(CHAPTER)


@pytest.fixture(scope="module")
def pair():
    with ChapterPair(CHAPTER, SMALL) as built:
        yield built


def test_pairs_are_lines_with_masked_words():
    train, test = bert.load(None, 1)
    tokens, mask, segments, places, ids, weights, labels = train
    assert len(tokens) == 400 and len(test[0]) == 100
    assert (tokens[:, 0] == bert.CLS).all() and ((tokens == bert.SEP).sum(1) == 2).all()
    np.testing.assert_array_equal(tokens != bert.PAD, mask == 1, strict=True)
    assert (np.diff(segments, axis=1)[mask[:, 1:] == 1] >= 0).all()
    masked = np.take_along_axis(tokens, places, 1)[weights == 1]
    assert (masked == bert.MASK).all() and (tokens == bert.MASK).sum() == len(masked)
    assert (ids[weights == 1] > bert.PAD).all() and weights.sum(1).min() == 1
    assert 150 < labels.sum() < 250
    config = TWIN.Config(**bert.configure(None, 1))
    assert tokens.max() < config.vocab_size and tokens.shape[1] == config.max_seq_length


def test_the_rate_rises_from_zero_and_falls_to_zero():
    """At step 0 it is zero: the first update changes nothing."""
    config = GRAPH.Config(**{**SMALL, "num_train_steps": 10, "num_warmup_steps": 4})
    with tf.Graph().as_default() as graph:
        step = tf.placeholder(tf.int64, [])
        rate = GRAPH.learning_rate(step, config)
        with session.open_session(graph) as opened:
            of_graph = [opened.run(rate, {step: n}) for n in range(11)]
    schedule = TWIN.learning_rate(config)
    of_twin = [schedule(tf.constant(n, tf.int64)).numpy() for n in range(11)]
    expected = [0, 0.005, 0.01, 0.015, 0.012, 0.01, 0.008, 0.006, 0.004, 0.002, 0]
    np.testing.assert_allclose(of_graph, expected, atol=1e-8)
    np.testing.assert_allclose(of_twin, expected, atol=1e-8)


@pytest.mark.slow
def test_what_is_padding_changes_no_prediction(pair):
    (batch,) = batches(pair.config, 1)
    other = np.where(batch["input_mask"], batch["x"], 3)
    within = np.take_along_axis(batch["input_mask"], batch["masked_lm_positions"], 1)
    inputs = inputs_of(batch)
    for side in (pair.reference, lambda play: pair.candidate(play, "function")):
        _, one, two = side([("predict", inputs), ("predict", {**inputs, "x": other})])
        rows = within.reshape(-1) == 1
        for name, kept in (("masked_lm", rows), ("next_sentence", slice(None))):
            np.testing.assert_array_equal(
                one["outputs"][name][kept], two["outputs"][name][kept], strict=True
            )
    assert (other != batch["x"]).any() and rows.any()


def test_biases_and_layer_norms_do_not_decay(pair):
    """By TF1's names on the one side, by Keras's paths on the other."""
    optimizer = pair.model.optimizer
    for name, path in pair.names.items():
        if name == "global_step":
            continue
        (variable,) = (v for v in pair.model.variables if v.path == path)
        excluded = any(part in name for part in ("LayerNorm", "layer_norm", "bias"))
        assert optimizer._decays(variable.value) is not excluded, name


def test_where_all_is_padding_minus_infinity_gives_no_number(pair):
    (batch,) = batches(pair.config, 1)
    inputs = inputs_of(batch)
    play = [("predict", {**inputs, "input_mask": inputs["input_mask"] * 0})]
    for side in (pair.reference, lambda play: pair.candidate(play, "function")):
        _, seen = side(play)
        assert np.isfinite(seen["outputs"]["masked_lm"]).all()
    assert np.isnan(tf2.nn.softmax([-np.inf, -np.inf])).all()


@pytest.mark.slow
def test_two_layers_are_bit_equal():
    with ChapterPair(CHAPTER, {**SMALL, "num_hidden_layers": 2}) as pair:
        play = [("train", batch) for batch in batches(pair.config, 2)]
        comparison = pair.compare(play, "function").require_agreement()
    assert comparison.records == 3


@pytest.mark.slow
def test_both_programs_report_the_same_and_learn():
    train, _ = bert.load(None, 1)
    data = [part[:48] for part in train]
    fields = {**bert.configure(None, 1), "num_train_steps": 12}
    graph_losses, twin_losses = (
        side.run(data, side.Config(**fields)) for side in (GRAPH, TWIN)
    )
    assert len(graph_losses) == len(twin_losses) == 12
    # What Keras reports has been multiplied by a weight and divided by it.
    np.testing.assert_allclose(graph_losses, twin_losses, rtol=1e-6)
    assert graph_losses[-1] < graph_losses[0]


# Traps, with their margins: what is off after eight steps, as a share of the way that
# TF1's variables went.


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault, least",
    [  # measured: 0.86 and 1.47
        ("bias_corrected", 0.7),
        ("no_warm_up", 1.2),
    ],
)
def test_a_trap_is_this_far_off(pair, fault, least):
    planted = chapters.faults(CHAPTER)[fault]
    with ChapterPair(CHAPTER, SMALL, planted, pair.program) as faulty:
        share = faulty.share_off(
            [("train", batch) for batch in batches(pair.config, 8)]
        )
    assert least < share < 1.5 * least
