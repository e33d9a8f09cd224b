"""Claims about the catalogue: what it covers, what it refuses, and that proofs exist."""

import copy
import pathlib
import re
import sys

import pytest

from parity_tests.migrate import contrib_rows
from parity_tests.parts import table as parts
from parity_tests.witness import api
from tf2_keras.migrate import api_table, bindings, catalogue, rule_file

ROOT = pathlib.Path(__file__).parents[2]
CENSUS = pathlib.Path(__file__).with_name("census.tsv")
TRAP = "parts_test.py::test_a_naive_migration_is_off_by_its_stated_margin"


def call(positional=0, made_from="", **keywords):
    return bindings.Call(positional, keywords, origins=frozenset(made_from.split()))


def census():
    """[(symbol, uses)]"""
    lines = CENSUS.read_text(encoding="utf-8").splitlines()
    cells = [line.split("\t") for line in lines if not line.startswith("#")][1:]
    return [(symbol, int(uses)) for symbol, uses, _ in cells]


def every_text():
    """(rule, what has status, note and evidence) of each rule and each of its cases."""
    for rule in catalogue.every():
        yield rule, rule
        for case in rule.cases:
            yield rule, case


def test_every_public_symbol_of_tf1_has_a_status():
    recorded = {row.symbol for row in catalogue.api().values() if row.in_tf1}
    answered = {rule.symbol: rule for rule in catalogue.every()}
    assert len(recorded) > 5500 and recorded <= set(answered)
    assert {rule.status for rule in answered.values()} == set(rule_file.STATUSES)
    for package in [
        "layers",
        "rnn",
        "seq2seq",
        "slim",
        "framework",
        "training",
        "opt",
        "data",
        "metrics",
    ]:
        assert sum(name.startswith(f"tf.contrib.{package}.") for name in recorded) > 20


def test_the_census_is_covered():
    """Known, and proven by a test: a page alone is no proof."""
    uses = known = proven = 0
    for symbol, count in census():
        rule = catalogue.find(symbol)
        uses += count
        known += count if rule else 0
        proven += count if rule and rule.evidence != rule_file.UNPROVEN else 0
    print(f"{uses} uses: {known / uses:.2%} known, {proven / uses:.2%} proven")
    assert known >= 0.995 * uses and proven >= 0.98 * uses


def test_gone_is_what_neither_tf_nor_compat_v1_has():
    for rule in catalogue.every():
        row = catalogue.api().get(rule.symbol)
        if row and row.in_tf1:
            absent = not row.in_compat_v1 and not row.in_v2
            assert (rule.status == "gone") == absent, rule
            assert rule.status != "same" or row.in_v2, rule


def test_same_and_changes_name_a_test_or_say_unproven():
    for rule, text in every_text():
        if text.evidence:
            assert text.evidence == rule_file.UNPROVEN or "::test_" in text.evidence
        if text is rule and rule.status == "changes" and not rule.chapter:
            assert rule.evidence != rule_file.UNPROVEN, rule.symbol


def test_every_named_test_exists():
    named = {text.evidence for _, text in every_text()} - {"", rule_file.UNPROVEN}
    assert len(named) > 20
    for evidence in named:
        path, _, test = evidence.partition("::")
        source = (ROOT / path).read_text(encoding="utf-8")
        assert re.search(rf"^def {test}\(", source, re.M), evidence


def test_margins_in_notes_are_those_of_the_traps():
    """A note's "at least 0.2 after 100 steps" is the margin of a trap of its part."""
    margins = {}
    for part in parts.PARTS:
        stated = margins.setdefault(part.name.partition(".")[2], set())
        for trap in part.traps:
            stated |= {(f"{error:g}", step) for step, error in trap.at_least.items()}
    checked = 0
    for rule, text in every_text():
        names = re.findall(r"\w+", f"{rule.replacement} {text.replacement} {text.note}")
        possible = set().union(*(margins.get(name, ()) for name in names))
        possible |= {
            (f"{margin:g}", 1)
            for margin, symbol, _, _ in contrib_rows.traps()
            if symbol == rule.symbol
        }
        # A rule of several symbols speaks of the part in its note only.
        possible = possible or set().union(*margins.values())
        told = re.findall(r"at least (\d(?:[\d.]*\d)?)(?: after (\d+))?", text.note)
        for number, step in told:
            steps = {at for error, at in possible if float(error) == float(number)}
            assert steps, (rule.symbol, text.note)
            assert not step or int(step) in steps, (rule.symbol, text.note)
            checked += 1
    assert checked > 60


