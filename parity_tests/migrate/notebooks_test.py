"""Claims about reading notebooks: whatever is in one, and places in its file."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from parity_tests.migrate.programs import TF, places, write
from tf2_keras.migrate import scan


def notebook(*cells, split=True, old=False, indent=1):
    def source(text):
        return text.splitlines(keepends=True) if split else text

    cells = [
        {"cell_type": "code", ("input" if old else "source"): source(cell)}
        for cell in cells
    ]
    cells.insert(0, {"cell_type": "markdown", "source": "tf.log(1) in words"})
    content = {"worksheets": [{"cells": cells}]} if old else {"cells": cells}
    return json.dumps(content, indent=indent)


MAGIC = (
    "!pip install tensorflow==1.15 \\\n  --quiet\n%matplotlib inline\n" + TF.strip(),
    "files = !ls\n%time a = tf.log(1)\ntf.log?\nif True:\n    !ls\nb = tf.log(2)",
    "%%bash\necho tf.log(3)",
    "%%time\ntf.log(4)",
    "text = '''\n%d\n''' % 3, tf.log(5)",
    "x = = 1",
    "s = 'ü\"\\t', tf.log(6)",
    "  %ls\n  if True:\n    tf.log(7)\n",
)


@pytest.mark.parametrize(
    "form", [{}, {"split": False}, {"old": True}, {"indent": None}], ids=str
)
def test_notebooks_are_read_with_their_magics(form, tmp_path):
    text = notebook(*MAGIC, **form)
    path = write(tmp_path / "a.ipynb", text)
    report = scan.scan([str(path)])
    assert [finding.symbol for finding in report.findings] == ["tf.log"] * 6
    assert [finding.cell for finding in report.findings] == [
        "cell 3, line 2",
        "cell 3, line 6",
        "cell 5, line 2",
        "cell 6, line 3",
        "cell 8, line 1",
        "cell 9, line 3",
    ]
    (skipped,) = report.skipped
    assert skipped.reason == "syntax error" and skipped.detail.startswith("cell 7: ")
    lines = text.split("\n")
    for finding in report.findings:  # line and column are those of the file itself
        assert lines[finding.line - 1][finding.column - 1 :].startswith("tf.log(")


@pytest.mark.slow
@given(st.text(max_size=40), st.booleans())
@example("\U0001f600", False)
@settings(deadline=None)
def test_any_text_before_a_use_keeps_its_place_in_a_notebook(
    tmp_path_factory, text, split
):
    cell = f"{TF}x = {text!r}; tf.log(1)"
    content = notebook(cell, split=split)
    path = write(tmp_path_factory.mktemp("notebook") / "a.ipynb", content)
    (finding,) = scan.scan([str(path)]).findings
    lines = content.split("\n")
    assert lines[finding.line - 1][finding.column - 1 :].startswith("tf.log(1)")


def test_half_a_character_in_a_cell_is_a_syntax_error(tmp_path):
    text = notebook(TF + "tf.log(1)", "x = '" + "\ud83d" * 100 + "'", indent=None)
    write(tmp_path / "a.ipynb", text)
    report = scan.scan([str(tmp_path)])
    assert len(report.findings) == 1
    assert report.summary()["skipped"] == {"syntax error": 1}


CODE = '{"cell_type": "code", "source": %s}'
NO_NOTEBOOKS = [
    "[]",
    "{}",
    "3",
    "null",
    '{"cells": [3]}',
    '{"cells": 3}',
    '{"cells": {"a": 3}}',
    '{"worksheets": 3}',
    '{"worksheets": [{}]}',
    *[
        f'{{"cells": [{CODE % source}]}}'
        for source in ("5", "null", "{}", '["import tensorflow as tf\\n", 5]', "[[]]")
    ],
    "[" * 3000,
    "\x00",
    "\xff",
]


@pytest.mark.parametrize("content", NO_NOTEBOOKS, ids=lambda content: content[:60])
def test_json_that_is_no_notebook_is_told(content, tmp_path):
    write(tmp_path / "a.ipynb", content.encode("latin-1"))
    write(tmp_path / "good.py", TF + "tf.log(1)")
    report = scan.scan([str(tmp_path)])
    assert report.files == 1 and len(report.findings) == 1
    assert report.summary()["skipped"] == {"broken notebook": 1}
    assert report.skipped[0].detail


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=5) | st.just("tf.log(1)\n"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["cells", "cell_type", "source", "input", "worksheets"]),
            inner | st.just("code"),
        )
    ),
)


@given(JSON)
@settings(deadline=None)
def test_whatever_a_notebook_holds_the_rest_is_read(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("notebook")
    write(folder / "a.ipynb", json.dumps({"cells": content, "worksheets": content}))
    write(folder / "good.py", TF + "tf.log(1)")
    report = scan.scan([str(folder)])
    assert [finding.symbol for finding in report.findings][-1:] == ["tf.log"]
    assert "crashes the reader" not in report.summary()["skipped"]


def test_a_notebook_that_is_named_may_have_a_bad_cell(tmp_path):
    path = write(tmp_path / "a.ipynb", notebook(TF + "tf.log(1)", "x = = 1"))
    report = scan.scan([str(path)])
    assert report.files == len(report.findings) == len(report.skipped) == 1


def test_a_deep_cell_is_read(tmp_path):
    text = notebook(TF + "x = " + " + ".join(["tf.log(1)"] * 700))
    assert len(places(write(tmp_path / "deep.ipynb", text))) == 700


@pytest.mark.parametrize("kind", ["markdown", "raw", "chart", "heading", None])
def test_cells_of_other_kinds_and_of_none_are_left_alone(kind, tmp_path):
    cells = [
        {"cell_type": cell, "source": "import tensorflow as tf\ntf.log(1)"}
        for cell in (kind, "code")
    ]
    if kind is None:
        del cells[0]["cell_type"]
    path = write(tmp_path / "a.ipynb", json.dumps({"cells": cells}))
    report = scan.scan([str(path)])
    assert [finding.cell for finding in report.findings] == ["cell 2, line 2"]
    assert not report.skipped


def test_a_use_is_found_where_a_string_of_a_cell_begins_within_a_line(tmp_path):
    pieces = ["import tensorflow as tf\nname = ", "tf.log(2) + ", "tf.log(3)\n"]
    cell = {"cell_type": "code", "source": pieces}
    text = json.dumps({"cells": [cell]}, indent=1)
    path = write(tmp_path / "a.ipynb", text)
    report = scan.scan([str(path)])
    rest = [text.split("\n")[f.line - 1][f.column - 1 :] for f in report.findings]
    assert [line[:9] for line in rest] == ["tf.log(2)", "tf.log(3)"]
