"""The update steps of PPO2 and A2C, by the facts of OpenAI's baselines.

PPO2: ratio and value clipped by 0.2, 0.01 times the entropy, half the value's loss,
gradients clipped to a global norm of 0.5, Adam with epsilon 1e-5 and a rate that is fed.
A2C: the same terms without ratio, RMSProp with decay 0.99 and epsilon 1e-5, whose slot
starts at ones, and a rate that decays linearly and is fed.

Shapes: B batch, 6 observations, 8 hidden units, 4 actions.
"""

import keras
import numpy as np
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from parity_tests.engine.budgets import Budget
from parity_tests.pair.mistakes import graphs, keras_layers
from parity_tests.pair.own_pair import OwnPair
from tf2_keras.tf1_semantics import clipping, optimizers

OBSERVATIONS, ACTIONS, HIDDEN, STEPS, BATCH = 6, 4, 8, 2, 16
CLIP_RANGE, LARGEST_NORM, ENTROPY, VALUE = 0.2, 0.5, 0.01, 0.5
CLIP = clipping.ByGlobalNorm(LARGEST_NORM)
ORDER = Budget(
    normwise=8, reason="sums of three and more terms, which Grappler orders by names"
)
BUDGETS = {"gradients": ORDER, "slots": ORDER, "updates": ORDER}


def _entropy(logits):
    """[B], as baselines' CategoricalPd computes it."""
    shifted = logits - tf.reduce_max(logits, -1, keepdims=True)
    powers = tf.exp(shifted)
    total = tf.reduce_sum(powers, -1, keepdims=True)
    return tf.reduce_sum(powers / total * (tf.math.log(total) - shifted), -1)


def _surprise(logits, actions):
    """[B], -log of the probability of what was done."""
    return tf.nn.softmax_cross_entropy_with_logits(
        labels=tf.one_hot(actions, ACTIONS), logits=logits
    )


def ppo2_loss(logits, value, batch, mean=tf.reduce_mean, bonus=ENTROPY, ratio=tf.exp):
    """A scalar; other arguments than the first three are mistakes."""
    entropy = mean(_entropy(logits))
    old = batch["old_value"]
    clipped = old + tf.clip_by_value(value - old, -CLIP_RANGE, CLIP_RANGE)
    returns = batch["returns"]
    of_value = 0.5 * mean(
        tf.maximum(tf.square(value - returns), tf.square(clipped - returns))
    )
    likelier = ratio(batch["old_surprise"] - _surprise(logits, batch["actions"]))
    within = tf.clip_by_value(likelier, 1.0 - CLIP_RANGE, 1.0 + CLIP_RANGE)
    advantage = batch["advantage"]
    of_policy = mean(tf.maximum(-advantage * likelier, -advantage * within))
    return of_policy - entropy * bonus + of_value * VALUE


def a2c_loss(logits, value, batch, mean=tf.reduce_mean, bonus=ENTROPY, keep=None):
    """A scalar. The advantage is no way for a gradient to take."""
    advantage = (keep or tf.stop_gradient)(batch["returns"] - value)
    of_policy = mean(advantage * _surprise(logits, batch["actions"]))
    of_value = mean(tf.square(value - batch["returns"]))
    return of_policy - mean(_entropy(logits)) * bonus + of_value * VALUE


def _graph(loss_of, optimizer, **fed):
    tf1.set_random_seed(graphs.SEED)
    inputs = graphs.placeholders(
        obs=[OBSERVATIONS], actions=[tf.int32], returns=[], **fed
    )
    inputs["rate"] = tf1.placeholder(tf.float32, [], name="rate")
    hidden = graphs.dense(inputs["obs"], "hidden_1", HIDDEN, 1, tf.tanh)
    hidden = graphs.dense(hidden, "hidden_2", HIDDEN, 2, tf.tanh)
    logits = graphs.dense(hidden, "policy", ACTIONS, 3)
    value = graphs.dense(hidden, "value", 1, 4)[:, 0]
    loss = loss_of(logits, value, inputs)
    variables = tf1.trainable_variables()
    gradients = tf1.gradients(loss, variables)
    gradients, _ = tf1.clip_by_global_norm(gradients, LARGEST_NORM)
    step = optimizer(inputs["rate"]).apply_gradients(
        zip(gradients, variables, strict=True)
    )
    return {"inputs": inputs, "train": {"op": step, "loss": loss}}


