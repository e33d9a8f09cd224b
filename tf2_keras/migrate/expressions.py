"""How ``names.Reader`` follows each kind of expression: (reader, node) -> its value.

The value is a Symbol, an Instance, a Scope, or None for anything else.
"""

import ast
import functools

from tf2_keras.migrate import (
    conditions,
    public_names,
    replacements,
    tensors,
    tracing,
)
from tf2_keras.migrate.api_table import canonical
from tf2_keras.migrate.bindings import (
    ROOT,
    Call,
    Defaults,
    Instance,
    Scope,
    Symbol,
    either,
    origins,
)
from tf2_keras.migrate.replacements import UNKNOWN
from tf2_keras.migrate.statements import function, signature

MAKE_DATASETS = "tensorflow.data."
LONGEST = 60  # characters of an argument that is repeated in advice
OPERATORS = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
}
# These take a target and what was predicted for it, one minus the other.
DIFFERENCES = (
    "subtract",
    "sub",
    "squared_difference",
    "mean_squared_error",
    "absolute_difference",
)


def chain(reader, node, call=None):
    """``a.b.c``, called or not."""
    whole, attributes = node, []
    while type(node) is ast.Attribute:
        attributes.append(node.attr)
        node = node.value
    attributes.reverse()
    is_name = type(node) is ast.Name
    value = reader.look_up(node.id) if is_name else reader.evaluate(node)
    while isinstance(value, Scope) and attributes:
        value = value.attribute(attributes.pop(0))
    if isinstance(value, Symbol):
        dotted = ".".join((value.dotted, *attributes))
        if attributes or call is not None or value.imported:
            kind = "name" if attributes or value.imported else "alias"
            reader.emit(node, dotted, call, kind, value.dotted.count(".") + 1)
        return Symbol(dotted)
    if isinstance(value, Instance) and attributes:
        return _attribute_of_result(reader, whole, value, attributes, call)
    if attributes:
        return tensors.attribute(reader, whole, None, attributes, call)
    return value


def _attribute_of_result(reader, node, value, attributes, call):
    """An attribute or method of what a call of TensorFlow gave."""
    dotted = ".".join((value.dotted, *attributes))
    gives = None
    if not value.dotted or public_names.method(canonical(dotted)) is None:
        gives = tensors.attribute(reader, node, value, attributes, call)
    gives = (gives or Instance(""))._replace(origins=value.origins)
    if not value.dotted:
        return gives
    if call is not None:
        call = call._replace(origins=value.origins)
    reader.emit(node, dotted, call, "method", value.dotted.count(".") + 1)
    if call is not None:
        if conditions.never_moves_its_schedule(value.dotted, attributes[-1], call):
            reader.emit(node, f"no_global_step:{dotted}", call, "fact")
        if value.dotted.startswith(MAKE_DATASETS):
            return Symbol(value.dotted)  # most methods of Dataset give one
    return gives


# ------------------------------------------------------------------------------ calls


def call(reader, node):
    imported = _imported_by_call(reader, node)
    if imported is not None:
        return imported
    name = getattr(node.func, "id", getattr(node.func, "attr", None))
    if (
        name == "partial"
        and node.args
        and _is_path(node.args[0])
        and isinstance(reader.peek(node.args[0]), Symbol)
    ):
        rest = ast.Call(node.args[0], node.args[1:], node.keywords)
        _called(reader, ast.copy_location(rest, node), unpacks=True)
        return None
    return _called(reader, node)


