"""Steps per second of the Session and of each level, interleaved in one run.

Machines are noisy: what counts is the ratio to the Session, taken round by round, and of
these ratios the median. Each side reads its own input pipeline, the numpy generator or
the tf.data one, as its program does. Start-up (building, tracing, the first step) is
stated apart.
"""

import itertools
import statistics
import time

import keras
import numpy as np

from parity_tests.models import chapters
from parity_tests.models.pair import ChapterPair, twin_of
from parity_tests.pair.levels import compare_levels
from tf1_graph import session as tf1_session
from tf2_keras import training

SIDES = ("session", *training.LEVELS)
# fit's lever against the cost of a Python call a step; callbacks see every 50th.
STEPS_PER_EXECUTION = 50


def trained_moves(setup, train, config):
    """(how many moves a step trains by, an iterator of those moves).

    What a chapter plays in between, such as the copies of a target network, is no step:
    the other sides, which read a data set, do not run it.
    """
    trains = getattr(setup, "TRAINS", ("train",))
    moves = setup.moves(train, config)
    return len(trains), ((move, batch) for move, batch in moves if move in trains)


def measure(name, fields, train, seconds=1.0, rounds=5, on_round=None, sides=SIDES):
    """How fast a chapter trains on each side.

    Args:
        name: a chapter.
        fields: {field of its Config: value}.
        train: what the chapter's ``load`` returned to train on.
        seconds: the Session's time in one round; sets the steps of a round.
        rounds: how many rounds, each of every side in turn.
        on_round: called after each round of each side.
        sides: which of ``SIDES``; the Session always runs.

    Returns:
        {side: {"steps_per_second": median, "ratio": median of the ratios to the Session
        of the same round, "start_seconds": building, tracing and the first steps}}.
    """
    setup, twin = chapters.setup(name), chapters.twin(name)
    config = chapters.graph(name).Config(**fields)
    started, starts = {}, {}

    def start(side, build):
        begin = time.perf_counter()
        started[side] = build()
        started[side](1)
        starts[side] = time.perf_counter() - begin

    def session():
        program = chapters.program(name, config)
        opened = tf1_session.open_session(program.graph)
        tf1_session.initialise(opened, program)
        moves_a_step, moves = trained_moves(setup, train, config)

        def run(steps):
            for move, batch in itertools.islice(moves, steps * moves_a_step):
                tf1_session.run(opened, program, move, batch, unseen=True)

        return run

    def model_of(steps_per_execution=1):
        model = twin.build(twin.Config(**fields))
        model.steps_per_execution = steps_per_execution
        return model, twin_of(name, model)

    def stepping(level):
        _, built = model_of()
        batches = iter(setup.dataset(train, config))
        return lambda steps: training.train(built, batches, level, steps)

    start("session", session)
    steps = _steps_that_take(seconds, started["session"])
    for side in sides:
        if side not in ("session", "fit"):
            start(side, lambda side=side: stepping(side))

    taken = {side: [] for side in ("session", *sides)}

    def note(side, begin, count):
        taken[side].append((time.perf_counter() - begin) / count)
        if on_round is not None:
            on_round()

    def others():
        for side, run in started.items():
            # Eager is many times slower on small models: a tenth of the steps will do.
            count = max(1, steps // 10) if side == "eager" else steps
            begin = time.perf_counter()
            run(count)
            note(side, begin, count)

    if "fit" in sides:
        begin = time.perf_counter()
        per_execution = min(steps, STEPS_PER_EXECUTION)
        model, _ = model_of(per_execution)
        steps -= steps % per_execution
        turn = _FitTurn(steps, note, others)
        # One call of fit, an epoch a round, and the others between its epochs: what a
        # call costs before its first step is start-up, as the Session's is.
        model.fit(
            setup.dataset(train, config),
            steps_per_epoch=steps,
            epochs=1 + rounds,
            shuffle=False,
            verbose=0,
            callbacks=[turn],
        )
        starts["fit"] = turn.first_execution - begin
    else:
        for _ in range(rounds):
            others()
    return {
        side: {
            "steps_per_second": 1 / statistics.median(times),
            "ratio": statistics.median(
                reference / own
                for reference, own in zip(taken["session"], times, strict=True)
            ),
            "start_seconds": starts[side],
        }
        for side, times in taken.items()
    }


class _FitTurn(keras.callbacks.Callback):
    """Times each epoch of one ``fit`` as a round; epoch 0 is there to warm up."""

    def __init__(self, steps, note, others):
        super().__init__()
        self.steps, self.note, self.others = steps, note, others
        self.first_execution = None

    def on_train_batch_end(self, batch, logs=None):
        if self.first_execution is None:
            self.first_execution = time.perf_counter()

    def on_epoch_begin(self, epoch, logs=None):
        self.begin = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        if epoch > 0:
            self.note("fit", self.begin, self.steps)
            self.others()


def _steps_that_take(seconds, run):
    run(2)  # warm
    begin = time.perf_counter()
    run(5)
    return max(2, round(5 * seconds / (time.perf_counter() - begin)))


def comparison_cost(steps=200, rounds=5):
    """Milliseconds that one compared step of linear_regression costs.

    Both sides train at level function on 100 examples and every record is compared.

    Returns:
        {"reused": with graph, Session and functions built before, "rebuilt": with all
        of them built anew for each step}, medians over the rounds.
    """
    name = "linear_regression"
    (x, y_true), _ = chapters.setup(name).load(None, seed=1)
    move = "train", {"x": x[:100], "y_true": y_true[:, :100]}
    values = {"inference/weights": [[0.1, 0.2, 0.3]], "inference/bias": 0.5}

    def milliseconds(run, count):
        begin = time.perf_counter()
        run()
        return 1000 * (time.perf_counter() - begin) / count

    def rebuilt():
        with ChapterPair(name) as pair:
            pair.compare([move], "function", values).require_agreement()

    with ChapterPair(name) as pair:

        def reused(count=steps):
            pair.compare([move] * count, "function", values).require_agreement()

        reused(2)
        costs = [
            (milliseconds(reused, steps), milliseconds(rebuilt, 1))
            for _ in range(rounds)
        ]
    of_reused, of_rebuilt = zip(*costs, strict=True)
    return {
        "reused": statistics.median(of_reused),
        "rebuilt": statistics.median(of_rebuilt),
    }


def comparison_share(name="mnist_cnn", steps=10, rounds=3, levels=("function",)):
    """What a comparison adds to the training of both sides, as a multiple of it.

    To train is what the two programs do without us: the Session and, once a level, the
    twin take the same batches, nothing is fetched or observed, and Python makes one call
    a step: ``session.run``, a ``tf.function``, what ``fit`` makes of one. Graphs,
    functions and data sets are there before. A comparison plays the same steps on both
    sides, TF1's once for all levels; records initial values, losses, gradients, slots
    and weights of each; and compares every record. What is added is what it takes
    besides, all of the first included.

    Both in turn; medians over the rounds, and of what is added that of the ratios within
    a round, so that it says the same on a busy machine.

    Returns:
        {"training", "comparison": milliseconds a step of both sides, "added": what the
        comparison takes besides, over the training, "added_cpu": the same of the
        processor's time}.
    """
    setup = chapters.setup(name)
    train, _ = setup.load(None, seed=1)
    with ChapterPair(name) as pair:
        config, twin = pair.config, pair.twin
        moves = list(itertools.islice(setup.moves(train, config), steps))
        dataset = setup.dataset(train, config)

        def alone():
            session = pair.session(fresh=False)
            for move, batch in moves:
                tf1_session.run(session, pair.program, move, batch, unseen=True)
            for level in levels:
                training.train(twin, dataset, level, steps, in_one_call=False)

        def compared():
            _, divergences = compare_levels(pair, levels, [moves])
            for _, divergence in divergences.values():
                raise AssertionError(divergence.describe())

        compared()  # traces, and initialises the Session
        alone()
        taken = {alone: [], compared: []}
        for _ in range(rounds):
            for run, times in taken.items():
                begin = time.perf_counter(), time.process_time()
                run()
                end = time.perf_counter(), time.process_time()
                times.append(1000 * (np.array(end) - begin) / steps)
    training_times, comparison_times = (np.array(times) for times in taken.values())
    added, added_cpu = np.median(comparison_times / training_times, axis=0) - 1
    return {
        "training": float(np.median(training_times[:, 0])),
        "comparison": float(np.median(comparison_times[:, 0])),
        "added": float(added),
        "added_cpu": float(added_cpu),
    }
