"""What mixed_precision is run on: four examples of two numbers, and one more than their sum."""

TEACHES = (
    "float16 with variables in float32, a dynamic loss scale: the policy mixed_float16 and "
    "LossScaleOptimizer, and where they part"
)
STEPS = 10
LEVELS = ("function",)


def configure(_data, seed):
    """Fields of the chapter's Config for a run."""
    return {"seed": seed}


def load(_data, _seed):
    """(what both programs take, nothing to score on), float32 [rows, 2] and [rows, 1]."""
    from tf1_graph.models.mixed_precision import examples

    return examples(), ()