def test_every_part_is_what_some_symbol_becomes():
    replacements = " ".join(
        text.replacement + " " + text.note for _, text in every_text()
    )
    names = set(re.findall(r"\w+", replacements))
    # Listed with their siblings, under one name.
    converters = {
        "lstm_weights_from_keras",
        "gru_weights_to_keras",
        "gru_weights_from_keras",
        "basic_rnn_weights_to_keras",
        "basic_rnn_weights_from_keras",
    }
    missing = {part.name.partition(".")[2] for part in parts.PARTS} - names - converters
    assert not missing


@pytest.mark.parametrize(
    "symbol, status, replacement",
    [
        ("tf.log", "renamed", "tf.math.log"),
        ("tf.compat.v1.log", "renamed", "tf.math.log"),
        ("tensorflow.log", "renamed", "tf.math.log"),
        ("tf.abs", "same", "tf.abs"),
        ("tf.matmul", "renamed", "tf.matmul"),  # name is another place today
        ("tf.Session", "restructure", None),
        ("tf.train.AdamOptimizer", "changes", None),
        ("tf.train.AdamOptimizer.minimize", "restructure", None),
        ("tf.layers.dense", "gone", None),
        ("tf.contrib.rnn.BasicLSTMCell", "gone", None),
        ("tf.contrib.no_such_module.anything", "gone", None),
        ("tf.contrib.data.unique", "gone", "dataset.unique()"),
        ("tf.gfile.Exists", "renamed", "tf.io.gfile.exists"),
        ("tf.flags.FLAGS.batch_size", "renamed", None),
        ("tf.estimator.ModeKeys.TRAIN", "gone", None),
        (
            "tf.data.Dataset.from_tensor_slices",
            "same",
            "tf.data.Dataset.from_tensor_slices",
        ),
        ("tf.sub", "gone", None),
        ("tf.keras.layers.Dense", "same", "tf.keras.layers.Dense"),
        ("tf.math.special.dawsn", "same", None),
        ("tf.float32", "same", "tf.float32"),
    ],
)
def test_a_symbol_is_answered(symbol, status, replacement):
    rule = catalogue.find(symbol)
    assert rule.status == status
    assert replacement is None or rule.replacement == replacement
    assert rule.symbol == catalogue.canonical(symbol)


@pytest.mark.parametrize(
    "symbol", ["tf.reduce_summ", "tf.nn.no_such_function", "tf.x.y"]
)
def test_what_no_one_knows_has_no_rule(symbol):
    assert catalogue.find(symbol) is None


def test_the_name_of_a_symbol_is_no_argument_s():
    """An argument called name is written {name=name}: {name} is the symbol's own."""
    for symbol, rule in catalogue.rules().exact.items():
        for text in (rule, *rule.cases):
            assert not re.search(r"\([^)]*\{name\}", text.replacement), symbol
    loaded = catalogue.find("tf.contrib.framework.load_variable")
    assert loaded.replacement.endswith("({checkpoint_dir}, {name=name})")


def test_an_attribute_has_the_answer_of_its_owner():
    answered = 0
    for symbol, rule in catalogue.rules().exact.items():
        attribute = catalogue.find(f"{symbol}.attribute")
        if "{name}" in rule.replacement and attribute is not None:
            replacement = catalogue.find(symbol).replacement
            assert attribute.replacement.replace(".attribute", "") == replacement
            answered += 1
    assert answered > 20


@pytest.mark.parametrize(
    "chapter, pattern",
    [
        ("wide_deep", r"tf\.(contrib\.)?feature_column(\..+)?"),
        ("wide_deep", r"tf\.estimator\.DNNLinearCombinedClassifier"),
        ("monitored_session", r"tf\.train\.(\w+Hook|\w*Monitored\w*Session)"),
        ("input_queues", r"tf\.(queue\.|io\.|train\.)?\w*Queue(Base|Runner)?"),
        (
            "input_queues",
            r"tf\.train\.(\w*_producer|(maybe_)?(shuffle_)?batch(_join)?)",
        ),
        ("input_queues", r"tf\.train\.(Coordinator|start_queue_runners|limit_epochs)"),
        ("summaries", r"tf\.summary\..+"),
        ("mixed_precision", r"tf\..*mixed_precision\.[^.]+\..+"),
        ("mixed_precision", r"tf\.train\.experimental\.\w*([mM]ixed|Loss)\w*"),
    ],
)
def test_what_a_chapter_shows_names_it(chapter, pattern):
    symbols = [
        row.symbol
        for row in catalogue.api().values()
        if row.in_tf1 and re.fullmatch(pattern, row.symbol)
    ]
    assert symbols
    for symbol in symbols:
        assert catalogue.find(symbol).chapter == chapter, symbol


