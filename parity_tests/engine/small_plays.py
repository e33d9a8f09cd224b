"""Small plays, whole or with a planted fault: what the claims about comparing compare."""

import copy

import numpy as np

from parity_tests.engine.comparison import compare_plays

STEPS = 5


def small_run(learning_rate=0.1, one_step_late=False):
    """A run of momentum descent on a quadratic: every stage, float32, two tensors."""
    random = np.random.RandomState(0)
    values = {
        "dense/kernel": random.standard_normal((3, 3)).astype(np.float32),
        "dense/bias": random.standard_normal(3).astype(np.float32),
    }
    momentum = {name: np.zeros_like(value) for name, value in values.items()}
    run = [{"initial values": copy.deepcopy(values)}]
    late = {name: np.zeros_like(value) for name, value in values.items()}
    for _ in range(STEPS):
        loss = np.float32(sum((value**2).sum() for value in values.values()))
        gradients = {name: 2 * value for name, value in values.items()}
        applied = late if one_step_late else gradients
        for name, value in values.items():
            momentum[name] = np.float32(0.9) * momentum[name] + applied[name]
            values[name] = value - np.float32(learning_rate) * momentum[name]
        late = gradients
        run.append(
            {
                "loss": {"loss": loss},
                "gradients": copy.deepcopy(gradients),
                "slots": copy.deepcopy(momentum),
                "updates": copy.deepcopy(values),
            }
        )
    return run


def up(value, steps=1):
    """The float32 so many steps above."""
    value = np.float32(value)
    for _ in range(steps):
        value = np.nextafter(value, np.float32(np.inf))
    return value


def off_by(*distances):
    """A reference of ones and a candidate so many ULPs above, element by element."""
    reference = np.ones(len(distances), np.float32)
    return reference, np.array([up(1.0, steps) for steps in distances], np.float32)


def compare_one(reference, candidate, budget=None, stage="gradients", **options):
    """Compare two runs of a single tensor, kernel, in step 1."""
    return compare_plays(
        [{}, {stage: {"kernel": reference}}],
        [{}, {stage: {"kernel": candidate}}],
        budget_for=lambda *_: budget,
        **options,
    )


def place(divergence):
    return divergence.step, divergence.stage, divergence.tensor


def fault_in(change):
    """The small run after `change(run)`."""
    run = small_run()
    change(run)
    return run


def swap_names(run):
    for record in run[1:]:
        slots = record["slots"]
        slots["dense/kernel"], slots["dense/bias"] = (
            slots["dense/bias"],
            slots["dense/kernel"],
        )


def transpose_shape(run):
    initial = run[0]["initial values"]
    initial["dense/bias"] = initial["dense/bias"][:, None]


def transpose_kernel(run):
    run[2]["gradients"]["dense/kernel"] = run[2]["gradients"]["dense/kernel"].T


def widen_dtype(run):
    for record in run[1:]:
        record["loss"]["loss"] = np.float64(record["loss"]["loss"])


def spoil_by_nan(run):
    run[4]["slots"]["dense/kernel"][1, 2] = np.nan


def lose_tensor(run):
    del run[3]["updates"]["dense/bias"]


def lose_first_tensor(run):
    del run[3]["updates"]["dense/kernel"]


def add_tensor(run):
    run[1]["slots"]["dense/extra"] = np.float32(0)


def lose_stage(run):
    del run[2]["slots"]


def empty_stage(run):
    run[2]["slots"] = {}


def add_stage(run):
    run[3]["initial values"] = run[0]["initial values"]


def misname_stage(run):
    run[2]["metrics"] = {"accuracy": np.float32(1)}


def end_early(run):
    del run[-2:]


def go_on(run):
    run.append(run[-1])


def skip_step(run):
    del run[2]


FAULTS = {
    swap_names: ((1, "slots", "dense/kernel"), "shape [3, 3] against [3]"),
    transpose_shape: ((0, "initial values", "dense/bias"), "shape [3] against [3, 1]"),
    transpose_kernel: ((2, "gradients", "dense/kernel"), "values differ"),
    widen_dtype: ((1, "loss", "loss"), "dtype float32 against float64"),
    spoil_by_nan: ((4, "slots", "dense/kernel"), "values differ"),
    lose_tensor: ((3, "updates", "dense/bias"), "missing in the candidate"),
    lose_first_tensor: ((3, "updates", "dense/kernel"), "missing in the candidate"),
    add_tensor: ((1, "slots", "dense/extra"), "not in the reference"),
    lose_stage: ((2, "slots", None), "stage missing in the candidate"),
    empty_stage: ((2, "slots", None), "stage missing in the candidate"),
    add_stage: ((3, "initial values", None), "stage not in the reference"),
    misname_stage: ((2, "metrics", None), "stage not in the reference"),
    end_early: ((STEPS - 1, None, None), "play ended early"),
    go_on: ((STEPS + 1, None, None), "reference ended"),
    skip_step: ((2, "loss", "loss"), "values differ"),
}
