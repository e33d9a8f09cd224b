"""Claims about advice: it is made of names that exist, and follows the call."""

import ast
import functools
import importlib
import inspect
import re

import pytest

from parity_tests.migrate.programs import TF, findings, uses
from parity_tests.witness import call_rows
from tf2_keras.migrate import (
    api_table,
    bindings,
    catalogue,
    evidence,
    rule_file,
    scan,
)
from tf2_keras.migrate.replacements import FIELD, UNKNOWN, rendered
from tf2_keras.migrate.signatures import signature

ROOTS = ("absl", "functools", "keras", "tensorflow", "tf1_semantics")
DOTTED = re.compile(r"(?<![\w.])(?:absl|functools|keras|tf|tf1_semantics)(?:\.\w+)+")


@functools.cache
def imported(dotted):
    """The object of a dotted name, or an AttributeError."""
    root, *names = dotted.split(".")
    path = {"tf": "tensorflow", "tf1_semantics": "tf2_keras.tf1_semantics"}.get(
        root, root
    )
    value = importlib.import_module(path)
    for name in names:
        path = f"{path}.{name}"
        try:
            value = getattr(value, name)
        except AttributeError:
            try:
                value = importlib.import_module(path)
            except ModuleNotFoundError as missing:
                raise AttributeError(dotted) from missing
    return value


def every_text():
    """(symbol, text) of every replacement and note, as they read without a call."""
    for rule in map(catalogue.shown, catalogue.every()):
        for part in (rule, *rule.cases):
            yield rule.symbol, part.replacement
            yield rule.symbol, part.note


def test_every_name_in_advice_can_be_imported():
    names = {
        (dotted, symbol)
        for symbol, text in every_text()
        for dotted in DOTTED.findall(text)
    }
    missing = {}
    for dotted, symbol in sorted(names):
        try:
            imported(dotted)
        except AttributeError:
            missing.setdefault(dotted, symbol)
    assert missing == {}
    assert len({dotted for dotted, _ in names}) > 1500


def templates():
    """[(symbol, text)] of the replacements that are filled from a call."""
    return [
        (rule.symbol, part.replacement)
        for rule in catalogue.every()
        for part in (rule, *rule.cases)
        if "{" in part.replacement and rule.symbol in catalogue.api()
        if catalogue.api()[rule.symbol].in_tf1
    ]


def of_layers(symbol):
    """What every layer of 1.15's Keras took besides the arguments that it names."""
    return ("input_shape", "name") if symbol.startswith("tf.keras.layers.") else ()


def test_a_field_is_an_argument_that_1_15_had():
    wrong = [
        (symbol, field.group())
        for symbol, text in templates()
        for field in FIELD.finditer(text)
        if field.group("argument") not in (*signature(symbol).names, *of_layers(symbol))
    ]
    assert wrong == [] and len(templates()) > 300


def all_given(symbol):
    """A call that gives every argument of 1.15's by name."""
    names = signature(symbol).names
    return bindings.Call(
        keywords=dict.fromkeys(names), texts={name: name for name in names}
    )


def calls(text):
    """The calls of names that can be imported, in the pieces of a replacement."""
    text = text.replace(f"={UNKNOWN}", "=_").replace(UNKNOWN, "*_")
    for piece in re.split(
        r", or |; |, then |, to keep |, without |, which | of |, as ", text
    ):
        try:
            tree = ast.parse(piece.strip(), mode="eval")
        except SyntaxError:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and DOTTED.fullmatch(ast.unparse(node.func)):
                yield imported(ast.unparse(node.func)), node


def accepts(function, call):
    """Whether a function of today takes the arguments by these names."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # written in C
        return True
    names = {parameter.name for parameter in parameters}
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        names |= {"name", "data_format", "dtype", "input_shape"}  # of most layers
        if not inspect.isclass(function):
            return True
        for base in (*function.__mro__, *getattr(function, "cell_class", int).__mro__):
            names |= set(inspect.signature(base.__init__).parameters)
    return {keyword.arg for keyword in call.keywords} <= names


@pytest.mark.slow
def test_what_is_rendered_is_code_that_takes_these_arguments():
    refused, checked = [], 0
    for symbol, template in templates():
        for call in (all_given(symbol), bindings.Call(), None):
            text = rendered(template, symbol, call, lambda name: name)
            assert not re.search(r"[{}\0]", text), (symbol, text)
            for function, node in calls(text):
                checked += 1
                if not accepts(function, node):
                    refused.append((symbol, ast.unparse(node)))
    assert refused == [] and checked > 500


def test_symbols_that_share_a_template_had_the_same_defaults():
    """RandomNormal of tf.keras had another stddev than random_normal_initializer."""
    groups = {}
    for rule in catalogue.rules().exact.values():
        if "{" in rule.replacement:
            groups.setdefault((rule.replacement, rule.note), []).append(rule.symbol)
    for (template, _), symbols in groups.items():
        fields = {field.group("argument") for field in FIELD.finditer(template)}
        fields -= {"symbol", "name"}  # what rule_file calls the symbol
        defaults = {
            symbol: {
                name: value
                for name, value in signature(symbol).defaults.items()
                if name in fields
            }
            for symbol in symbols
            if signature(symbol).positional
        }
        first = next(iter(defaults.values()), None)
        assert all(values == first for values in defaults.values()), defaults


def names_today(symbol):
    """The arguments of a symbol's successor, in order; None if it has none to ask."""
    target = api_table.canonical_target(api_table.tables().renames.get(symbol, symbol))
    try:
        return list(inspect.signature(imported(target)).parameters)
    except (AttributeError, TypeError, ValueError):
        return None


