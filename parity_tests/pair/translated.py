"""A twin under TF1's names and in TF1's layouts: its records and its values."""

import re

from parity_tests.engine.records import MOVE, PARTS
from tf2_keras.observing import plain

STATE = ("initial values", "updates")
# What TF1's optimizers call their slots, unless they were given another name.
KINDS = ("Adadelta", "Adagrad", "AdagradDA", "Adam", "AdamW", "Ftrl", "Momentum")
KINDS += ("MomentumW", "ProximalAdagrad", "RMSProp")


class Translation:
    """Between what a twin calls its variables and what TF1 called them.

    Args:
        matches: {TF1 name: layouts.Match}.
        left_out: TF1 names that are not compared.
        dropped: the twin's names that are not compared: what counts or draws in Keras
            and has no counterpart.
        unrecorded: TF1 names whose gradients are not compared.
        slots: TF1's names of slots: an optimizer within a variable scope, or of another
            name, calls them otherwise than the twin's.
        unseen: names of moves whose outputs the twin does not give.
    """

    def __init__(
        self, matches, left_out=(), dropped=(), unrecorded=(), slots=(), unseen=()
    ):
        self.matches, self.slots = matches, frozenset(slots)
        self.unseen = frozenset(unseen)
        self.left_out, self.dropped = frozenset(left_out), frozenset(dropped)
        self.unrecorded = frozenset(unrecorded)
        self._of = {}  # {the twin's name: names of the matches that take from it}
        for match in matches.values():
            for source in match.sources:
                self._of.setdefault(source, []).append(match)

    def without(self, names):
        """The same, with more TF1 names that are not compared."""
        if not names:
            return self
        left_out = self.left_out.union(names)
        return Translation(
            *(self.matches, left_out, self.dropped, self.unrecorded, self.slots),
            self.unseen,
        )

    def reference(self, record):
        """TF1's record without what is left out."""
        if record.get(MOVE) in self.unseen:
            record = {stage: record[stage] for stage in record if stage != "outputs"}
        if not self.left_out:
            return record
        return {
            stage: named
            if stage == MOVE
            else {
                name: value
                for name, value in named.items()
                if name not in self.left_out and self._base(name) not in self.left_out
            }
            for stage, named in record.items()
        }

    def candidate(self, record):
        """The twin's record in TF1's terms."""
        return {
            stage: self._stage(stage, named)
            if stage in (*STATE, "gradients", "slots")
            else named
            for stage, named in record.items()
        }

    def values(self, values, twin):
        """{the twin's name: array} of {TF1 name: array}.

        Args:
            twin: {the twin's name: variable}, for what TF1 has no part of.
        """
        arrays = {}
        for name, value in (values or {}).items():
            match = self.matches.get(name)
            if match is None:
                continue
            if match.is_plain:
                arrays[match.sources[0]] = value
                continue
            for source in match.sources:
                if source not in arrays:
                    arrays.update(plain({source: twin[source]}))
            parts = match.to_twin(value, [arrays[source] for source in match.sources])
            arrays.update(zip(match.sources, parts, strict=True))
        if values and not self.slots.isdisjoint(values):
            arrays.update(self._slot_values(values, twin))
        return arrays

    def _slot_values(self, values, twin):
        """{the twin's name: array} of TF1's slots, and of powers."""
        arrays = {}
        for key in twin:
            source, suffix = self._split(key)
            if key in self._of or key in self.dropped:
                continue
            if source not in self._of:
                name = self.slot(key)
                arrays.update({key: values[name]} if name in values else {})
            for match in self._of.get(source, ()):
                name = self.slot(match.name + suffix, match.name)
                sources = [each + suffix for each in match.sources]
                if name in values and all(each in twin for each in sources):
                    known = plain({each: twin[each] for each in sources})
                    known = [arrays.get(each, known[each]) for each in sources]
                    parts = match.to_twin(values[name], known, with_offset=False)
                    arrays.update(zip(sources, parts, strict=True))
        return arrays

    def _stage(self, stage, named):
        """Arrays by the twin's names, as those by TF1's."""
        groups, translated = {}, {}
        for key, value in named.items():
            source, suffix = self._split(key)
            if source in self._of:
                groups.setdefault(suffix, {})[source] = value
            elif key not in self.dropped:
                translated[self.slot(key)] = value
        for suffix, arrays in groups.items():
            for match in dict.fromkeys(
                match.name for source in arrays for match in self._of[source]
            ):
                match = self.matches[match]
                if stage == "gradients" and match.name in self.unrecorded:
                    continue
                if not all(source in arrays for source in match.sources):
                    continue
                sources = [arrays[source] for source in match.sources]
                if suffix in PARTS:
                    if match.is_plain:
                        translated[match.name + suffix] = sources[0]
                    continue
                offset = stage in STATE and not suffix
                name = match.name + suffix
                if suffix:
                    name = self.slot(name, match.name)
                translated[name] = match.to_tf1(sources, offset)
        if stage == "gradients":
            # As backpropagation goes; a record of another order would say no less.
            return translated
        return dict(sorted(translated.items())) if stage == "slots" else translated

    def slot(self, name, variable=""):
        """What TF1 calls a slot of a variable, or a power, that the twin calls ``name``.

        'kernel/Adam_1' is 'scope/kernel/Adam_1' of an optimizer in a scope, and
        'kernel/mine_1' of AdamOptimizer(name='mine').
        """
        if name in self.slots:
            return name
        ordinal = re.search(r"(_\d+)?$", name)[0]
        called = [slot for slot in self.slots if slot.endswith("/" + name)] or [
            slot
            for slot in self.slots
            if variable
            and (
                match := re.fullmatch(
                    rf"(?:.+/)?{re.escape(variable)}/(\w+?)(_\d+)?", slot
                )
            )
            and match[1] not in KINDS
            and (match[2] or "") == ordinal
        ]
        return called[0] if len(called) == 1 else name

    def _split(self, key):
        """(the twin's name of a variable, what follows it: '/Adam', ' values')."""
        if key in self._of:
            return key, ""
        for part in PARTS:
            if key.endswith(part):
                return key[: -len(part)], part
        source, slash, slot = key.rpartition("/")
        return source, slash + slot

    def _base(self, name):
        for part in PARTS:
            name = name[: -len(part)] if name.endswith(part) else name
        return name if name in self.left_out else name.rpartition("/")[0]
