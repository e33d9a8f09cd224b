"""What to do after a divergence, and the page to read: as data, for people and agents."""

# {stage: (what to look at, the page)}, where no cause is proven.
BY_STAGE = {
    "initial values": (
        "Give every initializer TF1's distribution and its two seeds, seed=(graph, op), "
        "as tf1_semantics.initializers take them; or start from TF1's values with "
        "--init-from-tf1.",
        "docs/guide/variables.md",
    ),
    "outputs": (
        "Compare the layers up to the first that is apart: padding, activation, data "
        "format, epsilon and mode of normalisations, keep_prob against rate.",
        "docs/guide/layers.md",
    ),
    "loss": (
        "Compare the loss: its reduction, its weights, what is inside a logarithm, and "
        "penalties, which tf.nn.l2_loss halves.",
        "docs/guide/losses.md",
    ),
    "gradients": (
        "The losses are equal and their gradients are not: compare clipping, stopped "
        "gradients, and how duplicates of sparse gradients are summed.",
        "docs/guide/losses.md",
    ),
    "carried": (
        "Compare the state that one move hands to the next: its order, its shape, and "
        "when it is reset.",
        "docs/guide/layers.md",
    ),
    "slots": (
        "The gradients are equal: compare the optimizer's hyper-parameters, what its "
        "slots start from, and its schedule's first step.",
        "docs/guide/optimizers.md",
    ),
    "updates": (
        "The slots are equal: compare the optimizer's epsilon and learning rate, what "
        "UPDATE_OPS change, and averages of variables.",
        "docs/guide/optimizers.md",
    ),
}
OTHERWISE = (
    "Compare what this stage is on both sides; everything before it is equal.",
    "docs/guide/verify.md",
)


MISSING = (
    "The twin has no counterpart of this variable of TF1's: give it one, state it with "
    "names={...}, or leave it out of the comparison, names={'...': None}.",
    "docs/own_pair.md",
)


def of(divergence, cause=None, unmatched=()):
    """{"says", "chapter", "proven"} of a divergence.

    Args:
        cause: its ``probes.Cause``, if one is proven.
        unmatched: names of TF1's variables that have no counterpart.
    """
    if cause is not None:
        return {"says": cause.change, "chapter": cause.page, "proven": True}
    says, chapter = BY_STAGE.get(divergence.stage, OTHERWISE)
    if divergence.tensor in unmatched:
        says, chapter = MISSING
    return {"says": says, "chapter": chapter, "proven": False}
