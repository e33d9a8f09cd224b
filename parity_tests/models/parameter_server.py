"""What parameter_server is run on: twenty examples of four numbers, in three clusters."""

import dataclasses

from parity_tests.models.tasks import Cluster

TEACHES = (
    "parameter servers and workers in processes of their own: synchronous, "
    "MultiWorkerMirroredStrategy; asynchronous, ParameterServerStrategy"
)
STEPS = 6
LEVELS = ("function",)
OPTIONS = ("workers",)
SOURCES = ("tf1_graph/models/towers.py",)  # whose loss and examples it has


def configure(_data, seed):
    """Fields of the chapter's Config for a run."""
    return {"seed": seed}


def load(_data, _seed):
    """(what both programs take, nothing to score on), float32 [rows, 4] and int64 [rows]."""
    from tf1_graph.models.parameter_server import examples

    return examples(), ()


def parts(config):
    """Its modes are run one after the other."""
    return [dataclasses.replace(config, modes=(mode,)) for mode in config.modes]


def cluster(side, config):
    """The tasks of its first mode."""
    synchronous = config.modes[0] == "synchronous"
    if side == "tf1_graph":
        return Cluster({"ps": 1}, {"worker": config.workers if synchronous else 1})
    if synchronous:
        return Cluster({}, {"worker": config.workers})
    return Cluster({"worker": 1, "ps": 1}, {"chief": 1})


def level_of_budgets(level, config):
    """Two gradients have one sum; three are added as they come, or as a ring passes them."""
    return "3 workers or more" if config.workers > 2 else level
