"""TF1 checkpoints into Keras models, with all that the optimizer remembers.

    plan = handover.plan("model.ckpt-1000", model)
    print(plan.describe())
    plan.load()

``plan`` says what goes where: weights and moving statistics by a map, by names, layouts
and shapes; then what follows from that, the slots and averages of each; then powers and
the step. What is ambiguous, left over or of another shape is listed, and ``load`` then
loads nothing unless it is told to.
"""

from typing import NamedTuple

import keras
import numpy as np

from tf2_keras import observing, training
from tf2_keras.migrate.checkpoint import (
    layouts,
    partitions,
    powers,
    reading,
    roles,
    streams,
)
from tf2_keras.migrate.checkpoint.entries import numpy_dtype
from tf2_keras.migrate.checkpoint.errors import mistake
from tf2_keras.migrate.checkpoint.matching import (
    Matcher,
    Variable,
    key_of,
    nearest,
    require_targets_once,
)
from tf2_keras.migrate.checkpoint.verifying import verify
from tf2_keras.paths import paths_of

MOST_LISTED = 6
# What Keras counts and TF1 kept nowhere, or in its kernels.
UNSAVED = ("/iteration", "/iterations", "/drawn", "/summed_batches")


class Item(NamedTuple):
    """One tensor and where it goes.

    role: a ``roles.Role``. match: a ``layouts.Match``, whose sources are names of the
    twin's state. With ``offset`` what TF1 adds to a bias as it runs is in the value.
    """

    name: str
    role: roles.Role
    match: layouts.Match
    offset: bool = True


class Problem(NamedTuple):
    """What a plan leaves open.

    kind: 'ambiguous', 'mismatched', 'unmatched' of the checkpoint, 'unfilled' of the twin.
    """

    kind: str
    name: str
    says: str


def twin_of(model, names=None):
    """A ``training.Twin``, of a model under its Keras paths; ``names`` as of ``plan``."""
    if isinstance(model, keras.Model):
        asked = {entry for entry in (names or {}).values() if isinstance(entry, str)}
        return training.compiled(model, paths_of(model, asked))
    return model


def variables_of(twin):
    """{name: Variable} of a twin's state without slots and averages."""
    listed = {}
    for name, variable in twin.state.items():
        base, _, last = name.rpartition("/")
        is_average = last.startswith(roles.EMA) and base in twin.state
        if name in twin.slots or is_average or not hasattr(variable, "assign"):
            continue
        listed[name] = Variable(
            tuple(variable.shape), _dtype(variable), bool(variable.trainable)
        )
    return listed


def _dtype(variable):
    dtype = variable.dtype
    return numpy_dtype(dtype if isinstance(dtype, str) else dtype.name)


def plan(checkpoint, model, names=None, order=None, trainable=None):
    """The ``Plan`` of what of a checkpoint goes where in a model.

    Args:
        checkpoint: a path, or what ``reading.opened`` returned.
        model: a built and compiled ``keras.Model``, known by its paths; or a
            ``training.Twin``, by the names of its state.
        names: {TF1 name: name in the model, or {"layout": ..., "of": [names]}; or None
            for what is not to be loaded}, for some names or all.
        order: TF1 names in the order in which the graph uses them, as a ``.meta`` tells;
            without it, what only the order would tell is ambiguous.
        trainable: TF1 names that the graph trained, if it is known.

    Raises:
        HandoverError: for a checkpoint that is none or not whole, for a map that leads
            nowhere or to one variable twice.
    """
    if not hasattr(checkpoint, "entries"):
        checkpoint = reading.opened(checkpoint)
    refuse_objects(checkpoint)
    return Plan(
        partitions.Joined(checkpoint),
        twin_of(model, names),
        model,
        names,
        order,
        trainable,
    )


def refuse_objects(checkpoint):
    """A checkpoint of ``tf.train.Checkpoint`` names objects, not variables."""
    if reading.OBJECTS in checkpoint.entries:
        raise mistake(
            "CKPT must be a checkpoint of tf.train.Saver, or a SavedModel of TF1",
            f"{checkpoint.prefix}, of tf.train.Checkpoint or a SavedModel of TF2",
            "Load it with tf.train.Checkpoint, or with keras.layers.TFSMLayer",
        )


