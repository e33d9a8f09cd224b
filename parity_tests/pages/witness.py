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
from parity_tests.models.pair import ChapterPair
from parity_tests.witness import environment, golden, reference_conditions, runs, steps
from parity_tests.witness.recordables import PLAY
from tf2_keras import training

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
- Metrics are the same to the bit, and losses but for the last bits of exp, log and
  reciprocals and for the signs of zeros: 1.15's negation made 0.0 of 0.0. Near
  predictions of one compat.v1's `log_loss` is further off, since today's Grappler adds two
  constants first; the part adds as 1.15 did. From 64 elements on, sums differ in the last
  bits too.
- Chapters are within the budgets that [tolerances](tolerances.md) lists for the level
  1.15.5, with oneDNN and, tighter, without.

The claims are tests against recorded numbers (`parity_tests/goldens`), which need no
TensorFlow 1: `parity_tests/witness/replay_test.py::test_a_chapter_does_what_1_15_5_did`,
`parity_tests/parts/every_part_test.py::test_a_part_does_what_1_15_5_did`,
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
- 1.15.5 is not the same everywhere. Its vectorised square root begins with the processor's
  own approximation, so that Adam's last bits differ between an AMD EPYC and an Intel Xeon;
  its float32 matrix product has a kernel for each of the processor's vector extensions,
  and each sums in an order of its own. Two recordings of one kind of processor are equal
  to the bit; between two kinds [tolerances](tolerances.md) has budgets, at the level
  "1.15.5, another CPU", which are granted besides where a golden is of another processor
  than this machine's.
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
    reference = list(stored.play(PLAY, within_a_budget))
    losses = {
        SIDES[0]: [
            float(record["loss"]["loss"]) for record in reference if "loss" in record
        ]
    }
    drift, scores = {}, {}
    with ChapterPair(NAME, runs.fields_of(NAME)) as pair:

        def moves():
            return runs.moves_of(NAME, pair.config, STEPS)

        for side, records in (
            (SIDES[1], pair.reference(moves())),
            (SIDES[2], pair.candidate(moves(), "function")),
        ):
            losses[side], drift[side], outputs = [], [], []
            own, to_reduce = itertools.tee(records)
            alike = stored.like(PLAY, to_reduce, within_a_budget)
            for record, kept, expected in zip(own, alike, reference, strict=True):
                if "loss" in record:
                    losses[side].append(float(record["loss"]["loss"]))
                    drift[side].append(apart(expected, kept))
                if "outputs" in record:
                    outputs.append(record["outputs"])
            _, scores[side] = runs.score(NAME, outputs)
    if losses[SIDES[1]] != losses[SIDES[2]]:
        raise AssertionError("compat.v1 and the twin must be equal to the bit")
    return losses, drift, scores


def within_a_budget(*_):
    """No tensor is to be compared by its hash."""
    return False


def apart(reference, record):
    """The worst norm-wise error of any variable, as a fraction of its largest element."""
    epsilon = ulps.FLOAT_LAYOUTS["float32"].epsilon
    return epsilon * max(
        ulps.normwise_error(reference["updates"][name], record["updates"][name])
        for name in reference["updates"]
        if not name.endswith(golden.SHAPE)
    )


def speeds(python):
    """({side: milliseconds of a step}, {side: times as fast as 1.15.5}), medians."""
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

    def timed(run):
        begin = time.perf_counter()
        run()
        return time.perf_counter() - begin

    in_compat_v1 = steps.training(NAME)
    with ChapterPair(NAME, runs.fields_of(NAME)) as pair:
        train, _ = pair.setup.load(None, runs.SEED)
        dataset = iter(pair.setup.dataset(train, pair.config))
        run_of = {
            SIDES[0]: in_genuine,
            SIDES[1]: lambda steps: timed(lambda: in_compat_v1(steps)),
            SIDES[2]: lambda steps: timed(
                lambda: training.train(pair.twin, dataset, "function", steps)
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
    styles = {"lw": 4, "alpha": 0.4}, {"lw": 1.6}, {"ls": ":"}
    for side, style in zip(SIDES, styles, strict=True):
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
