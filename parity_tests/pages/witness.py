"""Writes docs/witness.md and its picture: ``python -m parity_tests.pages.witness``.

Trains the notes' CNN on genuine TensorFlow 1.15.5, on today's compat.v1 and as a Keras
twin, from the same seeds on the same digits; overlays the losses, measures how far the
three drift apart, and times them in turn. Needs the extra ``docs`` and what
``environment`` finds or builds.
"""

import itertools
import pathlib
import statistics
import subprocess
import tempfile
import time

import matplotlib
import matplotlib.pyplot
import numpy as np

from parity_tests.engine import ulps
from parity_tests.models import chapters
from parity_tests.models.pair import Pair
from parity_tests.witness import environment, golden, reference_conditions, runs
from tf1_graph import session as tf1_session

NAME = "mnist_cnn"
STEPS = 400
SHOWN = (1, 2, 5, 10, 20, 50, 100, 200, 400)
ROUNDS = 7
DOCS = pathlib.Path(__file__).parents[2] / "docs"
SIDES = ("TensorFlow 1.15.5", "compat.v1", "Keras twin")

PAGE = """\
# The third witness

<!-- Made by `python -m parity_tests.pages.witness`. -->

compat.v1 on today's TensorFlow is a stand-in for TensorFlow 1. Here is the real thing: the
notes' CNN on TensorFlow {tensorflow} itself (Python {python}), on today's compat.v1 and as
a Keras twin, from the same seeds, on the same digits in the same order; Adam at 1e-4,
batches of 50, dropout a half.

![Losses of the three, one over the other, and how far they drift apart](witness.svg)

| | {sides} |
|---|---|---|---|
| test accuracy after {steps} steps | {accuracies} |
| steps per second | {speeds} |
| times as fast as 1.15.5 | {ratios} |

The speeds are medians of {rounds} rounds in one run, each side in turn, {threads} threads;
the twin's step is a tf.function. compat.v1 and the twin are equal to the bit at every step.
1.15.5 starts from the same initial values to the bit and drops the same units; then its
kernels round otherwise, and training amplifies that:

| after step | loss, 1.15.5 | loss, compat.v1 and twin | variables apart by |
|---|---|---|---|
{drift}

The last column is the largest difference of a variable's elements over its largest element,
on the elements that a golden keeps. A budget in [tolerances](tolerances.md) covers the
first ten steps; afterwards a single ReLU or pooled maximum that falls on the other side
counts for more than all roundings.

## What is claimed

- Initial values with explicit seeds are the same to the bit: every chapter's, and all
  initialisers of `tf1_semantics`.
- Optimizers in float64 are the same to the bit after 100 steps, dense and sparse; in
  float32 those that take square roots differ in the last bits, since 1.15's vectorised
  root was not rounded correctly.
- Chapters are within the budgets that [tolerances](tolerances.md) lists for the level
  1.15.5, with oneDNN and, tighter, without.

The claims are tests against recorded numbers (`parity_tests/goldens`), which need no
TensorFlow 1: `parity_tests/witness/replay_test.py::test_a_chapter_does_what_1_15_5_did`,
`parity_tests/witness/replay_test.py::test_a_part_does_what_1_15_5_did`,
`parity_tests/witness/replay_test.py::test_chapters_do_what_1_15_5_did_without_onednn`.

## See for yourself

```console
$ tf-parity witness --stored      # the recorded numbers against this TensorFlow
$ tf-parity witness               # records again, on an environment that it finds or builds
```

The second needs a Python 3.7, from pyenv, uv or your system, and pip. By hand:

```console
$ python3.7 -m venv .venv-tf1 && .venv-tf1/bin/pip install -r parity_tests/witness/requirements.txt
$ .venv-tf1/bin/python -m parity_tests.witness.record mnist_cnn --out recorded --write --export
```

`--export` adds a Saver checkpoint, the .meta and a SavedModel. A golden states versions,
processor, threads, command and the hashes of the sources that it was recorded from.

## Found on the way

- Importing TensorFlow 2 sets `TF2_BEHAVIOR=1` in the process's environment. A TensorFlow
  1.15 started from there obeys it, makes resource variables, and rounds otherwise.
- On digits, resnet's very first gradients differ by far more than roundings: the background
  is one value in thousands of pixels, and where batch normalisation puts it near zero, one
  last bit decides them all before the ReLU. It is recorded on noise.
- TensorFlow 1.15's ProximalGradientDescent and ProximalAdagrad take float32 variables only.
"""


def main():
    reference_conditions.import_tensorflow()
    python = environment.find() or environment.build(print)
    with tempfile.TemporaryDirectory() as folder:
        environment.record(python, [NAME], folder, "--steps", str(STEPS), on_line=print)
        stored = golden.Golden(pathlib.Path(folder) / NAME)
    losses, drift, scores = trajectories(stored)
    scores[SIDES[0]] = stored.facts["reached"][1]
    milliseconds, ratios = speeds(python)
    picture(losses, drift)
    page = PAGE.format(
        tensorflow=stored.facts["tensorflow"],
        python=stored.facts["python"],
        sides=" | ".join(SIDES),
        steps=STEPS,
        accuracies=" | ".join(f"{scores[side]:.4f}" for side in SIDES),
        speeds=" | ".join(f"{1000 / milliseconds[side]:.1f}" for side in SIDES),
        ratios=" | ".join(f"{ratios[side]:.2f}" for side in SIDES),
        rounds=ROUNDS,
        threads=stored.facts["intra_op_threads"],
        drift="\n".join(
            f"| {step} | {losses[SIDES[0]][step - 1]:.6f} | "
            f"{losses[SIDES[1]][step - 1]:.6f} | {drift[SIDES[1]][step - 1]:.1e} |"
            for step in SHOWN
        ),
    )
    (DOCS / "witness.md").write_text(page, encoding="utf-8")


