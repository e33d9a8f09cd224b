"""The weights and slots of a checkpoint beside the twin that was drafted of its graph."""

from parity_tests.pair.drafting import proving
from tf2_keras.migrate.checkpoint import handover, keras_saving


def write(proof, checkpoint, path):
    """Writes a draft's model with what a checkpoint holds, slots included.

    Args:
        proof: a ``proving.Proof``.
        checkpoint: prefix of a checkpoint of the graph.
        path: of the file, a .keras; who loads it imports the draft before.

    Raises:
        HandoverError: for a checkpoint that is not whole, or not of that graph.
    """
    module = proving.module_of(proof.source)
    with keras_saving.unallocated() as variables:
        model = module.build()
    names = {
        **dict.fromkeys(proof.product.remainder),
        **module.checkpoint_names(model),
    }
    checkpoint = handover.reading.opened(checkpoint)
    # A power that only the optimizer's own steps give, and what nobody reads, stay out.
    names = {name: path for name, path in names.items() if name in checkpoint.entries}
    plan = handover.plan(checkpoint, model, names)
    keras_saving.save(plan, path, variables)
