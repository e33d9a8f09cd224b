"""The source of a twin, from the parts of a draft."""

import ast
import re
import textwrap

from tf2_keras.migrate.draft import layout, several_steps, sharing
from tf2_keras.migrate.draft.bodies import Bodies, returning
from tf2_keras.migrate.draft.statements import rendered

COMMENTS = {"seed": "of the graph; each random op adds its own"}
FEW = 6  # names that a rule has to save
SEVERAL = 4  # of one loop, that the loop names by itself
AXES = {
    1: "[batch]",
    2: "[batch, features]",
    3: "[batch, time, features]",
    4: "[batch, height, width, channels]",
    5: "[batch, depth, height, width, channels]",
}
REGISTERED = "@keras.saving.register_keras_serializable({package!r})"


def source(product, status):
    """The text of the file.

    Args:
        product: a ``drafting.Product``.
        status: [line] about what was compared, for the docstring.
    """
    bodies = Bodies(product.functions)
    called = {s.call.function for s in product.statements if s.call is not None}
    blocks = [
        _docstring(product, status),
        _config(product),
        *[_class(product, layer) for layer in product.classes],
        *([sharing.CHAINED.split("\n")] if "chained" in called else []),
        *[_function(product, bodies, function) for function in product.functions],
        _inference(product, bodies),
    ]
    for step in product.steps:
        blocks += [_loss(product, step), _optimizer(product, step)]
    if len(product.steps) > 1:
        blocks += several_steps.blocks(product)
    elif product.is_special:
        blocks.append(_model(product))
    blocks += [_build(product), _checkpoint_names(product)]
    body = "\n\n\n".join("\n".join(block) for block in blocks[1:])
    head = "\n".join(blocks[0])
    imports = _imports(body)
    return layout.formatted(f"{head}\n\n{imports}\n\n\n{body}")


def _docstring(product, status):
    lines = [f'"""A Keras 3 twin of the training graph in {product.origin}.', ""]
    wrapped = [line for said in status for line in textwrap.wrap(said, layout.WIDTH)]
    return [*lines, *wrapped, '"""']


def _imports(body):
    lines = ["import dataclasses", "", "import keras"]
    if re.search(r"\btf\.", body):
        lines.append("import tensorflow as tf")
    ours = []
    if "tf1_semantics." in body:
        ours.append("from tf2_keras import tf1_semantics")
    if "sums.add_n" in body:
        ours.append("from tf2_keras.tf1_semantics import sums")
    if ours:
        lines += ["", *ours]
    return "\n".join(lines)


def _config(product):
    lines = ["@dataclasses.dataclass(frozen=True)", "class Config:"]
    for name, value in product.config.items():
        kind = (
            "tuple" if value.startswith("(") else type(ast.literal_eval(value)).__name__
        )
        comment = f"  # {COMMENTS[name]}" if name in COMMENTS else ""
        lines.append(f"    {name}: {kind} = {value}{comment}")
    return lines if product.config else [*lines, '    """Nothing to configure."""']


def _class(product, layer):
    registered = REGISTERED.format(package=product.package)
    lines = [
        registered,
        f"class {layer.name}(keras.layers.Layer):",
        f'    """The ops of {layer.origin}, {layer.shapes}."""',
        "",
    ]
    if layer.weights:
        lines.append("    def build(self, *_shapes):")
        lines += [
            f"        self.{attribute} = self.add_weight({arguments}, name={attribute!r})"
            for attribute, arguments in layer.weights
        ]
        lines.append("")
    lines.append(f"    def call(self, {', '.join(layer.parameters)}):")
    return [*lines, *_indented(layer.lines, 2)]


def _indented(lines, by=1):
    return ["    " * by + line if line else line for line in lines]


def _axes(product, name):
    rank = product.rank_of(name)
    return AXES.get(rank, "a tensor")


def _function(product, bodies, function):
    parameters, lines = bodies.of_function(function)
    axes = [_axes(product, tensor) for _, tensor in function.inputs]
    if len(axes) > 1 and len(set(axes)) == 1:
        axes = [f"two of {axes[0]}"]
    result = _axes(product, function.result)
    result = "one" if axes[0] == f"two of {result}" else result
    shapes = f"{', '.join(axes)} -> {result}"
    shapes = shapes[0].upper() + shapes[1:]
    return [
        f"def {function.name}({', '.join(parameters)}):",
        f'    """{shapes}."""',
        *_indented(lines),
    ]


def _shapes(names):
    return ", ".join(names)


def _inference(product, bodies):
    names = {tensor: python for python, tensor in product.inputs.items()}
    lines, results = bodies.lines(product.statements, names, product.outputs)
    result = results[0] if len(results) == 1 else f"[{', '.join(results)}]"
    given = ", ".join(product.shape_of(tensor) for tensor in product.taken.values())
    returned = ", ".join(product.shape_of(tensor) for tensor in product.outputs)
    return [
        f"def inference({', '.join([*product.taken, 'config'])}):",
        *_indented(
            textwrap.wrap(
                f'"""{given} -> {returned}, {product.dtype}."""', layout.WIDTH - 4
            )
        ),
        *_indented(returning(lines, result)),
    ]


