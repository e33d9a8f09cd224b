"""Which values of a program are tensors, and where Python's own operators meet them.

1.15 compared and hashed tensors as objects; TF2 compares their values, and refuses to hash
them. A dimension of a static shape was a Dimension and is an int or None. What is told of
such a line is the rule of 'tf.Tensor.__eq__' and its like, in rules.toml.
"""

import ast
import functools
import re

from tf2_keras.migrate import keras_names, public_names
from tf2_keras.migrate.bindings import Instance, Symbol, origins

EQUALITY = "tf.Tensor.__eq__"
HASH = "tf.Tensor.__hash__"
TRUTH = "tf.Tensor.__bool__"
DIMENSION = "tf.Dimension.value"
RUN, EVAL, RUN_OP = "tf.Session.run", "tf.Tensor.eval", "tf.Operation.run"
ASSIGN = "tf.Variable.assign"

# Modules all of whose functions give a tensor, but for those below.
MODULES = (
    "tf",
    "tf.contrib.layers",
    "tf.contrib.slim",
    "tf.image",
    "tf.layers",
    "tf.linalg",
    "tf.losses",
    "tf.math",
    "tf.nn",
    "tf.random",
    "tf.strings",
)
# These give something else: a list, a tuple, a function, an answer of Python's.
OTHERS = tuple(
    re.findall(
        r"\w+",
        """
    add_ all_variables as_dtype assert_ assign_from assign_if batch_scatter broadcast_static
    bytes_split case clip_by_global colocate cond container control_ conv_transpose
    convert_to_tensor_or create_ ctc_ current_arg custom_ delete_ deserialize_ device
    dimension_ disable_ dynamic_partition eigh enable_ executing experimental filter_
    fixed_size_ foldl foldr fractional_ function fused_batch get_ global_variables grad_pass
    gradients group has_arg hessians identity_n import_ init_scope initialize_ is_jpeg
    is_numeric is_tensor is_variable load_ local_variables lu make_ map_fn max_pool_with
    meshgrid min_max_ model_ moments moving_average_ no_ nondiff normalize numpy_function
    op_scope optimize_loss parse_ py_ qr recompute register report_ required_ reset_
    resource_ sample_distorted scale_reg scan self_adjoint_eig sequence_to set_random
    shape_n slogdet sparse_ split sufficient_ summarize_ svd switch_case tables_ top_k
    trainable_ tuple unicode_ unique unstack variable vectorized weighted_moments while_
    with_space wrap_
    """,
    )
)
OTHER_ENDINGS = (
    *("_column", "_columns", "_fn", "_initializer", "_initializer_conv2d", "_scope"),
    *("_partitioner", "_regularizer", "_rnn", "_sampler", "_target"),
)
VARIABLES = (
    "tf.all_variables",
    "tf.global_variables",
    "tf.local_variables",
    "tf.model_variables",
    "tf.moving_average_variables",
    "tf.trainable_variables",
    "tf.contrib.framework.get_variables",
    "tf.contrib.slim.get_model_variables",
    "tf.contrib.slim.get_trainable_variables",
    "tf.contrib.slim.get_variables",
)
LISTS = ("tf.get_collection", "tf.gradients", "tf.meshgrid", "tf.split", "tf.unstack")
KINDS = {
    "tf.Variable": "variable",
    "tf.get_variable": "variable",
    "tf.contrib.framework.model_variable": "variable",
    "tf.contrib.framework.variable": "variable",
    "tf.contrib.slim.model_variable": "variable",
    "tf.contrib.slim.variable": "variable",
    "tf.placeholder": "placeholder",
    "tf.placeholder_with_default": "placeholder",
    "tf.sparse_placeholder": "placeholder",
    "tf.TensorShape": "shape",
    "tf.Dimension": "dimension",
    "tf.group": "operation",
    "tf.no_op": "operation",
    "tf.global_variables_initializer": "operation",
    "tf.initialize_all_variables": "operation",
    "tf.get_default_session": "session",
    **dict.fromkeys(VARIABLES, "variables"),
    **dict.fromkeys(LISTS, "tensors"),
}
# What an item of these is.
ITEMS = {"variables": "variable", "tensors": "tensor", "shape": "dimension"}
TENSORS = ("tensor", "variable", "placeholder")
MAPPINGS = ("dict", "OrderedDict", "defaultdict", "set", "WeakKeyDictionary")
SESSION = re.compile(r"(^|_)(sess|session)$")
LOOK_UP = ("get", "setdefault", "pop", "add", "discard", "has_key")
SEARCH = ("index", "count", "remove")