def _called(reader, node, unpacks=False):
    arguments = None
    if isinstance(node.func, (ast.Name, ast.Attribute)):
        arguments = _arguments(reader, node, unpacks)
        value = chain(reader, node.func, arguments)
    else:
        value = reader.evaluate(node.func)
    place, effects = len(reader.uses) - 1, len(reader.effects)
    if isinstance(value, Symbol) and arguments is None:  # getattr(tf, 'log')(x)
        arguments = _arguments(reader, node, unpacks)
        reader.uses[place] = reader.uses[place]._replace(call=arguments)
    # The callee stands before its arguments, as in the text.
    values = [reader.evaluate(argument) for argument in node.args]
    values += [reader.evaluate(keyword.value) for keyword in node.keywords]
    if not isinstance(value, Symbol):
        if isinstance(value, Scope):
            return value
        tracing.called(reader, node)
        tensors.searched(reader, node, values)
        by_method = isinstance(node.func, ast.Attribute) and tensors.kind(value)
        return value if by_method else tensors.mapping(reader, node, values)
    made_from = origins(values)
    arguments = arguments._replace(origins=made_from, texts=_texts(node))
    reader.uses[place] = reader.uses[place]._replace(call=arguments)
    name = value.dotted.rpartition(".")[2]
    if name in DIFFERENCES:
        _difference(reader, node, values[:2])
    if name == "arg_scope" and node.args:
        _remember_defaults(reader, node.args[0], arguments)
    if value.dotted.startswith(MAKE_DATASETS):
        return Instance("tensorflow.data.Dataset", arguments)
    symbol = conditions.origin(value.dotted)
    kind = tensors.kind_of(value.dotted)
    tracing.made(reader, kind, effects)
    return Instance(
        value.dotted, arguments, made_from | {symbol} if symbol else made_from, kind
    )


def _arguments(reader, node, unpacks):
    keywords, literals = {}, []
    for argument in node.args:
        if isinstance(argument, ast.Starred):
            keywords["*"] = None
        else:
            literals.append(_literal(reader, argument))
    for keyword in node.keywords:
        keywords[keyword.arg or "**"] = _literal(reader, keyword.value)
    if unpacks:
        keywords["**"] = None
    return Call(len(literals), keywords, tuple(literals))


def _literal(reader, node):
    kind = type(node)
    if kind is ast.Dict:
        return "{}"
    if kind is ast.Constant:
        if node.value is None:
            return "None"
        return node.value if isinstance(node.value, (bool, int, float, str)) else None
    if _is_path(node):
        value = reader.peek(node)
        return value.dotted if isinstance(value, Symbol) else None
    if kind is ast.UnaryOp and isinstance(node.op, ast.USub):
        value = _literal(reader, node.operand)
        return -value if isinstance(value, (int, float)) else None
    if kind in (ast.List, ast.Tuple):
        return [_literal(reader, element) for element in node.elts]
    return [None] if kind is ast.ListComp else None


def _texts(node):
    """{place or keyword: text} of a call's arguments, as far as they are short."""
    written = {
        place: text(argument)
        for place, argument in enumerate(node.args)
        if type(argument) is not ast.Starred
    }
    for keyword in node.keywords:
        written[keyword.arg or "**"] = text(keyword.value)
    return written


def text(node):
    """Code of a number, a text, a name or path, or of a short list or one operation of
    such; … for anything else."""
    kind = type(node)
    if kind is ast.Constant:
        written = replacements.as_written(node.value)
    elif kind is ast.Name:
        written = node.id
    elif kind is ast.Attribute:
        written = f"{text(node.value)}.{node.attr}"
    elif kind is ast.UnaryOp and type(node.op) is ast.USub:
        written = f"-{text(node.operand)}"
    elif kind is ast.BinOp and type(node.op) in OPERATORS:
        sides = [text(side) for side in (node.left, node.right)]
        if ast.BinOp in (type(node.left), type(node.right)):
            return UNKNOWN
        written = f" {OPERATORS[type(node.op)]} ".join(sides)
    elif kind is ast.List or (kind is ast.Tuple and len(node.elts) > 1):
        elements = ", ".join(map(text, node.elts))
        written = f"[{elements}]" if kind is ast.List else f"({elements})"
    else:
        return UNKNOWN
    return written if len(written) <= LONGEST and UNKNOWN not in written else UNKNOWN


