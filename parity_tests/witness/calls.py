"""What calls of TensorFlow's public names give: ``python -m parity_tests.witness.calls``.

Runs under Python 3.7 and TensorFlow 1.15.5 (graph and Session), which it records, and
under today's TensorFlow (eager), which is compared with the record.

    python -m parity_tests.witness.calls --out FILE    # under TensorFlow 1.15.5

A row is two expressions, see ``call_rows``. It is evaluated on each of VARIANTS: numbers
of several dtypes, awkward ones, none at all, and for gradients. What 1.15.5 refuses is
left out: nobody's program does it.
"""

import argparse
import base64
import enum
import functools
import gzip
import os
import random
import re
import sys
import types

import numpy as np

from parity_tests.engine import processors
from parity_tests.witness import reference_conditions

FLOATS = {
    "x": (4, 3),
    "y": (4, 3),
    "unit": (4, 3),
    "over_one": (4, 3),
    "positive": (4, 3),
    "square": (3, 3),
    "definite": (3, 3),
    "logits": (4, 4),
    "onehot": (4, 4),
    "images": (2, 8, 8, 4),
    "colours": (2, 8, 8, 3),
    "kernel": (3, 3, 4, 4),
    "pointwise": (1, 1, 16, 3),
    "series": (2, 5, 3),
    "volumes": (2, 4, 4, 4, 2),
    "chance": (4, 3),
}
# Those whose first axis is the batch.
BATCHES = ("x", "y", "unit", "over_one", "positive", "logits", "onehot", "chance")
BATCHES += ("labels", "truth", "binary", "images", "colours", "series", "volumes")
# Replaced by awkward numbers; the others stay in their domains.
WILD = ("x", "y", "logits", "images", "series", "square")
AWKWARD = (0.0, -0.0, 1.5, 1.5, 80.0, float("nan"), float("inf"), -float("inf"), -1.5)
TIED = (0.0, -0.0, 1.5, 1.5, 0.5, -0.5, 2.5, 1e-30, -1.5)
VARIANTS = (
    "plain",  # float32
    "tied",  # zeros of both signs, equal numbers, halves
    "awkward",  # NaN and infinities too
    "float64",
    "float16",
    "int32",
    "empty",  # no example
    "gradient",  # of a weighted sum of the result, where the numbers are tied
)
# What an expression that draws has in it.
DRAWS = re.compile(
    "seed|random|drop|noise|initializer|shuffle|sampl|normal|uniform|multinomial"
    "|categorical|glorot|lecun|he_|orthogonal",
    re.IGNORECASE,
)
COMMAND = "python -m parity_tests.witness.calls --out FILE"
# No more elements of a result are kept, at equal distances: all of most results.
KEPT = 48
REFUSED = "refused"


@functools.lru_cache(maxsize=2 * len(VARIANTS))
def inputs(variant, seed=8):
    """{name: array} of one of VARIANTS, not to be written to; the record has seed 8."""
    variant = "tied" if variant == "gradient" else variant
    draw = np.random.RandomState(seed)
    values = {
        name: draw.standard_normal(FLOATS[name]).astype(np.float32)
        for name in sorted(FLOATS)
    }
    pool = {"awkward": AWKWARD, "tied": TIED}.get(variant, ())
    for name in WILD:
        flat = values[name].reshape(-1)
        for number, value in enumerate(pool):
            flat[(7 * number) % flat.size] = value
    values["unit"] = np.clip(values["unit"] / 4, -0.99, 0.99)
    values["over_one"] = 1 + np.abs(values["over_one"])
    values["positive"] = np.abs(values["positive"]) + np.float32(1e-3)
    values["definite"] = values["definite"] + 6 * np.eye(3, dtype=np.float32)
    values["colours"] = np.clip(np.abs(values["colours"]) / 3, 0, 1)
    values["chance"] = np.clip(np.abs(values["chance"]) / 3, 0.01, 0.99)
    whole = np.array([2, 0, 3, 2], np.int32)
    values["onehot"] = np.eye(4, dtype=np.float32)[whole]
    if variant in ("float64", "float16", "int32"):
        for name, value in values.items():
            value = np.round(value * 3) if variant == "int32" else value
            values[name] = value.astype(variant)
    values["truth"] = np.array([True, False, False, True])
    values["labels"] = whole
    values["binary"] = np.array([[1, 0, 1], [0, 0, 1], [1, 1, 0], [0, 1, 1]], np.int32)
    values["counts"] = np.array([[1, 0], [2, 2], [0, 1], [2, 0]], np.int32)
    values["pairs"] = np.array([[0, 2], [3, 1]], np.int32)
    values["sorted_ids"] = np.array([0, 0, 1, 2], np.int32)
    values["words"] = np.array(["b a", "", "Ab-c", "1.5"], "S")
    if variant == "empty":
        values.update((name, values[name][:0]) for name in BATCHES)
    for value in values.values():
        value.flags.writeable = False
    return values


