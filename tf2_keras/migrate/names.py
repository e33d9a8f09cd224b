"""Which TensorFlow symbols a program uses, under whatever names; from its syntax alone.

The statements are followed in order, scope by scope, with what each name stands for: a
TensorFlow module or symbol, the result of calling one, or anything else. A name that is
bound to anything else is no alias any more. Functions are followed after the scope that
defines them, as they run later; of two branches, the one with TensorFlow in it counts.
"""

import ast
import builtins
from typing import NamedTuple

from tf2_keras.migrate import catalogue

ROOT = "tensorflow"
# What other modules hand on: `from compat import tfv1 as tf`.
HANDED_ON = ("tf", "tfv1")
TRAINED = ("Variable", "get_variable", "dense", "fully_connected", "linear")
MAKES_DATASETS = "tensorflow.data."


class Call(NamedTuple):
    """The arguments of a call, as far as they can be read.

    positional: how many are positional.
    keywords: {name: literal, the dotted name of a TensorFlow symbol, or None for what
        is not known}; with the key '*' or '**' where the call unpacks. A literal None
        is the text 'None', as rules in TOML have no other word for it.
    literals: of the positional ones.
    """

    positional: int = 0
    keywords: dict = {}
    literals: tuple = ()


class Use(NamedTuple):
    """One use of a symbol.

    dotted: 'tensorflow.contrib.rnn.LSTMCell', attributes of the symbol included.
    call: a Call if it is called there.
    kind: 'import', 'name' (written out from a module's alias on), 'alias' (of a
        symbol), 'method' (of what a call gave) or 'fact' (see FACTS).
    alias: how many of the leading names the alias stands for.
    """

    line: int
    column: int
    dotted: str
    call: object
    kind: str
    alias: int


class Symbol(NamedTuple):
    """A name stands for a module, function, class or constant of TensorFlow."""

    dotted: str
    imported: bool = False


class Instance(NamedTuple):
    """A name stands for what a call of TensorFlow gave.

    dotted: what was called; '' after arithmetic.
    call: its arguments.
    trained: whether a variable is among what it was computed from.
    """

    dotted: str
    call: Call = Call()
    trained: bool = False


class Scope:
    """Names of a module, class or function."""

    def __init__(self, parent=None, is_class=False):
        self.parent, self.is_class = parent, is_class
        self.names = {}
        self.elsewhere = {}  # names of `global` and `nonlocal`: their scope
        self.attributes = {}  # of a class: what self.… stands for
        self.bases = ()

    def attribute(self, name):
        if name in self.attributes:
            return self.attributes[name]
        if name in self.names:
            return self.names[name]
        for base in self.bases:
            found = base.attribute(name)
            if found is not None:
                return found
        return None


class Program(NamedTuple):
    """What a program uses.

    uses: [Use].
    imports_keras: whether it imports Keras, on its own or TensorFlow's.
    """

    uses: list
    imports_keras: bool


def read(body):
    """The Program of a module's statements."""
    reader = _Reader()
    reader.run(body)
    return Program(reader.uses, reader.imports_keras)


def is_schedule(dotted):
    """Whether a call of it gives a learning rate that changes."""
    name = dotted.rpartition(".")[2]
    return ".train." in dotted and (
        name.endswith(("_decay", "_restarts")) or name.startswith("piecewise_constant")
    )


def is_optimizer(dotted):
    return dotted.endswith("Optimizer") and not dotted.startswith("tensorflow.keras")


