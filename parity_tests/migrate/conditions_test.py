"""Claims about what a scan sees of a call, and of the program around it."""

import pathlib

import pytest

from parity_tests.migrate.programs import findings, uses
from tf2_keras.migrate import catalogue, facts, rule_file, scan


@pytest.mark.parametrize(
    "written, positional, keywords",
    [
        ("tf.nn.dropout(x, 0.5)", 2, {}),
        ("tf.nn.dropout(x, keep_prob=.5)", 1, {"keep_prob": 0.5}),
        ("tf.nn.dropout(x, keep_prob=y)", 1, {"keep_prob": None}),
        ("tf.nn.dropout(x, keep_prob=-1)", 1, {"keep_prob": -1}),
        ("tf.nn.dropout(*x, **y)", 0, {"*": None, "**": None}),
        ("tf.nn.dropout(x, noise_shape=[1, 2])", 1, {"noise_shape": [1, 2]}),
        ("tf.nn.dropout(x, d=tf.float32)", 1, {"d": "tensorflow.float32"}),
        ("d = tf.nn.dropout; d(x, rate=1)", 1, {"rate": 1}),
        ("functools.partial(tf.nn.dropout, rate=1)", 0, {"rate": 1, "**": None}),
        ("getattr(tf.nn, 'dropout')(x, rate=1)", 1, {"rate": 1}),
    ],
)
def test_arguments_are_seen(written, positional, keywords):
    calls = [
        use.call
        for use in uses(f"import tensorflow as tf\n{written}")
        if use.dotted == "tensorflow.nn.dropout" and use.call is not None
    ]
    assert [(call.positional, call.keywords) for call in calls] == [
        (positional, keywords)
    ]


def test_all_that_went_into_an_argument_is_its_origin():
    text = """
    import tensorflow as tf
    rate = -tf.train.exponential_decay(0.1, 0, 10, 0.9)
    x = tf.layers.dense(2.0 * tf.minimum(tf.Variable(rate), y), 3)
    tf.log(x.name)
    tf.log(y)
    """
    logs = [use.call.origins for use in uses(text) if use.dotted == "tensorflow.log"]
    went_in = {"tf.train.exponential_decay", "tf.Variable", "tf.layers.dense"}
    assert logs == [went_in, frozenset()]


def decays(text):
    """[(line, decay)] of the calls of batch_norm."""
    return [
        (use.line, use.call.keywords.get("decay"))
        for use in uses(text)
        if use.dotted.endswith("batch_norm") and use.call is not None
    ]


def test_an_arg_scope_gives_its_arguments_to_the_calls_in_it():
    text = """\
    import tensorflow.contrib.slim as slim
    with slim.arg_scope([slim.batch_norm], decay=0.9, scale=True):
        slim.batch_norm(x, scale=False)
        with slim.arg_scope([slim.batch_norm, slim.conv2d], decay=0.5):
            slim.batch_norm(x)
        slim.batch_norm(x)
    """
    keywords = [use.call.keywords for use in uses(text) if use.line == 3]
    assert keywords == [{"decay": 0.9, "scale": False}]
    assert decays(text) == [(3, 0.9), (5, 0.5), (6, 0.9)]


def test_an_arg_scope_gives_nothing_to_other_calls_of_its_function():
    text = """\
    import tensorflow.contrib.slim as slim
    def build():
        slim.batch_norm(x)
        with slim.arg_scope([slim.batch_norm], decay=0.9):
            layer()
        slim.batch_norm(x)
    def layer():
        slim.batch_norm(x)  # is called in it, or may be
    slim.batch_norm(x)
    """
    assert decays(text) == [(9, 0.9), (3, None), (6, None), (8, 0.9)]


@pytest.mark.parametrize(
    "scope",
    [
        "with slim.arg_scope([slim.batch_norm], decay=0.9) as scope:\n        return scope",
        "return slim.arg_scope([slim.batch_norm], decay=0.9)",
    ],
)
def test_an_arg_scope_that_is_handed_on_holds_for_the_file(scope):
    text = (
        "import tensorflow.contrib.slim as slim\ndef scope():\n"
        f"    {scope}\nwith slim.arg_scope(scope()):\n    slim.batch_norm(x)\n"
    )
    assert [decay for _, decay in decays(text)] == [0.9]


# ------------------------------------------------------ what only the whole program shows

