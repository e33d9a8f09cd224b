"""Statements as lines of Python: values that get names, calls in a row as loops."""

import collections
import keyword
import re

from tf2_keras.migrate.draft.plain import clean
from tf2_keras.migrate.draft.statements import literals, rendered

ROWS = 3  # calls of one function in a row that become a loop
VALUE = "x"
GENERAL = re.compile(r"(x|y|residual|shortcut|state)(_\d+)?$")
LONGEST_WORD = 12  # that a value is called by
SHORT = 44  # characters of an expression within another


class Bodies:
    """Lines of ``inference`` and of the functions that it calls.

    Args:
        functions: [factoring.Function].
    """

    def __init__(self, functions):
        self.functions = {function.name: function for function in functions}
        self._own, self._added = _Own(()), set()

    def uses_config(self, statements):
        """Whether some statements read the configuration."""
        for statement in statements:
            if any("config." in word.source for word in literals(statement.call)):
                return True
            called = statement.call and self.functions.get(statement.call.function)
            if called and self.uses_config(called.statements):
                return True
        return False

    def of_function(self, function):
        """(parameters, lines) of a function of the draft."""
        parameters = [parameter for parameter, _ in function.inputs]
        parameters += function.parameters
        if self.uses_config(function.statements):
            parameters.append("config")
        names = {tensor: parameter for parameter, tensor in function.inputs}
        lines, results = self.lines(function.statements, names, [function.result])
        return parameters, returning(lines, results[0])

    def lines(self, statements, names, outputs):
        """(lines, [Python of each output]).

        Args:
            names: {tensor's name: Python} of what is there.
            outputs: names of tensors.
        """
        remaining = collections.Counter(
            name for statement in statements for name in statement.inputs
        )
        remaining.update(outputs)
        names, lines, place = dict(names), [], 0
        inlined = _Inlined(statements, remaining)
        self._added = {
            name
            for statement in statements
            if _is_expression(statement) and " + " in statement.template
            for name in statement.inputs
        }
        # What an input is called stays what it is called.
        self._own = _Own(names.values())
        while place < len(statements):
            row = self._row(statements, place, remaining)
            if len(row) >= ROWS:
                lines += self._loop(row, names, remaining)
                place += len(row)
                continue
            statement = statements[place]
            given = [names[name] for name in statement.inputs]
            written = self._expression(statement, given)
            read = inlined.read(statement.inputs)
            if inlined.has(statement.inputs):
                written = clean(written)
            place += 1
            if inlined.takes(statement, written, read):
                names[statement.outputs[0]] = written
                continue
            for name in read:
                remaining[name] -= 1
            if statement.why:
                lines.append(f"# {statement.why}")
            target = self._target(statement, names, remaining, read)
            lines.append(f"{target} = {written}")
        return lines, [names[name] for name in outputs]

    def _expression(self, statement, given):
        if statement.call is None:
            bracketed = [
                f"({word})" if re.search(r"^-| [-+*/] ", word) else word
                for word in given
            ]
            return statement.template.format(*bracketed)
        if statement.kind == "function":
            function = self.functions[statement.call.function]
            words = given + [rendered(value) for _, value in statement.call.arguments]
            if self.uses_config(function.statements):
                words.append("config")
            return f"{function.name}({', '.join(words)})"
        layer = rendered(statement.call)
        if statement.kind == "definition":
            return layer
        if statement.template:
            return f"{layer}({statement.template.format(*given)})"
        if len(given) == 1 or statement.spread:
            return f"{layer}({', '.join(given)})"
        return f"{layer}([{', '.join(given)}])"

    # Names of values.

    def _target(self, statement, names, remaining, read):
        """What a statement is assigned to; takes it into ``names``.

        Args:
            read: names of the tensors that its Python reads.
        """
        live = {names[name] for name in names if remaining[name] > 0}
        if statement.structure is not None:
            return self._targets(statement, names, remaining, live)
        (output,) = statement.outputs
        if statement.kind == "definition":
            names[output] = self._layer_name(statement, {*names.values(), VALUE})
            return names[output]
        free = [
            names[name]
            for name in read
            if remaining[name] == 0 and not name.startswith("layer:")
        ]
        word, is_expression = self._word(statement), _is_expression(statement)
        free = [
            name
            for name in free
            if name not in live
            and name in self._own
            and (GENERAL.match(name) or name == word or not (word or is_expression))
        ]
        if VALUE not in live and (len({*read}) > 1 or not free):
            target = VALUE
        elif free:
            target = VALUE if VALUE in free else free[0]
        else:
            target = self._name(statement, live)
        names[output] = target
        return target

    def _targets(self, statement, names, remaining, live):
        taken, words = set(live), {}
        for place, output in enumerate(statement.outputs):
            if output is None or not remaining[output]:
                words[place] = "_"
                continue
            usual = VALUE if place == 0 and VALUE not in taken else "state"
            word = statement.words.get(place, usual)
            base, count = word, 1
            while word in taken:
                count += 1
                word = f"{base}_{count}"
            taken.add(word)
            words[place] = names[output] = word

        def nested(part):
            if not isinstance(part, tuple):
                return words[part]
            inner = [nested(below) for below in part]
            if all(word == "_" for word in inner):
                return "_"
            return f"({', '.join(inner)})"

        return ", ".join(nested(part) for part in statement.structure)

    def _layer_name(self, statement, taken):
        """What a layer that is called again is called in Python."""
        base = re.sub(r"\W", "_", statement.name.rpartition(".")[2]).lower()
        base = f"{base}_layer" if base in taken or not base.isidentifier() else base
        name, count = base, 1
        while name in taken:
            count += 1
            name = f"{base}_{count}"
        return name

    def _name(self, statement, live):
        """A name for a value beside others: that of its layer, if it has one."""
        base = self._word(statement) or "y"
        if base == "y" and statement.outputs[0] in self._added:
            base = "residual"
        name, count = base, 1
        while name in live:
            count += 1
            name = f"{base}_{count}"
        return name

    def _word(self, statement):
        """What a value could be called after its layer, or None."""
        if "shortcut" in (statement.name or ""):
            return "shortcut"
        named = [w.source for w in literals(statement.call) if w.role == "name"]
        word = named[0].strip("'").lower().removesuffix("_add") if named else ""
        word = word.replace("-", "_")
        is_good = word.isidentifier() and not keyword.iskeyword(word)
        if len(named) != 1 or not is_good or len(word) > LONGEST_WORD:
            return None
        return None if word in self.functions or word == VALUE else word

    # Loops.

    def _row(self, statements, place, remaining):
        """Calls of one function, each on what the one before returned."""
        row = [statements[place]]
        if row[0].kind != "function" or len(row[0].inputs) != 1:
            return row
        for statement in statements[place + 1 :]:
            before = row[-1].outputs[0]
            if (
                statement.kind != "function"
                or statement.call.function != row[0].call.function
                or statement.inputs != [before]
                or remaining[before] != 1
            ):
                break
            row.append(statement)
        return row

    def _loop(self, row, names, remaining):
        function = self.functions[row[0].call.function]
        table = [
            [rendered(value) for _, value in statement.call.arguments]
            for statement in row
        ]
        columns = list(zip(*table, strict=True))
        varying = [
            place for place, column in enumerate(columns) if len(set(column)) > 1
        ]
        source = names[row[0].inputs[0]]
        remaining[row[0].inputs[0]] -= 1
        lines, target = [], source
        if remaining[row[0].inputs[0]]:
            live = {names[name] for name in names if remaining[name] > 0}
            target = self._name(row[0], live)
            lines.append(f"{target} = {source}")
        words = [source if target == source else target]
        words += [
            function.parameters[place] if place in varying else column[0]
            for place, column in enumerate(columns)
        ]
        if self.uses_config(function.statements):
            words.append("config")
        lines += _loop_over(function, table, varying)
        lines.append(f"    {target} = {function.name}({', '.join(words)})")
        for statement in row:
            names[statement.outputs[0]] = target
        for statement in row[1:]:
            remaining[statement.inputs[0]] -= 1
        return lines