def used_names(expression):
    return set(re.findall(r"\b[a-z_]\w*", expression))


def variants_of(expression):
    """Those of VARIANTS that differ for an expression."""
    names = used_names(expression)
    if names & set(FLOATS):
        return VARIANTS
    return ("plain", "empty") if names & set(BATCHES) else ("plain",)


class Side:
    """One TensorFlow, one row, one variant: what the row's expression is evaluated in."""

    def __init__(self, tf, expression, variant, seed=8):
        self.tf = tf
        self.expression = expression
        self.values = inputs(variant, seed)
        used = used_names(expression)
        self.graph = not tf.executing_eagerly()
        if self.graph:
            tf.keras.backend.clear_session()
            tf.compat.v1.reset_default_graph()
            tf.compat.v1.set_random_seed(1)
            self.tensors = {
                name: tf.compat.v1.placeholder(
                    "string" if value.dtype.kind == "S" else value.dtype, value.shape
                )
                for name, value in self.values.items()
                if name in used
            }
            self.initialised = set()
        else:
            if DRAWS.search(expression):  # it costs all kernels that are kept
                random.seed(1)  # Keras's layers take their seeds from it
                np.random.seed(1)
                getattr(tf.random, "set_seed", tf.compat.v1.set_random_seed)(1)
            self.tensors = {
                name: tf.constant(value)
                for name, value in self.values.items()
                if name in used
            }

    def names(self):
        helpers = ("layer", "score", "elements", "run", "fitted", "of_files", "outside")
        return dict(
            self.tensors,
            tf=self.tf,
            np=np,
            n=types.SimpleNamespace(**self.values),
            graph=self.graph,
            sampled=self._sampled_candidates() if "sampled" in self.expression else (),
            **{name: getattr(self, name) for name in helpers},
        )

    def _sampled_candidates(self):
        """What a candidate sampler gave, the same for both sides."""
        constant = self.tf.constant
        return (
            constant([0, 3], self.tf.int64),
            constant([[0.5]] * 4),
            constant([0.5, 0.25]),
        )

    def evaluate(self, gradient=False):
        """The leaves of what the expression gives, as text."""
        expression = self.expression
        if not gradient:
            try:
                result = eval(expression, self.names())
            except (TypeError, ValueError, RuntimeError):
                if self.graph:
                    raise
                # As lenient as a graph: in a tf.function.
                result = self.tf.function(lambda: eval(expression, self.names()))()
            return [text(leaf) for leaf in self.run(result)]
        floats = [
            self.tensors[name]
            for name in sorted(used_names(expression) & set(FLOATS))
            if name in self.tensors and "n." + name not in expression
        ]
        if self.graph:
            loss = self._weighted(eval(expression, self.names()))
            found = self.tf.gradients(loss, floats)
        else:
            with self.tf.GradientTape() as tape:
                tape.watch(floats)
                loss = self._weighted(eval(expression, self.names()))
            found = tape.gradient(loss, floats)
        if all(gradient is None for gradient in found):
            raise ValueError("No gradient.")
        dense = [
            None if gradient is None else self.tf.convert_to_tensor(gradient)
            for gradient in found
        ]
        return [text(leaf) for leaf in self.run(dense)]

    def _weighted(self, result):
        tf = self.tf
        size = tf.size(result)
        weights = tf.cos(tf.cast(tf.range(size), result.dtype))
        return tf.reduce_sum(tf.reshape(weights, tf.shape(result)) * result)

    def run(self, result):
        """The leaves of a nested result, as arrays or plain objects."""
        leaves = flat(result)
        if not self.graph:
            return [part for leaf in leaves for part in parts(leaf)]
        tf = self.tf
        kinds = (tf.Tensor, tf.SparseTensor, tf.IndexedSlices, tf.RaggedTensor)
        kinds += (tf.Operation, tf.Variable)
        wanted = [leaf for leaf in leaves if isinstance(leaf, kinds)]
        if wanted:
            fed = {tensor: self.values[name] for name, tensor in self.tensors.items()}
            session = self._initialised_session(fed)
            got = iter(session.run(wanted, fed))
            leaves = [next(got) if isinstance(leaf, kinds) else leaf for leaf in leaves]
        return [part for leaf in leaves for part in parts(leaf)]

    def _initialised_session(self, fed):
        """Keras's session, which initialises Keras's variables; the others here."""
        v1 = self.tf.compat.v1
        session = v1.keras.backend.get_session()
        variables = v1.global_variables() + v1.local_variables()
        new = [
            variable
            for variable in variables
            if variable.name not in self.initialised and not _is_set(session, variable)
        ]
        self.initialised.update(variable.name for variable in variables)
        tables = v1.get_collection(v1.GraphKeys.TABLE_INITIALIZERS)
        if new or tables:
            session.run([variable.initializer for variable in new] + tables, fed)
        return session

    def layer(self, layer, *arguments, **options):
        """What a layer gives with weights of a known pattern; and their shapes."""
        layer(*arguments, **options)
        shapes = [weight.shape for weight in layer.get_weights()]
        layer.set_weights([pattern(shape, at) for at, shape in enumerate(shapes)])
        result = layer(*arguments, **options)
        return result if not shapes else [result, str(shapes)]

    def score(self, metric, *pairs):
        """A metric's result after each of several updates."""
        results = []
        for pair in pairs:
            update = metric.update_state(*pair)
            if self.graph and update is not None:
                self.run([metric.result(), update])
                # Its own variables only, whatever else the graph holds.
            results.append(self.run(metric.result()))
        return results

    def elements(self, dataset, count=20):
        """The first elements of a dataset."""
        if not self.graph:
            return [element for element, _ in zip(dataset, range(count))]
        following = self.tf.compat.v1.data.make_one_shot_iterator(dataset).get_next()
        elements = []
        try:
            for _ in range(count):
                elements.append(self.run(following))
        except self.tf.errors.OutOfRangeError:
            pass
        return elements

    def fitted(self, model, x, y, epochs=2, batch_size=2, **options):
        """A model's losses by epoch and its weights after training without shuffling."""
        model.build(x.shape)
        weights = model.get_weights()
        model.set_weights(
            [pattern(weight.shape, at) for at, weight in enumerate(weights)]
        )
        history = model.fit(
            x, y, batch_size, epochs, verbose=0, shuffle=False, **options
        ).history
        return [sorted(history), [history[name] for name in sorted(history)]] + [
            np.asarray(weight) for weight in model.get_weights()
        ]

    @staticmethod
    def of_files(function):
        """What a function of a new folder gives."""
        import shutil
        import tempfile

        folder = tempfile.mkdtemp()
        try:
            return function(folder)
        finally:
            shutil.rmtree(folder)

    @staticmethod
    def outside(function, *arguments):
        """The name of the error that a function raises, or what it gives."""
        try:
            return function(*arguments)
        except Exception as error:
            return type(error).__name__


