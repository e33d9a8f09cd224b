"""What the names of a program stand for, and a use of one; the data that reading gives."""

from typing import NamedTuple

ROOT = "tensorflow"


class Call(NamedTuple):
    """The arguments of a call, as far as they can be read.

    positional: how many are positional.
    keywords: {name: literal, the dotted name of a TensorFlow symbol, or None for what
        is not known}; with the key '*' or '**' where the call unpacks. A literal None
        is the text 'None', as rules in TOML have no other word for it.
    literals: of the positional ones.
    origins: canonical symbols whose results the arguments were computed from; for a
        method those that its object was made with. Only symbols that a condition asks
        for, see ``conditions.origin``.
    texts: {place or keyword: how the argument is written}, of what is short; see
        ``expressions.text``. Only of calls of TensorFlow's symbols.
    """

    positional: int = 0
    keywords: dict = {}
    literals: tuple = ()
    origins: frozenset = frozenset()
    texts: dict = {}

    @property
    def unpacks(self):
        return "*" in self.keywords or "**" in self.keywords


class Use(NamedTuple):
    """One use of a symbol.

    dotted: 'tensorflow.contrib.rnn.LSTMCell', attributes of the symbol included; of a
        fact its name and, behind a colon, the symbol that it is about.
    call: a Call if it is called there.
    kind: 'import', 'name' (written out from a module's alias on), 'alias' (of a
        symbol), 'method' (of what a call gave) or 'fact' (see facts.FACTS).
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
    origins: canonical symbols that it was computed from, its own included.
    kind: 'tensor', 'variable', … where that is known, see ``tensors``; else ''.
    """

    dotted: str
    call: Call = Call()
    origins: frozenset = frozenset()
    kind: str = ""


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
            value = base.attribute(name)
            if value is not None:
                return value
        return None


class Defaults(NamedTuple):
    """What an arg_scope gives to the calls of some symbols.

    block: first and last line of the `with` that it holds in, or None where it is kept
        for later, as `with arg_scope(...) as scope` does.
    frame: first and last line of the function that it stands in, or None.
    """

    symbols: frozenset
    keywords: dict
    texts: dict
    block: tuple
    frame: tuple

    def hold_for(self, line, frame):
        """Whether a call may get them: in the block, or from another function."""
        if self.block is None or self.block[0] <= line <= self.block[1]:
            return True
        return frame != self.frame


def either(first, second):
    """What a name stands for that is one or the other; TensorFlow counts."""
    if isinstance(first, Instance) and isinstance(second, Instance):
        kind = first.kind if first.kind == second.kind else ""
        return first._replace(origins=first.origins | second.origins, kind=kind)
    if first is None or (isinstance(second, Symbol) and not isinstance(first, Symbol)):
        return second
    return first


def origins(values):
    """All that the Instances among some values were computed from."""
    return frozenset().union(
        *[value.origins for value in values if isinstance(value, Instance)]
    )
