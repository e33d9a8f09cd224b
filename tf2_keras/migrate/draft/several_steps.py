"""The source of a model that several train ops train, such as the two of a GAN."""

MODEL = '''\
@keras.saving.register_keras_serializable({package!r})
class Model(keras.Model):
    """A functional model of which each step trains a part, by its own optimizer."""

    def compile(self, optimizers, **kwargs):
        super().compile(**kwargs)
        self.optimizers = optimizers
        for step, optimizer in optimizers.items():
            # Named by itself too, for Keras to track it.
            setattr(self, f"{{step}}_optimizer", optimizer)
            optimizer.build(self.trained_by(step))

    def trained_by(self, step):
        """The variables that a step trains."""
        variables = self.trainable_variables
        return [v for v in variables if v.path.startswith(TRAINED[step])]

{computing}    def updated(self, step, value, tape):
        """The loss of a step, behind its update."""
        variables = self.trained_by(step)
{gradients}
        self.optimizers[step].apply(gradients, variables)
        return value

{steps}
    def train_step(self, data):
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        return {{{calls}}}

    def get_compile_config(self):
        return {{"optimizers": keras.saving.serialize_keras_object(self.optimizers)}}

    def compile_from_config(self, config):
        optimizers = keras.saving.deserialize_keras_object(config["optimizers"])
        self.compile(optimizers, jit_compile=False)
'''
STEP = """\
    def {name}_step(self, x, y=None):
        with tf.GradientTape() as tape:
            y_pred = {y_pred}
{weights}            value = {name}_loss({arguments})
        return self.updated({name!r}, value, tape)
"""
COMPUTING = '''\
    def outputs_of(self, step, x):
        """{place: output} that a step's loss needs: what else is called would move."""
        outputs = {}
        for places in COMPUTED[step]:
            network = keras.Model(self.input, [self.outputs[p] for p in places])
            listed = keras.tree.flatten(network(x, training=True))
            outputs |= dict(zip(places, listed, strict=True))
        return outputs

'''
TAPE = """\
        gradients = tape.gradient(value, [v.value for v in variables])"""
OF_TF1 = """\
        values = [v.value for v in variables]
        if tf.executing_eagerly():
            gradients = tape.gradient(value, values)
        else:
            # A tape adds the gradients of what is read three times in another order.
            gradients = tf.gradients(value, values)"""


def named(product, step, what):
    """What a step's loss or optimizer is called; without the step if it is the only one."""
    return what if len(product.steps) == 1 else f"{step.name}_{what}"


def weights_of(loss):
    """Lines that gather the weights that a loss penalises."""
    lines = []
    if "weights[" in "".join(loss.lines) + (loss.kernels or ""):
        lines.append("weights = {v.path: v.value for v in self.trainable_variables}")
    if loss.kernels:
        lines.append(f"kernels = {loss.kernels}")
    return lines


def prefixes(product, step):
    """What the paths of a step's variables begin with, and of no other step's."""
    mine = [product.paths[name] for name in step.optimizer.trained]
    others = [
        product.paths[name]
        for other in product.steps
        if other is not step
        for name in other.optimizer.trained
    ]
    found = []
    for path in mine:
        layer = path.rpartition("/")[0]
        scope = layer.partition(".")[0] + "." if "." in layer else f"{layer}/"
        prefix = f"{layer}/" if any(p.startswith(scope) for p in others) else scope
        if prefix not in found:
            found.append(prefix)
    return tuple(found)


def blocks(product):
    """[lines] of TRAINED and the class of the model."""
    table = {step.name: prefixes(product, step) for step in product.steps}
    rows = [f"    {name!r}: {listed!r}," for name, listed in table.items()]
    steps = [
        STEP.format(
            name=step.name,
            y_pred=_calling(step),
            weights="".join(f"{' ' * 12}{line}\n" for line in weights_of(step.loss)),
            arguments=", ".join(step.loss.arguments),
        )
        for step in product.steps
    ]
    names = [step.name for step in product.steps]
    computed = {s.name: s.computed for s in product.steps if s.computed is not None}
    text = MODEL.format(
        package=product.package,
        computing=COMPUTING if computed else "",
        gradients=OF_TF1 if product.gradients_of_tf1 else TAPE,
        steps="\n".join(steps),
        calls=", ".join(f"{name!r}: self.{name}_step(x, y)" for name in names),
    )
    why = "# How the paths of the variables begin that a step trains."
    lists = [[why, "TRAINED = {", *rows, "}"]]
    if computed:
        why = "# Places of the outputs that a step computes, one group after the other."
        rows = [f"    {name!r}: {places}," for name, places in computed.items()]
        lists.append([why, "COMPUTED = {", *rows, "}"])
    return [*lists, text.rstrip("\n").split("\n")]


def _calling(step):
    """Python of what the model gives a step."""
    if step.computed is None:
        return "self(x, training=True)"
    return f"self.outputs_of({step.name!r}, x)"


def compiling(product):
    """Lines that compile the model."""
    words = ", ".join(
        f"{step.name!r}: {step.name}_optimizer(config)" for step in product.steps
    )
    return [f"optimizers = {{{words}}}", "model.compile(optimizers, jit_compile=False)"]
