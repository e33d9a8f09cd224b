"""What finetune is run on: ten small pictures of lines, squares and noise."""

TEACHES = (
    "scopes left out of a restore, scopes trained alone, statistics that move meanwhile: "
    "layers by name, variables by choice"
)
STEPS = 3
LEVELS = ("function",)


def configure(_data, seed):
    """Fields of the chapter's Config for a run."""
    return {"seed": seed}


def load(_data, _seed):
    """(what both programs take, nothing to score on): [6, 6, 6, 1], [6], [4, 6, 6, 1], [4]."""
    from tf1_graph.models.finetune import examples

    return examples(), ()