def _imported_by_call(reader, node):
    """``getattr(tf, 'log')``, ``importlib.import_module('tensorflow')``."""
    arguments = node.args
    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
    if name == "getattr" and len(arguments) >= 2 and _is_path(arguments[0]):
        attribute = getattr(arguments[1], "value", None)
        owner = reader.peek(arguments[0])
        if isinstance(owner, Symbol) and isinstance(attribute, str):
            dotted = f"{owner.dotted}.{attribute}"
            reader.emit(node, dotted, None, "name", owner.dotted.count(".") + 1)
            for default in arguments[2:]:
                reader.evaluate(default)
            return Symbol(dotted)
    elif name in ("import_module", "__import__") and arguments:
        module = getattr(arguments[0], "value", None)
        if isinstance(module, str) and module.partition(".")[0] == ROOT:
            if name == "__import__":
                module = ROOT
            reader.emit(node, module, kind="import")
            return Symbol(module)
    return None


def _remember_defaults(reader, node, arguments):
    values = [reader.peek(element) for element in getattr(node, "elts", ())]
    symbols = {value.dotted for value in values if isinstance(value, Symbol)}
    if symbols:
        reader.defaults.append(
            Defaults(
                frozenset(symbols),
                arguments.keywords,
                {key: arguments.texts[key] for key in arguments.keywords},
                None,
                reader.frame,
            )
        )


def _is_path(node):
    while type(node) is ast.Attribute:
        node = node.value
    return type(node) is ast.Name


# ------------------------------------------------------------------------- arithmetic


def arithmetic(reader, node):
    values = [reader.evaluate(node.left), reader.evaluate(node.right)]
    if isinstance(node.op, ast.Sub):
        _difference(reader, node, values)
    return tensors.computed(values)


def unary(reader, node):
    value = reader.evaluate(node.operand)
    if isinstance(node.op, ast.Not):
        tensors.tested(reader, value, node)
        return None
    return tensors.computed([value])


def _difference(reader, node, values):
    """Of a target without a shape and what was predicted for it."""
    if len(values) == 2 and conditions.may_broadcast(values):
        reader.emit(node, "broadcast", None, "fact")


# ------------------------------------------------------------------ the other forms


def lambda_(reader, node):
    signature(reader, node.args)
    function(reader, node, reader.scope, None)


def comprehension(reader, node):
    outside = reader.scope
    iterated = reader.evaluate(node.generators[0].iter)
    reader.scope = Scope(outside)
    for place, generator in enumerate(node.generators):
        if place:
            iterated = reader.evaluate(generator.iter)
        reader.assign(generator.target, tensors.element(iterated))
        for condition in generator.ifs:
            reader.evaluate(condition)
    if isinstance(node, ast.DictComp):
        gives = tensors.dictionary(reader, ast.Dict([node.key], [node.value]))
    elif isinstance(node, ast.SetComp):
        gives = tensors.set_(reader, ast.Set([node.elt]))
    else:
        gives = tensors.sequence(reader, ast.List([node.elt]))
    reader.scope = outside
    return gives


def walrus(reader, node):
    value = reader.evaluate(node.value)
    reader.bind(node.target.id, value)
    return value


def conditional(reader, node):
    tensors.tested(reader, reader.evaluate(node.test), node.test)
    return either(reader.evaluate(node.body), reader.evaluate(node.orelse))


def and_or(reader, node):
    values = [reader.evaluate(value) for value in node.values]
    for operand, value in zip(node.values[:-1], values, strict=False):
        tensors.tested(reader, value, operand)
    return functools.reduce(either, values)


def constant(_reader, _node):
    return None


FOLLOW = {
    ast.Name: chain,
    ast.Attribute: chain,
    ast.Call: call,
    ast.BinOp: arithmetic,
    ast.UnaryOp: unary,
    ast.Lambda: lambda_,
    ast.ListComp: comprehension,
    ast.SetComp: comprehension,
    ast.GeneratorExp: comprehension,
    ast.DictComp: comprehension,
    ast.NamedExpr: walrus,
    ast.IfExp: conditional,
    ast.BoolOp: and_or,
    ast.Constant: constant,
    ast.Compare: tensors.compare,
    ast.Subscript: tensors.subscript,
    ast.Dict: tensors.dictionary,
    ast.Set: tensors.set_,
    ast.List: tensors.sequence,
    ast.Tuple: tensors.sequence,
}
