"""Claims about what `tf-parity explain` says of a symbol, and of what is none."""

import pytest

from parity_tests.migrate.programs import printed
from tf2_keras.migrate import catalogue, rule_file, terminal
from tf2_keras.migrate.api_table import api

NAMES_OF_DENSE = (
    "tf.layers.dense",
    "layers.dense",
    "tensorflow.compat.v1.layers.dense",
)


@pytest.mark.parametrize("symbol", NAMES_OF_DENSE)
def test_an_explanation_is_of_the_rule_or_of_any_name(symbol):
    rule = terminal.explained(symbol)
    assert rule.symbol == "tf.layers.dense" and rule.status == "gone"
    assert printed(terminal.explanation(symbol)) == printed(terminal.explanation(rule))
    assert "page" in printed(terminal.explanation(rule))


def test_no_row_of_an_explanation_is_empty():
    for symbol in api():
        _, says = terminal.explanation(symbol).columns
        assert all(str(text).strip() for text in says.cells), symbol


def test_an_explanation_tells_chapters_from_pages():
    rule = rule_file.Rule("tf.log", "gone", chapter="new")
    assert "docs/guide/new.md" in printed(terminal.explanation(rule))
    text = printed(terminal.explanation(rule, {"new": "what is new"}))
    assert "tf-parity read new" in text and "docs" not in text


@pytest.mark.parametrize("symbol", NAMES_OF_DENSE)
def test_a_symbol_is_explained_under_any_of_its_names(symbol, tf_parity):
    code, out, _ = tf_parity("explain", symbol)
    assert code == 0
    assert "tf.layers.dense" in out and "gone" in out and "evidence" in out


def test_what_differs_in_arguments_concerns_the_calls_that_give_them(tf_parity):
    _, out, _ = tf_parity("explain", "tf.while_loop")
    plain, _, touched = out.partition("│ when ")
    assert "same: stays as it is" in plain and "return_same_structure" not in plain
    assert "a call gives return_same_structure; or" in touched
    assert touched.index("changes") < touched.index("return_same_structure is")
    # The call that gives none of it is the same, as a scan of it says.
    assert "must be given" not in tf_parity("explain", "tf.nn.conv2d_transpose")[1]
    assert "fn1 is true_fn" not in tf_parity("explain", "tf.cond")[1]  # a case has it


def test_an_explanation_shows_the_cases(tf_parity, monkeypatch):
    rule = rule_file.Rule(
        "tf.log",
        "changes",
        "tf.math.log",
        "Because.",
        "resnet",
        "unproven",
        (
            rule_file.Case(
                {"argument": "name", "position": 1, "is": "a"}, "gone", "", "No."
            ),
            rule_file.Case({"without_call": "tf.exp|tf.abs"}, note="Never."),
            rule_file.Case({"with_call": "tf.exp"}, note="Given."),
        ),
        "tf.log(1)",
        "tf.math.log(1)",
    )
    monkeypatch.setattr(catalogue, "find", lambda _symbol: rule)
    _, out, _ = tf_parity("explain", "tf.log")
    for words in (
        "the argument name (or number 2) is 'a'",
        "No.",
        "tf.math.log(1)",
        "the file never uses tf.exp or tf.abs",
        "it is given what tf.exp returned",
        "chapter",
        "other numbers",
    ):
        assert words in out