def test_arguments_go_by_name_from_the_first_that_moved():
    checked, wrong = 0, {}
    for symbol, row in catalogue.api().items():
        places = [
            case.when["positional_from"]
            for case in (catalogue.find(symbol).cases if row.in_tf1 else ())
            if "positional_from" in case.when
        ]
        today = names_today(symbol) if places else None
        if today is None:
            continue
        renamed = api_table.tables().keywords.get(symbol, {})
        before = [renamed.get(name, name) for name in signature(symbol).positional]
        moved = [
            place
            for place, name in enumerate(before)
            if today[place : place + 1] != [name]
        ]
        if places != moved[:1]:
            wrong[symbol] = (places, before, today)
        checked += 1
    # Where today's signature is recorded, witnessed_test holds the differences.
    assert wrong == {} and checked > 10


@pytest.mark.parametrize(
    "written",
    [
        "tf.zeros_like(x)",
        "tf.ones_like(x)",
        "tf.while_loop(a, b, [c])",
        "tf.nn.moments(x, [0])",
        "tf.reduce_join(x, 1)",
        "tf.concat([x, y], 1)",
        "tf.split(x, 3, 1)",
        "tf.nn.embedding_lookup(table, ids)",
    ],
)
def test_a_positional_argument_has_no_name_to_change(written, tmp_path):
    text = f"import tensorflow as tf\ntf.Session()\ny = {written}\n"
    (status,) = [
        finding.status for finding in findings(tmp_path, text) if finding.line == 3
    ]
    assert status == ("renamed" if "reduce_join" in written else "same")


# ------------------------------------------------------------------ filled templates

TEMPLATE = "f({scale}, {b=bias}, {axis=dim|-1}, {name=name})"


@pytest.fixture
def of_a_symbol(monkeypatch):
    row = api_table.Row("tf.f", "function", "(x, scale=2.0, bias=None, dim=0, name=None)",
                        True, True, True, "")  # fmt: skip
    monkeypatch.setitem(catalogue.api(), "tf.f", row)
    signature.cache_clear()
    yield
    signature.cache_clear()


@pytest.mark.usefixtures("of_a_symbol")
@pytest.mark.parametrize(
    "written, text",
    [
        ("tf.f(x)", "f(2.0, axis=-1)"),
        ("tf.f(x, 1e-05, bias=None)", "f(1e-5, b=None, axis=-1)"),
        ("tf.f(x, rate, dim=self.axis)", "f(rate, axis=self.axis)"),
        ("tf.f(x, 1.0 - FLAGS.rate)", "f(1.0 - FLAGS.rate, axis=-1)"),
        ("tf.f(x, g(3), [1, 2])", "f(…, b=[1, 2], axis=-1)"),
        ("tf.f(x, [g(3), 2])", "f(…, axis=-1)"),
        ("tf.f(x, *rest)", "f(…, axis=…, …)"),
        ("tf.f(x, scale=tf.log)", "f(tf.math.log, axis=-1)"),
        ("tf.f(x, scale=tf.layers.dense)", "f(…, axis=-1)"),
        ("tf.f(x, name='a\"b')", "f(2.0, axis=-1, name='a\"b')"),
    ],
)
def test_a_replacement_is_made_of_the_call(written, text):
    (call,) = [
        use.call
        for use in uses(f"import tensorflow as tf\n{written}")
        if use.dotted == "tensorflow.f"
    ]
    rule = rule_file.Rule("tf.f", "changes", TEMPLATE)
    assert catalogue.decide(rule, call).replacement == text


def test_without_a_call_the_names_of_the_arguments_are_shown():
    rule = rule_file.Rule("tf.f", "changes", TEMPLATE, cases=(
        rule_file.Case({"argument": "dim"}, replacement="g({dim})"),
    ))  # fmt: skip
    shown = catalogue.shown(rule)
    assert shown.replacement == "f(scale, b=bias, axis=dim, name=name)"
    assert shown.cases[0].replacement == "g(dim)"
    assert catalogue.decide(rule, None).replacement == shown.replacement


