"""What a model computes as statements, each behind what it takes."""

import collections

from tf2_keras.migrate.draft import naming, sharing
from tf2_keras.migrate.draft.cones import Cones
from tf2_keras.migrate.draft.errors import refusal
from tf2_keras.migrate.draft.rules import statement_of
from tf2_keras.migrate.draft.statements import by_step


def statements_of(context, outputs):
    """(named statements in order, Cones, their scope) of what the model computes."""
    reader = context.reader
    cones = Cones(context)
    known, users = {}, collections.defaultdict(set)
    tensors = {}
    waiting = list(outputs)
    while waiting:
        tensor = waiting.pop()
        if tensor.name in tensors or tensor.name in reader.inputs:
            continue
        tensors[tensor.name] = tensor
        statement, _ = statement_of(context, tensor)
        if statement is not None and not _takes_data(reader, cones, statement):
            statement = None
        known[tensor.name] = statement
        before = (
            [reader.graph.get_tensor_by_name(name) for name in statement.inputs]
            if statement
            else cones.inputs_of(tensor)
        )
        for given in before:
            users[given.name].add(tensor.name)
            waiting.append(given)
    for output in outputs:
        if not cones.is_data(output):
            raise refusal(
                "What a model returns must depend on its inputs",
                output.name,
                "Name another output with --y-pred",
            )
    plain = [tensors[name] for name, statement in known.items() if statement is None]
    plain.sort(key=lambda tensor: (reader.position[tensor.op.name], tensor.name))
    distinct = {id(s): s for s in known.values() if s is not None}
    statements = list(distinct.values())
    statements += cones.statements(plain, users, {output.name for output in outputs})
    statements.sort(key=lambda statement: statement.position)
    statements = sharing.shared(by_step(statements))
    statements = _in_order(statements, reader.inputs)
    return statements, cones, naming.named(statements)


def _takes_data(reader, cones, statement):
    return all(
        cones.is_data(reader.graph.get_tensor_by_name(name))
        for name in statement.inputs
    )


def _in_order(statements, inputs):
    """By position, but each behind what it takes."""
    made_by = {
        output: statement for statement in statements for output in statement.outputs
    }
    ordered, done = [], set()

    def visit(statement):
        stack = [(statement, False)]
        while stack:
            current, is_ready = stack.pop()
            if id(current) in done:
                continue
            if is_ready:
                done.add(id(current))
                ordered.append(current)
                continue
            stack.append((current, True))
            for name in reversed(current.inputs):
                if name not in inputs and id(made_by[name]) not in done:
                    stack.append((made_by[name], False))

    for statement in statements:
        visit(statement)
    return ordered
