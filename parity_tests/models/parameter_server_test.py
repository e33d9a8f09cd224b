"""What only the chapter of the parameter servers claims."""

import functools
import json
import os
import pathlib
import signal
import socket
import sys
import threading
import time
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from parity_tests.engine.comparison import compare_plays
from parity_tests.house import calls_test, markdown
from parity_tests.models import chapters, tasks, tasks_test
from parity_tests.models.pair import ProgramPair, distance

CHAPTER = "parameter_server"
THIS = sys.modules[__name__]
GRAPH, TWIN, SETUP = (
    of(CHAPTER) for of in (chapters.graph, chapters.twin, chapters.setup)
)
DATA = SETUP.load(None, 1)[0]
SIDES = {"tf1_graph": GRAPH, "tf2_keras": TWIN}
SYNCHRONOUS = {"modes": ("synchronous",)}
EVERY_SIDE = pytest.mark.parametrize("side", SIDES)


@functools.cache
def reference():
    """TF1's records of two synchronous steps."""
    return ProgramPair(CHAPTER, {**SYNCHRONOUS, "steps": 2}).reference(DATA)


# Traps.


@pytest.mark.parametrize(
    "fault, factor",
    [("sum_of_gradients", 2), ("mean_taken_twice", 0.5), ("rate_by_workers", 2)],
)
def test_a_sum_for_a_mean_moves_by_the_number_of_workers(fault, factor):
    """The margin: twice the first step, or half of it."""
    fields = {**SYNCHRONOUS, "steps": 1}
    planted = chapters.faults(CHAPTER)[fault]
    planted = planted._replace(both=fields)
    _, wrong, _ = ProgramPair(CHAPTER, fields, planted).candidate(DATA, "function")
    start, step, *_ = reference()
    for name in ("hidden/kernel", "logits/bias"):
        first = start["initial values"][name]
        np.testing.assert_allclose(
            wrong["updates"][name] - first,
            factor * (step["updates"][name] - first),
            atol=1e-6,
        )


def test_two_workers_train_as_one_with_the_batch_of_both():
    """But for the last bits; the margin: one with the batch of one goes elsewhere."""
    start, *_, two, _ = reference()
    ends = []
    for size in (2 * GRAPH.Config().batch_size, GRAPH.Config().batch_size):
        fields = {**SYNCHRONOUS, "steps": 2, "workers": 1, "batch_size": size}
        ends.append(ProgramPair(CHAPTER, fields).reference(DATA)[-2]["updates"])
    names = ["hidden/kernel", "logits/kernel"]
    way = distance(two["updates"], start["initial values"], names)
    assert distance(two["updates"], ends[0], names) < 1e-5 * way
    assert distance(two["updates"], ends[1], names) > 0.1 * way


class Replica:
    """A worker of TF1 that brings gradients 1, 2, ... of one variable, rate 1."""

    def __init__(self, aggregated, replicas, tokens, target):
        with tf.Graph().as_default() as graph:
            self.gradient = tf1.placeholder(tf.float32, [])
            self.variable = tf1.get_variable("w", [], initializer=tf1.zeros_initializer)
            self.step = tf1.train.get_or_create_global_step()
            descent = tf1.train.SyncReplicasOptimizer(
                tf1.train.GradientDescentOptimizer(1.0), aggregated, replicas
            )
            pairs = [(self.gradient, self.variable)]
            self.train = descent.apply_gradients(pairs, self.step)
            self.training = tf1.train.MonitoredTrainingSession(
                target,
                hooks=[descent.make_session_run_hook(True, tokens)],
                stop_grace_period_secs=1,
            )
        self.graph = graph

    def bring(self, gradient, seconds=60):
        options = tf1.RunOptions(timeout_in_ms=1000 * seconds)
        self.training.run(self.train, {self.gradient: gradient}, options)

    def stands_at(self):
        """(value of the variable, how many updates there were)."""
        return self.training.run_step_fn(
            lambda step_context: step_context.session.run([self.variable, self.step])
        )


@pytest.fixture
def server():
    """A server of TF1's in this process."""
    return tf1.train.Server.create_local_server()