class _Inlined:
    """Operators that are written where the one other operator that takes them is.

    Args:
        statements: in order.
        remaining: {tensor's name: how often it is still to be read}.
    """

    def __init__(self, statements, remaining):
        takers = collections.defaultdict(list)
        for statement in statements:
            for name in statement.inputs:
                takers[name].append(statement)
        self._only = {
            name: listed[0]
            for name, listed in takers.items()
            if len(listed) == 1 and remaining[name] == 1
        }
        self._read = {}  # {tensor's name: names of the tensors that its Python reads}

    def read(self, inputs):
        """Names of the tensors that Python reads which is written in some."""
        return [inner for name in inputs for inner in self._read.get(name, [name])]

    def has(self, inputs):
        """Whether some of these are written in place."""
        return any(name in self._read for name in inputs)

    def takes(self, statement, written, read):
        """Whether a statement is one of these."""
        taker = self._only.get(statement.outputs[0])
        is_one = taker is not None and _is_expression(statement) and not statement.why
        if not (is_one and _is_expression(taker) and len(written) <= SHORT):
            return False
        self._read[statement.outputs[0]] = read
        return True


def _is_expression(statement):
    """Whether a statement is an operator, and no call of a layer."""
    is_call = statement.inputs and statement.inputs[0].startswith("layer:")
    return statement.kind == "operator" and statement.call is None and not is_call


class _Own:
    """All names but some: those that values may take over from each other."""

    def __init__(self, given):
        self._given = {name for name in given if name not in (VALUE, "y")}

    def __contains__(self, name):
        return name not in self._given


def _loop_over(function, table, varying):
    if not varying:
        return [f"for _ in range({len(table)}):"]
    words = [function.parameters[place] for place in varying]
    rows = [
        row[varying[0]]
        if len(varying) == 1
        else "(" + ", ".join(row[place] for place in varying) + ")"
        for row in table
    ]
    return [f"for {', '.join(words)} in [{', '.join(rows)}]:"]


def returning(lines, result):
    """Lines that end in a return, without an assignment only to be returned."""
    last = lines[-1] if lines else ""
    if last.startswith(f"{result} = ") and result.isidentifier():
        return [*lines[:-1], "return " + last[len(result) + 3 :]]
    return [*lines, f"return {result}"]
