"""Descriptors of tf1_semantics.optimizers."""

from hypothesis import strategies as st

from parity_tests.engine.strategies import hyperparameters
from parity_tests.parts.descriptor import Part
from parity_tests.parts.optimizer_traps import TRAPS
from parity_tests.parts.optimizer_twins import twin
from tf1_graph.parts import cases
from tf1_graph.parts.optimizers import ARGUMENTS, CASES, L1_L2, SYMBOLS

__all__ = ["PARTS", "twin"]
PROOF = "parity_tests/parts/optimizers_test.py::test_updates_and_slots_are_those_of_tf1"

RATES = (1e-3, 10.0)
# A strength of 0.1 makes zeros of some ordinary gradients, one of 3 of most.
STRENGTHS = [0.0, 1e-3, 0.1, 0.5, 3.0]
BETAS = st.sampled_from([0.0, 1e-40, 0.5, 0.9, 0.99, 0.999]) | st.floats(0, 0.999)
EPSILONS = [0.0, 1e-30, 1e-10, 1e-8, 1e-7, 1e-3, 1.0]
STARTS = [1e-6, 0.1, 1.0, 30.0]
MOMENTA = st.sampled_from([0.0, 0.5, 0.9, 0.99, 1.0, 1.5]) | st.floats(0, 2)
DECAYS = [0.0, 1e-4, 0.1, 0.5]
NESTEROV = [False, True]
L1_AND_L2 = dict.fromkeys(L1_L2, STRENGTHS)

NOT_NEGATIVE = (-0.1,)
ABOVE_ZERO = (0.0,)
BELOW_ONE = (1.0, -0.1)
# What every optimizer refuses.
REFUSED = {
    "learning_rate": (-0.1, float("nan"), "0.1"),
    "gradient_accumulation_steps": (1, 2.0),
    "clipnorm": (-1.0,),
    "use_ema": (True,),
    "loss_scale_factor": (128.0,),
    "use_locking": (True,),
}


def part(name, drawn, wrong, no_trap=None):
    """The descriptor of an optimizer.

    Args:
        drawn: {argument: what ``hyperparameters`` draws of it} besides the rate.
        wrong: {argument: values that it refuses} besides those of REFUSED.
    """
    required, _ = ARGUMENTS[name]
    name = f"optimizers.{name}"
    # Keras's base class drops an argument called decay without an error.
    unknown = "rho" if "decay" in wrong else "decay"
    wrong = {**REFUSED, unknown: (0.9,), **wrong}
    return Part(
        name=name,
        tf1=SYMBOLS[name],
        proof=PROOF,
        arguments=hyperparameters(learning_rate=RATES, **drawn),
        samples=cases.samples(CASES, name),
        refused=tuple(
            ({**required, argument: value}, argument)
            for argument, values in wrong.items()
            for value in values
        ),
        traps=TRAPS.get(name, ()),
        no_trap=no_trap,
    )


NOTHING_ALIKE = "Keras has no namesake"
NO_DECAY = {"weight_decay": (1e-4,)}
REFUSED_L1_AND_L2 = dict.fromkeys(L1_L2, NOT_NEGATIVE)
PARTS = (
    part("GradientDescent", {}, NO_DECAY),
    part(
        "Momentum",
        {"momentum": MOMENTA, "use_nesterov": NESTEROV},
        {"momentum": (-0.9, None), **NO_DECAY},
    ),
    part(
        "Adam",
        {"beta1": BETAS, "beta2": BETAS, "epsilon": EPSILONS},
        {
            "beta1": BELOW_ONE,
            "beta2": (1.5, float("nan")),
            "epsilon": NOT_NEGATIVE,
            **NO_DECAY,
        },
    ),
    part(
        "RMSProp",
        {
            "decay": BETAS,
            "momentum": MOMENTA,
            "epsilon": EPSILONS,
            "centered": [False, True],
        },
        {"decay": BELOW_ONE, "momentum": NOT_NEGATIVE, "epsilon": NOT_NEGATIVE},
    ),
    part(
        "Adagrad",
        {"initial_accumulator_value": STARTS},
        {"initial_accumulator_value": ABOVE_ZERO},
    ),
    part(
        "AdagradDA",
        {"initial_gradient_squared_accumulator_value": STARTS, **L1_AND_L2},
        {"initial_gradient_squared_accumulator_value": ABOVE_ZERO, **REFUSED_L1_AND_L2},
        no_trap=NOTHING_ALIKE,
    ),
    part(
        "Adadelta",
        {"rho": BETAS, "epsilon": EPSILONS},
        {"rho": BELOW_ONE, "epsilon": NOT_NEGATIVE},
    ),
    part(
        "Ftrl",
        {
            "learning_rate_power": [-0.5, -0.5, 0.0, -0.3, -1.0],
            "initial_accumulator_value": [0.0, *STARTS],
            "l2_shrinkage_regularization_strength": STRENGTHS,
            **L1_AND_L2,
        },
        {
            "learning_rate": (*REFUSED["learning_rate"], 0.0),
            "learning_rate_power": (0.5,),
            "initial_accumulator_value": NOT_NEGATIVE,
            "l2_shrinkage_regularization_strength": NOT_NEGATIVE,
            **REFUSED_L1_AND_L2,
        },
    ),
    part(
        "ProximalGradientDescent",
        L1_AND_L2,
        REFUSED_L1_AND_L2,
        no_trap=NOTHING_ALIKE,
    ),
    part(
        "ProximalAdagrad",
        {"initial_accumulator_value": STARTS, **L1_AND_L2},
        {"initial_accumulator_value": ABOVE_ZERO, **REFUSED_L1_AND_L2},
        no_trap=NOTHING_ALIKE,
    ),
    part(
        "AdamW",
        {"weight_decay": DECAYS, "beta1": BETAS, "beta2": BETAS, "epsilon": EPSILONS},
        {
            "weight_decay": NOT_NEGATIVE,
            "beta1": BELOW_ONE,
            "epsilon": NOT_NEGATIVE,
        },
    ),
    part(
        "MomentumW",
        {"weight_decay": DECAYS, "momentum": MOMENTA, "use_nesterov": NESTEROV},
        {"weight_decay": NOT_NEGATIVE, "momentum": NOT_NEGATIVE},
    ),
    part(
        "AdamWeightDecay",
        {
            "weight_decay_rate": DECAYS,
            "beta_1": BETAS,
            "beta_2": BETAS,
            "epsilon": EPSILONS[1:],  # 0 is refused
            "exclude_from_weight_decay": [None, ["bias"], ["^t.*e$", "weights"]],
            "moves_global_step": [True, False],
        },
        {
            "weight_decay_rate": NOT_NEGATIVE,
            "beta_1": BELOW_ONE,
            "beta_2": BELOW_ONE,
            "epsilon": NOT_NEGATIVE,
            "exclude_from_weight_decay": ("bias", [1], ["("]),
            "moves_global_step": (1,),
            **NO_DECAY,
        },
    ),
)