# The thread of a chief waits for gradients until its session is closed.
CLOSED = pytest.mark.filterwarnings(
    "ignore:Exception in thread QueueRunner:pytest.PytestUnhandledThreadExceptionWarning"
)


@CLOSED
def test_stale_gradients_are_dropped(server):
    """One worker for an update of two: of eight gradients the third and eighth are lost.

    The margin: a mean of pairs, which a twin would write, ends 5.5 of 12.5 further.
    """
    replica = Replica(2, 1, 2, server.target)
    with replica.training:
        for gradient in range(1, 9):
            replica.bring(float(gradient))
        value, updates = replica.stands_at()
    assert updates == 3
    assert value == -(1.5 + 4.5 + 6.5)
    assert abs(-(1.5 + 3.5 + 5.5 + 7.5) - value) == 5.5


@CLOSED
def test_with_tokens_to_begin_with_one_worker_brings_two_gradients(server):
    """As make_session_run_hook has it by default; without them it waits for the other."""
    hasty = Replica(2, 2, -1, server.target)
    with hasty.training:
        hasty.bring(1.0)
        hasty.bring(3.0)
        assert hasty.stands_at() == [-2.0, 1]


# Where variables stand.


def run(what, *arguments, config, folder=None):
    """What a task of these tests does; itself one side of a program."""
    return {"train": _train, "place": _place, "fit": _fit}[what](
        *arguments, config, folder
    )


def _place(config, _folder):
    strategy, _ = TWIN.started("asynchronous")
    with strategy.scope():
        model, momentum = TWIN.build(4, config)
    (slots,), _ = (list(part.values()) for part in momentum.tf1_slots())
    return [
        {
            "outputs": {
                "variables": [one.value.device for one in model.trainable_variables],
                "slots": [one.value.device for one in slots],
            }
        }
    ]


def test_variables_are_dealt_out_to_the_servers_in_turn():
    """Slots stand with their variables in TF1; a strategy deals them out as well."""
    cluster = tf1.train.ClusterSpec({"ps": ["a:1", "b:2"], "worker": ["c:3", "d:4"]})
    with tf.Graph().as_default():
        built = GRAPH.build(4, cluster, 1, 2, GRAPH.Config())
        variables = tf1.trainable_variables()
    devices = [variable.device for variable in variables]
    assert devices == [f"/job:ps/task:{server}" for server in (0, 1, 0, 1)]
    assert built.seen["loss"]["worker 1"].device == "/job:worker/task:1"
    for variable in variables:
        slot = built.state[f"{variable.op.name}/Momentum"]
        assert slot.device == variable.device
    cluster = tasks.Cluster({"worker": 1, "ps": 2}, {"chief": 1})
    (record,) = tasks.run(THIS, ("place",), TWIN.Config(), cluster)
    numbers = {
        name: [device.partition("ps/replica:0/task:")[2][0] for device in devices]
        for name, devices in record["outputs"].items()
    }
    assert numbers["variables"] == ["0", "1", "0", "1"]


def _fit(config, _folder):
    (mode,) = config.modes
    strategy, task = TWIN.started(mode)
    with strategy.scope():
        model, momentum = TWIN.build(4, config)
        model.compile(momentum, TWIN.loss, jit_compile=False)
    dataset = tf.data.Dataset.from_tensor_slices(DATA).batch(8)
    try:
        model.fit(dataset, steps_per_epoch=1, verbose=0)
    except ValueError as refusal:
        return [{"outputs": {f"worker {task}": str(refusal)}}]
    return [{"outputs": {f"worker {task}": "trained"}}]


@pytest.mark.parametrize(
    "mode, refusal",
    [
        ("synchronous", "Attempt to convert a value (PerReplica"),
        ("asynchronous", "ClusterCoordinator.create_per_worker_dataset"),
    ],
)
def test_keras_fit_takes_neither_strategy(mode, refusal):
    config = TWIN.Config(modes=(mode,))
    cluster = SETUP.cluster("tf2_keras", config)
    (record,) = tasks.run(THIS, ("fit",), config, cluster)
    assert all(refusal in told for told in record["outputs"].values())


# Tasks that are lost.


