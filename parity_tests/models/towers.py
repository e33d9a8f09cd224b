"""What towers is run on: twenty examples of four numbers, in three clusters."""

from parity_tests.models.tasks import Cluster

TEACHES = (
    "a replica on each device, the mean of their gradients, batch norm by the share of "
    "each: MirroredStrategy, and what it adds up"
)
STEPS = 6
LEVELS = ("function",)


def configure(_data, seed):
    """Fields of the chapter's Config for a run."""
    return {"seed": seed}


def load(_data, _seed):
    """(what both programs take, nothing to score on), float32 [rows, 4] and int64 [rows]."""
    from tf1_graph.models.towers import examples

    return examples(), ()


def cluster(side, _config):
    """The twin makes its devices before TensorFlow's first op, in a process of its own."""
    return Cluster({}, {"chief": 1}) if side == "tf2_keras" else None
