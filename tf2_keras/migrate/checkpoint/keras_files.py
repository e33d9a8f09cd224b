"""The ``.h5`` files of tf.keras in 1.15: weights, or whole models with their optimizer.

``opened`` gives what is in one as a checkpoint of TF1 has it, NAME, NAME/Adam and
global_step, so that ``handover.plan`` takes it; ``model_of`` makes the Keras 3 model that
its configuration describes. Only data sets and JSON are read; a layer that would run what
is in the file, such as a Lambda, is refused.

Source: tensorflow/python/keras/saving/hdf5_format.py, 1.15.
"""

import json
import os
import re

import numpy as np

from tf2_keras.migrate.checkpoint import reading
from tf2_keras.migrate.checkpoint.entries import Entry
from tf2_keras.migrate.checkpoint.errors import mistake

ENDINGS = (".h5", ".hdf5")
OF_KERAS_3 = ".weights.h5"
LARGEST_TEXT = 2**26  # bytes of a configuration
# {optimizer of 1.15's tf.keras: {its name of a slot: TF1's}}.
SLOTS = {
    "Adam": {"m": "Adam", "v": "Adam_1"},
    "RMSprop": {"rms": "RMSProp", "momentum": "RMSProp_1"},
    "SGD": {"momentum": "Momentum"},
    "Adagrad": {"accumulator": "Adagrad"},
    "Adadelta": {"accum_grad": "Adadelta", "accum_var": "Adadelta_1"},
    "Ftrl": {"accumulator": "Ftrl", "linear": "Ftrl_1"},
}
STEP, STEPS = "iter", "global_step"


def is_of_tf1(path):
    """Whether a path is that of a file which tf.keras of 1.15 may have written."""
    return path.endswith(ENDINGS) and not path.endswith(OF_KERAS_3)


def opened(path):
    """A ``KerasFile``; what ``reading.opened`` returns of a ``.h5``.

    Raises:
        HandoverError: for what is no such file, or not whole.
    """
    return KerasFile(path)


class KerasFile:
    """The tensors of a ``.h5`` under TF1's names.

    Attributes:
        config, training: what the file says of the model and of its training, or None.
        layers: {name of a layer: [names of its weights]}, in the model's order.
        of_keras: True; a velocity is Keras's as it is.
    """

    of_keras = True

    def __init__(self, path):
        import h5py

        self.prefix, self.kind = os.fspath(path), "tf.keras"
        self.files = [self.prefix]
        if not os.path.isfile(self.prefix):
            raise reading.absent(self.prefix)
        reading.require_readable(self.prefix)
        self.entries, self.layers, self._places = {}, {}, {}
        self.config = self.training = None
        try:
            with h5py.File(self.prefix, "r") as file:
                self._read(file)
        except (OSError, KeyError, ValueError, RuntimeError, TypeError) as error:
            if ". Received: " in str(error):
                raise
            raise mistake(
                "A file of tf.keras must be whole",
                f"{self.prefix} ({(str(error).splitlines() or ['?'])[0][:120]})",
                "Copy it again, and compare its size with the original",
            ) from None
        self._convert_cudnn()

    def _read(self, file):
        if "layer_names" not in (file.get("model_weights") or file).attrs:
            raise mistake(
                "A .h5 must be one that tf.keras wrote",
                f"{self.prefix}, which names no layers",
                "Use Keras to load what Keras 3 wrote",
            )
        self.config = _json(file, "model_config")
        self.training = _json(file, "training_config")
        weights = file.get("model_weights", file)
        for layer in _names(weights, "layer_names"):
            group = _inside(weights, layer)
            self.layers[layer] = []
            for name in _names(group, "weight_names"):
                called = name.rpartition(":")[0] or name
                if called in self.entries:
                    called = f"{layer}/{called}"
                self._add(called, _inside(group, name))
                self.layers[layer].append(called)
        if "optimizer_weights" in file:
            self._read_optimizer(file["optimizer_weights"])

    def _read_optimizer(self, group):
        names = _names(group, "weight_names")
        optimizer = ((self.training or {}).get("optimizer_config") or {}).get(
            "class_name", ""
        )
        slots = SLOTS.get(optimizer, {})
        for name in names:
            bare = name.rpartition(":")[0] or name
            bare = re.sub(rf"^training(_\d+)?/{optimizer}(_\d+)?/", "", bare)
            base, _, slot = bare.rpartition("/")
            called = STEPS if bare == STEP else f"{base}/{slots.get(slot, slot)}"
            if bare == STEP or base in self.entries:
                self._add(called, _inside(group, name))

    def _add(self, name, data_set):
        # What a data set keeps in other files is not read.
        if data_set.is_virtual or data_set.external:
            raise ValueError(f"{data_set.name} lies in another file")
        self.entries[name] = Entry(tuple(data_set.shape), data_set.dtype.name)
        self._places[name] = data_set.name

    def read(self, name, verify=True):  # noqa: ARG002 - one signature for all formats
        """The array of a tensor."""
        import h5py

        entry = reading.known(name, self)
        with h5py.File(self.prefix, "r") as file:
            array = np.asarray(file[self._places[name]])
        converted = self._conversions.get(name)
        return (converted(array) if converted else array).reshape(entry.shape)

    def verify(self, name):
        """Fails unless a tensor can be read; HDF5 has no checksums here."""
        self.read(name)

    def _convert_cudnn(self):
        """CuDNNLSTM and CuDNNGRU kept their gates otherwise than LSTM and GRU.

        They are told by their biases, twice as long: one of the inputs, one of the state.
        """
        self._conversions = {}
        for name in list(self.entries):
            scope, _, last = name.rpartition("/")
            kernels = [f"{scope}/kernel", f"{scope}/recurrent_kernel"]
            if last != "bias" or not set(kernels) <= self.entries.keys():
                continue
            units, width = (*self.entries[kernels[1]].shape, 0)[:2]
            (length,) = (*self.entries[name].shape, 0)[:1]
            gates = width // units if units else 0
            if len(self.entries[name].shape) != 1 or length != 2 * width:
                continue
            shape = (width,) if gates == 4 else (2, width)
            self.entries[name] = self.entries[name]._replace(shape=shape)
            self._conversions[name] = _cudnn_bias(gates)
            for kernel, convert in zip(
                kernels, (_cudnn_kernel, _cudnn_recurrent), strict=True
            ):
                for slot in (
                    "",
                    *(f"/{s}" for of in SLOTS.values() for s in of.values()),
                ):
                    if kernel + slot in self.entries:
                        self._conversions[kernel + slot] = convert(gates)


