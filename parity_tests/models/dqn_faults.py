"""Faults planted in the twin of the deep Q-network."""

import keras
import numpy as np
import tensorflow as tf

from parity_tests.models.pair import Fault


def _network(**methods):
    """(twin module) -> patch: the model with some of its methods replaced."""
    return lambda twin: {
        "DeepQNetwork": keras.saving.register_keras_serializable("dqn_faults")(
            type("DeepQNetwork", (twin.DeepQNetwork,), methods)
        )
    }


def _keras_random_normal(twin):
    def layer(x, size, seed, config, name):
        w = keras.initializers.RandomNormal(0.0, 0.3, seed=seed)
        x = keras.layers.Dense(size, use_bias=False, kernel_initializer=w, name=name)(x)
        bias = keras.initializers.Constant(0.1)
        return twin.tf1_semantics.layers.AddBias(bias, name=name + "_add")(x)

    return {"layer": layer}


def _keras_rmsprop(twin):
    return {
        "optimizer": lambda config: keras.optimizers.RMSprop(
            config.learning_rate, rho=0.9, epsilon=1e-10, name="rmsprop"
        )
    }


def _taken(q, actions):
    """[B, A], [B] -> [B]."""
    return tf.gather_nd(q, tf.stack([tf.range(tf.shape(actions)[0]), actions], axis=1))


def _td_errors(targets):
    """A loss of targets [B], a function of (model, x, q_eval, q_next)."""

    def compute_loss(self, x=None, y=None, y_pred=None, *arguments, **options):
        q_target = x["r"] + self.config.reward_decay * targets(self, x, *y_pred)
        errors = tf.stop_gradient(q_target) - _taken(y_pred[0], x["a"])
        return tf.reduce_mean(tf.square(errors))

    return _network(compute_loss=compute_loss)


def _no_target_net(model, x, q_eval, q_next):
    return tf.reduce_max(model.eval_net(x["s_"]), axis=1)


def _double(model, x, q_eval, q_next):
    chosen = tf.argmax(model.eval_net(x["s_"]), 1, output_type=tf.int32)
    return _taken(q_next, chosen)


def _mean_of_actions(model, x, q_eval, q_next):
    return tf.reduce_mean(q_next, axis=1)


def _error_over_all_actions(self, x=None, y=None, y_pred=None, *arguments, **options):
    """As when the targets are a copy of q_eval in which one action is replaced."""
    q_eval, q_next = y_pred
    q_target = x["r"] + self.config.reward_decay * tf.reduce_max(q_next, axis=1)
    taken = tf.one_hot(x["a"], q_eval.shape[1]) > 0
    targets = tf.where(taken, q_target[:, None], q_eval)
    return tf.reduce_mean(tf.square(tf.stop_gradient(targets) - q_eval))


def _never_copied(self):
    return [target.value for target in self.target_net.weights]


def _copied_the_other_way(self):
    for target, source in zip(
        self.target_net.weights, self.eval_net.weights, strict=True
    ):
        source.assign(target)
    return [target.value for target in self.target_net.weights]


def _copied_by_halves(self):
    for target, source in zip(
        self.target_net.weights, self.eval_net.weights, strict=True
    ):
        target.assign(0.5 * (target + source))
    return [target.value for target in self.target_net.weights]


def _weights_alone(self):
    for target, source in zip(
        self.target_net.weights[::2], self.eval_net.weights[::2], strict=True
    ):
        target.assign(source)
    return [target.value for target in self.target_net.weights]


def _every_epsilon_taken(self, new_epsilon):
    self.epsilon.assign(new_epsilon)
    return self.epsilon.value


FAULTS = {
    "keras_random_normal": Fault(
        "Keras's RandomNormal with the same seeds.",
        "initial values",
        _keras_random_normal,
    ),
    "another_seed": Fault(
        "The graph's seed is one more.", "initial values", fields={"seed": 2}
    ),
    "keras_rmsprop": Fault(
        "Keras's RMSprop, whose mean of squares starts at zero.",
        "initial values",
        _keras_rmsprop,
    ),
    "error_over_all_actions": Fault(
        "The error is averaged over all actions, of which one differs.",
        "loss",
        _network(compute_loss=_error_over_all_actions),
    ),
    "no_target_net": Fault(
        "The net itself says what comes after.", "loss", _td_errors(_no_target_net)
    ),
    "double_q": Fault(
        "The net chooses the next action, the target net its worth.",
        "loss",
        _td_errors(_double),
    ),
    "mean_of_actions": Fault(
        "The next state is worth the mean of its actions.",
        "loss",
        _td_errors(_mean_of_actions),
    ),
    "wrong_decay": Fault(
        "The reward decays less.", "loss", fields={"reward_decay": 0.99}
    ),
    "actions_of_the_neighbour": Fault(
        "Each state meets the action of another one.",
        "loss",
        batch=lambda batch: {**batch, "a": np.roll(batch["a"], 1)},
    ),
    "never_copied": Fault(
        "The target net stays what it was.",
        "outputs",
        _network(replace_target=_never_copied),
    ),
    "copied_the_other_way": Fault(
        "The net is copied from its target.",
        "outputs",
        _network(replace_target=_copied_the_other_way),
    ),
    "copied_by_halves": Fault(
        "The target net goes half of the way.",
        "outputs",
        _network(replace_target=_copied_by_halves),
    ),
    "weights_alone": Fault(
        "The biases are not copied.", "outputs", _network(replace_target=_weights_alone)
    ),
    "every_epsilon_taken": Fault(
        "A value below zero is taken for a share.",
        "epsilon",
        _network(update_epsilon=_every_epsilon_taken),
    ),
    "wrong_rate": Fault(
        "The rate is a tenth too high, as the slot of the last step shows.",
        "slots",
        fields={"learning_rate": 0.011},
    ),
}