def _train(side, killed, x_data, y_data, config, folder):
    """A side's ``run``, whose task of a name dies once there is a checkpoint."""
    (mark,) = [pathlib.Path(folder, "killed")]
    told = os.environ["TF_CONFIG"]
    if f'"type": "{killed[0]}", "index": {killed[1]}' in told and not mark.exists():
        threading.Thread(target=_die, args=(folder, mark), daemon=True).start()
    return SIDES[side].run(x_data, y_data, config, folder)


def _die(folder, mark):
    # TF1's first is that of the initial values.
    while (tf.train.latest_checkpoint(folder) or "-0").endswith("-0"):
        time.sleep(0.001)
    mark.touch()
    os.kill(os.getpid(), signal.SIGKILL)


@EVERY_SIDE
@pytest.mark.parametrize("mode", ["synchronous", "asynchronous"])
def test_a_worker_that_is_killed_ends_all_and_they_go_on_from_the_checkpoint(
    side, mode, tmp_path
):
    """To the same numbers, to the bit, as if nobody had been."""
    module = SIDES[side]
    config = module.Config(steps=60 if side == "tf1_graph" else 12, modes=(mode,))
    cluster = SETUP.cluster(side, config)
    killed = ("worker", 1 if mode == "synchronous" else 0)
    arguments = THIS, ("train", side, killed, *DATA), config, cluster
    with pytest.raises(tasks.TaskError) as refusal:
        tasks.run(*arguments, folder=str(tmp_path))
    assert "A task of a program must come to its end" in str(refusal.value)
    first, *_, last, predicted = tasks.run(*arguments, folder=str(tmp_path))
    assert 0 < first["restored"]["global_step"] < config.steps
    *_, expected, outputs = tasks.run(module, DATA, config, cluster)
    compare_plays([expected, outputs], [last, predicted]).require_agreement()


@EVERY_SIDE
@pytest.mark.parametrize("mode", ["synchronous", "asynchronous"])
def test_a_port_in_use_is_one_line(side, mode):
    module = SIDES[side]
    config = module.Config(modes=(mode,))
    with socket.socket() as taken:
        taken.bind((tasks.ADDRESS, 0))
        taken.listen()
        port = taken.getsockname()[1]
        chosen = mock.patch.object(tasks, "free_port", lambda _: port)
        with chosen, pytest.raises(tasks.TaskError, match="ports are chosen anew"):
            tasks.run(module, DATA, config, SETUP.cluster(side, config))


