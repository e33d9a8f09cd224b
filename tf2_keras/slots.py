"""The optimizers' own variables under the names that TF1 gave them."""

import keras
import tensorflow as tf

from tf2_keras.observing import key_of

# {Keras optimizer: {its name of a slot: TF1's}}; TF1 called slots after the optimizer.
OF_KERAS = {
    "SGD": {"momentum": "Momentum"},
    "Adam": {"momentum": "Adam", "velocity": "Adam_1"},
    "AdamW": {"momentum": "AdamW", "velocity": "AdamW_1"},
    "RMSprop": {"velocity": "RMSProp", "momentum": "RMSProp_1"},
    "Adagrad": {"accumulator": "Adagrad"},
    "Adadelta": {"accumulated_grad": "Adadelta", "accumulated_delta_var": "Adadelta_1"},
    "Ftrl": {"accumulator": "Ftrl", "linear": "Ftrl_1"},
}
CENTERED = {"average_gradient": "RMSProp_1", "momentum": "RMSProp_2"}
AVERAGE = "ExponentialMovingAverage"


def averages_of(optimizer, names):
    """{TF1 name: variable} of the moving averages that an optimizer of ours keeps.

    Args:
        names: {key of a variable: its TF1 name}.
    """
    average = getattr(optimizer, "moving_average", None)
    if average is None or average.averaged is None:
        return {}
    return {
        f"{names[key_of(variable)]}/{AVERAGE}": shadow
        for variable, shadow in zip(average.averaged, average.averages, strict=True)
        if key_of(variable) in names
    }


def slots_of_all(optimizers, names):
    """{TF1 name: variable} of several optimizers' slots, see ``slots_of``.

    TF1 numbered what was called alike: the powers of a second Adam ``beta1_power_1``.
    """
    slots = {}
    for optimizer in optimizers:
        for name, slot in slots_of(optimizer, names).items():
            number, free = 0, name
            while free in slots:
                number += 1
                free = f"{name}_{number}"
            slots[free] = slot
    return slots


def slots_of(optimizer, names):
    """{TF1 name: variable} of an optimizer's slots; built beforehand.

    Those of ``tf1_semantics`` say themselves what TF1 called them. Of Keras's own, slots
    without a counterpart keep Keras's name; and the beta powers, which TF1 kept in
    variables and Keras computes from its iterations, are functions that compute them.

    Args:
        optimizer: a ``keras.optimizers.Optimizer``.
        names: {key of a variable: its TF1 name}.
    """
    if hasattr(optimizer, "tf1_slots"):
        slots, others = optimizer.tf1_slots()
        return {
            **{
                f"{names[key_of(variable)]}/{slot}": slot_variable
                for slot, slot_variables in slots.items()
                for slot_variable, variable in zip(
                    slot_variables, optimizer._trainable_variables, strict=True
                )
                if key_of(variable) in names
            },
            **others,
        }
    kind = next(
        (cls.__name__ for cls in type(optimizer).__mro__ if cls.__name__ in OF_KERAS),
        "",
    )
    tf1_names_of = OF_KERAS.get(kind, {})
    if kind == "RMSprop" and optimizer.centered:
        # TF1 made the mean of the gradients before the momentum.
        tf1_names_of = {**tf1_names_of, **CENTERED}
    if optimizer.use_ema:
        tf1_names_of = {**tf1_names_of, "average": AVERAGE}
    slots = {
        f"{names[key_of(variable)]}/{tf1_names_of.get(slot, slot)}": slot_variable
        for slot, slot_variables in _slots_of_keras(optimizer).items()
        for slot_variable, variable in slot_variables
        if key_of(variable) in names
    }
    if kind in ("Adam", "AdamW"):
        for number, beta in ((1, optimizer.beta_1), (2, optimizer.beta_2)):
            slots[f"beta{number}_power"] = _power_of(optimizer, beta)
    return slots


def _slots_of_keras(optimizer):
    """{Keras's name of a slot: [(slot variable, the variable that it belongs to)]}."""
    trained = optimizer._trainable_variables
    # A path may begin as another's does, or be equal to it: then they are in order.
    longest_first = sorted(trained, key=lambda variable: -len(variable.path))
    apart = {key_of(optimizer.iterations), key_of(optimizer.learning_rate)}
    slots, unprefixed = {}, {}
    for slot_variable in optimizer.variables:
        if key_of(slot_variable) in apart:
            continue
        for variable in longest_first:
            prefix = variable.path.replace("/", "_") + "_"
            if not slot_variable.name.startswith(prefix):
                continue
            known = slots.setdefault(slot_variable.name[len(prefix) :], {})
            if key_of(variable) not in known:
                known[key_of(variable)] = slot_variable, variable
                break
        else:
            unprefixed.setdefault(slot_variable.name, []).append(slot_variable)
    slots = {slot: list(known.values()) for slot, known in slots.items()}
    for slot, slot_variables in unprefixed.items():
        # Older releases name some slots without their variables, in their order.
        if len(slot_variables) == len(trained):
            slots[slot] = list(zip(slot_variables, trained, strict=True))
    return slots


def _power_of(optimizer, beta):
    def power():
        step = tf.cast(optimizer.iterations + 1, "float32")
        return keras.ops.power(tf.constant(beta, "float32"), step)

    return power
