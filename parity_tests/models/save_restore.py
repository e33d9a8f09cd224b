"""What save_restore is run on: four examples of two numbers, and one more than their sum."""

TEACHES = (
    "Saver, max_to_keep, import_meta_graph, a subset of variables, freezing: Checkpoint, "
    "CheckpointManager and export, and what they do not say"
)
STEPS = 6
LEVELS = ("function",)


def configure(_data, seed):
    """Fields of the chapter's Config for a run."""
    return {"seed": seed}


def load(_data, _seed):
    """(what both programs take, nothing to score on), float32 [rows, 2] and [rows, 1]."""
    from tf1_graph.models.save_restore import examples

    return examples(), ()
