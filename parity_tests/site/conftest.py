"""The site, built once for all claims about it; TensorFlow is out of reach meanwhile."""

import json

import pytest

from parity_tests.engine.budgets import Budget
from parity_tests.models import reading
from parity_tests.site import build

# Builds where none of these can be imported, as in a light installation.
PROGRAM = """
import sys
sys.modules.update(dict.fromkeys(("tensorflow", "keras", "numpy", "hypothesis")))
from parity_tests.site import build
build.build(sys.argv[1], sys.argv[2], jobs=2)
"""


def recorded_cell(normwise, budget=None):
    """A cell as ``tf-parity run --json`` writes it: 0 ULP, or within a budget."""
    granted = budget or Budget()
    return {
        "ok": True,
        "max_ulp": 2 if normwise else 0,
        "normwise": normwise,
        "budget": granted.as_data(),
    }


def recorded_losses():
    """Losses of both sides, and of 1.15.5, which stopped before."""
    loss = {"loss": [[1, 4.0], [2, 2.5], [3, 2.0]]}
    witness = {"loss": [[1, 4.0], [2, 2.5]]}
    return {
        "losses": {"session": loss, "eager": loss, "function": loss},
        "witness": {"tensorflow": "1.15.5", "cpu": "", "losses": witness},
    }


def recorded_run():
    """What a run would have written: two chapters, the second of other files."""
    within = Budget(normwise=64, reason="another order of the sum")
    cells = {
        stage: recorded_cell(0.0)
        for stage in ("initial values", "outputs", "loss", "gradients", "updates")
    }
    chapter = {"steps": 11, "levels": {"eager": cells, "fit": cells}}
    off = {**cells, "loss": recorded_cell(6.8, within)}
    levels = {"eager": off, "fit": cells}
    current = {**chapter, "levels": levels}
    current["sources"] = reading.digests("linear_regression")
    current |= recorded_losses()
    stale = {**chapter, **recorded_losses()}
    stale["sources"] = {"tf1_graph/models/mlp.py": "0"}
    return {
        "environment": {"tensorflow": "2.21.0"},
        "chapters": {"linear_regression": current, "mlp": stale},
    }


@pytest.fixture(scope="session")
def site(tmp_path_factory, run_python):
    """The folder of the built site."""
    if build.missing():
        pytest.skip(f"the extra docs is not installed: {', '.join(build.missing())}")
    folder = tmp_path_factory.mktemp("site")
    run = folder / "report.json"
    run.write_text(json.dumps(recorded_run()), encoding="utf-8")
    done = run_python("-c", PROGRAM, folder / "site", run)
    assert done.returncode == 0, done.stderr
    return folder / "site"
