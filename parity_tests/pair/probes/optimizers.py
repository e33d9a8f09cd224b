"""Probes of the optimizer: its numbers, where its slots start, its rates, TF1's own."""

import contextlib

import keras
import numpy as np
import tensorflow as tf

from parity_tests.pair import twins
from parity_tests.pair.probes import graph_facts
from parity_tests.pair.probes.table import (
    OPTIMIZER,
    SLOT_STARTS,
    UPDATE,
    Change,
    probe,
    shortest,
    together,
)
from tf2_keras import tf1_semantics, training
from tf2_keras.observing import key_of, replaced

PAGE = "docs/guide/optimizers.md"
# Keras's names of TF1's arguments, where they differ; what else it has is named alike.
OF_KERAS = {
    "SGD": {"momentum": "momentum", "use_nesterov": "nesterov"},
    "Adam": {"beta1": "beta_1", "beta2": "beta_2", "epsilon": "epsilon"},
    "RMSprop": {
        "decay": "rho",
        "momentum": "momentum",
        "epsilon": "epsilon",
        "centered": "centered",
    },
    "Adadelta": {"rho": "rho", "epsilon": "epsilon"},
    "Adagrad": {},
}
# What changes put on one optimizer; with ``again``, what makes it for another.
PUT_ON = ("_clip_gradients", "update_step")


class Standing:
    """An optimizer of the twin, and what TF1 has for its variables.

    attribute: of the model that holds it. name, stated: of TF1's, as ``update_of``.
    """

    def __init__(self, attribute, optimizer, name, stated):
        self.attribute, self.optimizer = attribute, optimizer
        self.name, self.stated = name, stated
        self.kind = type(optimizer)
        modules = [base.__module__ for base in self.kind.__mro__]
        self.is_part = any(module.startswith("tf2_keras.") for module in modules)
        self.numbers = graph_facts.numbers_of(stated)

    @property
    def label(self):
        module = self.kind.__module__
        for beginning, package in (
            ("tf2_keras.", "tf1_semantics"),
            ("keras.", "keras"),
        ):
            if module.startswith(beginning):
                return f"{package}.optimizers.{self.kind.__name__}"
        return self.kind.__name__

    def argument(self, argument):
        """What the standing optimizer calls an argument of TF1's, or None."""
        if self.is_part or argument == "learning_rate":
            return argument
        return OF_KERAS.get(self.kind.__name__, {}).get(argument)


def standing(sides):
    """[Standing] of a twin, those whose variables TF1 updates in one way."""
    model = sides.model
    names = {
        source: name
        for name, match in sides.matches.items()
        for source in match.sources
    }
    of_twin = {key_of(v): name for name, v in sides.twin.state.items()}
    listed = []
    for optimizer in training.optimizers_of(model):
        attribute = next(
            (name for name, v in vars(model).items() if v is optimizer), None
        )
        known = [
            graph_facts.update_of(sides.program, names.get(of_twin.get(key_of(v))))
            for v in optimizer._trainable_variables
        ]
        known = [update for update in known if update is not None]
        told = [(name, graph_facts.numbers_of(stated)) for name, stated in known]
        if attribute and known and all(one == told[0] for one in told):
            listed.append(Standing(attribute, optimizer, *known[0]))
    return listed


def _told(arguments):
    return ", ".join(f"{key}={value!r}" for key, value in arguments.items())


def _differs(present, value):
    """Whether a number stands there, and another one; a schedule is none."""
    is_number = isinstance(present, (bool, int, float, np.number))
    return is_number and np.float32(present) != np.float32(value)


def _with_optimizer(sides, place, kind, config):
    """The model with another optimizer in place of its own, under the same name.

    What an earlier change put on that one, a clip or the rates, holds for this one too.
    """
    config = {key: value for key, value in config.items() if key != "name"}

    @contextlib.contextmanager
    def put():
        optimizer = kind(**config, name=place.optimizer.name)
        optimizer.build(place.optimizer._trainable_variables)
        put_on = {
            name: getattr(change, "again", lambda _, change=change: change)(optimizer)
            for name, change in vars(place.optimizer).items()
            if name in PUT_ON
        }
        with (
            replaced(
                sides.model, **{place.attribute: optimizer, "train_function": None}
            ),
            replaced(optimizer, **put_on),
        ):
            yield

    return put()


@probe("hyper-parameter", (*OPTIMIZER, "gradients"), PAGE, at=UPDATE)
def hyper_parameters(sides, _divergence):
    """Replaces one number of an optimizer by TF1's, epsilon among them; then all."""
    every = []
    for place in standing(sides):
        config = _config(place.optimizer)
        differing = {}
        for argument, value in place.numbers.items():
            called = place.argument(argument)
            if called and _differs(config.get(called, 0.0), value):
                differing[called] = value
        changes = [{key: value} for key, value in differing.items()]
        if len(changes) > 1:
            changes.append(differing)
        for change in changes:
            yield _of_optimizers(sides, [_with_numbers(place, config, change)])
        if differing:
            every.append(_with_numbers(place, config, differing))
    if len(every) > 1:
        yield _of_optimizers(sides, every)


def _with_numbers(place, config, change):
    """What ``_of_optimizers`` takes of some arguments that are changed."""
    was = ", ".join(f"{key}={config.get(key, 0.0):g}" for key in change)
    told = f"{place.label}({was}) → {_told(change)}, as TF1 has it"
    return told, place, place.kind, {**config, **change}


def _of_optimizers(sides, replacements):
    """A ``Change`` of optimizers together, each (what is told, Standing, class, config)."""
    return Change(
        "; ".join(told for told, *_ in replacements),
        together(*[_with_optimizer(sides, *others) for _, *others in replacements]),
    )


