"""How ``names.Reader`` follows each kind of statement: (reader, node)."""

import ast

from tf2_keras.migrate import keras_names, tensors, tracing
from tf2_keras.migrate.bindings import ROOT, Scope, Symbol

# What other modules hand on: `from compat import tfv1 as tf`.
HANDED_ON = ("tf", "tfv1")


def children(reader, node):
    """What stands below a node, in the order of the text; the node itself says nothing."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            reader.evaluate(child)
        elif isinstance(child, ast.stmt):
            reader.block([child])
        else:
            children(reader, child)


# ---------------------------------------------------------------------------- imports


def import_(reader, node):
    for alias in node.names:
        package = alias.name.partition(".")[0]
        if package == keras_names.PACKAGE:
            reader.imports_keras = True
            reader.emit(alias, "keras", None, "fact")
        elif package == ROOT:
            reader.emit(alias, alias.name, kind="import")
        else:
            reader.bind(alias.asname or package, None)
            continue
        whole = alias.name if alias.asname else package
        reader.bind(alias.asname or package, Symbol(whole))


def import_from(reader, node):
    module = node.module or ""
    package = "" if node.level else module.partition(".")[0]
    if package == keras_names.PACKAGE:
        reader.imports_keras = True
        reader.emit(node, "keras", None, "fact")
    for alias in node.names:
        name = alias.asname or alias.name
        if alias.name == "*":
            if package in (ROOT, keras_names.PACKAGE):
                reader.stars.append(module)
                reader.emit(alias, module, kind="import")
            else:
                reader.foreign_star = True
        elif package in (ROOT, keras_names.PACKAGE):
            dotted = f"{module}.{alias.name}"
            reader.emit(alias, dotted, kind="import")
            reader.bind(name, Symbol(dotted, imported=True))
        else:
            handed_on = Symbol(ROOT) if alias.name in HANDED_ON else None
            reader.bind(name, handed_on)


# ------------------------------------------------------------------------ assignments


def assignment(reader, node):
    value = reader.evaluate(node.value)
    for target in node.targets:
        reader.assign(target, value, node.value)


def annotated(reader, node):
    reader.evaluate(node.annotation)
    value = reader.evaluate(node.value) if node.value is not None else None
    reader.assign(node.target, value)


def augmented(reader, node):
    reader.evaluate(node.target)
    value = reader.evaluate(node.value)
    tracing.counted(reader, node)
    if isinstance(node.target, ast.Name) and value is not None:
        before = reader.look_up(node.target.id)
        reader.bind(node.target.id, tensors.computed([before, value]))


def delete(reader, node):
    for target in node.targets:
        reader.assign(target, None)


def global_(reader, node):
    for name in node.names:
        reader.scope.elsewhere[name] = reader.module


def nonlocal_(reader, node):
    for name in node.names:
        scope = reader.scope.parent
        while scope.parent is not None and name not in scope.names:
            scope = scope.parent
        reader.scope.elsewhere[name] = scope


# --------------------------------------------------------------------------- branches


def if_or_while(reader, node):
    tensors.tested(reader, reader.evaluate(node.test), node.test)
    reader.branches(lambda: reader.block(node.body), lambda: reader.block(node.orelse))


def for_(reader, node):
    element = tensors.element(reader.evaluate(node.iter))

    def body():
        reader.assign(node.target, element)
        reader.block(node.body)

    if isinstance(node.target, (ast.Name, ast.Tuple, ast.List)):
        # Python leaves the target bound after the loop.
        reader.assign(node.target, element)
    reader.branches(body, lambda: reader.block(node.orelse))


def with_(reader, node):
    for item in node.items:
        kept = len(reader.defaults)
        value = reader.evaluate(item.context_expr)
        if item.optional_vars is not None:
            reader.assign(item.optional_vars, value)
        else:
            block = (node.lineno, node.end_lineno)
            reader.defaults[kept:] = [
                defaults._replace(block=block) for defaults in reader.defaults[kept:]
            ]
    reader.block(node.body)


def try_(reader, node):
    def body():
        reader.block(node.body)
        reader.block(node.orelse)

    def handle(handler):
        if handler.type is not None:
            reader.evaluate(handler.type)
        if handler.name:
            reader.bind(handler.name, None)
        reader.block(handler.body)

    handlers = [lambda handler=handler: handle(handler) for handler in node.handlers]
    reader.branches(body, *handlers)
    reader.block(node.finalbody)


def match(reader, node):
    reader.evaluate(node.subject)

    def follow(case):
        for part in ast.walk(case.pattern):
            for name in (getattr(part, "name", None), getattr(part, "rest", None)):
                if isinstance(name, str):
                    reader.bind(name, None)
            if isinstance(part, ast.MatchValue):
                reader.evaluate(part.value)
            elif isinstance(part, ast.MatchClass):
                reader.evaluate(part.cls)
        if case.guard is not None:
            reader.evaluate(case.guard)
        reader.block(case.body)

    cases = [lambda case=case: follow(case) for case in node.cases]
    reader.branches(*cases, lambda: None)


# --------------------------------------------------------------- functions and classes


def define(reader, node):
    for decorator in node.decorator_list:
        reader.evaluate(decorator)
    signature(reader, node.args)
    if node.returns is not None:
        reader.evaluate(node.returns)
    reader.bind(node.name, None)
    owner = reader.owner if reader.scope is reader.owner else None
    decorators = [getattr(decorator, "id", "") for decorator in node.decorator_list]
    if "staticmethod" in decorators:
        owner = None
    entry = (node, reader.scope, owner)
    # What sets up the others comes first: a constructor, an import into globals.
    if node.name == "__init__" or isinstance(node.body[0], ast.Global):
        reader.later.insert(0, entry)
    else:
        reader.later.append(entry)


def signature(reader, arguments):
    for default in (*arguments.defaults, *arguments.kw_defaults):
        if default is not None:
            reader.evaluate(default)
    for parameter in parameters(arguments):
        if parameter.annotation is not None:
            reader.evaluate(parameter.annotation)


def parameters(arguments):
    yield from (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    for parameter in (arguments.vararg, arguments.kwarg):
        if parameter is not None:
            yield parameter


def function(reader, node, scope, owner):
    """The body of a function or lambda that ``scope`` defined; of a method's class."""
    outside = reader.owner, reader.frame
    reader.owner, reader.scope = None, Scope(scope)
    for parameter in parameters(node.args):
        reader.bind(parameter.arg, None)
    positional = [*node.args.posonlyargs, *node.args.args]
    if owner is not None and positional:
        reader.bind(positional[0].arg, owner)
    if isinstance(node, ast.Lambda):
        reader.evaluate(node.body)
    else:
        reader.frame = (node.lineno, node.end_lineno)
        reader.frames.append(reader.frame)
        reader.block(node.body)
    reader.owner, reader.frame = outside
    reader.scope = scope


