"""What ppo is run on: a pole on a cart, pushed at random."""

import numpy as np

TEACHES = "PPO2's clipped losses beside A2C's, a fed rate, epsilons, a slot of ones"
STEPS = 12
METRIC = "value error"
ROLLOUT = 512  # steps


def cart_pole(state, action):
    """The state [4] a fiftieth of a second later, float64: Barto, Sutton and Anderson."""
    x, x_dot, theta, theta_dot = state
    force = 10.0 if action == 1 else -10.0
    sine, cosine = np.sin(theta), np.cos(theta)
    temp = (force + 0.05 * theta_dot**2 * sine) / 1.1
    theta_acc = (9.8 * sine - cosine * temp) / (0.5 * (4 / 3.0 - 0.1 * cosine**2 / 1.1))
    x_acc = temp - 0.05 * theta_acc * cosine / 1.1
    change = np.array([x_dot, x_acc, theta_dot, theta_acc])
    return state + 0.02 * change


def rollout(count, seed, features=4, actions=2, gamma=0.99):
    """{'x' [n, 4], 'actions', 'returns', 'neglogpacs', 'values': [n]}: fair coins."""
    random = np.random.RandomState(seed)
    xs, pushes, done = [], random.randint(actions, size=count), [True]
    for action in pushes:
        if done[-1]:
            state = random.uniform(-0.05, 0.05, 4)
        xs.append(np.resize(state, features))
        state = cart_pole(state, action)
        done.append(abs(state[0]) > 2.4 or abs(state[2]) > np.pi / 15)
    returns, later = np.zeros(count), 0.0
    for step in reversed(range(count)):
        later = returns[step] = 1.0 + gamma * later * (not done[step + 1])
    return {
        "x": np.array(xs, np.float32),
        "actions": pushes.astype(np.int32),
        "returns": returns.astype(np.float32),
        # Of the old policy, which was no better than a coin, and knew no values.
        "neglogpacs": np.full(count, np.log(actions), np.float32),
        "values": random.normal(0, 0.1, count).astype(np.float32),
    }


PARTS = ("x", "actions", "returns", "neglogpacs", "values")


def configure(data, seed):
    """Fields of the chapter's Config for a run."""
    return {"seed": seed}


def load(data, seed):
    """((x, actions, returns, neglogpacs, values) to learn from, the same to score on)."""
    return tuple(
        tuple(rolled[name] for name in PARTS)
        for rolled in (rollout(ROLLOUT, seed), rollout(ROLLOUT, seed + 1))
    )


def program(built, _config):
    """The TF1 side's moves ``train`` and ``predict``, of what its ``build`` returned."""
    from tf1_graph import session

    return session.program(
        built.graph,
        built.inputs,
        train=session.train(built.train, built.loss),
        predict=session.move(outputs={"y_pred": built.logits, "value": built.value}),
    )


def played(model):
    """What the twin does besides: it names its outputs."""

    def predict(x):
        logits, value = model({"x": x})
        return {"outputs": {"y_pred": logits, "value": value}}

    return {"predict": predict}


def moves(train, config):
    """Endless training as the chapter's own loop does it, at its first rate."""
    from tf1_graph.models.ppo import minibatches

    for batch in minibatches(dict(zip(PARTS, train)), config):
        yield "train", dict(batch, lr=np.float32(config.lr))


def dataset(train, config):
    """The same batches as the twin takes them, an endless tf.data.Dataset."""
    from tf2_keras.models.ppo import minibatches

    rate = np.float32(config.lr)
    batches = minibatches(dict(zip(PARTS, train)), config)
    return batches.map(lambda batch: (dict(batch, lr=rate),))


def evaluation(test, _config):
    """The moves whose outputs are scored."""
    return [("predict", {"x": test[0]})]


def score(test, outputs):
    """The mean squared error of the values, as a float."""
    return float(np.mean((outputs[-1]["value"] - test[2]) ** 2))
