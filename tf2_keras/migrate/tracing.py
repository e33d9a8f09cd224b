"""Lines that only Python runs, in functions that make tensors.

TF1 ran such a function once, to build the graph: a number drawn by NumPy, a time, a count
were constants of it. Called eagerly it runs them each time, as a tf.function once a trace.
"""

import ast
import re

# Draws and clocks of Python, under the names that everyone imports them by.
EFFECTS = re.compile(
    r"(np|numpy)\.random\.(?!seed|RandomState|default_rng|Generator)\w+"
    r"|random\.(random|randint|uniform|choice|choices|shuffle|sample|gauss|normalvariate)"
    r"|time\.(time|perf_counter|monotonic)|datetime\.(datetime\.)?now"
)


def called(reader, node):
    """A call of something that is not TensorFlow's."""
    name = getattr(node.func, "attr", "")
    if name and EFFECTS.fullmatch(ast.unparse(node.func)):
        reader.effects.append((reader.frame, node))
    if name in ("run", "eval", "evaluate"):  # TestCase.evaluate runs what it is given
        reader.runs.add(reader.frame)


def counted(reader, node):
    """``global calls; calls += 1`` or ``self.calls += 1``."""
    target = node.target
    shared = isinstance(target, ast.Attribute) or (
        isinstance(target, ast.Name) and target.id in reader.scope.elsewhere
    )
    if shared and isinstance(node.value, ast.Constant):
        reader.effects.append((reader.frame, node))


def made(reader, kind, before):
    """What a call of TensorFlow gave; ``before``: how many effects there were."""
    if kind == "variable":
        # Its initial value: a variable is made once in either world.
        del reader.effects[before:]
    elif kind in ("tensor", "placeholder"):
        reader.builds.add(reader.frame)
    elif kind == "session":
        reader.runs.add(reader.frame)


def tell(reader):
    """Tells of the effects in functions that build and run nothing."""
    for frame, node in reader.effects:
        if frame and frame in reader.builds and frame not in reader.runs:
            reader.emit(node, "python_effect", None, "fact")