def ppo2():
    return _graph(
        ppo2_loss,
        lambda rate: tf1.train.AdamOptimizer(rate, epsilon=1e-5),
        advantage=[],
        old_surprise=[],
        old_value=[],
    )


def a2c():
    return _graph(
        a2c_loss, lambda rate: tf1.train.RMSPropOptimizer(rate, 0.99, epsilon=1e-5)
    )


class ActorCritic(keras.Model):
    """Two heads on one body; ``train_step`` is what ``model.train`` did."""

    def __init__(self, loss_of, clip, late, **functional):
        super().__init__(**functional)
        self.loss_of, self.clip, self.late = loss_of, clip, late

    def train_step(self, data):
        (batch,) = data
        if not self.late:
            self.optimizer.learning_rate.assign(batch["rate"])
        logits, value = self(batch["obs"], training=True)
        loss = self.loss_of(logits, value[:, 0], batch)
        # The body's gradients have three and more parts, which a tape adds up in
        # another order than TF1's graph.
        gradients = tf.gradients(loss, [v.value for v in self.trainable_variables])
        if self.clip is not None:
            gradients = self.clip(gradients)
        self.optimizer.apply(gradients, self.trainable_variables)
        if self.late:
            self.optimizer.learning_rate.assign(batch["rate"])
        return {"loss": loss}


def _model(
    loss_of,
    optimizer,
    clip=CLIP,
    late=False,
    first_seed=1,
    activation="tanh",
    **mistakes,
):
    obs = keras.Input([OBSERVATIONS], name="obs")
    hidden = keras_layers.dense("hidden_1", HIDDEN, first_seed, "tanh")(obs)
    hidden = keras_layers.dense("hidden_2", HIDDEN, 2, activation)(hidden)
    logits = keras_layers.dense("policy", ACTIONS, 3)(hidden)
    value = keras_layers.dense("value", 1, 4)(hidden)

    def loss(logits, value, batch):
        return loss_of(logits, value, batch, **mistakes)

    model = ActorCritic(loss, clip, late, inputs=obs, outputs=[logits, value])
    model.compile(optimizer, jit_compile=False)
    return model


class ZeroStart(optimizers.RMSProp):
    """RMSProp whose slot starts at zeros, as Keras's does."""

    def create_slots(self, variables):
        slots = super().create_slots(variables)
        slots["RMSProp"] = self.add_slots(variables, "zero_rms")
        return slots


def _batches(*fed):
    """As many as STEPS, the rate of each a little smaller."""
    normal, random = graphs.numbers(3), np.random.RandomState(4)
    return [
        {
            "obs": normal(BATCH, OBSERVATIONS),
            "actions": random.randint(ACTIONS, size=BATCH).astype(np.int32),
            "returns": normal(BATCH),
            **{name: normal(BATCH) for name in fed},
            "rate": np.float32(0.01 * (1 - step / 10)),
        }
        for step in range(STEPS)
    ]


def ppo2_pair(optimizer=None, **mistakes):
    """The ``OwnPair``; arguments are mistakes."""
    optimizer = optimizer or (lambda: optimizers.Adam(0.01, epsilon=1e-5))
    return OwnPair(
        ppo2,
        lambda: _model(ppo2_loss, optimizer(), **mistakes),
        _batches("advantage", "old_surprise", "old_value"),
        levels=["function"],
        budgets=BUDGETS,
    )


def a2c_pair(optimizer=None, **mistakes):
    """The ``OwnPair``; arguments are mistakes."""
    optimizer = optimizer or (
        lambda: optimizers.RMSProp(0.01, decay=0.99, epsilon=1e-5)
    )
    return OwnPair(
        a2c,
        lambda: _model(a2c_loss, optimizer(), **mistakes),
        _batches(),
        levels=["function"],
        budgets=BUDGETS,
    )