def trajectories(stored):
    """({side: [loss]}, {side: [how far variables are from 1.15.5's]}, {side: accuracy})."""
    reference = list(stored.records(lambda *_names: False))
    losses = {SIDES[0]: [float(record["loss"]["loss"][0]) for record in reference[1:]]}
    drift, scores = {}, {}
    with Pair(NAME, runs.fields_of(NAME)) as pair:

        def batches():
            return runs.batches_of(NAME, pair.config, STEPS)

        def noting(side):
            losses[side], drift[side] = [], []
            numbers = itertools.count()

            def observe(record):
                number = next(numbers)
                if number:
                    alike = stored.like(number, record, lambda *_names: False)
                    losses[side].append(float(record["loss"]["loss"]))
                    drift[side].append(apart(reference[number], alike))

            return observe

        observe = noting("compat.v1")
        session = pair.session(fresh=True)
        for record in tf1_session.run(session, pair.program, batches()):
            observe(record)
        pair.training.run(batches(), "function", noting("Keras twin"))
        for side, which in (("compat.v1", "session"), ("Keras twin", "twin")):
            _, scores[side] = runs.score(
                NAME, lambda x, which=which: pair.predict(which, x)
            )
    if losses["compat.v1"] != losses["Keras twin"]:
        raise AssertionError("compat.v1 and the twin must be equal to the bit")
    return losses, drift, scores


def apart(reference, record):
    """The worst norm-wise error of any variable, as a fraction of its largest element."""
    epsilon = ulps.FLOAT_LAYOUTS["float32"].epsilon
    return epsilon * max(
        ulps.normwise_error(reference["updates"][name], record["updates"][name])
        for name in reference["updates"]
    )


def speeds(python):
    """({side: milliseconds of a step}, {side: times as fast as 1.15.5}), medians."""
    meeting_point = chapters.meeting_point(NAME)
    train, _ = meeting_point.load(None, runs.SEED)
    genuine = subprocess.Popen(
        [python, "-W", "ignore", "-m", "parity_tests.witness.steps", NAME],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=environment.ROOT,
        env=environment.clean_environment(),
    )
    genuine.stdout.readline()

    def in_genuine(steps):
        print(steps, file=genuine.stdin, flush=True)
        return float(genuine.stdout.readline())

    with Pair(NAME, runs.fields_of(NAME)) as pair:
        batches = meeting_point.batches(train, pair.config)
        session = pair.session(fresh=True)
        tf1_session.initialise(session, pair.program)
        dataset = iter(meeting_point.dataset(train, pair.config))

        def timed(run):
            begin = time.perf_counter()
            run()
            return time.perf_counter() - begin

        run_of = {
            SIDES[0]: in_genuine,
            SIDES[1]: lambda steps: timed(
                lambda: tf1_session.train(
                    session, pair.program, itertools.islice(batches, steps)
                )
            ),
            SIDES[2]: lambda steps: timed(
                lambda: pair.training.train(dataset, "function", steps)
            ),
        }
        for run in run_of.values():
            run(10)  # warm
        taken = {side: [] for side in SIDES}
        for _ in range(ROUNDS):
            for side, run in run_of.items():
                taken[side].append(run(40) / 40)
    genuine.stdin.close()
    genuine.wait()
    return (
        {side: 1000 * statistics.median(times) for side, times in taken.items()},
        {
            side: statistics.median(np.divide(taken[SIDES[0]], times))
            for side, times in taken.items()
        },
    )


def picture(losses, drift):
    """Losses overlaid above, the drift from 1.15.5 below."""
    matplotlib.use("svg")
    # The same picture from the same numbers, and text that can be searched.
    matplotlib.rcParams.update({"svg.hashsalt": NAME, "svg.fonttype": "none"})
    figure, (above, below) = matplotlib.pyplot.subplots(
        2, sharex=True, figsize=(8, 6), height_ratios=(2, 1), layout="constrained"
    )
    steps = np.arange(1, STEPS + 1)
    for side, style in zip(
        SIDES, ({"lw": 4, "alpha": 0.4}, {"lw": 1.6}, {"ls": ":"}), strict=True
    ):
        above.plot(steps, losses[side], label=side, **style)
    above.set(ylabel="training loss", yscale="log", title="The notes' CNN, three times")
    above.legend()
    below.plot(steps, drift["compat.v1"], color="C1", label="compat.v1 and twin")
    below.set(ylabel="variables apart\nfrom 1.15.5 by", xlabel="step", yscale="log")
    below.legend()
    for axes in (above, below):
        axes.grid(alpha=0.3)
    figure.savefig(DOCS / "witness.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
