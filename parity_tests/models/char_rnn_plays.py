"""What the claims about the character model are drawn from."""

import numpy as np
from hypothesis import strategies as st

from parity_tests.datasets import shakespeare
from parity_tests.models.drawn import Drawn, random_state

SMALL = {
    "vocab_size": 12,
    "rnn_size": 5,
    "batch_size": 3,
    "seq_length": 4,
    "learning_rate": 0.02,
}
START = None
# Sizes and the clip are part of a graph: few of them, so that few graphs are built. One
# of these clips every gradient, the other none.
CONFIGURATIONS = tuple(
    tuple({**SMALL, **fields}.items())
    for fields in (
        {"grad_clip": 0.05},
        {"num_layers": 1, "batch_size": 1, "seq_length": 7, "seed": 2**31 - 1},
    )
)


@st.composite
def plays(draw, awkward=True):
    """Two epochs of drawn text, predictions in between; the state is carried or lost."""
    fields = draw(st.sampled_from(CONFIGURATIONS))
    config, random = dict(fields), random_state(draw)
    shape = config["batch_size"], config["seq_length"]
    # Few characters make duplicates in the embedding's gradient, one nothing else.
    known = draw(st.sampled_from([1, 2, config["vocab_size"]]))
    rates = [0.02, 1e-4, 0.0] if awkward else [0.02, 1e-4]

    def batch():
        codes = random.randint(known, size=(2, *shape)).astype(np.int32)
        return {"x": codes[0], "y_true": codes[1]}

    moves = []
    for _ in range(2):
        if draw(st.booleans()):
            rate = np.float32(draw(st.sampled_from(rates)))
            moves.append(("start_epoch", {"new_rate": rate}))
        moves += [("train", batch()) for _ in range(draw(st.integers(1, 3)))]
        if draw(st.booleans()):
            moves.append(("predict", {"x": batch()["x"]}))
    return Drawn(fields, moves)


def small_text(vocab_size=12):
    """The numbers of the characters of the text, a dozen of them and the rest as one."""
    from tf1_graph.models.char_rnn import vocabulary

    text = shakespeare.load()[:3000]
    numbers = vocabulary(text)
    codes = [min(numbers[character], vocab_size - 1) for character in text]
    return np.array(codes, np.int32)


def moves(config):
    """An epoch of three steps and the start of the next, with predictions."""
    from tf1_graph.models.char_rnn import epoch

    codes = small_text(config.vocab_size)
    codes = codes[: 3 * config.batch_size * config.seq_length]
    batches = [{"x": x, "y_true": y} for x, y in epoch(codes, config)]
    rates = np.float32([1.0, config.decay_rate]) * np.float32(config.learning_rate)
    return [
        ("train", batches[0]),
        ("train", batches[1]),
        ("predict", {"x": batches[2]["x"]}),
        ("train", batches[2]),
        ("start_epoch", {"new_rate": rates[1]}),
        ("train", batches[0]),
        ("train", batches[1]),
        ("predict", {"x": batches[2]["x"]}),
    ]