def _is_set(session, variable):
    """Whether Keras has given the variable its value already."""
    try:
        session.run(variable.read_value())
        return True
    except Exception:  # FailedPrecondition, of an uninitialised variable
        return False


def pattern(shape, number):
    """Weights of a shape: kernels of both signs, vectors (variances too) positive."""
    waves = np.sin(np.arange(int(np.prod(shape)), dtype=np.float64) * 0.7 + number)
    waves = 0.6 * waves if len(shape) > 1 else 0.5 + 0.4 * waves
    return waves.reshape(shape).astype(np.float32)


def flat(result):
    if isinstance(result, dict):
        return [leaf for name in sorted(result) for leaf in flat(result[name])]
    if isinstance(result, (list, tuple)) and not hasattr(result, "dense_shape"):
        return [leaf for item in result for leaf in flat(item)]
    return [result]


def parts(leaf):
    """An evaluated leaf as arrays or plain objects."""
    name = type(leaf).__name__
    if name in ("SparseTensor", "SparseTensorValue"):
        values = leaf.indices, leaf.values, leaf.dense_shape
    elif name in ("IndexedSlices", "IndexedSlicesValue"):
        values = leaf.values, leaf.indices
    elif name in ("RaggedTensor", "RaggedTensorValue"):
        splits = leaf.nested_row_splits
        values = (leaf.flat_values,) + tuple(splits)
    elif name == "TensorShape":
        values = (None if leaf.ndims is None else leaf.as_list(),)
    elif name == "Dimension":
        values = (leaf.value,)
    elif name == "DType":
        values = (leaf.name,)
    else:
        values = (leaf,)
    return [value.numpy() if hasattr(value, "numpy") else value for value in values]


