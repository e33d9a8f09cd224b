"""What each name of a TF1 checkpoint is: a weight, a slot of which optimizer, a step.

A checkpoint holds names, shapes and dtypes; what they are for is told by TF1's habits:
``slot_creator`` called a slot VARIABLE/OPTIMIZER, the second of one optimizer
VARIABLE/OPTIMIZER_1, and put the scope that was open before all of it.
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
        return Role(AVERAGE, _without_scopes(averaged[1], entries), averaged[2])
    base, slash, slot = name.rpartition("/")
    if slash and kind == "f":
        of = _without_scopes(base, entries)
        if of in entries and entries[of].shape == entry.shape:
            return Role(SLOT, of, slot, optimizer_of(slot))
    if kind != "f":
        return Role(OTHER)
    return Role(STATISTICS if MOVING.search(name) else WEIGHT)


def optimizer_of(slot):
    """The optimizer whose slots are so called."""
    bare = re.sub(r"_\d+$", "", slot)
    return OPTIMIZERS.get(slot) or OPTIMIZERS.get(bare) or bare


def _without_scopes(base, entries):
    """The variable that a name ends with: an optimizer's scope may stand before it."""
    parts = base.split("/")
    for begin in range(len(parts)):
        candidate = "/".join(parts[begin:])
        if candidate in entries:
            return candidate
    return base


def kind_of(dtype):
    """Of a dtype by its name: NumPy's letter; f of bfloat16, O of what has no numbers."""
    if dtype in ("string", "resource", "variant"):
        return "O"
    return "f" if dtype == "bfloat16" else np.dtype(dtype).kind
