"""Which TensorFlow symbols a program uses, under whatever names; from its syntax alone.

The statements are followed in order, scope by scope, with what each name stands for: a
TensorFlow module or symbol, the result of calling one, or anything else. A name that is
bound to anything else is no alias any more. Functions are followed after the scope that
defines them, as they run later; of two branches, the one with TensorFlow in it counts.
"""

import ast
import builtins
from typing import NamedTuple

from tf2_keras.migrate import expressions, public_names, statements, tracing
from tf2_keras.migrate.bindings import ROOT, Scope, Symbol, Use, either


class Program(NamedTuple):
    """What a program uses.

    uses: [Use].
    imports_keras: whether it imports Keras, on its own or TensorFlow's.
    """

    uses: list
    imports_keras: bool


def read(body):
    """The Program of a module's statements."""
    reader = Reader()
    reader.run(body)
    return Program(reader.uses, reader.imports_keras)


class Reader:
    """Follows a program; ``statements`` and ``expressions`` say how, node by node."""

    def __init__(self):
        self.uses = []
        self.module = self.scope = Scope()
        self.later = []  # functions to follow: (node, scope, class)
        self.owner = None  # the class whose body is followed
        self.frame = None  # first and last line of the function that is followed
        self.frames = []
        self.stars = []  # modules of TensorFlow imported with *
        self.foreign_star = False
        self.imports_keras = False
        self.defaults = []  # [Defaults]
        self.effects = []  # what only Python does, see tracing
        self.builds, self.runs = set(), set()  # frames that make tensors, run Sessions

    def run(self, body):
        self.block(body)
        while self.later:
            statements.function(self, *self.later.pop(0))
        tracing.tell(self)
        if self.defaults:
            # Nearer ones have the last word.
            self.defaults.sort(key=lambda defaults: defaults.block or ())
            self.uses = [self.with_defaults(use) for use in self.uses]

    def with_defaults(self, use):
        if use.call is None:
            return use
        inner = [frame for frame in self.frames if frame[0] <= use.line <= frame[1]]
        keywords, texts = {}, {}
        for defaults in self.defaults:
            if use.dotted in defaults.symbols and defaults.hold_for(
                use.line, max(inner, default=None)
            ):
                keywords.update(defaults.keywords)
                texts.update(defaults.texts)
        keywords.update(use.call.keywords)
        texts.update(use.call.texts)
        return use._replace(call=use.call._replace(keywords=keywords, texts=texts))

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
                known = public_names.resolve(f"{module}.{name}")
                if known is not None and known.listed:
                    return Symbol(f"{module}.{name}", imported=True)
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
            for index, element in enumerate(target.elts):
                paired = len(values) == len(target.elts)
                self.assign(element, self.peek(values[index]) if paired else None)
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

    # --------------------------------------------------------------------- following

    def block(self, body):
        for statement in body:
            follow = statements.FOLLOW.get(type(statement), statements.children)
            follow(self, statement)

    def evaluate(self, node):
        """Follows an expression; what it stands for, or None for anything else."""
        follow = expressions.FOLLOW.get(type(node), statements.children)
        return follow(self, node)

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
                merged[name] = either(merged.get(name), value)
        self.scope.names = merged