def text(leaf):
    """A leaf as text: ``float32[4,3]:…`` in base 64, or Python's repr."""
    if isinstance(leaf, (float, np.bool_, np.number)):
        leaf = np.asarray(leaf)
    if isinstance(leaf, enum.Enum):
        leaf = leaf.value
    if not isinstance(leaf, np.ndarray):
        if hasattr(leaf, "SerializeToString"):
            leaf = leaf.SerializeToString(deterministic=True)
        if isinstance(leaf, str) and "__" in leaf:
            leaf = leaf.strip()
        if leaf is None or isinstance(leaf, (bool, int, str, bytes, list)):
            return "py:" + base64.b64encode(repr(leaf).encode()).decode()
        raise TypeError(f"No record of a {type(leaf).__name__}.")
    if leaf.dtype.kind in "OSU":
        return "py:" + base64.b64encode(repr(leaf.tolist()).encode()).decode()
    shape = ",".join(map(str, leaf.shape))
    kept = np.ascontiguousarray(sample(leaf))
    body = base64.b64encode(kept.tobytes()).decode()
    return f"{leaf.dtype.name}[{shape}]:{body}"


def sample(array):
    """At most KEPT elements: all, or some of all over."""
    array = array.reshape(-1)
    return array if array.size <= KEPT else array[:: -(-array.size // KEPT)]


def outcome(tf, expression, variant, seed=8):
    """The leaves of a row's expression in one variant, or [REFUSED, …]."""
    try:
        return Side(tf, expression, variant, seed).evaluate(variant == "gradient")
    except Exception as error:  # whatever this version refuses
        return [REFUSED, type(error).__name__, str(error).split("\n")[0][:200]]


def main(arguments=None):
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--out", metavar="FILE", required=True)
    parser.add_argument(
        "--missing", metavar="FILE", help="keep what an earlier record holds"
    )
    parser.add_argument("--only", metavar="WORD", help="rows that hold the word")
    options = parser.parse_args(arguments)
    reference_conditions.settle()
    import tensorflow as tf

    from parity_tests.witness import call_rows

    if not tf.__version__.startswith("1.15."):
        parser.error(
            f"--out must run under TensorFlow 1.15. Received: {tf.__version__}. Use the witness's "
            "environment."
        )
    tf.compat.v1.logging.set_verbosity(tf.compat.v1.logging.FATAL)
    calls = [
        (before, variant)
        for symbol, before in [row[:2] for row in call_rows.rows()]
        + call_rows.constants()
        if not options.only or options.only in symbol
        for variant in variants_of(before)
    ]
    known = {}
    if options.missing:
        known = read(options.missing)[1]
    rest = [call for call in calls if call not in known]
    for line in recorded(tf, rest):
        if line:
            known[tuple(line.split("\t")[:2])] = line.split("\t")[2:]
    lines = ["\t".join(call + tuple(known[call])) for call in calls if call in known]
    head = f"# {COMMAND}: TensorFlow {tf.__version__}, NumPy {np.__version__}, Python {sys.version_info[0]}.{sys.version_info[1]}, {processors.model()}"
    write(options.out, head, lines)


def recorded(tf, calls):
    """One line a call, '' where 1.15.5 refuses it: by the hundred in a process.

    Some calls end the process, such as half precision where a kernel has none.
    """
    while calls:
        batch, calls = calls[:100], calls[100:]
        source, target = os.pipe()
        child = os.fork()
        if not child:
            os.close(source)
            with os.fdopen(target, "w", encoding="utf-8") as file:
                for before, variant in batch:
                    leaves = outcome(tf, before, variant)
                    if leaves[:1] == [REFUSED] and variant == "plain":
                        print(before, leaves, file=sys.stderr, flush=True)
                    refused = leaves[:1] == [REFUSED]
                    line = [] if refused else [before, variant] + leaves
                    file.write("\t".join(line) + "\n")
                    file.flush()
            os._exit(0)
        os.close(target)
        with os.fdopen(source, encoding="utf-8") as file:
            lines = file.read().splitlines()
        os.waitpid(child, 0)
        yield from lines
        calls = batch[len(lines) + 1 :] + calls


def write(path, head, lines):
    """The record, packed so that the same lines give the same bytes."""
    body = "\n".join([head] + lines) + "\n"
    with open(path, "wb") as file, gzip.GzipFile("", "wb", 9, file, 0) as packed:
        packed.write(body.encode())


def read(path):
    """(head, {(expression, variant): leaves}) of a record."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        head, *lines = file.read().splitlines()
    cells = [line.split("\t") for line in lines]
    return head, {(row[0], row[1]): row[2:] for row in cells}


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
