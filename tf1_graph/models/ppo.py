"""Proximal policy optimisation and A2C: the updates of both in OpenAI's baselines.

A policy and a value on top of one net. In PPO2 the new policy may leave the old one by a
ratio within the clip range, and the value by as much; A2C takes one step from what the
policy itself did. Rate and clip range are fed.

Shapes: B minibatch, F = 4 features of an observation, A = 2 actions.
"""

import collections
import dataclasses

import numpy as np
import tensorflow.compat.v1 as tf


@dataclasses.dataclass(frozen=True)
class Config:
    algorithm: str = "ppo2"  # or "a2c", see below
    features: int = 4  # F
    actions: int = 2  # A
    num_hidden: int = 64
    num_layers: int = 2
    lr: float = 3e-4  # at first; it falls to zero with the updates that are left
    cliprange: float = 0.2
    ent_coef: float = 0.0
    vf_coef: float = 0.5
    max_grad_norm: float = 0.5  # of all gradients together
    alpha: float = 0.99  # of A2C's RMSProp
    epsilon: float = 1e-5  # of RMSProp or Adam
    noptepochs: int = 4  # passes over a rollout
    batch_size: int = 64  # of a minibatch
    seed: int = 1  # of the graph, and of the order of minibatches


# Five steps of each of sixteen environments, seen once.
A2C = Config("a2c", lr=7e-4, ent_coef=0.01, noptepochs=1, batch_size=80)


def fc(x, scope, nh, init_scale, seed):
    """[B, in_size] -> [B, nh]: x w + b."""
    with tf.variable_scope(scope):
        shape = [int(x.get_shape()[1]), nh]
        ortho_init = tf.orthogonal_initializer(init_scale, seed=seed)
        w = tf.get_variable("w", shape, initializer=ortho_init)
        b = tf.get_variable("b", [nh], initializer=tf.constant_initializer(0.0))
        return tf.matmul(x, w) + b


def inference(x, config):
    """[B, F] -> (logits of the actions [B, A], value [B, 1]), float32."""
    h = x
    for i in range(config.num_layers):
        h = tf.tanh(fc(h, f"mlp_fc{i}", config.num_hidden, 2**0.5, 21 + i))
    logits = fc(h, "pi", config.actions, 0.01, 11)
    vf = fc(h, "vf", 1, 1.0, 12)
    return logits, vf


def neglogp(logits, actions):
    """[B, A], [B] -> [B]: minus the logarithm of the probability of each action."""
    one_hot_actions = tf.one_hot(actions, int(logits.get_shape()[-1]))
    return tf.nn.softmax_cross_entropy_with_logits_v2(
        logits=logits, labels=one_hot_actions
    )


def entropy(logits):
    """[B, A] -> [B], in nats."""
    a0 = logits - tf.reduce_max(logits, axis=-1, keepdims=True)
    ea0 = tf.exp(a0)
    z0 = tf.reduce_sum(ea0, axis=-1, keepdims=True)
    p0 = ea0 / z0
    return tf.reduce_sum(p0 * (tf.log(z0) - a0), axis=-1)


def a2c_losses(neglogpac, vpred, batch):
    """(of the policy, of the value), scalars."""
    pg_loss = tf.reduce_mean(batch["advs"] * neglogpac)
    vf_loss = tf.losses.mean_squared_error(vpred, batch["returns"])
    return pg_loss, vf_loss


def ppo2_losses(neglogpac, vpred, batch):
    """(of the policy, of the value), scalars.

    Each is the greater of two: clipping takes no step that it should not.
    """
    cliprange = batch["cliprange"]
    vpredclipped = batch["values"] + tf.clip_by_value(
        vpred - batch["values"], -cliprange, cliprange
    )
    vf_losses1 = tf.square(vpred - batch["returns"])
    vf_losses2 = tf.square(vpredclipped - batch["returns"])
    vf_loss = 0.5 * tf.reduce_mean(tf.maximum(vf_losses1, vf_losses2))
    ratio = tf.exp(batch["neglogpacs"] - neglogpac)
    pg_losses = -batch["advs"] * ratio
    pg_losses2 = -batch["advs"] * tf.clip_by_value(
        ratio, 1.0 - cliprange, 1.0 + cliprange
    )
    pg_loss = tf.reduce_mean(tf.maximum(pg_losses, pg_losses2))
    return pg_loss, vf_loss


