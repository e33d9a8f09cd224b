"""A chapter's moves by the names that its exported graph knows them under."""

from tf1_graph import updates


def named(move):
    """A move by the names of its tensors, as ``exported.load`` takes it."""
    spec = {
        stage: {key: tensor.name for key, tensor in tensors.items()}
        for stage, tensors in move.seen.items()
        if stage != "gradients"  # found from the graph
    }
    ops = updates.operations_of(move.op)
    if ops and "gradients" not in move.seen:
        spec.update(op=[operation.name for operation in ops], gradients=False)
    elif "loss" in spec:
        fused = any(
            updates.APPLY.match(operation.type) for operation in updates.ancestors(ops)
        )
        spec.update(
            op=move.op.name,
            loss=spec["loss"]["loss"],
            gradients={
                # Of a sparse one there is no single tensor: it is not recorded.
                key: None if hasattr(tensor, "indices") else tensor.name
                for key, tensor in move.seen["gradients"].items()
                if hasattr(tensor, "indices") or not fused
            },
        )
    return {**spec, "feed": {tensor.name: value for tensor, value in move.feed.items()}}


def without_sparse(record):
    """A record without its sparse gradients."""
    dense = {
        key: value
        for key, value in record.get("gradients", {}).items()
        if not key.endswith((" values", " indices"))
    }
    return {**record, "gradients": dense} if "gradients" in record else record