def test_each_feature_column_has_a_replacement_of_its_own():
    columns = [
        catalogue.find(row.symbol)
        for row in catalogue.api().values()
        if row.symbol.startswith("tf.feature_column.") and row.in_tf1
    ]
    assert len(columns) == 19
    replacements = {}
    for rule in columns:
        assert rule.evidence != rule_file.UNPROVEN, rule.symbol
        name = rule.symbol.rpartition(".")[2].removeprefix("sequence_")
        replacements.setdefault(rule.replacement, set()).add(name)
    assert all(len(names) == 1 for names in replacements.values()), replacements


def test_the_nearest_names_are_offered():
    assert "tf.placeholder" in catalogue.nearest("tf.placehodler")
    assert "tf.train.AdamOptimizer" in catalogue.nearest("tf.AdamOptimizer")
    assert catalogue.nearest("tf.qqqqqqqqqq") == []


@pytest.mark.parametrize(
    "symbol, use, used, status, told",
    [
        ("tf.nn.dropout", call(2), None, "changes", "keep_prob"),
        ("tf.nn.dropout", call(1, keep_prob=0.5), None, "changes", "keep_prob"),
        ("tf.nn.dropout", call(1, rate=0.5), None, "renamed", "rate"),
        ("tf.placeholder", call(1), None, "restructure", "No shape is said"),
        ("tf.placeholder", call(2), None, "restructure", "casts"),
        ("tf.placeholder", call(1, shape=None), None, "restructure", "casts"),
        ("tf.placeholder", call(1, **{"**": None}), None, "restructure", "casts"),
        ("tf.random_normal", call(1), None, "changes", "Without an op seed"),
        (
            "tf.random_normal",
            call(1, seed=3),
            None,
            "renamed",
            "same graph and op seeds",
        ),
        (
            "tf.nn.weighted_cross_entropy_with_logits",
            call(targets="y", logits="x", pos_weight=2),
            None,
            "renamed",
            "targets is called labels",
        ),
        (
            "tf.reduce_sum",
            call(1, reduction_indices=1),
            None,
            "renamed",
            "reduction_indices",
        ),
        ("tf.argmax", call(1, dimension=1), None, "renamed", "axis"),
        ("tf.argmax", call(2), None, "same", "first of equal"),
        ("tf.train.AdamOptimizer", call(1), None, "changes", "1e-7"),
        (
            "tf.train.AdamOptimizer",
            call(1, epsilon=1.0),
            None,
            "changes",
            "With epsilon said",
        ),
        (
            "tf.train.AdamOptimizer.minimize",
            call(1, made_from="tf.train.cosine_decay"),
            None,
            "changes",
            "never moved",
        ),
        (
            "tf.train.AdamOptimizer.minimize",
            call(1),
            {"tf.train.cosine_decay"},
            "restructure",
            "counts",
        ),
        ("tf.train.AdamOptimizer.minimize", call(2), None, "restructure", "counts"),
        ("tf.losses.mean_squared_error", call(2), None, "changes", "Without weights"),
        ("tf.losses.mean_squared_error", call(3), None, "changes", "With weights"),
        ("tf.image.resize_bilinear", call(2), None, "changes", "corners"),
        (
            "tf.image.resize_bilinear",
            call(2, half_pixel_centers=True),
            None,
            "renamed",
            "as",
        ),
        (
            "tf.image.resize_bilinear",
            call(2, align_corners=False),
            None,
            "changes",
            "corners",
        ),
        (
            "tf.train.MomentumOptimizer",
            call(2, made_from="tf.train.exponential_decay tf.get_variable"),
            None,
            "changes",
            "Together with a schedule",
        ),
        (
            "tf.train.MomentumOptimizer",
            call(2),
            {"tf.train.exponential_decay"},  # the file's, for another optimizer
            "changes",
            "constant rate",
        ),
        (
            "tf.layers.batch_normalization",
            call(1, training=True),
            {"tf.Session"},
            "gone",
            "never names UPDATE_OPS",
        ),
        (
            "tf.layers.batch_normalization",
            call(1, training=True),
            {"tf.GraphKeys.UPDATE_OPS"},
            "gone",
            "population",
        ),
        ("tf.layers.batch_normalization", call(1), set(), "gone", "False by default"),
        ("tf.get_variable", call(2), None, "changes", "glorot_uniform"),
        ("tf.get_variable", None, None, "restructure", "scope"),
        ("tf.where", call(1), None, "same", "places"),
    ],
)
def test_the_case_that_fits_the_call_decides(symbol, use, used, status, told):
    decided = catalogue.decide(catalogue.find(symbol), use, used)
    assert decided.status == status
    assert told in decided.note


def test_conditions_that_unpack_or_count_places():
    when = {"positional_from": 2}
    rule = rule_file.Rule("tf.x", "same", cases=(rule_file.Case(when, "changes"),))
    assert catalogue.decide(rule, call(2)).status == "same"
    assert catalogue.decide(rule, call(3)).status == "changes"
    assert catalogue.decide(rule, None).status == "same"


