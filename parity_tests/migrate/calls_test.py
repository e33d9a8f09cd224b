"""Claims about what a scan says of a call: its status, and words of its advice."""

from typing import NamedTuple

import pytest

from parity_tests.migrate.programs import findings
from tf2_keras.migrate import bindings

TF = "import tensorflow as tf\n"
SLIM = "import tensorflow as tf\nslim = tf.contrib.slim\n"


class Claim(NamedTuple):
    """What is right about the last line of a program.

    symbol: the end of the one that it is about.
    has, lacks: words of the replacement and the note together.
    """

    code: str
    symbol: str
    status: str
    has: tuple = ()
    lacks: tuple = ()


BATCH_NORM = "tf.contrib.layers.batch_norm(x, decay=0.9, epsilon=1e-5"
CLAIMS = {
    # -------------------------------------------------------------------- batch norm
    "contrib's batch norm in place": Claim(
        f"{TF}{BATCH_NORM}, updates_collections=None, scale=True, is_training=True)",
        "batch_norm",
        "gone",
        ("momentum=0.9", "epsilon=1e-5", "scale=True", "in place"),
        ("momentum=1.0",),
    ),
    "contrib's batch norm whose updates no one runs": Claim(
        f"{TF}tf.train.AdamOptimizer()\n{BATCH_NORM})",
        "batch_norm",
        "gone",
        ("momentum=1.0", "epsilon=1e-5", "scale=False"),
    ),
    "contrib's batch norm whose updates are run": Claim(
        f"{TF}tf.get_collection(tf.GraphKeys.UPDATE_OPS)\n{BATCH_NORM})",
        "batch_norm",
        "gone",
        ("momentum=0.9",),
        ("momentum=1.0",),
    ),
    "contrib's batch norm that predicts": Claim(
        f"{TF}{BATCH_NORM}, is_training=False)",
        "batch_norm",
        "gone",
        ("training=False",),
        ("momentum=1.0",),
    ),
    "contrib's batch norm, channels first": Claim(
        f"{TF}{BATCH_NORM}, updates_collections=None, data_format='NCHW')",
        "batch_norm",
        "gone",
        ("(axis=1, momentum=0.9",),
    ),
    "contrib's convolution, channels first": Claim(
        f"{SLIM}slim.conv2d(x, 8, 3, data_format='NCHW')",
        "conv2d",
        "gone",
        ("data_format='channels_first'",),
    ),
    "contrib's batch norm that is not trainable": Claim(
        f"{TF}{BATCH_NORM}, trainable=False)",
        "batch_norm",
        "gone",
        ("momentum=1.0", "no update op"),
    ),
    "slim's batch norm by an arg_scope": Claim(
        f"{SLIM}with slim.arg_scope([slim.batch_norm], decay=0.97,"
        " updates_collections=None):\n    slim.batch_norm(x)",
        "batch_norm",
        "gone",
        ("momentum=0.97",),
        ("momentum=1.0",),
    ),
    "a batch norm of tf.layers that is not trainable": Claim(
        f"{TF}tf.layers.batch_normalization(x, training=True, trainable=False)",
        "batch_normalization",
        "gone",
        ("momentum=1.0", "no update op"),
    ),
    # ------------------------------------------------------------------------ layers
    "a linear product": Claim(
        f"{SLIM}slim.fully_connected(x, 8, activation_fn=None)",
        "fully_connected",
        "gone",
        ("Dense(8, activation=None", "linear"),
        ("relu",),
    ),
    "a product with its own activation": Claim(
        f"{SLIM}slim.fully_connected(x, 8, tf.tanh)",
        "fully_connected",
        "gone",
        ("activation=tf.tanh",),
        ("'relu'",),
    ),
    "a product with a ReLU": Claim(
        f"{SLIM}slim.fully_connected(x, 8)",
        "fully_connected",
        "gone",
        ("Dense(8, activation='relu'",),
    ),
    "a normaliser leaves the bias out": Claim(
        f"{SLIM}slim.conv2d(x, 8, [3, 3], normalizer_fn=slim.batch_norm)",
        "conv2d",
        "gone",
        ("Conv2D(8, [3, 3]", "use_bias=False", "no bias"),
    ),
    "a normaliser by an arg_scope": Claim(
        f"{SLIM}with slim.arg_scope([slim.conv2d], normalizer_fn=slim.batch_norm):\n"
        "    slim.conv2d(x, 8, 3)",
        "conv2d",
        "gone",
        ("use_bias=False",),
    ),
    "no normaliser, said": Claim(
        f"{SLIM}slim.conv2d(x, 8, 3, normalizer_fn=None)",
        "conv2d",
        "gone",
        ("activation='relu'",),
        ("use_bias=False",),
    ),
    "a bias left out": Claim(
        f"{SLIM}slim.conv2d(x, 8, 3, biases_initializer=None)",
        "conv2d",
        "gone",
        ("activation='relu'", "use_bias=False"),
    ),
    "BERT's layer norm": Claim(
        f"{TF}tf.contrib.layers.layer_norm(x, begin_norm_axis=-1, begin_params_axis=-1)",
        "layer_norm",
        "gone",
        ("begin_norm_axis=-1, begin_params_axis=-1",),
    ),
    "layer norm as it comes": Claim(
        f"{TF}tf.contrib.layers.layer_norm(x)",
        "layer_norm",
        "gone",
        ("LayerNormalization()", "everything but the batch"),
    ),
    "instance norm": Claim(
        f"{TF}tf.contrib.layers.instance_norm(x)",
        "instance_norm",
        "gone",
        ("tf1_semantics.layers.InstanceNormalization()", "with epsilon=1e-6 roundings"),
    ),
    "one dimension": Claim(
        f"{TF}tf.layers.conv1d(x, 8, 3)",
        "conv1d",
        "gone",
        ("Conv1D(8, 3)",),
        ("Conv2D",),
    ),
    "three dimensions": Claim(
        f"{TF}tf.layers.max_pooling3d(x, 2, 2)",
        "max_pooling3d",
        "gone",
        ("MaxPooling3D(2, strides=2)",),
        ("MaxPooling2D",),
    ),
    "a pool's window of slim": Claim(
        f"{SLIM}slim.max_pool2d(x, [3, 3])",
        "max_pool2d",
        "gone",
        ("MaxPooling2D([3, 3], strides=2)",),
    ),
    # ------------------------------------------------------------------ initialisers
    "a call's own stddev": Claim(
        f"{TF}tf.truncated_normal_initializer(stddev=0.02)",
        "truncated_normal_initializer",
        "changes",
        ("stddev=0.02",),
        ("1.0",),
    ),
    "a stddev by position": Claim(
        f"{TF}tf.random_normal_initializer(0.0, FLAGS.stddev, seed=3)",
        "random_normal_initializer",
        "changes",
        ("mean=0.0, stddev=FLAGS.stddev, seed=3",),
    ),
    **{
        f"tf.keras's {name}": Claim(
            f"{TF}tf.Session()\ntf.keras.initializers.{name}(seed=1)",
            name,
            "gone" if name == "normal" else "changes",
            ("stddev=0.05, seed=1",),
            ("1.0", "has one"),
        )
        for name in ("RandomNormal", "TruncatedNormal", "normal")
    },
    "tf.keras's RandomUniform": Claim(
        f"{TF}tf.Session()\ntf.keras.initializers.RandomUniform()",
        "RandomUniform",
        "changes",
        ("RandomUniform(-0.05, 0.05)",),
        ("between 0 and 1",),
    ),
    # --------------------------------------------------------------- tf.keras of 1.15
    "penalties that were there by default": Claim(
        f"{TF}tf.Session()\ntf.keras.regularizers.l1_l2()",
        "l1_l2",
        "changes",
        ("0.01",),
    ),
    "a similarity that is a loss": Claim(
        f"{TF}tf.Session()\ntf.keras.losses.CosineSimilarity()",
        "CosineSimilarity",
        "changes",
        ("opposite sign",),
    ),
    "a method of stand-alone Keras": Claim(
        f"{TF}import keras\ntf.Session()\n"
        "m = keras.models.Sequential([keras.layers.Dense(1)])\nm.fit_generator(g)",
        "fit_generator",
        "restructure",
        ("no more",),
    ),
    "an LSTM's own arguments": Claim(
        f"{TF}tf.Session()\ntf.keras.layers.LSTM(64, return_sequences=True,"
        " input_shape=(10, 3))",
        "LSTM",
        "changes",
        ("tf_keras.LSTM(64, return_sequences=True, input_shape=(10, 3))",),
        ("…", "units"),
    ),
    "a GRU's own arguments": Claim(
        f"{TF}tf.Session()\ntf.keras.layers.GRU(8, 'relu', reset_after=True)",
        "GRU",
        "changes",
        ("tf_keras.GRU(8, activation='relu', reset_after=True)",),
        ("…",),
    ),
    "a cell's own arguments": Claim(
        f"{TF}tf.Session()\ntf.keras.layers.LSTMCell(units=n, dropout=0.5)",
        "LSTMCell",
        "changes",
        ("tf_keras.LSTMCell(n, dropout=0.5)",),
    ),
    "Keras's batch norm with its own numbers": Claim(
        f"{TF}tf.Session()\ntf.keras.layers.BatchNormalization(momentum=0.9, axis=1)",
        "BatchNormalization",
        "changes",
        ("layers.BatchNormalization(axis=1, momentum=0.9)",),
    ),
    "the fused op with its own numbers": Claim(
        f"{TF}tf.nn.fused_batch_norm(x, g, b, epsilon=1e-5, data_format='NCHW')",
        "fused_batch_norm",
        "changes",
        ("layers.BatchNormalization(axis=1, epsilon=1e-5)",),
    ),
    # --------------------------------------------------------------------- functions
    "a list of tables": Claim(
        f"{TF}tf.nn.embedding_lookup([t0, t1], ids)",
        "embedding_lookup",
        "changes",
        ("'mod'", "'div'"),
    ),
    "a list of tables, built": Claim(
        f"{TF}tf.nn.embedding_lookup([t for t in tables], ids, 'mod')",
        "embedding_lookup",
        "changes",
    ),
    "a list of tables in pieces": Claim(
        f"{TF}tf.nn.embedding_lookup([t0, t1], ids, partition_strategy='div')",
        "embedding_lookup",
        "renamed",
        lacks=("compat",),
    ),
    "one table": Claim(
        f"{TF}tf.nn.embedding_lookup(table, ids)", "embedding_lookup", "same"
    ),
    "concat of before 1.0": Claim(
        f"{TF}tf.concat(1, [x, y])", "concat", "changes", ("tf.concat([x, y], axis=1)",)
    ),
    "concat of before 1.0, along a name": Claim(
        f"{TF}tf.concat(axis, [x, y])", "concat", "changes", ("axis=axis",)
    ),
    "concat": Claim(f"{TF}tf.concat([x, y], 1)", "concat", "same"),
    "split of before 1.0": Claim(
        f"{TF}tf.split(0, 3, x)", "split", "changes", ("tf.split(x, 3, axis=0)",)
    ),
    "split": Claim(f"{TF}tf.split(x, 3, 0)", "split", "same"),
    "reverse of before 1.0": Claim(
        f"{TF}tf.reverse(x, [True, False])", "reverse", "changes", ("booleans",)
    ),
    "reverse": Claim(f"{TF}tf.reverse(x, [0])", "reverse", "same"),
    **{
        f"resize_images, {method}": Claim(
            f"{TF}tf.image.resize_images(x, [7, 5]{method})",
            "resize_images",
            status,
            (words,),
        )
        for method, status, words in (
            ("", "changes", "ResizeBilinear([7, 5])"),
            (", method=0", "changes", "ResizeBilinear([7, 5])"),
            (", 1", "changes", "ResizeNearestNeighbor([7, 5])"),
            (", tf.image.ResizeMethod.BICUBIC", "changes", "ResizeBicubic([7, 5])"),
            (", method=3", "renamed", "tf.image.resize(x, [7, 5], 'area')"),
            (", method=tf.image.ResizeMethod.AREA", "renamed", "'area'"),
            (", preserve_aspect_ratio=True", "changes", "preserve_aspect_ratio=True"),
            (", align_corners=True", "changes", "align_corners=True"),
        )
    },
    "dropout's share": Claim(
        f"{TF}tf.nn.dropout(x, keep_prob)", "dropout", "changes", ("1 - keep_prob",)
    ),
    "BERT's dropout, a share of its own": Claim(
        f"{TF}tf.nn.dropout(x, 1.0 - dropout_prob)",
        "dropout",
        "changes",
        ("Dropout(1.0 - dropout_prob", "rate=1 - (1.0 - dropout_prob)"),
    ),
    "half of a sum": Claim(
        f"{SLIM}slim.l2_regularizer(a + b)",
        "l2_regularizer",
        "gone",
        ("L2(a + b)", "L2((a + b) / 2)"),
    ),
    "a method of what is computed": Claim(
        f"{TF}tf.assign(a + b, c)", "assign", "restructure", ("(a + b).assign(c)",)
    ),
    "a flag's value": Claim(
        f"{TF}FLAGS = tf.app.flags.FLAGS\ntf.train.AdamOptimizer(FLAGS.rate)",
        "AdamOptimizer",
        "changes",
        ("Adam(FLAGS.rate)",),
    ),
    "an optimizer's own numbers": Claim(
        f"{TF}tf.train.AdamOptimizer(2e-4, beta1=0.5)",
        "AdamOptimizer",
        "changes",
        ("Adam(0.0002, beta1=0.5)",),
    ),
    "a decay that comes before the rate": Claim(
        f"{TF}tf.contrib.opt.AdamWOptimizer(0.01, rate)",
        "AdamWOptimizer",
        "gone",
        ("AdamW(0.01, learning_rate=rate)",),
    ),
    # ------------------------------------------------------------ contrib's other rooms
    "the loss of sequences": Claim(
        f"{TF}tf.contrib.seq2seq.sequence_loss(logits, targets, weights)",
        "sequence_loss",
        "gone",
        ("'weighted_mean'", "weights"),
    ),
    "the likelihood of a CRF": Claim(
        f"{TF}tf.contrib.crf.crf_log_likelihood(x, tags, lengths)",
        "crf_log_likelihood",
        "gone",
        ("crf.crf_log_likelihood(x, tags, lengths, transitions)",),
        ("decoder",),
    ),
    "hyper-parameters": Claim(
        f"{TF}tf.contrib.training.HParams(rate=0.1)",
        "HParams",
        "gone",
        ("dataclass",),
        ("callback", "fit"),
    ),
    "predictions that come first": Claim(
        f"{TF}tf.contrib.losses.mean_squared_error(predicted, true)",
        "mean_squared_error",
        "gone",
        ("(true, predicted)",),
    ),
    "a folder's files": Claim(
        f"{TF}tf.gfile.ListDirectory(folder)",
        "ListDirectory",
        "renamed",
        ("tf.io.gfile.listdir",),
    ),
    # ---------------------------------------------------------------- false findings
    "a flag": Claim(
        f"{TF}tf.placeholder(tf.bool, name='phase')",
        "placeholder",
        "restructure",
        lacks=("column",),
    ),
    "a rate": Claim(
        f"{TF}tf.placeholder(tf.float32)",
        "placeholder",
        "restructure",
        lacks=("column",),
    ),
    "a positional argument": Claim(f"{TF}tf.zeros_like(x)", "zeros_like", "same"),
    "an argument by its old name": Claim(
        f"{TF}tf.zeros_like(tensor=x)", "zeros_like", "renamed", ("input",)
    ),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_advice_follows_the_call(name, tmp_path):
    claim = CLAIMS[name]
    lines = claim.code.count("\n") + 1
    (finding,) = [
        finding
        for finding in findings(tmp_path, claim.code)
        if finding.line == lines and finding.symbol.rpartition(".")[2] == claim.symbol
    ]
    advice = f"{finding.replacement} {finding.note}"
    assert finding.status == claim.status, advice
    assert [words for words in claim.has if words not in advice] == [], advice
    assert [words for words in claim.lacks if words in advice] == [], advice


def test_defaults_of_a_scope_hold_within_its_lines_or_from_another_function():
    within, elsewhere = (1, 9), (11, 12)
    defaults = bindings.Defaults(frozenset(), {}, {}, block=(3, 5), frame=within)
    kept = defaults._replace(block=None)
    for line, held in ((2, False), (3, True), (4, True), (5, True), (6, False)):
        assert defaults.hold_for(line, within) == held
        assert defaults.hold_for(line, elsewhere) and kept.hold_for(line, within)
