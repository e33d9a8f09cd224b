"""The optimizer: which part, with what numbers, from the ops that update."""

import re

import numpy as np

from tf2_keras.migrate.draft import averages, clipping, schedules
from tf2_keras.migrate.draft.errors import Unlike, refusal, refused_op
from tf2_keras.migrate.draft.rows import rows_of
from tf2_keras.migrate.draft.statements import Call, Items, Literal, number

PART = "tf1_semantics.optimizers."
APPLY = re.compile(r"(Resource)?(Sparse)?Apply([A-Z]\w*)$")
POWER = re.compile(r"(^|/)beta[12]_power(_\d+)?$")
GRADIENTS = ("grad", "delta")
RATES = ("lr", "alpha")
# {what follows Apply: (part, {argument: (input of the op, usual value)})}
KINDS = {
    "GradientDescent": ("GradientDescent", {}),
    "Momentum": ("Momentum", {"momentum": ("momentum", None)}),
    "Adam": (
        "Adam",
        {
            "beta1": ("beta1", 0.9),
            "beta2": ("beta2", 0.999),
            "epsilon": ("epsilon", 1e-8),
        },
    ),
    "RMSProp": (
        "RMSProp",
        {
            "decay": ("rho", 0.9),
            "momentum": ("momentum", 0.0),
            "epsilon": ("epsilon", 1e-10),
        },
    ),
    "Adagrad": ("Adagrad", {}),
    "Adadelta": ("Adadelta", {"rho": ("rho", 0.95), "epsilon": ("epsilon", 1e-8)}),
    "Ftrl": (
        "Ftrl",
        {
            "learning_rate_power": ("lr_power", -0.5),
            "l1_regularization_strength": ("l1", 0.0),
            "l2_regularization_strength": ("l2", 0.0),
        },
    ),
    "AdagradDA": (
        "AdagradDA",
        {
            "l1_regularization_strength": ("l1", 0.0),
            "l2_regularization_strength": ("l2", 0.0),
        },
    ),
    "ProximalGradientDescent": (
        "ProximalGradientDescent",
        {
            "l1_regularization_strength": ("l1", 0.0),
            "l2_regularization_strength": ("l2", 0.0),
        },
    ),
    "ProximalAdagrad": (
        "ProximalAdagrad",
        {
            "l1_regularization_strength": ("l1", 0.0),
            "l2_regularization_strength": ("l2", 0.0),
        },
    ),
}
KINDS["CenteredRMSProp"] = KINDS["RMSProp"]
KINDS["FtrlV2"] = (
    "Ftrl",
    {
        **KINDS["Ftrl"][1],
        "l2_shrinkage_regularization_strength": ("l2_shrinkage", 0.0),
    },
)
# {part: (slot whose first value is an argument, the argument, its usual value)}
STARTS = {
    "Adagrad": ("accum", "initial_accumulator_value", 0.1),
    "ProximalAdagrad": ("accum", "initial_accumulator_value", 0.1),
    "Ftrl": ("accum", "initial_accumulator_value", 0.1),
    "AdagradDA": (
        "gradient_squared_accumulator",
        "initial_gradient_squared_accumulator_value",
        0.1,
    ),
}


def inputs_of(operation):
    """{name of an input: tensor} of an update."""
    return {
        argument.name: tensor
        for argument, tensor in zip(
            operation.op_def.input_arg, operation.inputs, strict=False
        )
    }


# {input of an update: (the slot's name after its variable's in TF1, in Keras)}.
SLOTS = {
    "Adam": {"m": ("Adam", "m"), "v": ("Adam_1", "v")},
    "Momentum": {"accum": ("Momentum", "momentum")},
    "Adagrad": {"accum": ("Adagrad", "accumulator")},
}