RULE = {"symbol": "tf.log", "status": "renamed", "replacement": "tf.math.log"}


@pytest.mark.parametrize(
    "change, told",
    [
        ({"satus": "same"}, "Did you mean status"),
        (
            {"status": "fine"},
            "status of the rule of tf.log must be known. Received: 'fine'.",
        ),
        ({"status": None}, "The rule of tf.log must have a status."),
        ({"symbol": ""}, "must have a symbol"),
        ({"symbol": "numpy.log"}, "symbol must be a TF1 name. Received: 'numpy.log'."),
        ({"symbol": "tf.compat.v1.log"}, "Write 'tf.log'."),
        ({"note": 3}, "note of the rule of tf.log must be text. Received: 3."),
        ({"evidence": "some_test.py"}, "must name a test. Received: 'some_test.py'."),
        ({"before": "a = 1"}, "must have before and after, or neither."),
        ({"evidence": rule_file.IDIOM}, "must have a snippet"),
        (
            {"case": [{"status": "gone"}]},
            "A case of the rule of tf.log must have a condition.",
        ),
        ({"case": [{"when": {"argumnet": "dim"}}]}, "Did you mean argument"),
        (
            {"case": [{"when": {"position": 1}}]},
            "A case of the rule of tf.log must name an argument.",
        ),
        (
            {"case": [{"when": {"argument": "dim"}, "status": "fine"}]},
            "status of a case of the rule of tf.log must be known.",
        ),
        (
            {"case": [{"when": {"argument": "dim"}, "color": "red"}]},
            "known fields only.",
        ),
    ],
)
def test_a_wrong_rule_is_told_by_rule_received_and_remedy(change, told):
    table = {
        key: value for key, value in {**RULE, **change}.items() if value is not None
    }
    with pytest.raises(ValueError) as caught:
        rule_file.checked({"rule": [table]})
    assert told in str(caught.value)
    assert str(caught.value).count(". ") >= 2


@pytest.mark.parametrize(
    "data, told",
    [
        ({"rule": [RULE, copy.deepcopy(RULE)]}, "symbol must have one rule only."),
        ({"rules": []}, "A table must be [[rule]] or [[proof]]."),
        ({"proof": [{"evidence": "x", "symbols": []}]}, "must name a test."),
        (
            {
                "proof": [
                    {
                        "evidence": "parity_tests/a_test.py::test_a",
                        "symbols": ["tf.a"] * 2,
                    }
                ]
            },
            "symbols must be proven once.",
        ),
    ],
)
def test_a_wrong_file_is_told_too(data, told):
    with pytest.raises(ValueError, match=re.escape(told)):
        rule_file.checked(data)


def test_the_table_is_small_and_says_where_it_comes_from():
    text = pathlib.Path(api_table.API).read_text(encoding="utf-8")
    comments = [line for line in text.splitlines() if line.startswith("#")]
    assert "TensorFlow 1.15.5, Python 3.7" in comments[0] and len(comments) >= 3
    assert len(text) < 600_000
    assert not re.search(r"0x[0-9a-f]{6}|/usr/|/home/|/tmp/", text)


def test_looking_up_does_not_import_tensorflow(run_python):
    code = (
        "import sys; from tf2_keras.migrate import catalogue; list(catalogue.every()); "
        "sys.exit('tensorflow' in sys.modules)"
    )
    assert run_python("-c", code).returncode == 0


def test_a_signature_is_written_as_code():
    def function(a, b=1.5, *rest, c=None, d=(1, "x"), e=print, **more):
        """All kinds of arguments."""

    assert api.signature_of(function) == (
        "(a, b=1.5, *rest, c=None, d=(1, 'x',), e=..., **more)"
    )


@pytest.mark.parametrize(
    "words, told",
    [
        (["--out", "FILE"], "--out must run under TensorFlow 1.15. Received: 2."),
        ([], "one of the two"),
    ],
)
def test_the_recorder_refuses_another_tensorflow(words, told, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["api"])
    with pytest.raises(SystemExit):
        api.main(words)
    assert told in capsys.readouterr().err


def test_completing_a_table_again_changes_nothing(tmp_path):
    """Each version only takes away what it lacks: see the rows of a few symbols."""
    import tensorflow as tf

    stored = pathlib.Path(api_table.API).read_text(encoding="utf-8").splitlines()
    kept = [line for line in stored if re.match(r"#|symbol|tf\.(log|nn\.\w+)\t", line)]
    path = tmp_path / "api.tsv"
    path.write_text("\n".join(kept) + "\n", encoding="utf-8")
    api.complete(str(path), tf)
    again = path.read_text(encoding="utf-8").splitlines()
    assert [line for line in again if line[0] != "#"] == [
        line for line in kept if line[0] != "#"
    ]
