"""One batch of CIFAR-10's python version: a pickle, read as if it were hostile.

A pickle is a program for a stack machine, so the machine here is made to know only what
CIFAR's own batches (protocol 2, written by Python 2) and rewritten ones (protocols 2
and 3, by Python 3) consist of:

- any other instruction is refused, before it runs;
- any global name is refused but the five that a numpy array of bytes needs;
- those five do not reach numpy either. They reach stand-ins that note down what they
  are given, because numpy's own `__setstate__` believes whatever a pickle tells it
  about memory;
- it runs no more instructions, and copies no more characters, than a batch of the
  file's length can need. So what it is given in time and memory grows with the file
  alone, whatever the pickle recalls and repeats.

Source: https://www.cs.toronto.edu/~kriz/cifar.html, "Dataset layout / Python".
"""

from __future__ import annotations

import io
import pickle
import reprlib
from typing import Any, NamedTuple

import numpy as np

from parity_tests.datasets.errors import DatasetError

CLASSES = 10
ROW_BYTES = 3 * 32 * 32  # the red, the green, the blue plane; each row by row
DO_NOT_TRUST = "Do not trust this file; fetch CIFAR-10 again from its own page"
FETCH_AGAIN = "Fetch CIFAR-10 again from its own page"

# A batch has at most ten instructions an image: its label, its file name, encoded. An
# image has 3072 bytes; so this is three times what a batch of any length needs.
BYTES_PER_INSTRUCTION = 100
FEWEST_INSTRUCTIONS = 100_000  # admitted at any length

ADMITTED_INSTRUCTIONS = (
    # begin, end, remember, recall
    *(pickle.PROTO, pickle.STOP, pickle.MARK),
    *(pickle.BINPUT, pickle.LONG_BINPUT, pickle.BINGET, pickle.LONG_BINGET),
    # constants
    *(pickle.NONE, pickle.NEWTRUE, pickle.NEWFALSE),
    *(pickle.BININT, pickle.BININT1, pickle.BININT2, pickle.LONG1),
    *(pickle.SHORT_BINSTRING, pickle.BINSTRING, pickle.BINUNICODE),
    *(pickle.SHORT_BINBYTES, pickle.BINBYTES),
    # containers
    *(pickle.EMPTY_TUPLE, pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3),
    *(pickle.EMPTY_LIST, pickle.APPEND, pickle.APPENDS),
    *(pickle.EMPTY_DICT, pickle.SETITEM, pickle.SETITEMS),
    # objects
    *(pickle.GLOBAL, pickle.REDUCE, pickle.BUILD),
)