def _loss(product, step):
    loss = step.loss
    head = [] if product.is_special else [REGISTERED.format(package=product.package)]
    return [
        *head,
        f"def {several_steps.named(product, step, 'loss')}({', '.join(loss.parameters)}):",
        f'    """{loss.shapes}, a scalar."""',
        *_indented(loss.lines),
    ]


def _optimizer(product, step):
    return [
        f"def {several_steps.named(product, step, 'optimizer')}(config):",
        f'    """{step.optimizer.part}, as TF1 has it."""',
        f"    return {rendered(step.call)}",
    ]


def _model(product):
    loss = product.loss
    lines = [
        REGISTERED.format(package=product.package),
        "class Model(keras.Model):",
        f'    """A functional model {product.why_special}."""',
        "",
    ]
    if loss.is_special:
        lines += [
            "    def compute_loss(self, x=None, y=None, y_pred=None, *_, **__):",
        ]
        lines += _indented(
            [
                *several_steps.weights_of(loss),
                f"return loss({', '.join(loss.arguments)})",
            ],
            2,
        )
    if product.gradients_of_tf1:
        if loss.is_special:
            lines.append("")
        lines += _indented(TRAIN_STEP.split("\n"))
    return lines


TRAIN_STEP = """\
def train_step(self, data):
    x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
    variables = [variable.value for variable in self.trainable_variables]
    with tf.GradientTape() as tape:
        value = self.compute_loss(x, y, self(x, training=True))
    if tf.executing_eagerly():
        gradients = tape.gradient(value, variables)
    else:
        # A tape adds the gradients of what is read three times in another order.
        gradients = tf.gradients(value, variables)
    self.optimizer.apply(gradients, self.trainable_variables)
    return {"loss": value}"""


def _build(product):
    lines = []
    for python, tensor in product.inputs.items():
        lines.append(f"{python} = keras.Input({product.input_of(tensor, python)})")
    names = list(product.inputs)
    if len(names) == 1:
        given = names[0]
    else:
        keys = {
            python: product.batch_name(t, python)
            for python, t in product.inputs.items()
        }
        given = "{" + ", ".join(f"{keys[name]!r}: {name}" for name in names) + "}"
    kind = "Model" if product.is_special else "keras.Model"
    lines.append(
        f"model = {kind}({given}, inference({', '.join([*product.taken, 'config'])}))"
    )
    if len(product.steps) > 1:
        lines += several_steps.compiling(product)
    elif product.loss is not None:
        loss = "" if product.loss.is_special else "loss=loss, "
        lines.append(
            f"model.compile(optimizer=optimizer(config), {loss}jit_compile=False)"
        )
    said = "The whole model, compiled." if product.loss else "The whole model."
    return [
        "def build(config=Config()):",
        f'    """{said}"""',
        *_indented(lines),
        "    return model",
    ]


def _checkpoint_names(product):
    """A scope's slash is a layer's dot, where that rule saves names; else a table."""
    head = [
        "def checkpoint_names(model):",
        '    """{TF1 variable name: Keras path}."""',
    ]
    table, told = dict(product.paths), []
    for layer, scope in product.scopes.items():
        of_layer = {
            v: path for v, path in table.items() if path.startswith(f"{layer}/")
        }
        if len(of_layer) < SEVERAL:
            continue
        table = {v: path for v, path in table.items() if v not in of_layer}
        told.append(f"weights = model.get_layer({layer!r}).tf1_weights({scope!r})")
        told.append("names |= {name: weight.path for name, weight in weights.items()}")
    renamed, ruled = {}, {}
    outer = f"{product.prefix}/" if product.prefix else ""
    for variable, path in table.items():
        layer, _, weight = path.rpartition("/")
        scope, _, leaf = variable.rpartition("/")
        if (
            scope == outer + layer.replace(".", "/")
            and renamed.setdefault(weight, leaf) == leaf
        ):
            ruled[variable] = path
    others = {name: path for name, path in table.items() if name not in ruled}
    if len(ruled) < FEW and told:
        lines = [f"names = {_dictionary(table)}", *told]
        return [*head, *_indented(lines), "    return names"]
    if len(ruled) < FEW:
        return [*head, f"    return {_dictionary(table)}"]
    words = {weight: leaf for weight, leaf in renamed.items() if weight != leaf}
    lines = []
    if words:
        lines.append(f"renamed = {_dictionary(words)}")
    lines += [f"names = {_dictionary(others)}", *told]
    lines += [
        "for variable in model.variables:",
        "    layer, _, weight = variable.path.rpartition('/')",
    ]
    skipped = "variable.path not in names.values()" if others or told else ""
    if product.has_streams:
        skipped += (" and " if skipped else "") + "weight != 'drawn'"
    leaf = "{renamed.get(weight, weight)}" if words else "{weight}"
    assign = (
        f"names[f\"{outer}{{layer.replace('.', '/')}}/" + leaf + '"] = variable.path'
    )
    if skipped:
        lines += [f"    if {skipped}:", f"        {assign}"]
    else:
        lines.append(f"    {assign}")
    return [*head, *_indented(lines), "    return names"]


def _dictionary(table):
    return "{" + ", ".join(f"{key!r}: {value!r}" for key, value in table.items()) + "}"
