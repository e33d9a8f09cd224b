"""A deep Q-network with a replay memory and a target network, as beginners learned it.

One net evaluates the actions of a state; a second of the same shape, which is only ever
copied from the first, says what the next state is worth. What was seen is kept, and
learned from in batches that are drawn at random.

Shapes: B batch, F = 2 features of a state, A = 4 actions.
"""

import collections
import dataclasses

import numpy as np
import tensorflow.compat.v1 as tf


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


def layer(x, size, seed, trainable, name):
    """[B, in_size] -> [B, size]: x w + b."""
    with tf.variable_scope(name):
        w = tf.get_variable(
            "w",
            [int(x.get_shape()[1]), size],
            initializer=tf.random_normal_initializer(0.0, 0.3, seed=seed),
            trainable=trainable,
        )
        b = tf.get_variable(
            "b", [size], initializer=tf.constant_initializer(0.1), trainable=trainable
        )
        return tf.matmul(x, w) + b


def inference(s, config, scope, seed):
    """[B, F] -> [B, A], float32: what each action is worth."""
    trainable = scope == "eval_net"  # the target net learns by copies alone
    with tf.variable_scope(scope):
        hidden = tf.nn.relu(layer(s, config.hidden, seed, trainable, "l1"))
        return layer(hidden, config.actions, seed + 1, trainable, "l2")


def loss(q_target, q_eval_wrt_a):
    """Mean squared error of two [B], a scalar."""
    return tf.reduce_mean(tf.squared_difference(q_target, q_eval_wrt_a))


def optimizer(config):
    """RMSProp; TF1's mean of squares starts at one."""
    return tf.train.RMSPropOptimizer(config.learning_rate)


# The graph, what its Session feeds, fetches and runs.
Model = collections.namedtuple(
    "Model",
    ["graph", "s", "a", "r", "s_", "q_eval", "loss", "train"]
    + ["target_replace_op", "new_epsilon", "epsilon"],
)


def build(config=Config()):
    """The whole graph, nothing run yet."""
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(config.seed)
        s = tf.placeholder(tf.float32, [None, config.features], name="s")
        a = tf.placeholder(tf.int32, [None], name="a")
        r = tf.placeholder(tf.float32, [None], name="r")
        s_ = tf.placeholder(tf.float32, [None, config.features], name="s_")
        q_eval = inference(s, config, "eval_net", seed=11)
        q_next = inference(s_, config, "target_net", seed=21)
        q_target = r + config.reward_decay * tf.reduce_max(q_next, axis=1)
        rows = tf.range(tf.shape(a)[0])
        # Of the actions that were taken; the others have no target.
        q_eval_wrt_a = tf.gather_nd(q_eval, tf.stack([rows, a], axis=1))
        total_loss = loss(tf.stop_gradient(q_target), q_eval_wrt_a)
        # Before the optimizer adds its slots under the same scope.
        e_params, t_params = (
            tf.get_collection(tf.GraphKeys.GLOBAL_VARIABLES, scope=scope)
            for scope in ("eval_net", "target_net")
        )
        target_replace_op = [tf.assign(t, e) for t, e in zip(t_params, e_params)]
        train = optimizer(config).minimize(total_loss)
        # A value below zero leaves the share as it is.
        epsilon = tf.get_variable("eps", initializer=0.0, trainable=False)
        new_epsilon = tf.placeholder(tf.float32, [], name="update_eps")
        update_epsilon = epsilon.assign(
            tf.cond(new_epsilon >= 0, lambda: new_epsilon, lambda: epsilon)
        )
    return Model(
        graph, s, a, r, s_, q_eval, total_loss, train,
        target_replace_op, new_epsilon, update_epsilon,
    )  # fmt: skip


def run(environment, episodes, config=Config()):
    """Plays so many episodes; returns ([loss of each step of learning], [A] at the start).

    Args:
        environment: has ``reset()`` -> state [F] and ``step(action)`` -> (state, reward,
            done).
    """
    built = build(config)
    memory, random = Memory(config), np.random.RandomState(config.seed + 1)
    costs, epsilon, step = [], 0.0, 0
    with built.graph.as_default():
        init = tf.global_variables_initializer()
        with tf.Session() as session:
            session.run(init)

            def learn():
                if len(costs) % config.replace_target_iter == 0:
                    session.run(built.target_replace_op)
                batch = memory.sample()
                feed_dict = {getattr(built, name): batch[name] for name in batch}
                _, cost = session.run([built.train, built.loss], feed_dict=feed_dict)
                costs.append(cost)
                new = min(epsilon + config.e_greedy_increment, config.e_greedy)
                return session.run(built.epsilon, feed_dict={built.new_epsilon: new})

            for _ in range(episodes):
                observation, done = environment.reset(), False
                while not done:
                    action = random.randint(config.actions)
                    if random.uniform() < epsilon:
                        feed_dict = {built.s: observation[np.newaxis]}
                        values = session.run(built.q_eval, feed_dict=feed_dict)
                        action = int(np.argmax(values))
                    observation_, reward, done = environment.step(action)
                    memory.store(observation, action, reward, observation_)
                    if step > config.replace_target_iter and step % 5 == 0:
                        epsilon = learn()
                    observation, step = observation_, step + 1
            start = {built.s: environment.reset()[np.newaxis]}
            return costs, session.run(built.q_eval, feed_dict=start)[0]
