"""What each name of a TF1 checkpoint is: a weight, a slot of which optimizer, a step.

A checkpoint holds names, shapes and dtypes; what they are for is told by TF1's habits:
``slot_creator`` called a slot VARIABLE/OPTIMIZER, the second of one optimizer
VARIABLE/OPTIMIZER_1, and put the scope that was open before all of it; of a variable in
pieces, such as all of a DNNClassifier's, it then cut the name at a wrong place.

Source: tensorflow/python/training/slot_creator.py, 1.15 and 2.21.
"""

import re
from typing import NamedTuple

import numpy as np

WEIGHT, SLOT, POWER, STEP = "weight", "slot", "power", "step"
AVERAGE, STATISTICS, OTHER = "average", "statistics", "other"
KINDS = (WEIGHT, STATISTICS, SLOT, AVERAGE, POWER, STEP, OTHER)
EMA = "ExponentialMovingAverage"

POWERS = re.compile(r"(?:^|/)(beta[12]_power)(?:_\d+)?$")
STEPS = re.compile(r"(?:^|/)global_step(?:_\d+)?$")
MOVING = re.compile(
    r"(?:^|/)(moving_(mean|variance|average|var|avg)|population_(mean|variance))\w*$"
)
AVERAGES = re.compile(rf"^(.+)/({EMA}(?:_\d+)?(?:/(?:biased|local_step))?)$")
# {what TF1 called a slot after: its optimizer}; besides those any slot's own name.
OPTIMIZERS = {
    "Momentum": "MomentumOptimizer",
    "Adam": "AdamOptimizer",
    "RMSProp": "RMSPropOptimizer",
    "Adagrad": "AdagradOptimizer",
    "AdagradDA": "AdagradDAOptimizer",
    "Adadelta": "AdadeltaOptimizer",
    "Ftrl": "FtrlOptimizer",
    "ProximalAdagrad": "ProximalAdagradOptimizer",
    "AdamW": "contrib.opt.AdamWOptimizer",
    "MomentumW": "contrib.opt.MomentumWOptimizer",
    "adam_m": "BERT's AdamWeightDecayOptimizer",
    "adam_v": "BERT's AdamWeightDecayOptimizer",
}


class Role(NamedTuple):
    """What a name is for.

    kind: one of KINDS. of: the variable that a slot or an average belongs to. slot: what
    follows that variable's name, 'Adam_1'; of a power 'beta1_power'. optimizer: of a
    slot, as far as its name tells.
    """

    kind: str
    of: str | None = None
    slot: str | None = None
    optimizer: str | None = None

    @property
    def says(self):
        """For people."""
        if self.kind == SLOT:
            return f"slot {self.slot} of {self.optimizer}"
        if self.kind == POWER:
            return f"power, {self.slot}"
        return {AVERAGE: "moving average", STATISTICS: "moving statistics"}.get(
            self.kind, self.kind
        )


def roles(entries):
    """{name: Role} of a checkpoint's entries, in their order."""
    return {name: _role(name, entry, entries) for name, entry in entries.items()}


def _role(name, entry, entries):
    kind = kind_of(entry.dtype)
    if kind not in "fiu":
        return Role(OTHER)
    if entry.shape == () and kind == "f" and (power := POWERS.search(name)):
        return Role(POWER, slot=power[1])
    if entry.shape == () and kind in "iu":
        return Role(STEP if STEPS.search(name) else OTHER)
    averaged = AVERAGES.match(name)
    if averaged:
        return Role(AVERAGE, variable_of(averaged[1], entries), averaged[2])
    base, slash, slot = name.rpartition("/")
    if slash and kind == "f":
        of = variable_of(base, entries)
        if of in entries and entries[of].shape == entry.shape:
            return Role(SLOT, of, slot, optimizer_of(slot))
    if kind != "f":
        return Role(OTHER)
    return Role(STATISTICS if MOVING.search(name) else WEIGHT)


def optimizer_of(slot):
    """The optimizer whose slots are so called."""
    bare = re.sub(r"_\d+$", "", slot)
    return OPTIMIZERS.get(slot) or OPTIMIZERS.get(bare) or bare


def variable_of(base, entries):
    """The variable that a slot's name begins or ends with; the base if there is none."""
    parts = base.split("/")
    # An optimizer's scope may stand before it.
    for begin in range(len(parts)):
        candidate = "/".join(parts[begin:])
        if candidate in entries:
            return candidate
    # Or between it and the slot, as much of the piece's name as the scope was long.
    for end in range(len(parts) - 1, 0, -1):
        candidate = "/".join(parts[:end])
        if candidate in entries and _ends(candidate, "/".join(parts[end:])):
            return candidate
    return base


def _ends(variable, rest):
    """Whether a piece of a variable, in a scope, ends so: kernel/part_0 with t_0.

    slot_creator named the slot of a piece after the variable, a slash, and what of SCOPE/
    VARIABLE/part_N/SLOT follows the length of VARIABLE/part_N and a slash. What stands in
    such a scope is dnn/kernel/t_0/Adagrad within dnn. Pieces that ``partitions`` joined
    have no part_N any more.
    """
    number = re.search(r"\d*$", rest)[0]
    pieces = [variable, f"{variable}/part_{number}"] if number else [variable]
    return any(piece.endswith(rest) or rest.endswith(f"/{piece}") for piece in pieces)


def kind_of(dtype):
    """Of a dtype by its name: NumPy's letter; f of bfloat16, O of what has no numbers."""
    if dtype in ("string", "resource", "variant"):
        return "O"
    return "f" if dtype == "bfloat16" else np.dtype(dtype).kind