@functools.cache
def kind_of(dotted):
    """What a call of a symbol gives: a value of KINDS, 'tensor', or '' if not known."""
    known = public_names.resolve(dotted)
    symbol = known.symbol if known is not None else ""
    if symbol in KINDS:
        return KINDS[symbol]
    module, _, name = symbol.rpartition(".")
    if module in MODULES and known.listed and name[:1].islower():
        other = name.startswith(OTHERS) or name.endswith(OTHER_ENDINGS)
        return "" if other else "tensor"
    return ""


def kind(value):
    return value.kind if isinstance(value, Instance) else ""


def is_tensor(value):
    return kind(value) in TENSORS


def _holds_tensors(value):
    return kind(value) in ("tensors", "variables")


def computed(values):
    """What an operator gives that was applied to these."""
    if not any(isinstance(value, Instance) for value in values):
        return None
    gives = "tensor" if any(map(is_tensor, values)) else ""
    return Instance("", origins=origins(values), kind=gives)


def element(value):
    """What iterating over a value gives."""
    gives = ITEMS.get(kind(value))
    return Instance("", kind=gives) if gives else None


# ------------------------------------------------------------------------- attributes


def attribute(reader, node, value, attributes, call):
    """An attribute of a result or of anything unknown, as far as its name tells.

    value: what the first attribute is taken of, an Instance or None.
    """
    owner = value
    for name in attributes[:-1]:
        owner = _of(owner, name)
    name = attributes[-1]
    if call is not None:
        _method(reader, node, owner, name, call)
    elif name == "value" and kind(owner) == "dimension":
        reader.emit(node, DIMENSION, None, "fact")
    return _of(owner, name)


def _of(owner, name):
    if name in ("shape", "get_shape", "_shape_as_list"):
        return Instance("", kind="" if name[0] == "_" else "shape")
    if name in ("merge_with", "with_rank", "concatenate") and kind(owner) == "shape":
        return owner
    return None


def _method(reader, node, owner, name, call):
    """Methods whose receiver is often an argument: told by what they are called with."""
    feeds = "feed_dict" in call.keywords or "{}" in call.literals
    if name == "run":
        base = node.value
        text = getattr(base, "id", getattr(base, "attr", ""))
        if kind(owner) == "session" or SESSION.search(text):
            reader.emit(node, RUN, None, "fact")
        elif feeds:
            alone = "{}" in call.literals[:1] or not call.positional
            reader.emit(node, RUN_OP if alone else RUN, None, "fact")
        elif kind(owner) == "operation":
            reader.emit(node, RUN_OP, None, "fact")
    elif name == "eval":
        if feeds or "session" in call.keywords or is_tensor(owner):
            reader.emit(node, EVAL, None, "fact")
    elif name in ("assign", "assign_add", "assign_sub") and call.positional:
        # That of pandas takes keywords only.
        if owner is None or kind(owner) in ("variable", "tensor"):
            reader.emit(node, ASSIGN, None, "fact")
    elif name in keras_names.METHODS:
        reader.emit(node, f"tf.keras.Model.{name}", None, "fact")