class _Reader:
    def __init__(self):
        self.uses = []
        self.module = self.scope = Scope()
        self.later = []  # functions to follow: (node, scope, class)
        self.owner = None  # the class whose body is followed
        self.stars = []  # modules of TensorFlow imported with *
        self.foreign_star = False
        self.imports_keras = False
        self.defaults = {}  # symbol: keywords that an arg_scope gives it

    def run(self, body):
        self.block(body)
        while self.later:
            node, scope, owner = self.later.pop(0)
            self.function(node, scope, owner)
        schedules = any(is_schedule(use.dotted) for use in self.uses if use.call)
        self.uses = [
            self.with_defaults(use)
            for use in self.uses
            if schedules or not use.dotted.startswith("no_global_step")
        ]

    def with_defaults(self, use):
        if use.call is not None and use.dotted in self.defaults:
            keywords = {**self.defaults[use.dotted], **use.call.keywords}
            return use._replace(call=use.call._replace(keywords=keywords))
        return use

    def emit(self, node, dotted, call=None, kind="name", alias=1):
        self.uses.append(Use(node.lineno, node.col_offset, dotted, call, kind, alias))

    # ------------------------------------------------------------------------- names

    def look_up(self, name):
        scope = self.scope
        while scope is not None:
            if name in scope.names and (not scope.is_class or scope is self.scope):
                return scope.names[name]
            scope = scope.parent
        if self.stars and not hasattr(builtins, name):
            for module in self.stars:
                dotted = f"{module}.{name}"
                if catalogue.find(dotted) is not None and _is_listed(dotted):
                    return Symbol(dotted, imported=True)
        if name == "tf" and self.foreign_star:
            return Symbol(ROOT)
        return None

    def bind(self, name, value):
        self.scope.elsewhere.get(name, self.scope).names[name] = value

    def assign(self, target, value, node=None):
        """Binds a target; ``node`` is the value's, to take tuples apart."""
        kind = type(target)
        if kind is ast.Name:
            self.bind(target.id, value)
        elif kind in (ast.Tuple, ast.List):
            values = getattr(node, "elts", ())
            for index, each in enumerate(target.elts):
                of_each = None
                if len(values) == len(target.elts):
                    of_each = self.peek(values[index])
                self.assign(each, of_each)
        elif kind is ast.Starred:
            self.assign(target.value, None)
        elif kind is ast.Attribute:
            owner = self.peek(target.value)
            if isinstance(owner, Scope):
                if value is not None or target.attr not in owner.attributes:
                    owner.attributes[target.attr] = value
            else:
                self.evaluate(target)
        else:
            self.evaluate(target)

    def peek(self, node):
        """What an expression stands for, without counting it as a use."""
        uses, self.uses = self.uses, []
        try:
            return self.evaluate(node)
        finally:
            self.uses = uses

    # -------------------------------------------------------------------- statements

    def block(self, statements):
        for statement in statements:
            execute = STATEMENTS.get(type(statement))
            if execute is not None:
                execute(self, statement)
            else:
                self.children(statement)

    def children(self, node):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.evaluate(child)
            elif isinstance(child, ast.stmt):
                self.block([child])
            else:
                self.children(child)

    def branches(self, *blocks):
        """Follows each from the same names; TensorFlow in any of them counts."""
        before, after = self.scope.names, []
        for block in blocks:
            self.scope.names = dict(before)
            block()
            after.append(self.scope.names)
        merged = {}
        for names in after:
            for name, value in names.items():
                if merged.get(name) is None or (
                    isinstance(value, Symbol) and not isinstance(merged[name], Symbol)
                ):
                    merged[name] = value
        self.scope.names = merged

    def import_(self, node):
        for alias in node.names:
            if alias.name.partition(".")[0] == "keras":
                self.imports_keras = True
            if alias.name.partition(".")[0] != ROOT:
                self.bind(alias.asname or alias.name.partition(".")[0], None)
                continue
            self.emit(alias, alias.name, kind="import")
            whole = alias.name if alias.asname else ROOT
            self.bind(alias.asname or ROOT, Symbol(whole))

    def import_from(self, node):
        module = node.module or ""
        of_tensorflow = not node.level and module.partition(".")[0] == ROOT
        if module.partition(".")[0] == "keras" and not node.level:
            self.imports_keras = True
        for alias in node.names:
            if alias.name == "*":
                if of_tensorflow:
                    self.stars.append(module)
                    self.emit(alias, module, kind="import")
                else:
                    self.foreign_star = True
            elif of_tensorflow:
                dotted = f"{module}.{alias.name}"
                self.emit(alias, dotted, kind="import")
                self.bind(alias.asname or alias.name, Symbol(dotted, imported=True))
            else:
                handed_on = Symbol(ROOT) if alias.name in HANDED_ON else None
                self.bind(alias.asname or alias.name, handed_on)

    def assignment(self, node):
        value = self.evaluate(node.value)
        for target in node.targets:
            self.assign(target, value, node.value)

    def annotated(self, node):
        self.evaluate(node.annotation)
        value = self.evaluate(node.value) if node.value is not None else None
        self.assign(node.target, value)

    def augmented(self, node):
        self.evaluate(node.target)
        self.evaluate(node.value)

    def delete(self, node):
        for target in node.targets:
            self.assign(target, None)

    def if_(self, node):
        self.evaluate(node.test)
        self.branches(lambda: self.block(node.body), lambda: self.block(node.orelse))

    def while_(self, node):
        self.evaluate(node.test)
        self.branches(lambda: self.block(node.body), lambda: self.block(node.orelse))

    def for_(self, node):
        self.evaluate(node.iter)

        def body():
            self.assign(node.target, None)
            self.block(node.body)

        if isinstance(node.target, (ast.Name, ast.Tuple, ast.List)):
            # Python leaves the target bound after the loop.
            self.assign(node.target, None)
        self.branches(body, lambda: self.block(node.orelse))

    def with_(self, node):
        for item in node.items:
            value = self.evaluate(item.context_expr)
            if item.optional_vars is not None:
                self.assign(item.optional_vars, value)
        self.block(node.body)

    def try_(self, node):
        def handler(each):
            if each.type is not None:
                self.evaluate(each.type)
            if each.name:
                self.bind(each.name, None)
            self.block(each.body)

        def body():
            self.block(node.body)
            self.block(node.orelse)

        self.branches(
            body, *[lambda each=each: handler(each) for each in node.handlers]
        )
        self.block(node.finalbody)

    def match(self, node):
        self.evaluate(node.subject)

        def case(each):
            for part in ast.walk(each.pattern):
                for name in (getattr(part, "name", None), getattr(part, "rest", None)):
                    if isinstance(name, str):
                        self.bind(name, None)
                if isinstance(part, ast.MatchValue):
                    self.evaluate(part.value)
                elif isinstance(part, ast.MatchClass):
                    self.evaluate(part.cls)
            if each.guard is not None:
                self.evaluate(each.guard)
            self.block(each.body)

        self.branches(
            *[lambda each=each: case(each) for each in node.cases], lambda: None
        )

    def global_(self, node):
        for name in node.names:
            self.scope.elsewhere[name] = self.module

    def nonlocal_(self, node):
        for name in node.names:
            scope = self.scope.parent
            while scope.parent is not None and name not in scope.names:
                scope = scope.parent
            self.scope.elsewhere[name] = scope

    def define(self, node):
        for decorator in node.decorator_list:
            self.evaluate(decorator)
        self.signature(node.args)
        if node.returns is not None:
            self.evaluate(node.returns)
        self.bind(node.name, None)
        owner = self.owner
        decorators = [getattr(each, "id", "") for each in node.decorator_list]
        if "staticmethod" in decorators:
            owner = None
        entry = (node, self.scope, owner if self.scope is owner else None)
        # What sets up the others comes first: a constructor, an import into globals.
        sets_up = node.name == "__init__" or isinstance(node.body[0], ast.Global)
        if sets_up:
            self.later.insert(0, entry)
        else:
            self.later.append(entry)

    def signature(self, arguments):
        for default in (*arguments.defaults, *arguments.kw_defaults):
            if default is not None:
                self.evaluate(default)
        for each in _arguments(arguments):
            if each.annotation is not None:
                self.evaluate(each.annotation)

    def function(self, node, scope, owner):
        self.scope = Scope(scope)
        for each in _arguments(node.args):
            self.bind(each.arg, None)
        positional = [*node.args.posonlyargs, *node.args.args]
        if owner is not None and positional:
            self.bind(positional[0].arg, owner)
        before, self.owner = self.owner, None
        if isinstance(node, ast.Lambda):
            self.evaluate(node.body)
        else:
            self.block(node.body)
        self.owner = before
        self.scope = scope

    def class_(self, node):
        for each in (*node.decorator_list, *[word.value for word in node.keywords]):
            self.evaluate(each)
        bases = [self.evaluate(base) for base in node.bases]
        scope = Scope(self.scope, is_class=True)
        scope.bases = [base for base in bases if isinstance(base, Scope)]
        outer, owner = self.scope, self.owner
        self.scope = self.owner = scope
        self.block(node.body)
        self.scope, self.owner = outer, owner
        self.bind(node.name, scope)

    # ------------------------------------------------------------------- expressions

    def evaluate(self, node):
        """Follows an expression; what it stands for, or None for anything else."""
        follow = EXPRESSIONS.get(type(node))
        if follow is not None:
            return follow(self, node)
        self.children(node)
        return None

    def chain(self, node, call=None):
        """``a.b.c``, called or not."""
        attributes = []
        while type(node) is ast.Attribute:
            attributes.append(node.attr)
            node = node.value
        attributes.reverse()
        value = self.look_up(node.id) if type(node) is ast.Name else self.evaluate(node)
        while isinstance(value, Scope) and attributes:
            value = value.attribute(attributes.pop(0))
        if isinstance(value, Symbol):
            dotted = ".".join((value.dotted, *attributes))
            if attributes or call is not None or value.imported:
                kind = "name" if attributes or value.imported else "alias"
                self.emit(node, dotted, call, kind, value.dotted.count(".") + 1)
            return Symbol(dotted)
        if isinstance(value, Instance):
            if not attributes:
                return value
            if value.dotted:
                dotted = ".".join((value.dotted, *attributes))
                self.emit(node, dotted, call, "method", value.dotted.count(".") + 1)
                if (
                    call is not None
                    and attributes[-1] in ("minimize", "apply_gradients")
                    and is_optimizer(value.dotted)
                    and _lacks_global_step(call)
                ):
                    self.emit(node, f"no_global_step:{dotted}", call, "fact")
                if value.dotted.startswith(MAKES_DATASETS) and call is not None:
                    return Symbol(value.dotted)  # most methods of Dataset give one
            return Instance("", trained=value.trained)
        return value if not attributes else None

    def name_or_attribute(self, node):
        return self.chain(node)

    def call(self, node):
        function = node.func
        imported = self.imported_by_call(node)
        if imported is not None:
            return imported
        if getattr(function, "id", getattr(function, "attr", None)) == "partial":
            if (
                node.args
                and _is_path(node.args[0])
                and isinstance(self.peek(node.args[0]), Symbol)
            ):
                rest = ast.Call(node.args[0], node.args[1:], node.keywords)
                ast.copy_location(rest, node)
                self.called(rest, unpacks=True)
                return None
        return self.called(node)

    def called(self, node, unpacks=False):
        if isinstance(node.func, (ast.Name, ast.Attribute)):
            call = self.arguments(node, unpacks)
            value = self.chain(node.func, call)
        else:
            call = None
            value = self.evaluate(node.func)
        if isinstance(value, Symbol) and call is None:  # getattr(tf, 'log')(x)
            call = self.arguments(node, unpacks)
            self.uses[-1] = self.uses[-1]._replace(call=call)
        # The callee stands before its arguments, as in the text.
        values = [self.evaluate(each) for each in node.args]
        named = {word.arg: self.evaluate(word.value) for word in node.keywords}
        if not isinstance(value, Symbol):
            return value if isinstance(value, Scope) else None
        self.facts(node, value.dotted, [*values, *named.values()])
        if value.dotted.endswith(".arg_scope") and node.args:
            self.remember_defaults(node.args[0], call)
        trained = value.dotted.rpartition(".")[2] in TRAINED or _any_trained(
            *values, *named.values()
        )
        dotted = value.dotted
        if dotted.startswith(MAKES_DATASETS):
            dotted = "tensorflow.data.Dataset"
        return Instance(dotted, call, trained)

    def arguments(self, node, unpacks=False):
        keywords = {}
        literals = []
        for each in node.args:
            if isinstance(each, ast.Starred):
                keywords["*"] = None
            else:
                literals.append(self.literal(each))
        for word in node.keywords:
            keywords[word.arg or "**"] = self.literal(word.value)
        if unpacks:
            keywords["**"] = None
        return Call(len(literals), keywords, tuple(literals))

    def literal(self, node):
        kind = type(node)
        if kind is ast.Constant:
            value = node.value
            if value is None:
                return "None"
            return value if isinstance(value, (bool, int, float, str)) else None
        if _is_path(node):
            value = self.peek(node)
            return value.dotted if isinstance(value, Symbol) else None
        if kind is ast.UnaryOp and isinstance(node.op, ast.USub):
            value = self.literal(node.operand)
            return -value if isinstance(value, (int, float)) else None
        if kind in (ast.List, ast.Tuple):
            return [self.literal(each) for each in node.elts]
        return None

    def imported_by_call(self, node):
        """``getattr(tf, 'log')``, ``importlib.import_module('tensorflow')``."""
        function, arguments = node.func, node.args
        name = getattr(function, "id", getattr(function, "attr", ""))
        if name == "getattr" and len(arguments) >= 2 and _is_path(arguments[0]):
            constant = getattr(arguments[1], "value", None)
            owner = self.peek(arguments[0])
            if isinstance(owner, Symbol) and isinstance(constant, str):
                dotted = f"{owner.dotted}.{constant}"
                self.emit(node, dotted, None, "name", owner.dotted.count(".") + 1)
                for default in arguments[2:]:
                    self.evaluate(default)
                return Symbol(dotted)
        elif name in ("import_module", "__import__") and arguments:
            module = getattr(arguments[0], "value", None)
            if isinstance(module, str) and module.partition(".")[0] == ROOT:
                if name == "__import__":
                    module = ROOT
                self.emit(node, module, kind="import")
                return Symbol(module)
        return None

    def remember_defaults(self, node, call):
        for each in getattr(node, "elts", ()):
            symbol = self.peek(each)
            if isinstance(symbol, Symbol):
                self.defaults.setdefault(symbol.dotted, {}).update(call.keywords)

    def arithmetic(self, node):
        left, right = self.evaluate(node.left), self.evaluate(node.right)
        if isinstance(node.op, ast.Sub):
            self.broadcast(node, left, right)
        for value in (left, right):
            if isinstance(value, Instance):
                return Instance("", trained=_any_trained(left, right))
        return None

    def negation(self, node):
        value = self.evaluate(node.operand)
        if isinstance(value, Instance):
            return Instance("", trained=value.trained)
        return None

    def facts(self, node, dotted, values):
        name = dotted.rpartition(".")[2]
        tensors = [value for value in values if isinstance(value, Instance)]
        if is_optimizer(dotted) and any(is_schedule(each.dotted) for each in tensors):
            self.emit(node, f"schedule:{dotted}", None, "fact")
        if (
            name
            in (
                "subtract",
                "sub",
                "squared_difference",
                "mean_squared_error",
                "absolute_difference",
            )
            and len(values) > 1
        ):
            self.broadcast(node, *values[:2])

    def broadcast(self, node, *values):
        """A target without a shape minus what was predicted for it."""
        of_no_shape = [_has_no_shape(value) for value in values]
        if any(of_no_shape) and _any_trained(*values):
            self.emit(node, "broadcast", None, "fact")

    def lambda_(self, node):
        self.signature(node.args)
        self.function(node, self.scope, None)

    def comprehension(self, node):
        outer = self.scope
        first = node.generators[0]
        self.evaluate(first.iter)
        self.scope = Scope(outer)
        for generator in node.generators:
            if generator is not first:
                self.evaluate(generator.iter)
            self.assign(generator.target, None)
            for condition in generator.ifs:
                self.evaluate(condition)
        if isinstance(node, ast.DictComp):
            self.evaluate(node.key)
            self.evaluate(node.value)
        else:
            self.evaluate(node.elt)
        self.scope = outer

    def walrus(self, node):
        value = self.evaluate(node.value)
        self.bind(node.target.id, value)
        return value

    def conditional(self, node):
        self.evaluate(node.test)
        first, second = self.evaluate(node.body), self.evaluate(node.orelse)
        return first if first is not None else second

    def either(self, node):
        values = [self.evaluate(value) for value in node.values]
        return next((value for value in values if value is not None), None)

    def nothing(self, node):
        return None


