"""What hello_rnn is run on: seven words, of four to eleven letters."""

TEACHES = (
    "BasicRNNCell, MultiRNNCell, DropoutWrapper with a mask at each step, sequence_loss "
    "over words of many lengths"
)
STEPS = 20
LEVELS = ("function",)
SOURCES = (  # besides the TF1 file: what 1.15 had in contrib
    "tf1_graph/parts/sequence_losses.py",
    "tf1_graph/rnn.py",
    "tf1_graph/rnn_cell.py",
    "tf1_graph/seq2seq.py",
)


def configure(_data, seed):
    """Fields of the chapter's Config for a run."""
    return {"seed": seed}


def load(_data, _seed):
    """(what both programs take, nothing to score on): a list of words."""
    from tf1_graph.models.hello_rnn import examples

    return (examples(),), ()
