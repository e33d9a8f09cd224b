"""Proximal policy optimisation and A2C, as baselines has both: the Keras 3 twin.

A policy and a value on top of one net. In PPO2 the new policy may leave the old one by a
ratio within the clip range, and the value by as much; A2C takes one step from what the
policy itself did. Rate and clip range come with a batch.

Shapes: B minibatch, F = 4 features of an observation, A = 2 actions.
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from tf2_keras import tf1_semantics


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


@keras.saving.register_keras_serializable("ppo")
class FC(keras.layers.Dense):
    """x w + b, whose gradient sums otherwise than that of Dense's BiasAdd.

    Both in one layer: the clip sums squares variable by variable, and Keras lists
    variables by the depth of their layers, those of a head's bias after other weights.
    """

    def call(self, x):
        return keras.ops.matmul(x, self.kernel) + self.bias


def fc(x, scope, nh, init_scale, seed, config):
    """[B, in_size] -> [B, nh]: x w + b."""
    # Keras's Orthogonal draws other numbers from the same seed.
    ortho_init = tf1_semantics.initializers.Orthogonal(init_scale, (config.seed, seed))
    return FC(nh, kernel_initializer=ortho_init, name=scope)(x)


def inference(x, config):
    """[B, F] -> (logits of the actions [B, A], value [B, 1]), float32."""
    h = x
    for i in range(config.num_layers):
        scope = f"mlp_fc{i}"
        h = keras.ops.tanh(fc(h, scope, config.num_hidden, 2**0.5, 21 + i, config))
    logits = fc(h, "pi", config.actions, 0.01, 11, config)
    vf = fc(h, "vf", 1, 1.0, 12, config)
    return logits, vf


def neglogp(logits, actions):
    """[B, A], [B] -> [B]: minus the logarithm of the probability of each action."""
    one_hot_actions = keras.ops.one_hot(actions, logits.shape[-1])
    return keras.losses.categorical_crossentropy(
        one_hot_actions, logits, from_logits=True
    )


def entropy(logits):
    """[B, A] -> [B], in nats."""
    # The gradients of the two lines below are added before that of the loss, as in a
    # graph; eager code would add all three as they come.
    logits = tf.identity(logits)
    a0 = logits - keras.ops.max(logits, axis=-1, keepdims=True)
    ea0 = keras.ops.exp(a0)
    z0 = keras.ops.sum(ea0, axis=-1, keepdims=True)
    p0 = ea0 / z0
    return keras.ops.sum(p0 * (keras.ops.log(z0) - a0), axis=-1)


def a2c_losses(neglogpac, vpred, batch):
    """(of the policy, of the value), scalars."""
    pg_loss = keras.ops.mean(batch["advs"] * neglogpac)
    vf_loss = tf1_semantics.losses.MeanSquaredError()(batch["returns"], vpred)
    return pg_loss, vf_loss


def ppo2_losses(neglogpac, vpred, batch):
    """(of the policy, of the value), scalars.

    Each is the greater of two: clipping takes no step that it should not.
    """
    ops = keras.ops
    cliprange = batch["cliprange"]
    vpredclipped = batch["values"] + tf.clip_by_value(
        vpred - batch["values"], -cliprange, cliprange
    )
    vf_losses1 = ops.square(vpred - batch["returns"])
    vf_losses2 = ops.square(vpredclipped - batch["returns"])
    vf_loss = 0.5 * ops.mean(ops.maximum(vf_losses1, vf_losses2))
    ratio = ops.exp(batch["neglogpacs"] - neglogpac)
    pg_losses = -batch["advs"] * ratio
    pg_losses2 = -batch["advs"] * tf.clip_by_value(
        ratio, 1.0 - cliprange, 1.0 + cliprange
    )
    pg_loss = ops.mean(ops.maximum(pg_losses, pg_losses2))
    return pg_loss, vf_loss


def loss(logits, vpred, batch, config):
    """The losses of the policy, the value and the entropy together, a scalar.

    Args:
        batch: {'actions', 'returns', 'advs': [B]; and for PPO2 'neglogpacs', 'values': [B],
            of the rollout, and 'cliprange': scalar}.
    """
    neglogpac = neglogp(logits, batch["actions"])
    policy_entropy = keras.ops.mean(entropy(logits))
    losses = a2c_losses if config.algorithm == "a2c" else ppo2_losses
    pg_loss, vf_loss = losses(neglogpac, vpred, batch)
    return pg_loss - policy_entropy * config.ent_coef + vf_loss * config.vf_coef


def optimizer(config):
    """RMSProp or Adam, with another epsilon than TF1's 1e-10 and 1e-8, or Keras's 1e-7."""
    clip = [tf1_semantics.clipping.ByGlobalNorm(config.max_grad_norm)]
    if config.algorithm == "a2c":
        # Keras's average of squares starts at zero, TF1's at one: first steps are smaller.
        return tf1_semantics.optimizers.RMSProp(
            config.lr, config.alpha, epsilon=config.epsilon, clip=clip, name="rmsprop"
        )
    return tf1_semantics.optimizers.Adam(
        config.lr, epsilon=config.epsilon, clip=clip, name="adam"
    )


@keras.saving.register_keras_serializable("ppo")
class PPO(keras.Model):
    """The policy and the value, and what ``fit`` makes of a minibatch."""

    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = Config(**config)
        x = keras.Input([self.config.features], name="x")
        self.net = keras.Model(x, inference(x, self.config), name="net")
        self.built = True

    def call(self, inputs):
        logits, vf = self.net(inputs["x"])
        return logits, vf[:, 0]

    def compute_loss(self, x=None, y=None, y_pred=None, *arguments, **options):
        return loss(*y_pred, x, self.config)

    def train_step(self, data):
        # TF1 fed the rate to each run.
        self.optimizer.learning_rate.assign(data[0]["lr"])
        return super().train_step(data)

    def get_config(self):
        return {**super().get_config(), "config": dataclasses.asdict(self.config)}


def build(config=Config()):
    """The whole model, compiled."""
    model = PPO(dataclasses.asdict(config))
    model.compile(optimizer=optimizer(config), jit_compile=False)
    return model


def checkpoint_names(model):
    """{TF1 variable name: Keras path}, such as pi/w: pi/kernel."""
    paths = [variable.path for variable in model.net.trainable_variables]
    letters = {"kernel": "w", "bias": "b"}
    scopes = (path.partition("/") for path in paths)
    named = (f"{scope}/{letters[name]}" for scope, _, name in scopes)
    return dict(zip(named, paths, strict=True))


def minibatches(rollout, config):
    """A tf.data.Dataset of ({name: [B]},), endless, in another order at each pass."""

    def batches():
        random = np.random.RandomState(config.seed)
        while True:
            inds = random.permutation(len(rollout["x"]))
            for start in range(0, len(inds), config.batch_size):
                mbinds = inds[start : start + config.batch_size]
                batch = {name: part[mbinds] for name, part in rollout.items()}
                advs = batch["returns"] - batch["values"]
                if config.algorithm == "ppo2":
                    # Normalised by minibatch, here and not in the model.
                    advs = (advs - advs.mean()) / (advs.std() + np.float32(1e-8))
                batch.update(advs=advs, cliprange=np.float32(config.cliprange))
                yield (batch,)

    specs = {
        name: tf.TensorSpec([None, *part.shape[1:]], part.dtype)
        for name, part in {**rollout, "advs": rollout["returns"]}.items()
    }
    specs["cliprange"] = tf.TensorSpec([], tf.float32)
    made = tf.data.Dataset.from_generator(batches, output_signature=(specs,))
    return made.prefetch(2)  # Python makes a batch while a step is taken


def run(rollout, updates, config=Config()):
    """Learns from one rollout, again and again; returns [loss of each minibatch].

    Args:
        rollout: {'x' [n, F], 'actions', 'returns', 'neglogpacs', 'values': [n]}.
        updates: how many times ``noptepochs`` passes over it.
    """
    model = build(config)
    count = config.noptepochs * -(-len(rollout["x"]) // config.batch_size)

    def with_rate(step, parts):
        update = tf.cast(step // count, tf.float64)
        frac = 1.0 - update / tf.constant(updates, tf.float64)
        return ({**parts[0], "lr": tf.cast(config.lr * frac, tf.float32)},)

    batches = minibatches(rollout, config).enumerate().map(with_rate)
    # What fit itself keeps is a mean over the epoch; a Session fetched each step's loss.
    history = tf1_semantics.callbacks.StepHistory()
    model.fit(
        batches,
        steps_per_epoch=updates * count,
        shuffle=False,
        verbose=0,
        callbacks=[history],
    )
    return history.history["loss"]