TRAINED = """
import tensorflow as tf
tf.set_random_seed(1)
x = tf.placeholder(tf.float32, [None, 3])
y = tf.placeholder(tf.float32{shape})
w = tf.Variable(tf.zeros([3, 1]))
prediction = tf.matmul(x, w) + 1.0
loss = tf.reduce_mean({difference})
"""
BROADCASTS = {
    "no shape": ("", "tf.square(prediction - y)", True),
    "[None]": (", [None]", "tf.square(y - prediction)", True),
    "shape=None": (", shape=None", "tf.squared_difference(prediction, y)", True),
    "shape=[None]": (
        ", shape=[None]",
        "tf.losses.mean_squared_error(y, prediction)",
        True,
    ),
    "[None, 1]": (", [None, 1]", "tf.square(prediction - y)", False),
    "unknown shape": (", shape=SHAPE", "tf.square(prediction - y)", False),
    "no prediction": ("", "tf.square(y - tf.reduce_mean(y))", False),
}


def told(tmp_path, text, fact):
    """Lines where a fact of the whole program is told."""
    note = facts.FACTS[fact].note
    return [
        finding.line for finding in findings(tmp_path, text) if finding.note == note
    ]


@pytest.mark.parametrize("name", BROADCASTS)
def test_targets_that_broadcast_are_told(name, tmp_path):
    shape, difference, expected = BROADCASTS[name]
    text = TRAINED.format(shape=shape, difference=difference)
    assert told(tmp_path, text, "broadcast") == ([8] if expected else [])


DECAY = """
import tensorflow as tf
tf.set_random_seed(1)
step = tf.train.get_or_create_global_step()
rate = {rate}
optimizer = tf.train.{optimizer}(rate{more})
optimizer.minimize(loss{step})
"""
SCHEDULE = "tf.train.exponential_decay(.1, step, 10, .9)"


@pytest.mark.parametrize(
    "rate, step, expected",
    [
        (SCHEDULE, "", [7]),
        (SCHEDULE, ", global_step=step", []),
        (SCHEDULE, ", step", []),
        (SCHEDULE, ", **options", []),
        ("tf.train.piecewise_constant(step, [3], [.1, .2])", "", [7]),
        ("0.1", "", []),
    ],
)
def test_a_missing_global_step_is_told_where_a_rate_decays(
    rate, step, expected, tmp_path
):
    text = DECAY.format(rate=rate, optimizer="AdamOptimizer", more="", step=step)
    assert told(tmp_path, text, "no_global_step") == expected


def with_what_it_is_given(tmp_path, text, symbol):
    """Lines where a symbol is answered by its case for what it is given."""
    (note,) = [
        case.note for case in catalogue.find(symbol).cases if "with_call" in case.when
    ]
    return [
        finding.line for finding in findings(tmp_path, text) if finding.note == note
    ]


@pytest.mark.parametrize(
    "rate, optimizer, more, expected",
    [
        (SCHEDULE, "MomentumOptimizer", ", 0.9", [6]),
        (f"tf.minimum({SCHEDULE}, 0.1) * 2.0", "MomentumOptimizer", ", 0.9", [6]),
        (f"{SCHEDULE} if x else 0.1", "MomentumOptimizer", ", 0.9", [6]),
        (f"0.1 if x else {SCHEDULE}", "MomentumOptimizer", ", 0.9", [6]),
        (f"tf.constant(.1) if x else {SCHEDULE}", "MomentumOptimizer", ", 0.9", [6]),
        ("0.1", "MomentumOptimizer", ", 0.9", []),
        (SCHEDULE, "AdamOptimizer", "", []),
    ],
)
def test_momentum_under_a_schedule_is_told(rate, optimizer, more, expected, tmp_path):
    text = DECAY.format(rate=rate, optimizer=optimizer, more=more, step=", step")
    symbol = "tf.train.MomentumOptimizer"
    assert with_what_it_is_given(tmp_path, text, symbol) == expected


TWO = """\
import tensorflow as tf
class config: pass
tf.set_random_seed(1)
step = tf.train.get_or_create_global_step()
{first} = tf.train.exponential_decay(.1, step, 10, .9)
{second} = {constant}
generator = tf.train.MomentumOptimizer({first}, 0.9)
discriminator = tf.train.MomentumOptimizer({second}, 0.9)
generator.minimize(loss)
discriminator.minimize(loss)
generator.apply_gradients(pairs)
discriminator.apply_gradients(pairs)
"""


