"""What monitored_session is run on: four examples of two numbers, and one more than their sum."""

TEACHES = (
    "MonitoredTrainingSession, Scaffold, hooks, StopAtStep, the NaN guard: callbacks in "
    "their order, and how a killed training goes on"
)
STEPS = 6
LEVELS = ("fit",)
SOURCES = ("tf1_graph/models/save_restore.py",)  # what reads checkpoints, the examples


def configure(_data, seed):
    """Fields of the chapter's Config for a run."""
    return {"seed": seed}


def load(_data, _seed):
    """(what both programs take, nothing to score on), float32 [rows, 2] and [rows, 1]."""
    from tf1_graph.models.monitored_session import examples

    return examples(), ()