def names_of(file, model):
    """{name in a ``KerasFile``: path in a model}, layer by layer of the same name.

    Then of layers that alone have weights of these shapes. The rest is left to other rules.
    """
    weights = {layer.name: _weights_of(layer) for layer in model.layers}
    wanted = {name: [tuple(w.shape) for w in its] for name, its in weights.items()}
    stored = {
        name: [file.entries[called].shape for called in its]
        for name, its in file.layers.items()
        if its
    }
    pairs = {name: name for name in stored if wanted.get(name) == stored[name]}
    for name, shapes in stored.items():
        alike = [other for other in stored if stored[other] == shapes]
        fitting = [other for other in wanted if wanted[other] == shapes]
        free = set(fitting) - set(pairs.values())
        if name not in pairs and len(set(alike) - set(pairs)) == len(free) == 1:
            pairs[name] = free.pop()
    names = {}
    for name, other in pairs.items():
        paths = [weight.path for weight in weights[other]]
        names.update(zip(file.layers[name], paths, strict=True))
    optimizer = getattr(model, "optimizer", None)
    if STEPS in file.entries and optimizer is not None:
        names[STEPS] = optimizer.iterations.path
    return names


def _weights_of(layer):
    """A layer's weights in 1.15's order; what it draws from was kept nowhere."""
    weights = [*layer.trainable_weights, *layer.non_trainable_weights]
    return [weight for weight in weights if weight.dtype != "uint32"]


def _cudnn_kernel(gates):
    return lambda kernel: np.concatenate(
        [k.T.reshape(k.shape, order="F") for k in np.split(kernel, gates, 1)], 1
    )


def _cudnn_recurrent(gates):
    return lambda kernel: np.concatenate([k.T for k in np.split(kernel, gates, 1)], 1)


def _cudnn_bias(gates):
    def converted(bias):
        halves = np.stack(np.split(bias, 2))
        return halves.sum(0, dtype=bias.dtype) if gates == 4 else halves

    return converted


def _json(file, name):
    """What an attribute says in JSON; None without one."""
    if name not in file.attrs:
        return None
    text = file.attrs[name]
    text = text.decode("utf-8") if isinstance(text, bytes) else str(text)
    if len(text) > LARGEST_TEXT:
        raise ValueError(f"{name} is too long")
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError(f"{name} is too deep") from None


def _names(group, name):
    """The names in an attribute, which 1.15 split in several where there were many."""
    listed = list(group.attrs[name]) if name in group.attrs else []
    number = 0
    while f"{name}{number}" in group.attrs:
        listed += list(group.attrs[f"{name}{number}"])
        number += 1
    return [n.decode("utf-8") if isinstance(n, bytes) else str(n) for n in listed]


def _inside(group, path):
    """What is at a path of this file, and not behind a link to elsewhere."""
    import h5py

    for part in path.split("/"):
        if part and not isinstance(group.get(part, getlink=True), h5py.HardLink):
            raise ValueError(f"{group.name}/{part} is not there")
        group = group[part] if part else group
    return group
