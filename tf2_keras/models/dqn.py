"""A deep Q-network with a replay memory and a target network: the Keras 3 twin.

One net evaluates the actions of a state; a second of the same shape, which is only ever
copied from the first, says what the next state is worth. What was seen is kept, and
learned from in batches that are drawn at random.

Shapes: B batch, F = 2 features of a state, A = 4 actions.
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from tf2_keras import tf1_semantics


@dataclasses.dataclass(frozen=True)
class Config:
    features: int = 2  # F
    actions: int = 4  # A
    hidden: int = 20  # units of the hidden layer
    learning_rate: float = 0.01
    reward_decay: float = 0.9  # of what comes a step later
    e_greedy: float = 0.9  # the share of actions that the net chooses, at last
    e_greedy_increment: float = 0.001  # of that share, at each step of learning
    replace_target_iter: int = 200  # steps of learning between two copies
    memory_size: int = 2000
    batch_size: int = 32
    seed: int = 1  # of the graph; each variable adds its own


class Memory:
    """The last transitions (s, a, r, s_), of which batches are drawn."""

    def __init__(self, config):
        self.batch_size, self.counter = config.batch_size, 0
        self.memory = np.zeros([config.memory_size, 2 * config.features + 2])
        self.random = np.random.RandomState(config.seed)

    def store(self, s, a, r, s_):
        self.memory[self.counter % len(self.memory)] = np.hstack([s, a, r, s_])
        self.counter += 1

    def sample(self):
        """{'s' [B, F], 'a' [B], 'r' [B], 's_' [B, F]}."""
        kept = min(self.counter, len(self.memory))
        batch = self.memory[self.random.choice(kept, self.batch_size)]
        features = (batch.shape[1] - 2) // 2
        s, a, r, s_ = np.split(batch, [features, features + 1, features + 2], axis=1)
        return {
            "s": s.astype(np.float32),
            "a": a[:, 0].astype(np.int32),
            "r": r[:, 0].astype(np.float32),
            "s_": s_.astype(np.float32),
        }


def layer(x, size, seed, config, name):
    """[B, in_size] -> [B, size]: x w + b."""
    w = tf1_semantics.initializers.RandomNormal(0.0, 0.3, seed=(config.seed, seed))
    x = keras.layers.Dense(size, use_bias=False, kernel_initializer=w, name=name)(x)
    # x w + b, not BiasAdd: the biases' gradient is then summed in TF1's order.
    b = keras.initializers.Constant(0.1)
    return tf1_semantics.layers.AddBias(b, name=name + "_add")(x)


def inference(s, config, scope, seed):
    """[B, F] -> [B, A], float32: what each action is worth."""
    hidden = keras.layers.ReLU()(layer(s, config.hidden, seed, config, scope + "_l1"))
    return layer(hidden, config.actions, seed + 1, config, scope + "_l2")


@keras.saving.register_keras_serializable("dqn")
def loss(q_target, q_eval_wrt_a):
    """Mean squared error of two [B], a scalar."""
    return keras.ops.mean(keras.ops.square(q_target - q_eval_wrt_a))


def optimizer(config):
    """RMSProp. Keras's own mean of squares starts at zero, TF1's at one."""
    return tf1_semantics.optimizers.RMSProp(config.learning_rate, name="rmsprop")


@keras.saving.register_keras_serializable("dqn")
class DeepQNetwork(keras.Model):
    """Both nets, and the share of actions that the first one chooses."""

    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = Config(**config)
        s = keras.Input([self.config.features], name="s")
        self.eval_net, self.target_net = (
            keras.Model(s, inference(s, self.config, scope, seed), name=scope)
            for scope, seed in (("eval_net", 11), ("target_net", 21))
        )
        self.target_net.trainable = False  # it learns by copies alone
        self.epsilon = self.add_weight(
            shape=(), initializer="zeros", trainable=False, name="eps"
        )
        self.built = True

    def call(self, inputs):
        """{'s' [B, F], 's_' [B, F]} -> (what actions are worth, and what comes after)."""
        return self.eval_net(inputs["s"]), self.target_net(inputs["s_"])

    def compute_loss(self, x=None, y=None, y_pred=None, *arguments, **options):
        # fit calls this with what call returned; the targets come from there too.
        q_eval, q_next = y_pred
        q_target = x["r"] + self.config.reward_decay * keras.ops.max(q_next, axis=1)
        rows = tf.range(tf.shape(x["a"])[0])
        # Of the actions that were taken; the others have no target.
        q_eval_wrt_a = tf.gather_nd(q_eval, tf.stack([rows, x["a"]], axis=1))
        return loss(keras.ops.stop_gradient(q_target), q_eval_wrt_a)

    def replace_target(self):
        """What ``[tf.assign(t, e) ...]`` did: both lists stand in one order."""
        for t, e in zip(self.target_net.weights, self.eval_net.weights, strict=True):
            t.assign(e)
        return [t.value for t in self.target_net.weights]

    def update_epsilon(self, new_epsilon):
        """A value below zero leaves the share as it is."""
        self.epsilon.assign(
            keras.ops.where(new_epsilon >= 0, new_epsilon, self.epsilon)
        )
        return self.epsilon.value

    def get_config(self):
        return {**super().get_config(), "config": dataclasses.asdict(self.config)}


def build(config=Config()):
    """The whole model, compiled."""
    model = DeepQNetwork(dataclasses.asdict(config))
    model.compile(optimizer=optimizer(config), loss=loss, jit_compile=False)
    return model


def checkpoint_names(model):
    """{TF1 variable name: Keras path}."""
    names = {"eps": model.epsilon.path}
    for scope in ("eval_net", "target_net"):
        for layer in ("l1", "l2"):
            names[f"{scope}/{layer}/w"] = f"{scope}_{layer}/kernel"
            names[f"{scope}/{layer}/b"] = f"{scope}_{layer}_add/bias"
    return names


def run(environment, episodes, config=Config()):
    """Plays so many episodes; returns ([loss of each step of learning], [A] at the start).

    Args:
        environment: has ``reset()`` -> state [F] and ``step(action)`` -> (state, reward,
            done).
    """
    model = build(config)
    memory, random = Memory(config), np.random.RandomState(config.seed + 1)
    costs, epsilon, step = [], 0.0, 0
    q_eval = tf.function(model.eval_net, reduce_retracing=True)

    def learn():
        if len(costs) % config.replace_target_iter == 0:
            model.replace_target()
        model.reset_metrics()  # or the loss would be a mean over the steps so far
        costs.append(model.train_on_batch(memory.sample()))
        new = min(epsilon + config.e_greedy_increment, config.e_greedy)
        return model.update_epsilon(tf.constant(new)).numpy()

    for _ in range(episodes):
        observation, done = environment.reset(), False
        while not done:
            action = random.randint(config.actions)
            if random.uniform() < epsilon:
                action = int(np.argmax(q_eval(observation[np.newaxis])))
            observation_, reward, done = environment.step(action)
            memory.store(observation, action, reward, observation_)
            if step > config.replace_target_iter and step % 5 == 0:
                epsilon = learn()
            observation, step = observation_, step + 1
    return costs, q_eval(environment.reset()[np.newaxis]).numpy()[0]