CONDITIONS = [
    ({"argument": "dim", "is": 0}, "tf.f(x)", True),
    ({"argument": "dim", "is": 0}, "tf.f(x, 1.0, None, 0)", True),
    ({"argument": "dim", "is": 0}, "tf.f(x, dim=1)", False),
    ({"argument": "dim", "is": 0}, "tf.f(x, dim=n)", False),
    ({"argument": "dim", "is": 0}, "tf.f(x, dim=False)", False),
    ({"argument": "dim", "is": 0}, "tf.f(x, **more)", False),
    ({"argument": "bias", "is": "None"}, "tf.f(x)", True),
    ({"argument": "bias", "is_not": "None"}, "tf.f(x)", False),
    ({"argument": "bias", "is_not": "None"}, "tf.f(x, bias=None)", False),
    ({"argument": "bias", "is_not": "None"}, "tf.f(x, 1, b)", True),
    ({"argument": "dim", "is_not": "None"}, "tf.f(x)", True),
    ({"argument": "x", "kind": "list"}, "tf.f([a, b])", True),
    ({"argument": "x", "kind": "list"}, "tf.f([a for a in b])", True),
    ({"argument": "x", "kind": "list"}, "tf.f(x=(a, b))", True),
    ({"argument": "x", "kind": "list"}, "tf.f(a)", False),
    ({"argument": "x", "kind": "number"}, "tf.f(1)", True),
    ({"argument": "x", "kind": "number"}, "tf.f(True)", False),
    ({"argument": "x", "kind": "text"}, "tf.f('a')", True),
    ({"argument": "x", "kind": "text"}, "tf.f(tf.float32)", False),
    ({"argument": "x", "kind": "flags"}, "tf.f([True, False])", True),
    ({"argument": "x", "kind": "flags"}, "tf.f([1, 0])", False),
    ({"keyword": "scale"}, "tf.f(x, 1.0)", False),
    ({"keyword": "scale"}, "tf.f(x, scale=1.0)", True),
    ({"missing": "scale"}, "tf.f(x)", True),
    ({"missing": "scale"}, "tf.f(x, **more)", False),
    ({"missing": "scale"}, "tf.f(x, 1.0)", False),
    ({"argument": "scale", "also": {"missing": "dim"}}, "tf.f(x, 1.0)", True),
    ({"argument": "scale", "also": {"missing": "dim"}}, "tf.f(x, 1.0, 2, 3)", False),
]


@pytest.mark.usefixtures("of_a_symbol")
@pytest.mark.parametrize("when, written, expected", CONDITIONS)
def test_a_condition_asks_for_values_places_and_defaults(when, written, expected):
    rule = rule_file.Rule("tf.f", "same", cases=(rule_file.Case(when, "changes"),))
    (call,) = [
        use.call
        for use in uses(f"import tensorflow as tf\n{written}")
        if use.dotted == "tensorflow.f"
    ]
    assert catalogue.decide(rule, call).status == ("changes" if expected else "same")


# Measured alike in the calls of calls_tf.txt and calls_keras.txt, and told all the same:
# what such a call gives hangs on more than it says.
TOLD_ALL_THE_SAME = {
    "tf.keras.layers.BatchNormalization",
    "tf.keras.layers.Conv2DTranspose",
    "tf.keras.layers.Embedding",
    "tf.keras.losses.Loss",
    "tf.keras.utils.deserialize_keras_object",
    "tf.nn.softmax_cross_entropy_with_logits",
    "tf.tuple",
    "tf.where",
}


def test_a_call_that_runs_alike_as_it_is_written_is_called_same(tmp_path):
    """Every witnessed call of one form on both sides that gave the same."""
    rows = [
        (symbol, before)
        for symbol, before, after in call_rows.rows()
        if before == after and not evidence.table()[symbol].difference
    ]
    path = tmp_path / "calls.py"
    calls = [f"r = {before}" for _, before in rows]
    path.write_text("\n".join([TF + "s = tf.Session()", *calls]))
    first = path.read_text().count("\n") + 2 - len(rows)
    told, checked = set(), 0
    for finding in scan.scan([str(path)], workers=1).findings:
        if finding.line >= first and finding.symbol == rows[finding.line - first][0]:
            checked += 1
            if finding.status != "same":
                told.add(finding.symbol)
    sampled = {symbol for symbol in told if symbol.endswith("_candidate_sampler")}
    assert checked > 1000
    assert told - sampled == TOLD_ALL_THE_SAME