def _config(optimizer):
    """Its arguments, a rate that the program assigns as it stands."""
    config = optimizer.get_config()
    schedule = optimizer._learning_rate
    if isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
        config["learning_rate"] = schedule
    for name in ("clip", "moving_average"):  # what get_config has serialized
        if hasattr(optimizer, name):
            config[name] = getattr(optimizer, name)
    return config


@probe("start of a slot", (SLOT_STARTS,), PAGE, at=UPDATE)
def starts(sides, divergence):
    """Replaces what slots begin with: TF1's RMSProp at ones, Adagrad at 0.1."""
    starts = {}
    for key in sides.twin.slots:
        source, _, slot = key.rpartition("/")
        for name, match in sides.matches.items():
            value = sides.initial.get(f"{name}/{slot}")
            if match.sources == (source,) and match.is_plain and value is not None:
                starts[key] = value

    def on_twin(twin):
        by_key = {key_of(twin.state[name]): value for name, value in starts.items()}
        twin._start = [
            (variable, by_key.get(key_of(variable), value))
            for variable, value in twin._start
        ]

    value = sides.initial.get(divergence.tensor)
    if starts and value is not None and np.size(value):
        first = float(np.ravel(value)[0])
        yield Change(
            f"{divergence.tensor} starts at {first:g} in TF1: start the slot there, or "
            "take the optimizer of tf1_semantics, which does",
            contextlib.nullcontext(),
            on_twin,
        )


@probe("rate of each step", ("slots", "updates"), "docs/guide/optimizers.md", at=UPDATE)
def rates(sides, divergence):
    """Replaces the rate of every step by TF1's: one a step late, or one left out."""
    for place in standing(sides):
        if "learning_rate" in place.numbers:
            continue
        watched = graph_facts.values_in_play(
            sides.program, sides.moves, {"rate": place.stated["learning_rate"]}
        )
        rates = [float(seen["rate"]) for seen in watched if "rate" in seen]
        if not rates:
            continue
        own = _rates_of_twin(sides, place.optimizer, divergence.step)
        last = len(own) - 1
        late = ", each a step late: set the rate before the update"
        # Where none of them differs, the twin may as well have none but the first.
        is_late = len(set(own)) > 1 and own[1:] == rates[:last]
        yield Change(
            f"{place.label} → the rate that TF1 has at each step, {_listed(rates)}; the "
            f"twin has {_listed(own)}{late if is_late else ''}",
            replaced(place.optimizer, update_step=_with_rates(place.optimizer, rates)),
        )


def _with_rates(optimizer, rates):
    """The ``update_step`` of an optimizer, with a rate of its own for every step."""
    update_step = optimizer.update_step

    def with_rate(gradient, variable, _):
        number = tf.minimum(tf.cast(optimizer.iterations, tf.int32), len(rates) - 1)
        rate = tf.gather(tf.constant(rates, tf.float32), number)
        return update_step(gradient, variable, rate)

    with_rate.again = lambda other: _with_rates(other, rates)
    return with_rate


def _rates_of_twin(sides, optimizer, step):
    """The rate of each of the twin's first steps, one more than to the one that parted."""
    rates, update_step = {}, optimizer.update_step

    def note(iteration, rate):
        rates.setdefault(int(iteration), float(rate))

    def watched(gradient, variable, learning_rate):
        told = [optimizer.iterations.value, tf.convert_to_tensor(learning_rate)]
        tf.numpy_function(note, told, [])
        return update_step(gradient, variable, learning_rate)

    sides.twin.reset()
    with replaced(optimizer, update_step=watched):
        twin, _ = twins.twin_of(sides.model)  # which has traced nothing yet
        for _ in training.play(twin, sides.moves[: max(step + 1, 3)]):
            pass
    sides.twin.reset()
    return [rates[iteration] for iteration in sorted(rates)]


def _listed(rates):
    """The first rates; of a constant one the number."""
    told = [shortest_of(rate) for rate in rates]
    return told[0] if len(set(told)) == 1 else ", ".join(told[:4])


def shortest_of(rate):
    return np.format_float_positional(np.float32(rate), unique=True, trim="0")


@probe("TF1's own optimizer", OPTIMIZER, PAGE, at=UPDATE)
def tf1_optimizer(sides, _divergence):
    """Replaces Keras's optimizer by TF1's, rows of an embedding included."""
    replacements = [_own(place) for place in standing(sides)]
    for replacement in replacements:
        yield _of_optimizers(sides, [replacement])
    if len(replacements) > 1:
        yield _of_optimizers(sides, replacements)


def _own(place):
    """What ``_of_optimizers`` takes of TF1's optimizer, with the rate and clips there."""
    stated = dict(place.numbers)
    if "learning_rate" not in stated:
        stated["learning_rate"] = place.optimizer._learning_rate
        if isinstance(stated["learning_rate"], keras.Variable):
            stated["learning_rate"] = float(place.optimizer.learning_rate)
    config = _config(place.optimizer)
    given = {
        key: config[key]
        for key in ("clipnorm", "clipvalue", "global_clipnorm", "clip")
        if config.get(key)
    }
    told = {
        key: shortest(np.float32(value)) if isinstance(value, float) else value
        for key, value in {**stated, **given}.items()
        if isinstance(value, (int, float))
    }
    return (
        f"{place.label} → tf1_semantics.optimizers.{place.name}({_told(told)})",
        place,
        getattr(tf1_semantics.optimizers, place.name),
        {**stated, **given},
    )