class Optimizer:
    """What updates the trained variables of a graph.

    Args:
        reader: a ``Reader``.
        updates: [(op, variable's name)] that the train op runs.
        name: of the optimizer; None for that of its part.

    Attributes:
        call: the ``Call`` of the part.
        name: of the optimizer, as its Keras variables have it.
        step: the variable that counts the updates, or None.
        rate: the variable that holds the rate, or None.
        trained: names of the variables that it updates.
        slots: names of its own variables.
        averages: names of the moving averages that it keeps.
        explained: names of the update ops that it stands for.
    """

    def __init__(self, reader, updates, name=None):
        self.reader = reader
        self.applied = [
            (operation, variable)
            for operation, variable in updates
            if APPLY.match(operation.type)
        ]
        self._others = [update for update in updates if update not in self.applied]
        self.explained = {operation.name for operation, _ in self.applied}
        kinds = sorted({APPLY.match(op.type).group(3) for op, _ in self.applied})
        self.trained = [variable for _, variable in self.applied]
        self._find_rows()
        kinds = sorted({*kinds, *(rows["kind"] for rows in self._rows.values())})
        if not kinds:
            raise refusal(
                "A train op must update variables by their gradients",
                ", ".join(op.name for op, _ in updates[:3]) or "no update at all",
                "Name one with --train",
            )
        if len(kinds) > 1 or kinds[0] not in KINDS:
            first = self.applied[0][0]
            raise refused_op(first, f"updates of the kinds {', '.join(kinds)}")
        self.kind = kinds[0]
        self.part, self._hyperparameters = KINDS[self.kind]
        self.is_one_of_several = name is not None
        self.name = name or re.sub(r"(?<=[a-z])(?=[A-Z])", "_", self.part).lower()
        self.slots = self._slots()
        self.step, self.rate = self._step(), None
        self._require_starts()
        self._averaged, averaging = averages.averages_of(
            reader, self._others, self.trained, self.step
        )
        self.explained.update(averaging.values())
        self.averages = {*averaging}
        self.call = self._call()

    def _find_rows(self):
        """Updates of an embedding's rows, which have no op of their own."""
        self._rows = {}  # {variable: {input of the dense op: tensor}}
        for operation, variable in self._others:
            if variable not in self.reader.trainable:
                continue
            own = [
                other
                for other in self._others
                if other[1] == variable or other[1].startswith(f"{variable}/")
            ]
            rows = rows_of(self.reader, operation, own)
            if rows is not None:
                self._rows[variable] = rows
                self.explained.update(other.name for other, _ in own)
        self.trained += list(self._rows)

    def _slots(self):
        slots = set()
        for operation, _ in self.applied:
            for argument, tensor in zip(
                operation.op_def.input_arg[1:], operation.inputs[1:], strict=True
            ):
                passed = argument.is_ref or tensor.dtype.name == "resource"
                if passed or argument.name in ("beta1_power", "beta2_power"):
                    slots.add(self.reader.variable(tensor))
        slots.discard(None)
        for variable in self._rows:
            slots.update(
                other for _, other in self._others if other.startswith(f"{variable}/")
            )
        if self.kind == "Adam":
            slots.update(other for _, other in self._others if POWER.search(other))
        for operation, variable in self._others:
            if variable in slots:
                self.explained.add(operation.name)
        return slots

    def renamed(self, paths):
        """{slot: Keras path} of those that TF1 called otherwise than by themselves.

        So of a second optimizer, and within a variable_scope.

        Args:
            paths: {variable: Keras path} of what is trained.
        """
        renamed = {}
        for operation, variable in self.applied:
            inputs = inputs_of(operation)
            slots = SLOTS.get(self.part, {})
            for name, (ending, keras_name) in slots.items():
                slot = self.reader.variable(inputs[name])
                if slot != f"{variable}/{ending}":
                    stem = paths[variable].replace("/", "_")
                    renamed[slot] = f"{self.name}/{stem}_{keras_name}"
            for name in ("beta1_power", "beta2_power"):
                power = self.reader.variable(inputs[name]) if name in inputs else None
                # Among several it is not told by its own name, but by its optimizer's.
                if power is not None and (power != name or self.is_one_of_several):
                    renamed[power] = f"{self.name}/{name}"
        return renamed

    def _require_starts(self):
        """Slots must start as TF1's optimizers start them."""
        for operation, _ in self.applied:
            inputs = inputs_of(operation)
            for name, tensor in inputs.items():
                variable = self.reader.variable(tensor)
                if variable not in self.slots or name == STARTS.get(self.part, "_")[0]:
                    continue
                first = self.reader.constant(self.reader.first_value(variable))
                if name in ("beta1_power", "beta2_power"):
                    expected = self.reader.number(inputs[name.partition("_")[0]])
                else:
                    expected = 1 if name == "ms" else 0
                if first is None or not np.all(first == expected):
                    raise refused_op(
                        operation,
                        f"its {name}, {variable}, does not start as TF1's does",
                    )
        for variable, rows in self._rows.items():
            for slot in self.slots:
                first = self.reader.constant(self.reader.first_value(slot))
                if slot.startswith(f"{variable}/") and (first is None or first.any()):
                    raise refused_op(rows["op"], f"its {slot} does not start at zero")

    def _step(self):
        """The variable that each update adds one to."""
        steps = []
        for operation, variable in self._others:
            if operation.type in ("AssignAdd", "AssignAddVariableOp"):
                dtype = self.reader.variables[variable].dtype.base_dtype
                if self.reader.number(operation.inputs[1]) == 1 and dtype.is_integer:
                    steps.append(variable)
                    self.explained.add(operation.name)
        if len(steps) > 1:
            raise refusal(
                "A train op must count its steps in one variable",
                ", ".join(steps),
                "Draft another train op",
            )
        if steps and self.reader.constant(self.reader.first_value(steps[0])) != 0:
            raise refusal(
                "A count of steps must start at zero",
                steps[0],
                "Start it from a checkpoint",
            )
        return steps[0] if steps else None

    def _call(self):
        arguments = [(None, self._rate())]
        for argument, (name, usual) in self._hyperparameters.items():
            value = self._one(argument, name)
            if usual is None or number(value) != number(value.dtype.type(usual)):
                arguments.append(
                    (argument, Literal(number(value), f"config:{argument}"))
                )
        for flag in ("use_nesterov",):
            nesterov = {
                op.get_attr(flag) for op, _ in self.applied if flag in op.node_def.attr
            }
            if nesterov == {True}:
                arguments.append((flag, Literal("True")))
        if self.kind == "CenteredRMSProp":
            arguments.append(("centered", Literal("True")))
        if self.part in STARTS:
            arguments += self._start(*STARTS[self.part])
        clips = clipping.clips(self.reader, self.gradients())
        if clips:
            listed = Items(tuple(clips), "[]") if len(clips) > 1 else clips[0]
            arguments.append(("clip", listed))
        arguments += self._averaged
        arguments.append(("name", Literal(repr(self.name))))
        return Call(PART + self.part, tuple(arguments))

    def gradients(self):
        """[(variable's name, gradient)] as the updates get them."""
        found = []
        for operation, variable in self.applied:
            inputs = inputs_of(operation)
            name = next(name for name in GRADIENTS if name in inputs)
            found.append((variable, inputs[name]))
        return found

    def _rate(self):
        rates = [
            next(
                tensor for name, tensor in inputs_of(operation).items() if name in RATES
            )
            for operation, _ in self.applied
        ] + [rows["lr"] for rows in self._rows.values()]
        sources = {self.reader.source(rate).name: rate for rate in rates}
        values = {
            number(value) if value is not None else name
            for name, rate in sources.items()
            for value in [self.reader.number(rate)]
        }
        if len(values) > 1:
            raise refusal(
                "An optimizer must have one rate for all variables",
                ", ".join(sorted(values)[:4]),
                "Write an optimizer for each by hand",
            )
        rate = rates[0]
        value = self.reader.number(rate)
        if value is None and self.reader.source(rate).name in self.reader.feed:
            dtype = rate.dtype.base_dtype.as_numpy_dtype
            value = dtype(self.reader.feed[self.reader.source(rate).name])
        variable = self.reader.variable(rate)
        if variable is not None:
            value = self._held(variable)
        if value is not None:
            return Literal(number(value), "config:learning_rate")
        try:
            return schedules.schedule(self.reader, rate, self.step)
        except Unlike as error:
            raise refused_op(
                self.reader.source(rate).op, f"a rate that no schedule gives: {error}"
            ) from None

    def _held(self, variable):
        """The rate that a variable holds, which the program assigned between steps."""
        first = self.reader.first_value(variable)
        value = None if first is None else self.reader.number(first)
        if value is None or any(changed == variable for _, changed in self._others):
            raise refused_op(
                self.reader.graph.get_operation_by_name(variable),
                "a rate whose variable does not start at a number",
            )
        self.rate = variable
        return value

    def _one(self, argument, name):
        """The one value of a hyper-parameter of all updates."""
        values = {}
        given = [(op, inputs_of(op)[name]) for op, _ in self.applied]
        given += [(rows["op"], rows[name]) for rows in self._rows.values()]
        for operation, tensor in given:
            value = self.reader.number(tensor)
            source = self.reader.source(tensor)
            if value is None and source.name in self.reader.feed:
                dtype = source.dtype.base_dtype.as_numpy_dtype
                value = dtype(self.reader.feed[source.name])
            if value is None:
                raise refused_op(operation, f"its {argument} is computed")
            values[number(value)] = value
        if len(values) > 1:
            raise refusal(
                f"An optimizer must have one {argument}",
                ", ".join(values),
                "Write an optimizer for each by hand",
            )
        return np.asarray(values.popitem()[1])[()]

    def _start(self, slot, argument, usual):
        starts = set()
        for operation, _ in self.applied:
            variable = self.reader.variable(inputs_of(operation)[slot])
            first = self.reader.constant(self.reader.first_value(variable))
            if first is None or len(np.unique(first)) != 1:
                raise refused_op(operation, f"its {slot} does not start at one number")
            starts.add(number(first.flat[0]))
        if len(starts) > 1:
            raise refused_op(self.applied[0][0], f"its {slot} starts at {starts}")
        start = starts.pop()
        return (
            [] if start == number(np.float32(usual)) else [(argument, Literal(start))]
        )