@pytest.mark.parametrize("constant", ["0.1", "tf.constant(0.1)", "FLAGS.rate"])
@pytest.mark.parametrize(
    "first, second", [("slow", "fast"), ("config.slow", "config.fast")]
)
def test_of_two_optimizers_only_that_with_a_schedule_is_told(
    first, second, constant, tmp_path
):
    text = TWO.format(first=first, second=second, constant=constant)
    symbol = "tf.train.MomentumOptimizer"
    assert with_what_it_is_given(tmp_path, text, symbol) == [7]
    assert told(tmp_path, text, "no_global_step") == [9, 11]


def test_a_loss_that_a_schedule_weighs_is_no_rate(tmp_path):
    text = DECAY.format(
        rate="0.1", optimizer="AdamOptimizer", more="", step=f" * {SCHEDULE}"
    )
    assert told(tmp_path, text, "no_global_step") == []


@pytest.mark.parametrize(
    "device, expected", [("tf.train.replica_device_setter(2)", [3]), ("'/cpu:0'", [])]
)
def test_a_device_is_judged_by_what_it_is_given(device, expected, tmp_path):
    text = (
        "import tensorflow as tf\n"
        "setter = tf.train.replica_device_setter(1)\n"
        f"with tf.device({device}): tf.Session()\n"
    )
    assert with_what_it_is_given(tmp_path, text, "tf.device") == expected


def test_no_other_file_decides_about_a_call(tmp_path):
    (tmp_path / "other.py").write_text(
        "import tensorflow as tf\ntf.train.replica_device_setter(1)\n"
        + SCHEDULE.replace("step", "0")
    )
    text = "import tensorflow as tf\nwith tf.device('/cpu:0'): tf.Session()\n"
    (tmp_path / "model.py").write_text(text)
    report = scan.scan([str(tmp_path)])
    statuses = {finding.symbol: finding.status for finding in report.findings}
    assert statuses["tf.device"] == "same"


@pytest.mark.parametrize(
    "text, expected",
    [
        ("tf.train.AdamOptimizer().minimize(l)\nwith tf.Session() as s: pass", [3]),
        ("tf.set_random_seed(1)\ntf.train.AdamOptimizer()\ntf.Session()", []),
        ("print(tf.Session())", []),
    ],
)
def test_a_program_that_trains_without_a_seed_is_told(text, expected, tmp_path):
    assert told(tmp_path, "import tensorflow as tf\n" + text, "no_seed") == expected


def test_a_rule_may_ask_what_the_rest_of_the_program_uses(tmp_path, monkeypatch):
    asked = {}
    decide = catalogue.decide

    def remember(rule, call, used=None):
        asked[rule.symbol] = used
        return decide(rule, call, used)

    monkeypatch.setattr(catalogue, "decide", remember)
    model = "import tensorflow as tf\ntf.layers.batch_normalization(x)\n"
    train = "tf.train.AdamOptimizer()\n"
    (tmp_path / "other.py").write_text(
        "import tensorflow as tf\ntf.get_collection(tf.GraphKeys.UPDATE_OPS)\n"
    )
    for text, known in [
        (model + train, False),  # trains, and does not ask
        (model + train + "tf.get_collection('update_ops')", True),
        (model, True),  # another file trains it
    ]:
        (tmp_path / "model.py").write_text(text)
        scan.scan([str(tmp_path)])
        used = asked["tf.layers.batch_normalization"]
        assert ("tf.GraphKeys.UPDATE_OPS" in used) == known


def test_every_fact_names_a_test_that_exists():
    root = pathlib.Path(__file__).parents[2]
    for rule in facts.FACTS.values():
        assert rule.status in rule_file.STATUSES and rule.replacement and rule.note
        if rule.evidence != rule_file.UNPROVEN:
            path, _, test = rule.evidence.partition("::")
            assert f"def {test}(" in (root / path).read_text(encoding="utf-8")


def test_a_placeholder_that_names_all_its_arguments_may_broadcast(tmp_path):
    text = TRAINED.format(shape=", shape=None", difference="tf.square(prediction - y)")
    text = text.replace("y = tf.placeholder(tf", "y = tf.placeholder(dtype=tf")
    assert told(tmp_path, text, "broadcast") == [8]