def searched(reader, node, arguments):
    """``known.index(x)``, ``cache.get(x)``."""
    name = getattr(node.func, "attr", "")
    if name in SEARCH and len(arguments) == 1 and is_tensor(arguments[0]):
        reader.emit(node, EQUALITY, None, "fact")
    elif name in LOOK_UP and arguments:
        owner = reader.peek(node.func.value)
        if kind(owner) == "mapping" and _is_key(arguments[0]):
            reader.emit(node, HASH, None, "fact")


def mapping(reader, node, arguments):
    """What ``dict()`` or ``set(variables)`` gives, or None."""
    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
    if name not in MAPPINGS:
        return None
    # A collection may hold ops, which are hashed as before.
    if name == "set" and any(kind(value) == "variables" for value in arguments):
        reader.emit(node, HASH, None, "fact")
    return Instance("", kind="mapping")


# -------------------------------------------------------------------------- operators


def compare(reader, node):
    """``a == b``, ``a in [b]``, also of dimensions."""
    values = [reader.evaluate(node.left)]
    values += [reader.evaluate(comparator) for comparator in node.comparators]
    operands = [node.left, *node.comparators]
    for place, operator in enumerate(node.ops):
        pair = values[place : place + 2]
        nothing = any(_is_none(operand) for operand in operands[place : place + 2])
        if isinstance(operator, (ast.In, ast.NotIn)):
            rule = _of_membership(*pair)
        else:
            rule = _of_comparison(operator, pair, nothing)
        if rule:
            reader.emit(node, rule, None, "fact")
    ordered = isinstance(node.ops[0], (ast.Lt, ast.LtE, ast.Gt, ast.GtE))
    return computed(values) if ordered and any(map(is_tensor, values)) else None


def _of_membership(value, container):
    if kind(container) == "mapping":
        return HASH if _is_key(value) else None
    return EQUALITY if is_tensor(value) or _holds_tensors(container) else None


def _of_comparison(operator, pair, with_none):
    equality = isinstance(operator, (ast.Eq, ast.NotEq))
    if with_none and any(kind(value) == "dimension" for value in pair):
        return (
            DIMENSION if equality or isinstance(operator, (ast.Is, ast.IsNot)) else None
        )
    return (
        EQUALITY if equality and not with_none and any(map(is_tensor, pair)) else None
    )


def _is_none(node):
    return isinstance(node, ast.Constant) and node.value is None


def tested(reader, value, node):
    """``if value:``, ``not value``, ``value or other``."""
    if kind(value) in TENSORS:
        reader.emit(node, TRUTH, None, "fact")


def _is_key(value):
    """Placeholders are what a feed_dict is keyed by; that it goes is told elsewhere."""
    return kind(value) in ("tensor", "variable")


def dictionary(reader, node):
    for key, value in zip(node.keys, node.values, strict=True):
        # A tensor may be fed too: the dictionary of a feed is told with its Session.
        if key is not None and kind(reader.evaluate(key)) == "variable":
            reader.emit(key, HASH, None, "fact")
        reader.evaluate(value)
    return Instance("", kind="mapping")


def set_(reader, node):
    for element_ in node.elts:
        if is_tensor(reader.evaluate(element_)):
            reader.emit(element_, HASH, None, "fact")
    return Instance("", kind="mapping")


def sequence(reader, node):
    """A list or tuple; of tensors if all are."""
    values = [reader.evaluate(element_) for element_ in node.elts]
    if values and all(map(is_tensor, values)):
        return Instance("", origins=origins(values), kind="tensors")
    return None


def subscript(reader, node):
    value = reader.evaluate(node.value)
    index = reader.evaluate(node.slice)
    gives = kind(value)
    if gives == "mapping" and _is_key(index):
        reader.emit(node, HASH, None, "fact")
    sliced = isinstance(node.slice, ast.Slice)
    if gives in ITEMS:
        return value if sliced else element(value)
    if gives in TENSORS:
        return Instance("", origins=value.origins, kind="tensor")
    return value if isinstance(value, Symbol) and sliced else None
