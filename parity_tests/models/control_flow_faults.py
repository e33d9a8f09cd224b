"""Faults planted in the control flow twin."""

import tensorflow as tf

from parity_tests.models.pair import Fault


def _count_in_the_branch(twin):
    def step(x, y_true, built, optimizer, config, observe):
        y_pred, loss, gradients = _gradients(twin, x, y_true, built, config)
        if loss > config.enough:
            built.asked.assign_add(1)
            _train(built, optimizer, gradients)
        return _seen(twin, x, y_true, built, config, observe, y_pred, loss, gradients)

    return {"step": step}


def _update_outside_the_branch(twin):
    def step(x, y_true, built, optimizer, config, observe):
        y_pred, loss, gradients = _gradients(twin, x, y_true, built, config)
        built.asked.assign_add(1)
        _train(built, optimizer, gradients)
        return _seen(twin, x, y_true, built, config, observe, y_pred, loss, gradients)

    return {"step": step}


def _loss_after_before_the_update(twin):
    def step(x, y_true, built, optimizer, config, observe):
        y_pred, loss, gradients = _gradients(twin, x, y_true, built, config)
        seen = _seen(twin, x, y_true, built, config, observe, y_pred, loss, gradients)
        built.asked.assign_add(1)
        if loss > config.enough:
            _train(built, optimizer, gradients)
        seen["ran"] = _ran(built)
        return seen

    return {"step": step}


def _seen_while_traced(twin):
    """What Python does by itself it does once, while the function is traced."""
    step = twin.step

    def faulty(x, y_true, built, optimizer, config, observe):
        once = observe(0.0)
        seen = step(x, y_true, built, optimizer, config, lambda loss: once)
        seen["outputs"]["observed"] = tf.constant(once)
        return seen

    return {"step": faulty}


def _gradients(twin, x, y_true, built, config):
    with tf.GradientTape() as tape:
        y_pred, loss = twin.difference(x, y_true, built, config)
    parameters = [built.weight.value, built.decay.value]
    return y_pred, loss, tape.gradient(loss, parameters)


def _train(built, optimizer, gradients):
    optimizer.apply(gradients, [built.weight, built.decay])
    built.trained.assign_add(1)


def _ran(built):
    return {
        "asked": tf.identity(built.asked.value),
        "trained": tf.identity(built.trained.value),
    }


def _seen(twin, x, y_true, built, config, observe, y_pred, loss, gradients):
    _, loss_after = twin.difference(x, y_true, built, config)
    observed = tf.numpy_function(observe, [loss], tf.float32)
    return {
        "outputs": {"y_pred": y_pred, "observed": observed},
        "loss": {"loss": loss},
        "gradients": dict(zip(["weight", "decay"], gradients, strict=True)),
        "ran": _ran(built),
        "after": {"after": loss_after},
    }


def _write_not_kept(twin):
    """Only the first moment is kept: a TensorArray whose write is not assigned."""

    def smooth(x, built, config):
        return tf.concat([_smooth(x, built, config)[:1], tf.zeros_like(x[1:])], 0)

    _smooth = twin.smooth
    return {"smooth": smooth}


FAULTS = {
    "count_in_the_branch": Fault(
        "What stood outside of tf.cond moves into the branch.",
        "ran",
        _count_in_the_branch,
    ),
    "update_outside_the_branch": Fault(
        "What stood inside of tf.cond moves out.",
        "ran",
        _update_outside_the_branch,
    ),
    "loss_after_before_the_update": Fault(
        "The line that depended on the update stands above it.",
        "after",
        _loss_after_before_the_update,
    ),
    "seen_while_traced": Fault(
        "Python is called as the function is traced, not in each step.",
        "outputs",
        _seen_while_traced,
    ),
    "write_not_kept": Fault(
        "What TensorArray.write returns is dropped.", "outputs", _write_not_kept
    ),
    "plain_relu": Fault(
        "The gradient of the ReLU is its own again.",
        "gradients",
        lambda twin: {"guided_relu": tf.nn.relu},
    ),
    "unbounded": Fault(
        "The gradient is not clipped on its way back.",
        "gradients",
        lambda twin: {"bounded": lambda x, largest: x},
    ),
    "gradient_through_the_clip": Fault(
        "The values are clipped, and the gradient with them.",
        "outputs",
        lambda twin: {
            "bounded": lambda x, largest: tf.clip_by_value(x, -largest, largest)
        },
    ),
    "always_trains": Fault(
        "The loss that is enough is zero.", "ran", fields={"enough": 0.0}
    ),
    "wrong_rate": Fault(
        "The rate is a tenth too high.", "after", fields={"learning_rate": 0.004296875}
    ),
}