def test_a_run_whose_port_is_in_use_is_one_line(tf_parity):
    with socket.socket() as taken:
        taken.bind((tasks.ADDRESS, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with mock.patch.object(tasks, "free_port", lambda _: port):
            code, _, error = tf_parity("run", "--chapter", CHAPTER, "--steps", "1")
    assert code == 2 and error.count("\n") == 1, error
    assert "ports are chosen anew" in error


@EVERY_SIDE
def test_a_worker_that_never_comes_is_one_line(side):
    """The others wait for it, as long as a run may take."""
    config = SIDES[side].Config(steps=1, **SYNCHRONOUS)
    cluster = SETUP.cluster(side, config)
    environments = tasks._environments

    def of_three(names):
        """A cluster with a worker that nobody starts."""
        told = environments([*names, ("worker", 2)])
        return {name: told[name] for name in names}

    missing = mock.patch.multiple(tasks, SECONDS=20, _environments=of_three)
    with missing, pytest.raises(
        tasks.TaskError, match="nothing from worker 0, worker 1"
    ):
        tasks.run(SIDES[side], DATA, config, cluster)


@pytest.mark.slow
@pytest.mark.skipif(not pathlib.Path("/proc").is_dir(), reason="looks into /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_of_a_run_that_is_killed_nothing_is_left(started_python, number):
    words = ("run", "--chapter", CHAPTER, "--steps", "1000000")
    program = (
        "import signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"sys.argv = ['tf-parity', *{words!r}]\n"
        "from parity_tests.commands import cli\n"
        "cli.main()\n"
    )
    with started_python("-c", program) as process:
        end = time.monotonic() + 300
        # Itself, what tasks are forked from, what tracks their resources, and three.
        of_all = []
        while len(of_all) < 6:
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.1)
            of_all = [*tasks_test.of_session(process.pid)]
        process.send_signal(number)
        assert process.wait(120) not in (0, 1)
        assert tasks_test.gone(of_all)


# How many workers.


def test_three_workers_are_added_in_another_order():
    """Even TF1's differ from themselves: its accumulators add what comes first."""
    fields = {**SYNCHRONOUS, "workers": 3, "steps": 12}
    pair = ProgramPair(CHAPTER, fields)
    expected = list(pair.reference(DATA))
    comparison = compare_plays(
        expected,
        pair.candidate(DATA, "function"),
        budget_for=pair.budgets("function"),
    ).require_agreement()
    off = [stage for stage, cell in comparison.cells.items() if cell.max_ulp]
    assert off == ["outputs", "loss", "gradients", "updates"]


def test_how_many_workers_is_said(tf_parity):
    words = ("run", "--chapter", CHAPTER, "--steps", "1")
    code, out, err = tf_parity(*words, "--workers", "1")
    assert code == 0, out + err
    assert "all equal within budgets; 1 of 1 exactly" in out
    code, _, err = tf_parity("run", "--chapter", "towers", "--workers", "2")
    assert code == 2 and err.count("\n") == 1
    assert f"Use some of: {CHAPTER}." in err


# What the page of scale says.


def ended(is_stale):
    """(where TF1's variables began, where two asynchronous gradients left them).

    is_stale: whether the second worker had read its values before the first wrote.
    """
    cluster, _, _, server = GRAPH.started()
    batches = []
    with tf.Graph().as_default(), tf1.Session(server.target) as session:
        built = GRAPH.build(4, cluster, 0, 0, GRAPH.Config())
        gradients = built.seen["gradients"]
        for worker in range(2):
            rows = GRAPH.rows(0, worker, 2, len(DATA[0]), GRAPH.Config())
            batches.append({built.x: DATA[0][rows], built.y_true: DATA[1][rows]})
        session.run(tf1.global_variables_initializer())
        start = session.run(built.state)
        read = session.run(gradients, batches[1])
        session.run(built.train, batches[0])
        if is_stale:
            for name, gradient in gradients.items():
                batches[1][gradient] = read[name]
        session.run(built.train, batches[1])
        return start, session.run(built.state)


def test_what_two_asynchronous_workers_may_differ_by():
    """The margin: a ninth of the way, after one update that came in between."""
    start, fresh = ended(is_stale=False)
    _, stale = ended(is_stale=True)
    names = [name for name in start if name.endswith(("kernel", "bias"))]
    off = distance(fresh, stale, names) / distance(fresh, start, names)
    assert 1 / 10 < off < 1 / 8


def told_by_the_page():
    """[(side, mode, TF_CONFIG, the lines that it prints)] of docs/scale.md."""
    pieces = [
        piece.text
        for piece in markdown.code(markdown.ROOT / "docs/scale.md")
        if piece.language in ("json", "")
    ]
    for place, mode in ((0, "synchronous"), (3, "asynchronous")):
        *told, printed = pieces[place : place + 3]
        for side, one in zip(SIDES, told):
            yield pytest.param(
                side, mode, json.loads(one), printed, id=f"{side}-{mode}"
            )


@pytest.mark.parametrize("side, mode, told, printed", list(told_by_the_page()))
def test_the_clusters_of_the_page_print_what_it_says(side, mode, told, printed):
    """A task that works is one of the chapter's, and sees the losses that are shown."""
    config = SIDES[side].Config(modes=(mode,))
    cluster = SETUP.cluster(side, config)
    jobs = {name: len(addresses) for name, addresses in told["cluster"].items()}
    assert jobs == {**cluster.serving, **cluster.working}
    assert told["task"]["type"] in cluster.working
    records = tasks.run(SIDES[side], DATA, config, cluster)
    worker = f"worker {told['task']['index']}"
    seen = [record["loss"][worker] for record in records if "loss" in record]
    lines = [f"{worker}: loss {loss:.5f}" for loss in seen]
    assert calls_test.same_but_for_rounding("\n".join(lines), printed)