def _any_trained(*values):
    return any(isinstance(each, Instance) and each.trained for each in values)


def _is_path(node):
    while type(node) is ast.Attribute:
        node = node.value
    return type(node) is ast.Name


def _arguments(arguments):
    for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        yield each
    for each in (arguments.vararg, arguments.kwarg):
        if each is not None:
            yield each


def _lacks_global_step(call):
    """minimize(loss, step) and apply_gradients(pairs, step) take it in second place."""
    keywords = call.keywords
    given = call.positional > 1 or keywords.get("global_step", "None") != "None"
    return not given and "*" not in keywords and "**" not in keywords


def _has_no_shape(value):
    if not isinstance(value, Instance) or not value.dotted.endswith(".placeholder"):
        return False
    call = value.call
    if "*" in call.keywords or "**" in call.keywords:
        return False
    if "shape" not in call.keywords and call.positional < 2:
        return True
    by_position = call.literals[1] if call.positional > 1 else None
    shape = call.keywords.get("shape", by_position)
    return shape in ("None", ["None"])


def _is_listed(dotted):
    symbol = catalogue.canonical(dotted)
    return symbol in catalogue.api() or symbol in catalogue.rules().exact


STATEMENTS = {
    ast.Import: _Reader.import_,
    ast.ImportFrom: _Reader.import_from,
    ast.Assign: _Reader.assignment,
    ast.AnnAssign: _Reader.annotated,
    ast.AugAssign: _Reader.augmented,
    ast.Delete: _Reader.delete,
    ast.If: _Reader.if_,
    ast.While: _Reader.while_,
    ast.For: _Reader.for_,
    ast.AsyncFor: _Reader.for_,
    ast.With: _Reader.with_,
    ast.AsyncWith: _Reader.with_,
    ast.Try: _Reader.try_,
    ast.Match: _Reader.match,
    ast.Global: _Reader.global_,
    ast.Nonlocal: _Reader.nonlocal_,
    ast.FunctionDef: _Reader.define,
    ast.AsyncFunctionDef: _Reader.define,
    ast.ClassDef: _Reader.class_,
}
if hasattr(ast, "TryStar"):  # Python 3.11
    STATEMENTS[ast.TryStar] = _Reader.try_

EXPRESSIONS = {
    ast.Name: _Reader.name_or_attribute,
    ast.Attribute: _Reader.name_or_attribute,
    ast.Call: _Reader.call,
    ast.BinOp: _Reader.arithmetic,
    ast.UnaryOp: _Reader.negation,
    ast.Lambda: _Reader.lambda_,
    ast.ListComp: _Reader.comprehension,
    ast.SetComp: _Reader.comprehension,
    ast.GeneratorExp: _Reader.comprehension,
    ast.DictComp: _Reader.comprehension,
    ast.NamedExpr: _Reader.walrus,
    ast.IfExp: _Reader.conditional,
    ast.BoolOp: _Reader.either,
    ast.Constant: _Reader.nothing,
}
