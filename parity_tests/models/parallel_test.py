"""Claims about chapters that run beside each other."""

import os
import pickle

import pytest

from parity_tests.models import chapters, parallel, runner

CHAPTERS = ("session_basics", "linear_regression")


def requests(fault=None):
    for name in CHAPTERS:
        setup = chapters.setup(name)
        train, test = setup.load(None, 3)
        fields = setup.configure(None, 3)
        yield runner.Request(name, fields, train, test, 2, ("function",), fault)
        fault = None  # it is one chapter's


@pytest.mark.slow
@pytest.mark.parametrize("fault", [None, "sum_instead_of_mean"])
def test_processes_give_what_one_process_gives(fault, tmp_path, capfd):
    asked = list(requests(fault))
    alone, together = [], []
    one = list(parallel.outcomes(asked, 1, True, None, alone.append))
    two = list(parallel.outcomes(asked, 2, True, tmp_path, together.append))
    for expected, actual in zip(one, two, strict=True):
        assert actual.data == expected.data
        assert actual.divergences == expected.divergences
        assert actual.trace.levels.keys() == expected.trace.levels.keys()
        of_function = actual.trace.levels["function"]
        assert of_function.losses == expected.trace.levels["function"].losses
        assert len(of_function.sources) == (2 if actual.divergences else 0)
    assert sum(bool(outcome.divergences) for outcome in two) == (fault is not None)
    # Each move is told, by the name of its chapter.
    assert sorted(together) == sorted(alone)
    assert len(alone) == sum(map(runner.units, asked)) or fault
    assert capfd.readouterr().err == ""  # TensorFlow's greetings
    for name in CHAPTERS:
        assert sorted(os.listdir(tmp_path / name)) == ["function", "tf1"]


@pytest.mark.slow
def test_what_fails_in_a_process_fails_here():
    first, second = requests()
    broken = first._replace(fields={"no_such_field": 1})
    with pytest.raises(TypeError, match="no_such_field"):
        list(parallel.outcomes([broken, second], 2))


def test_a_request_travels():
    (request, _) = requests()
    assert pickle.loads(pickle.dumps(request)).name == request.name