def loss(logits, vpred, batch, config):
    """The losses of the policy, the value and the entropy together, a scalar.

    Args:
        batch: {'actions', 'returns', 'advs': [B]; and for PPO2 'neglogpacs', 'values': [B],
            of the rollout, and 'cliprange': scalar}.
    """
    neglogpac = neglogp(logits, batch["actions"])
    policy_entropy = tf.reduce_mean(entropy(logits))
    losses = a2c_losses if config.algorithm == "a2c" else ppo2_losses
    pg_loss, vf_loss = losses(neglogpac, vpred, batch)
    return pg_loss - policy_entropy * config.ent_coef + vf_loss * config.vf_coef


def optimizer(learning_rate, config):
    """RMSProp or Adam, with another epsilon than TF1's 1e-10 and 1e-8."""
    if config.algorithm == "a2c":
        return tf.train.RMSPropOptimizer(
            learning_rate, decay=config.alpha, epsilon=config.epsilon
        )
    return tf.train.AdamOptimizer(learning_rate, epsilon=config.epsilon)


# The graph, what its Session feeds, fetches and runs.
Model = collections.namedtuple(
    "Model", ["graph", "inputs", "logits", "value", "loss", "train"]
)


def build(config=Config()):
    """The whole graph, nothing run yet."""
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(config.seed)
        inputs = {
            "x": tf.placeholder(tf.float32, [None, config.features], name="x"),
            "actions": tf.placeholder(tf.int32, [None], name="actions"),
        }
        for name in ("returns", "advs", "neglogpacs", "values"):
            inputs[name] = tf.placeholder(tf.float32, [None], name=name)
        for name in ("lr", "cliprange"):
            inputs[name] = tf.placeholder(tf.float32, [], name=name)
        logits, vf = inference(inputs["x"], config)
        vpred = vf[:, 0]
        total_loss = loss(logits, vpred, inputs, config)
        params = tf.trainable_variables()
        trainer = optimizer(inputs["lr"], config)
        grads, var = zip(*trainer.compute_gradients(total_loss, params))
        grads, _ = tf.clip_by_global_norm(grads, config.max_grad_norm)
        train = trainer.apply_gradients(list(zip(grads, var)))
    return Model(graph, inputs, logits, vpred, total_loss, train)


def minibatches(rollout, config):
    """Endless {name: [B]} of a rollout's parts, in another order at each pass."""
    random = np.random.RandomState(config.seed)
    while True:
        inds = random.permutation(len(rollout["x"]))
        for start in range(0, len(inds), config.batch_size):
            mbinds = inds[start : start + config.batch_size]
            batch = {name: part[mbinds] for name, part in rollout.items()}
            advs = batch["returns"] - batch["values"]
            if config.algorithm == "ppo2":
                # Normalised by minibatch, here and not in the graph.
                advs = (advs - advs.mean()) / (advs.std() + np.float32(1e-8))
            batch.update(advs=advs, cliprange=np.float32(config.cliprange))
            yield batch


def run(rollout, updates, config=Config()):
    """Learns from one rollout, again and again; returns [loss of each minibatch].

    Args:
        rollout: {'x' [n, F], 'actions', 'returns', 'neglogpacs', 'values': [n]}.
        updates: how many times ``noptepochs`` passes over it.
    """
    built, batches, losses = build(config), minibatches(rollout, config), []
    count = config.noptepochs * -(-len(rollout["x"]) // config.batch_size)
    with built.graph.as_default():
        init = tf.global_variables_initializer()
        with tf.Session() as session:
            session.run(init)
            for update in range(updates):
                frac = 1.0 - update / float(updates)
                for _ in range(count):
                    batch = dict(next(batches), lr=np.float32(config.lr * frac))
                    td_map = {built.inputs[name]: batch[name] for name in batch}
                    losses.append(session.run([built.loss, built.train], td_map)[0])
    return losses
