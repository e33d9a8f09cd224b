"""The functions in the library of a graph: looked at, named by what they are, registered."""

import hashlib

from tensorflow.python.eager import context

from tf2_keras.migrate.checkpoint.errors import mistake


def settle(path, graph):
    """Gives the functions of a GraphDef names that tell them from all others.

    Raises:
        HandoverError: for functions that are missing or call themselves, which would end
            the interpreter.
    """
    functions = {
        function.signature.name: function for function in graph.library.function
    }
    _require_finite(path, graph, functions)
    if not functions:
        return
    content = graph.library.SerializeToString(deterministic=True)
    ending = "_" + hashlib.sha256(content).hexdigest()[:12]
    new = {name: name if name.endswith(ending) else name + ending for name in functions}
    for node in _nodes(graph, functions.values()):
        node.op = new.get(node.op, node.op)
        for called in _called(node):
            called.name = new[called.name]
    for function in functions.values():
        function.signature.name = new[function.signature.name]
    for gradient in graph.library.gradient:
        for side in ("function_name", "gradient_func"):
            name = getattr(gradient, side)
            setattr(gradient, side, new.get(name, name))


def register(graph):
    """Makes the functions of a settled GraphDef known to functions that import it."""
    for function in graph.library.function:
        if not context.context().has_function(function.signature.name):
            context.context().add_function_def(function)


def _nodes(graph, functions):
    yield from graph.node
    for function in functions:
        yield from function.node_def


def _called(node):
    """Every mention of a function in the attributes of a node."""
    for value in node.attr.values():
        if value.WhichOneof("value") == "func":
            yield value.func
        yield from value.list.func


def _require_finite(path, graph, functions):
    uses = {}
    for name, function in functions.items():
        uses[name] = set()
        for node in function.node_def:
            uses[name].update(called.name for called in _called(node))
            if node.op in functions:
                uses[name].add(node.op)
    asked = {called.name for node in graph.node for called in _called(node)}
    missing = (asked | set().union(*uses.values(), set())) - functions.keys()
    if missing:
        raise mistake(
            "A graph must have every function that it names",
            f"{path} without {min(missing)}",
            "Copy it again",
        )
    while uses:  # leaves first
        leaves = {name for name, used in uses.items() if not used & uses.keys()}
        if not leaves:
            raise mistake(
                "The functions of a graph must not call themselves",
                f"{path}, whose {min(uses)} does",
                "Export it again",
            )
        uses = {name: used for name, used in uses.items() if name not in leaves}