def class_(reader, node):
    for decorator in node.decorator_list:
        reader.evaluate(decorator)
    for keyword in node.keywords:
        reader.evaluate(keyword.value)
    bases = [reader.evaluate(base) for base in node.bases]
    scope = Scope(reader.scope, is_class=True)
    scope.bases = [base for base in bases if isinstance(base, Scope)]
    outside = reader.scope, reader.owner
    reader.scope = reader.owner = scope
    reader.block(node.body)
    reader.scope, reader.owner = outside
    reader.bind(node.name, scope)


FOLLOW = {
    ast.Import: import_,
    ast.ImportFrom: import_from,
    ast.Assign: assignment,
    ast.AnnAssign: annotated,
    ast.AugAssign: augmented,
    ast.Delete: delete,
    ast.If: if_or_while,
    ast.While: if_or_while,
    ast.For: for_,
    ast.AsyncFor: for_,
    ast.With: with_,
    ast.AsyncWith: with_,
    ast.Try: try_,
    ast.Match: match,
    ast.Global: global_,
    ast.Nonlocal: nonlocal_,
    ast.FunctionDef: define,
    ast.AsyncFunctionDef: define,
    ast.ClassDef: class_,
}
if hasattr(ast, "TryStar"):  # Python 3.11
    FOLLOW[ast.TryStar] = try_
