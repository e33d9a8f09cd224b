"""What a program's graph keeps between runs, so that only a new Session starts it over."""

import functools
import re

import tensorflow as tf

from tf1_graph import session, updates

# Stateful by definition; what they hold, if anything, ends with the run.
OF_ONE_RUN = re.compile(r"(Assert|Print|Stack|TensorArray)(V\d)?$")


def kept_by(graph, operations):
    """Whether ops keep something between runs, apart from variables.

    What ``session.streams`` calls streams, without what is of one run only; and of a
    branch, a loop or a call what its bodies do.

    Args:
        operations: those to look at with all that they need.
    """

    @functools.cache
    def bodies():
        functions = graph.as_graph_def().library.function
        return {function.signature.name: function.node_def for function in functions}

    def is_kept_by(node):
        definition = graph.op_def_for_type(node.op)
        if (
            not definition.is_stateful
            or node.op in updates.VARIABLES
            or OF_ONE_RUN.match(node.op)
        ):
            return False
        called = called_by(node)
        if called:
            return any(is_kept_by(inner) for name in called for inner in bodies()[name])
        # Who is given a variable, a queue or an iterator keeps nothing of its own.
        return not any(given.type == tf.resource for given in definition.input_arg)

    calls = [
        operation
        for operation in updates.ancestors(operations)
        if operation.op_def is not None
        and operation.op_def.is_stateful
        and called_by(operation.node_def)
    ]
    keeping = session.streams(graph, operations)
    return any(is_kept_by(operation.node_def) for operation in {*calls, *keeping})


def called_by(node):
    """Names of the functions that a node calls."""
    return [
        function.name
        for attribute in node.attr.values()
        for function in [attribute.func, *attribute.list.func]
        if function.name
    ]
