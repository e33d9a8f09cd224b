"""What dqn is run on: a maze of sixteen fields, walked at random."""

import numpy as np

TEACHES = "a target network by copies, replay, RMSProp, an epsilon under tf.cond"
STEPS = 60
METRIC = "states that lead to the goal"
TRANSITIONS = 2000
SAMPLES_AT_ONCE = 50  # that a tf.data generator is asked for: each call costs


class Maze:
    """Four by four fields, two of them pits; the goal stands between.

    A state is the way to the goal, [2], in sides of the maze; an action is up, down,
    right, left. The goal is worth 1, a pit -1, and either ends an episode.
    """

    SIDE, START, GOAL, PITS = 4, (0, 0), (2, 2), ((2, 1), (1, 2))
    MOVES = ((0, -1), (0, 1), (1, 0), (-1, 0))

    def reset(self):
        self.field = self.START
        return self.state()

    def state(self):
        return (np.float32(self.field) - np.float32(self.GOAL)) / np.float32(self.SIDE)

    def step(self, action):
        """(state, reward, whether the episode ends); a wall holds."""
        self.field = tuple(
            min(max(place + move, 0), self.SIDE - 1)
            for place, move in zip(self.field, self.MOVES[action])
        )
        reward = (self.field == self.GOAL) - (self.field in self.PITS)
        return self.state(), float(reward), reward != 0

    def states(self):
        """[fields, 2]: all states that do not end an episode, and their fields."""
        fields = [
            (x, y)
            for x in range(self.SIDE)
            for y in range(self.SIDE)
            if (x, y) != self.GOAL and (x, y) not in self.PITS
        ]
        states = []
        for self.field in fields:
            states.append(self.state())
        return np.stack(states), fields


def walk(maze, count, seed):
    """So many transitions at random: s [n, 2], a [n], r [n], s_ [n, 2]."""
    random = np.random.RandomState(seed)
    transitions, s_, done = [], None, True
    while len(transitions) < count:
        s = maze.reset() if done else s_
        a = random.randint(4)
        s_, r, done = maze.step(a)
        transitions.append((s, a, r, s_))
    return tuple(np.array(part, np.float32) for part in zip(*transitions))


def configure(data, seed):
    """Fields of the chapter's Config for a run."""
    # A run is short: the target is copied some times.
    return {"seed": seed, "replace_target_iter": 10}


def load(data, seed):
    """(the transitions to learn from, (all states [n, 2],) to score on)."""
    maze = Maze()
    return walk(maze, TRANSITIONS, seed), maze.states()[:1]


def program(built, _config):
    """The TF1 side's moves ``train``, ``predict``, ``replace_target``, ``explore``."""
    import tensorflow.compat.v1 as tf

    from tf1_graph import session

    with built.graph.as_default():
        # Both were fetched: what an assign gives is what it assigned.
        copied = named([tf.identity(value) for value in built.target_replace_op])
        epsilon = tf.identity(built.epsilon)
    return session.program(
        built.graph,
        {
            **{name: getattr(built, name) for name in ("s", "a", "r", "s_")},
            "new_epsilon": built.new_epsilon,
        },
        train=session.train(built.train, built.loss),
        predict=session.move(outputs={"y_pred": built.q_eval}),
        replace_target=session.move(outputs=copied),
        explore=session.move(epsilon={"epsilon": epsilon}),
    )


def named(values):
    """{its number: a value}."""
    return {str(number): value for number, value in enumerate(values)}


def played(model):
    """What the twin does besides ``train``."""

    def predict(s):
        return {"outputs": {"y_pred": model.eval_net(s)}}

    def explore(new_epsilon):
        return {"epsilon": {"epsilon": model.update_epsilon(new_epsilon)}}

    def replace_target():
        return {"outputs": named(model.replace_target())}

    return {"predict": predict, "explore": explore, "replace_target": replace_target}


def moves(train, config):
    """Endless learning from the transitions, with the copies in between."""
    from tf1_graph.models.dqn import Memory

    memory = filled(Memory(config), train)
    step = 0
    while True:
        if step % config.replace_target_iter == 0:
            yield "replace_target", {}
        yield "train", memory.sample()
        new = min((step + 1) * config.e_greedy_increment, config.e_greedy)
        yield "explore", {"new_epsilon": np.float32(new)}
        step += 1


def filled(memory, train):
    for transition in zip(*train):
        memory.store(*transition)
    return memory


def dataset(train, config):
    """The same batches as the twin takes them, an endless tf.data.Dataset."""
    import tensorflow as tf

    from tf2_keras.models.dqn import Memory

    def batches():
        memory = filled(Memory(config), train)
        while True:
            samples = [memory.sample() for _ in range(SAMPLES_AT_ONCE)]
            yield ({name: np.stack([s[name] for s in samples]) for name in specs},)

    shape = [None, None, config.features]
    specs = {
        "s": tf.TensorSpec(shape),
        "a": tf.TensorSpec([None, None], tf.int32),
        "r": tf.TensorSpec([None, None]),
        "s_": tf.TensorSpec(shape),
    }
    return tf.data.Dataset.from_generator(batches, output_signature=(specs,)).unbatch()


def evaluation(test, _config):
    """The moves whose outputs are scored."""
    return [("predict", {"s": test[0]})]


def score(test, outputs):
    """The share of states from which the best actions lead to the goal, as a float."""
    maze = Maze()
    actions = dict(zip(maze.states()[1], outputs[-1]["y_pred"].argmax(1)))
    arrived = 0
    for field in actions:
        maze.field, done, reward = field, False, 0.0
        for _ in actions:
            if not done:
                _, reward, done = maze.step(actions[maze.field])
        arrived += reward > 0
    return arrived / float(len(actions))