class Plan:
    """What goes where, and what is open; made by ``plan``.

    Attributes:
        items: [Item], weights first. left_out: names that the map leaves out.
        problems: [Problem]. roles: {TF1 name: roles.Role}.
        iterations: steps that follow from the powers of beta where the checkpoint has no
            step, or None.
    """

    def __init__(self, checkpoint, twin, model, names, order, trainable):
        self.checkpoint, self.twin, self.model = checkpoint, twin, model
        self.roles = roles.roles(checkpoint.entries)
        self.items, self.problems, self.left_out = [], [], []
        self.iterations = None
        given = dict(names or {})
        require_targets_once(given)
        self._taken = set()
        self._weights(given, order, trainable)
        self._companions(given)
        self._powers()
        self._open()

    # Making.

    def _weights(self, given, order, trainable):
        kinds = (roles.WEIGHT, roles.STATISTICS, roles.STEP, roles.OTHER)
        names = [
            name
            for name, role in self.roles.items()
            if role.kind in kinds
            and roles.kind_of(self.checkpoint.entries[name].dtype) in "fiu"
        ]
        if order is not None:
            places = {name: place for place, name in enumerate(order)}
            names.sort(key=lambda name: places.get(name, len(places)))
        tf1 = {
            name: Variable(
                self.checkpoint.entries[name].shape,
                numpy_dtype(self.checkpoint.entries[name].dtype),
                self._is_trained(name, trainable),
            )
            for name in names
        }
        twin = variables_of(self.twin)
        unknown = [name for name in given if name not in self.checkpoint.entries]
        if unknown:
            raise mistake(
                "A map must name tensors of the checkpoint",
                unknown[0],
                f"Use some of: {nearest(unknown[0], self.checkpoint.entries)}",
            )
        self.left_out = [name for name, entry in given.items() if entry is None]
        matcher = Matcher(
            tf1,
            twin,
            {name: entry for name, entry in given.items() if name in tf1},
            ordered=order is not None,
        )
        matcher.match()
        settled = matcher.settled() if order is not None else dict(matcher.matches)
        for name, match in settled.items():
            self._add(Item(name, self.roles[name], match))
        for name, variable in matcher.open_tf1.items():
            if name in settled:
                continue
            namesake = matcher.namesake(name)
            named = twin.get(namesake)
            candidates = [
                f"{other} {list(its.shape)}"
                for other, its in matcher.open_twin.items()
                if other not in self._taken and key_of(its) == key_of(variable)
            ] + [f"gates of {scope}" for scope in matcher.uncertain.get(name, ())]
            says = f"{variable.dtype.name} {list(variable.shape)}"
            if named is not None:
                self._problem(
                    "mismatched",
                    name,
                    f"is {says} in the checkpoint, {named.dtype.name} "
                    f"{list(named.shape)} in the model's {namesake}",
                )
            elif candidates:
                self._problem("ambiguous", name, f"{says}: {listed(candidates)}")
            else:
                self._problem("unmatched", name, f"{self.roles[name].says}, {says}")

    def _is_trained(self, name, trainable):
        if trainable is not None:
            return name in trainable
        return self.roles[name].kind == roles.WEIGHT

    def _add(self, item):
        """Takes an item unless a dtype or a shape is another."""
        entry = self.checkpoint.entries[item.name]
        for source in item.match.sources:
            wanted = _dtype(self.twin.state[source])
            # Steps are int32 or int64, and counted on in the twin's.
            alike = entry.dtype == wanted.name or (
                roles.kind_of(entry.dtype) in "iu" and wanted.kind in "iu"
            )
            if not alike:
                self._problem(
                    "mismatched",
                    item.name,
                    f"is {entry.dtype} {list(entry.shape)} in the checkpoint, "
                    f"{wanted.name} {list(self.twin.state[source].shape)} in the "
                    f"model's {source}",
                )
                return
        self._taken.update(item.match.sources)
        self.items.append(item)

    def _companions(self, given):
        """Slots and averages of what is matched, in its layout."""
        matches = {item.name: item.match for item in self.items}
        translated = self._slots_by_order()
        for name, role in self.roles.items():
            if role.kind not in (roles.SLOT, roles.AVERAGE) or name in self.left_out:
                continue
            entry = self.checkpoint.entries[name]
            if isinstance(given.get(name), str):
                self._companion_of_map(name, role, given[name])
                continue
            match = matches.get(role.of)
            suffix = translated.get((role.of, role.slot), role.slot)
            sources = (
                [f"{source}/{suffix}" for source in match.sources] if match else []
            )
            # A twin may call it as TF1 did, scopes included.
            if match and len(sources) == 1 and self._has(name):
                sources = [name]
            says = f"{role.says}, {entry.dtype} {list(entry.shape)}"
            if not sources or not all(map(self._has, sources)):
                self._problem("unmatched", name, says)
            elif entry.shape != tuple(match.positions.shape):
                self._problem("mismatched", name, f"{says}, {role.of} is not")
            else:
                match = match._replace(name=name, sources=tuple(sources))
                self._add(Item(name, role, match, role.kind == roles.AVERAGE))

    def _companion_of_map(self, name, role, target):
        shape = self.checkpoint.entries[name].shape
        match = self._has(target) and layouts.of_one(
            name, shape, target, tuple(self.twin.state[target].shape), "map"
        )
        if not match:
            raise mistake(
                "A map must lead to a variable of that shape",
                f"{name} {list(shape)}: {target}",
                f"Use some of: {nearest(target, self.twin.state)}",
            )
        self._add(Item(name, role, match, role.kind == roles.AVERAGE))

    def _has(self, name):
        return hasattr(self.twin.state.get(name), "assign")

    def _slots_by_order(self):
        """{(variable, TF1's slot): the twin's} where the optimizer had another name.

        ``AdamOptimizer(name='mine')`` has the slots mine and mine_1, BERT's adam_m and
        adam_v: of as many as the twin has, in their order, one by one.
        """
        of_tf1, of_twin, translated = {}, {}, {}
        matches = {item.name: item.match for item in self.items}
        for role in self.roles.values():
            if role.kind == roles.SLOT and role.of in matches:
                of_tf1.setdefault(role.of, []).append(role.slot)
        for slot in self.twin.slots:
            base, _, last = slot.rpartition("/")
            if self._has(slot):
                of_twin.setdefault(base, []).append(last)
        for name, slots in of_tf1.items():
            wanted = of_twin.get(matches[name].sources[0], [])
            if set(slots) & set(wanted) or len(slots) != len(wanted):
                continue
            pairs = zip(
                sorted(slots, key=_number), sorted(wanted, key=_number), strict=True
            )
            translated.update({(name, slot): other for slot, other in pairs})
        return translated

    def _powers(self):
        """The powers of beta: variables of TF1's Adam, a function of Keras's steps."""
        stored = {n: r for n, r in self.roles.items() if r.kind == roles.POWER}
        stored = {n: r for n, r in stored.items() if n not in self.left_out}
        step = next((i for i in self.items if i.role.kind == roles.STEP), None)
        for name, role in stored.items():
            alone = sum(other.slot == role.slot for other in stored.values()) == 1
            target = name if name in self.twin.state or not alone else role.slot
            state = self.twin.state.get(target)
            if hasattr(state, "assign"):
                match = layouts.of_one(name, (), target, tuple(state.shape), "role")
                self._add(Item(name, role, match))
            elif state is None or len(self.twin.optimizers) != 1:
                self._problem("unmatched", name, role.says)
            elif step is not None:
                self._require_same_power(name, role, step)
            elif self._steps_of(stored) is None:
                self._problem("unmatched", name, f"{role.says}, of no known step")
        if step is None and stored and len(self.twin.optimizers) == 1:
            self.iterations = self._steps_of(stored)

    def _require_same_power(self, name, role, step):
        stored = float(self.checkpoint.read(name))
        steps = int(self.checkpoint.read(step.name))
        expected = powers.after(self.twin.optimizers[0], role.slot, steps)
        if not powers.same(stored, expected):
            self._problem(
                "mismatched",
                name,
                f"is {stored:.6g} in the checkpoint, {expected:.6g} after the "
                f"{steps} steps of {step.name}, from which Keras computes it",
            )

    def _steps_of(self, stored):
        """The steps behind the powers that are stored, or None."""
        values = {
            role.slot: float(self.checkpoint.read(name))
            for name, role in stored.items()
        }
        return powers.steps(self.twin.optimizers[0], values)

    def _open(self):
        """What of the twin no tensor fills, and what of the checkpoint is no number."""
        for name, role in self.roles.items():
            dtype = self.checkpoint.entries[name].dtype
            if roles.kind_of(dtype) not in "fiu" and name not in self.left_out:
                self._problem("unmatched", name, f"{role.says}, {dtype}")
        counts = {
            observing.key_of(optimizer.iterations) for optimizer in self.twin.optimizers
        }
        for name, variable in self.twin.state.items():
            counts_or_draws = observing.key_of(variable) in counts or name.endswith(
                UNSAVED
            )
            if (
                self._has(name)
                and name not in self._taken
                and not (counts_or_draws and _dtype(variable).kind in "iu")
            ):
                self._problem("unfilled", name, f"{list(variable.shape)}")

    def _problem(self, kind, name, says):
        self.problems.append(Problem(kind, name, says))

    # Using.

    @property
    def is_whole(self):
        """Whether nothing is open."""
        return not self.problems

    def describe(self):
        """What goes where and what is open, a line each."""
        lines = [
            f"{item.name} → {', '.join(item.match.sources)}"
            + ("" if item.match.is_plain else f" ({item.match.layout})")
            + f"  {item.role.says}, by {item.match.how}"
            for item in self.items
        ]
        if self.iterations is not None:
            lines.append(f"iterations = {self.iterations}, from the powers of beta")
        lines += [f"left out by the map: {name}" for name in self.left_out]
        lines += [f"{kind}: {name}  {says}" for kind, name, says in self.problems]
        return "\n".join(lines)

    def as_map(self):
        """{TF1 name: what ``names`` takes} of weights, statistics and steps."""
        plain = (roles.WEIGHT, roles.STATISTICS, roles.STEP, roles.OTHER)
        return {
            **{i.name: i.match.entry for i in self.items if i.role.kind in plain},
            **dict.fromkeys(self.left_out),
        }

    def require_whole(self):
        """Refuses a plan that leaves something open, listing it.

        Raises:
            HandoverError: then.
        """
        if self.is_whole:
            return
        several = [f"{kind}: {name} {says}" for kind, name, says in self.problems]
        raise mistake(
            "A hand-over must be whole, every tensor with its place",
            listed(several),
            "Say where they go, or None, in a map of names; or allow what is open",
        )

    def load(self, partial=False, runs=(), on_item=lambda: None):
        """Puts the tensors where they go; nothing before all of them were verified.

        Args:
            partial: whether what is open may be left as it is.
            runs: ``streams.Runs`` that TF1 had behind it, for a program that never
                stopped; by default streams begin anew, as in one that restarts.
            on_item: called after each tensor.

        Raises:
            HandoverError: unless the plan is whole, for bytes that are not what their
                checksums say.
        """
        if not partial:
            self.require_whole()
        for item in self.items:
            verify(self.checkpoint, item.name)
        for item in sorted(self.items, key=lambda item: item.role.kind == roles.SLOT):
            targets = [self.twin.state[source] for source in item.match.sources]
            value = self.checkpoint.read(item.name, verify=False)
            value = value * self._factor(item) if self._factor(item) else value
            if item.match.is_plain:
                arrays = [value]
            else:
                arrays = item.match.to_twin(
                    value, [target.numpy() for target in targets], item.offset
                )
            for target, array in zip(targets, arrays, strict=True):
                target.assign(array.astype(_dtype(target), copy=False))
            on_item()
        if self.iterations is not None:
            self.twin.optimizers[0].iterations.assign(self.iterations)
        if isinstance(self.model, keras.Model):
            streams.advance(self.model, runs)

    def _factor(self, item):
        return (
            slot_factor(self.twin, item.role.slot)
            if item.role.kind == roles.SLOT and not self.checkpoint.of_keras
            else None
        )


def slot_factor(twin, slot):
    """What TF1's slot is multiplied by to be Keras's, or None.

    Keras's SGD folds the rate into its velocity: velocity = -rate * accumulator.
    """
    for optimizer in twin.optimizers:
        if slot == "Momentum" and isinstance(optimizer, keras.optimizers.SGD):
            return -np.float32(optimizer.learning_rate)
    return None


def _number(slot):
    """Slots by their numbers: mine before mine_1 before mine_10."""
    base, _, number = slot.rpartition("_")
    return (base, int(number)) if number.isdigit() else (slot, 0)


def listed(several):
    """Some of several, and how many more."""
    more = len(several) - MOST_LISTED
    return "; ".join(several[:MOST_LISTED]) + (f"; and {more} more" if more > 0 else "")


def load(checkpoint, model, names=None, partial=False, runs=(), **options):
    """Loads a checkpoint into a model or a Twin; see ``plan`` and ``Plan.load``.

    Returns:
        The ``Plan`` that was followed.
    """
    made = plan(checkpoint, model, names, **options)
    made.load(partial, runs)
    return made