def decode_batch(content: bytes, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Decodes the content of `data_batch_1` and its like.

    Args:
        content: every byte of the file.
        name: what to call the file in a message.

    Returns:
        Pixels `[n, 3072]` and labels `[n]`, both uint8.

    Raises:
        DatasetError: the pickle is damaged, asks for anything but arrays of bytes, or
            holds something else than one batch.
    """
    batch = _unpickled(content, name)
    if type(batch) is not dict or not {b"data", b"labels"} <= set(batch):
        raise DatasetError(
            "A CIFAR-10 python batch must be a dict with the keys b'data', b'labels'",
            f"{name!r} with {_described_batch(batch)}",
            FETCH_AGAIN,
        )
    pixels = _pixels(batch[b"data"], name)
    labels = _labels(batch[b"labels"], name)
    if len(pixels) != len(labels):
        raise DatasetError(
            "A CIFAR-10 batch must hold as many labels as images",
            f"{name!r} with {len(pixels)} images and {len(labels)} labels",
            FETCH_AGAIN,
        )
    return pixels, labels


def _unpickled(content, name):
    """The one value that a pickle holds."""
    stream = io.BytesIO(content)
    unpickler = _BatchUnpickler(stream, len(content), name)
    try:
        value = unpickler.load()
    except DatasetError:
        raise
    except Exception as error:  # a hostile stream may raise whatever it likes
        raise DatasetError(
            "A CIFAR-10 python batch must be an intact pickle",
            f"{name!r}, truncated or damaged near byte {stream.tell()} "
            f"({type(error).__name__})",
            FETCH_AGAIN,
        ) from error
    trail = len(content) - stream.tell()
    if trail:
        raise DatasetError(
            "A CIFAR-10 python batch must end with its pickle",
            f"{name!r}, bytes after the pickle: {trail}",
            FETCH_AGAIN,
        )
    if unpickler.stack or unpickler.metastack:
        raise DatasetError(
            "A CIFAR-10 python batch must be a pickle of one value",
            f"{name!r}, which leaves others on its stack",
            FETCH_AGAIN,
        )
    return value


class _PickledDtype:
    """What the pickle says of a dtype; `name` as in `numpy.dtype(name)`."""

    def __init__(self, name, _align, _copy):
        self.name = name
        self.state: Any = None


class _PickledArray:
    """What the pickle says of an array; BUILD sets `state`."""

    def __init__(self, _array_type, _shape, _typecode):
        self.state: Any = None


class _ArrayState(NamedTuple):
    """The tuple that numpy pickles an array as."""

    version: int
    shape: tuple[int, ...]
    dtype: _PickledDtype
    fortran_order: bool
    content: bytes


class _Encode:
    """Stands for `_codecs.encode`, which only the unpickler may carry out."""


ADMITTED_GLOBALS = {
    ("numpy.core.multiarray", "_reconstruct"): _PickledArray,
    ("numpy._core.multiarray", "_reconstruct"): _PickledArray,  # as NumPy 2 spells it
    ("numpy", "ndarray"): None,  # only ever an argument of _reconstruct
    ("numpy", "dtype"): _PickledDtype,
    ("_codecs", "encode"): _Encode,
}


def _refusals():
    """A refusal for each of the 256 possible instructions."""

    def refusal(instruction):
        def refuse(unpickler):
            raise DatasetError(
                "A CIFAR-10 python batch must consist of arrays, lists and strings",
                f"{unpickler.name!r} with the instruction {bytes([instruction])!r}",
                DO_NOT_TRUST,
            )

        return refuse

    return {instruction: refusal(instruction) for instruction in range(256)}


def _taken_over():
    """The admitted instructions, as Python's own unpickler runs them."""
    codes = [instruction[0] for instruction in ADMITTED_INSTRUCTIONS]
    return {code: pickle._Unpickler.dispatch[code] for code in codes}


def _counted(instructions):
    """The same instructions, each of which first asks whether it is one too many."""

    def counted(run):
        def run_if_admitted(unpickler):
            unpickler.count_instruction()
            run(unpickler)

        return run_if_admitted

    return {code: counted(run) for code, run in instructions.items()}


# pickle.Unpickler in Python rather than in C: the latter lets nobody take instructions
# away, and gives memory to any index that a PUT names.
class _BatchUnpickler(pickle._Unpickler):
    """Runs the admitted instructions of a pickle; refuses every other.

    Args:
        stream: the pickle, a binary file object.
        length: how many bytes it has.
        name: what to call the file in a message.
    """

    def __init__(self, stream, length, name):
        super().__init__(stream, encoding="bytes")
        self.name = name
        self.instructions_left = FEWEST_INSTRUCTIONS + length // BYTES_PER_INSTRUCTION
        self.characters_left = length

    def count_instruction(self):
        self.instructions_left -= 1
        if self.instructions_left < 0:
            raise DatasetError(
                "A CIFAR-10 python batch must have as few instructions as images need",
                f"{self.name!r} with more than its length admits",
                DO_NOT_TRUST,
            )

    def find_class(self, module, name):
        try:
            return ADMITTED_GLOBALS[module, name]
        except KeyError:
            raise DatasetError(
                "A CIFAR-10 python batch may name nothing but numpy arrays of bytes",
                f"{self.name!r}, which names {_clipped(f'{module}.{name}')}",
                DO_NOT_TRUST,
            ) from None

    def _load_setitem(self):
        value = self.stack.pop()
        key = self.stack.pop()
        self._set_items([key, value])

    def _load_setitems(self):
        self._set_items(self.pop_mark())

    def _set_items(self, items):
        target = self.stack[-1]
        if len(items) % 2:
            raise pickle.UnpicklingError("dict keys must each have a value")
        for key, value in zip(items[::2], items[1::2]):
            # Only flat keys: hashing tuples nested a million deep ends the process.
            if type(target) is not dict or type(key) not in (bytes, str):
                raise pickle.UnpicklingError("dict keys must be strings")
            target[key] = value

    def _load_reduce(self):
        arguments = self.stack.pop()
        function = self.stack.pop()
        # Any sequence would do for a call: a string of a gibibyte, letter by letter.
        if type(arguments) is not tuple:
            raise pickle.UnpicklingError("arguments must be a tuple")
        call = self._encoded if function is _Encode else function
        self.stack.append(call(*arguments))

    def _encoded(self, text, encoding):
        # Python 3 writes bytes at protocol 2 as encode(text, 'latin1').
        if type(text) is not str or encoding != "latin1":
            raise pickle.UnpicklingError("encode() is admitted for latin1 alone")
        # Each text once: a pickle cannot have more characters than bytes.
        self.characters_left -= len(text)
        if self.characters_left < 0:
            raise DatasetError(
                "A CIFAR-10 python batch may encode each of its texts once",
                f"{self.name!r}, which encodes more characters than it has bytes",
                DO_NOT_TRUST,
            )
        return text.encode("latin1")

    def _load_build(self):
        state = self.stack.pop()
        target = self.stack[-1]
        # The usual BUILD sets any attribute of anything, of functions and classes too.
        if type(target) not in (_PickledArray, _PickledDtype):
            raise pickle.UnpicklingError("only arrays and dtypes have a state")
        target.state = state

    # The table from an instruction to the function that runs it.
    dispatch = _counted(
        {
            **_refusals(),
            **_taken_over(),
            pickle.SETITEM[0]: _load_setitem,
            pickle.SETITEMS[0]: _load_setitems,
            pickle.REDUCE[0]: _load_reduce,
            pickle.BUILD[0]: _load_build,
        }
    )


def _pixels(array, name):
    """`[n, 3072]` uint8, from the stand-in of an array."""
    state = array.state if type(array) is _PickledArray else None
    if type(state) is not tuple or len(state) != len(_ArrayState._fields):
        raise _wrong_data(name, _described(array))
    state = _ArrayState(*state)
    if type(state.dtype) is not _PickledDtype or state.dtype.name not in ("u1", b"u1"):
        dtype_name = getattr(state.dtype, "name", None)
        raise _wrong_data(name, f"an array of dtype {_clipped(dtype_name)}")
    shape = state.shape
    if (
        type(shape) is not tuple
        or [type(size) for size in shape] != [int, int]
        or shape[0] < 1
        or shape[1] != ROW_BYTES
    ):
        raise _wrong_data(name, f"an array of the shape {_clipped(shape)}")
    if type(state.content) is not bytes or len(state.content) != shape[0] * ROW_BYTES:
        raise _wrong_data(name, "an array whose content is not as long as its shape")
    order = "F" if state.fortran_order is True else "C"
    return np.frombuffer(state.content, np.uint8).reshape(shape, order=order)


def _labels(labels, name):
    """`[n]` uint8, from a list of integers."""
    if type(labels) is not list or any(type(label) is not int for label in labels):
        raise DatasetError(
            "b'labels' of a CIFAR-10 batch must be a list of integers",
            f"{name!r} with {_described(labels)}",
            FETCH_AGAIN,
        )
    for label in labels:
        if not 0 <= label < CLASSES:
            raise DatasetError(
                f"CIFAR-10 labels must lie between 0 and {CLASSES - 1}",
                f"{name!r} with the label {_clipped(label)}",
                "Take the batch from CIFAR-10; CIFAR-100, for one, has more classes",
            )
    return np.array(labels, np.uint8)


def _wrong_data(name, received):
    return DatasetError(
        f"b'data' of a CIFAR-10 batch must be a uint8 array of shape [n, {ROW_BYTES}]",
        f"{name!r} with {received}",
        FETCH_AGAIN,
    )


def _described_batch(batch):
    if type(batch) is not dict:
        return _described(batch)
    keys = sorted(_clipped(key) for key in batch)
    return f"the keys {', '.join(keys[:8])}" if keys else "no keys"


def _described(value):
    """What kind of thing a value is; of a list also what is in it."""
    if type(value) is _PickledArray:
        return "an array"
    if type(value) is list:
        kinds = sorted({type(item).__name__.lstrip("_") for item in value})
        return f"a list of {', '.join(kinds) or 'nothing'}"
    return f"a value of type {type(value).__name__.lstrip('_')}"


def _clipped(value):
    """`repr`, cut short: a nest of lists within lists may spell out to terabytes."""
    return _SHORT.repr(value)


_SHORT = reprlib.Repr()
_SHORT.maxlevel = 2
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 80
