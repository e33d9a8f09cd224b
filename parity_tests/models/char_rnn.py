"""What char_rnn is run on: the first scenes of Coriolanus."""

import itertools

import numpy as np

from parity_tests.datasets import shakespeare

TEACHES = "LSTM layers, carried state, clipping by the global norm, a rate by epoch"
STEPS = 22  # two epochs, each a move that starts it and ten that train
METRIC = "test loss"
CHECKPOINTED = False  # its memory was fetched and fed
SOURCES = ("tf1_graph/rnn_cell.py",)
# The source's 50 streams of 50 characters and 128 units take seconds a step and more
# text; of these ten batches are an epoch.
SEQUENCES, SEQ_LENGTH, BATCH_SIZE, RNN_SIZE = 300, 20, 30, 64


def configure(data, seed):
    """Fields of the chapter's Config for a run."""
    return {
        "seed": seed,
        "vocab_size": len(set(shakespeare.load())),
        "rnn_size": RNN_SIZE,
        "batch_size": BATCH_SIZE,
        "seq_length": SEQ_LENGTH,
    }


def load(data, seed):
    """(([sequences, T] characters, int32), to train on; the same to score on)."""
    from tf1_graph.models.char_rnn import vocabulary

    text = shakespeare.load()
    numbers = vocabulary(text)
    codes = np.array([numbers[character] for character in text], np.int32)
    size = SEQUENCES * SEQ_LENGTH
    train, test = codes[: 2 * size].reshape(2, SEQUENCES, SEQ_LENGTH)
    return (train,), (test,)


def first(train, examples, batch_size):
    """The first so many sequences; a batch is never short, so one at least."""
    return (train[0][: max(examples, batch_size)],)


def carried(state):
    """{name: tensor} of a state ((c, h), ...)."""
    return {
        f"{part}_{layer}": tensor
        for layer, pair in enumerate(state)
        for part, tensor in zip("ch", pair)
    }


def program(built, _config):
    """The TF1 side's moves ``train``, ``predict`` and ``start_epoch``.

    All of them carry the state: the last one gives it back to what it was at first.
    """
    import tensorflow.compat.v1 as tf

    from tf1_graph import session

    inputs = {"x": built.x, "y_true": built.y_true, "new_rate": built.new_rate}
    before = carried(built.state)
    inputs.update(before)
    after = carried(built.last_state)
    # The source assigned the rate, then fetched the state while nothing was fed to it.
    with built.graph.as_default(), tf.control_dependencies([built.assign_rate]):
        zeros = {name: tf.zeros_like(state) for name, state in before.items()}
    return session.program(
        built.graph,
        inputs,
        train=session.train(
            built.train, built.loss, gradients=built.gradients, carried=after
        ),
        predict=session.move(outputs={"y_pred": built.y_pred}, carried=after),
        start_epoch=session.move(carried=zeros),
    )


def played(model):
    """What the twin has besides ``train`` and ``predict``: its memory, and how it is lost."""
    rnn, rate = model.get_layer("rnn"), model.optimizer.learning_rate

    def start_epoch(new_rate):
        rate.assign(new_rate)
        rnn.reset_state()

    return {"remembered": carried(rnn.state), "start_epoch": start_epoch}


def moves(train, config):
    """Endless training as the chapter's own loop does it, epoch after epoch."""
    from tf1_graph.models.char_rnn import epoch

    for number in itertools.count():
        rate = np.float32(config.learning_rate * config.decay_rate**number)
        yield "start_epoch", {"new_rate": rate}
        for x, y_true in epoch(train[0].reshape(-1), config):
            yield "train", {"x": x, "y_true": y_true}


def dataset(train, config):
    """The same batches as the twin takes them, an endless tf.data.Dataset."""
    from tf2_keras.models.char_rnn import epoch

    return epoch(train[0].reshape(-1), config).repeat()


def evaluation(test, config):
    """The moves whose outputs are scored, from no memory on."""
    from tf1_graph.models.char_rnn import epoch

    rate = np.float32(config.learning_rate)
    batches = epoch(test[0].reshape(-1), config)
    return [("start_epoch", {"new_rate": rate})] + [
        ("predict", {"x": x}) for x, _ in batches
    ]


def score(test, outputs):
    """Cross-entropy of a character, in nats."""
    from tf1_graph.models.char_rnn import Config, epoch

    size = len(outputs[0]["y_pred"])
    config = Config(batch_size=size // SEQ_LENGTH, seq_length=SEQ_LENGTH)
    losses = []
    for block, (_, y_true) in zip(outputs, epoch(test[0].reshape(-1), config)):
        logits = block["y_pred"].astype(np.float64)
        logits = logits - logits.max(1, keepdims=True)
        right = logits[np.arange(size), y_true.reshape(-1)]
        losses.append(np.log(np.exp(logits).sum(1)) - right)
    return float(np.mean(losses))
