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

from tf2_keras import observing
from tf2_keras.migrate.checkpoint import (
    filling,
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
from tf2_keras.migrate.checkpoint.states import dtype_of, state_of, variables_of

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
        state_of(model, names),
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
        iterations: {place of an optimizer among the twin's: steps} that follow from the
            powers of beta where the checkpoint has no step of it.
    """

    def __init__(self, checkpoint, twin, model, names, order, trainable):
        self.checkpoint, self.twin, self.model = checkpoint, twin, model
        self.roles = roles.roles(checkpoint.entries)
        self.items, self.problems, self.left_out = [], [], []
        self.iterations = {}
        given = dict(names or {})
        require_targets_once(given)
        self._taken = set()
        self._weights(given, order, trainable)
        self._companions(given)
        self._powers(given)
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
            wanted = dtype_of(self.twin.state[source])
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
            elif entry.shape != match.shape:
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

    def _powers(self, given):
        """The powers of beta: variables of TF1's Adam, a function of Keras's steps."""
        stored = {
            name: role
            for name, role in self.roles.items()
            if role.kind == roles.POWER and name not in self.left_out
        }
        values = {name: float(self.checkpoint.read(name)) for name in stored}
        pairing = powers.paired(stored, values, self.twin, given)
        for name, says in pairing.ambiguous.items():
            self._problem("ambiguous", name, f"{stored[name].says}: {says}")
        for name in pairing.unmatched:
            self._problem("unmatched", name, stored[name].says)
        for name, target in pairing.variables.items():
            shape = tuple(self.twin.state[target].shape)
            match = layouts.of_one(name, (), target, shape, "role")
            self._add(Item(name, stored[name], match))
        for place, named in pairing.optimizers.items():
            self._count(place, named, values, pairing.variables)

    def _count(self, place, named, values, kept):
        """The steps of an optimizer, by its powers {slot: TF1 name}."""
        optimizer = self.twin.optimizers[place]
        key = observing.key_of(optimizer.iterations)
        step = next(
            (
                item
                for item in self.items
                for source in item.match.sources
                if observing.key_of(self.twin.state[source]) == key
            ),
            None,
        )
        if step is None:
            stored = {slot: values[name] for slot, name in named.items()}
            steps = powers.steps(optimizer, stored)
            if steps is not None:
                self.iterations[place] = steps
        computed = {slot: name for slot, name in named.items() if name not in kept}
        for slot, name in computed.items():
            if step is None and place not in self.iterations:
                says = f"{self.roles[name].says}, of no known step"
                self._problem("unmatched", name, says)
            if step is None:
                continue
            steps = int(self.checkpoint.read(step.name))
            expected = powers.after(optimizer, slot, steps)
            if not powers.same(values[name], expected):
                self._problem(
                    "mismatched",
                    name,
                    f"is {values[name]:.6g} in the checkpoint, {expected:.6g} after the "
                    f"{steps} steps of {step.name}, from which Keras computes it",
                )

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
                and not (counts_or_draws and dtype_of(variable).kind in "iu")
            ):
                self._problem("unfilled", name, f"{list(variable.shape)}")
        averaged = any(item.role.kind == roles.AVERAGE for item in self.items)
        counted = {observing.key_of(self.twin.state[name]) for name in self._taken}
        for place, optimizer in enumerate(self.twin.optimizers):
            is_counted = (
                place in self.iterations
                or observing.key_of(optimizer.iterations) in counted
            )
            if averaged and getattr(optimizer, "use_ema", False) and not is_counted:
                says = "0, a step at which Keras begins its averages anew"
                self._problem("unfilled", optimizer.iterations.path, says)
        for group in filling.groups_of(self.items):
            for source, share in filling.shares(group).items():
                if share != 1:
                    says = f"to {share:.0%}, by {listed([i.name for i in group])}"
                    self._problem("unfilled", source, says)

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
        for place, steps in self.iterations.items():
            path = self.twin.optimizers[place].iterations.path
            lines.append(f"{path} = {steps}, from the powers of beta")
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
            "Say where they go, or None, in a map of names; or allow what is open with "
            "--partial (partial=True)",
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
            self.checkpoint.verify(item.name)
        for group in filling.groups_of(self.items):
            for source, array in filling.arrays_of(self, group, self._read).items():
                self.twin.state[source].assign(array)
            for _ in group:
                on_item()
        self.go_on(runs)

    def _read(self, name):
        return self.checkpoint.read(name, verify=False)

    def go_on(self, runs=()):
        """Puts counts and streams, which no tensor fills, where TF1's were."""
        for place, steps in self.iterations.items():
            self.twin.optimizers[place].iterations.assign(steps)
        if isinstance(self.model, keras.Model):
            streams.advance(self.model, runs)


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
