"""Runs one layer on both sides: a compat.v1 graph, and the Keras layer at two levels.

The reference of a layer's descriptor is called

    reference(x, weights, training, **arguments) -> ({name: output}, [update, ...])

inside a graph, with x a placeholder and weights {name: variable}, named and shaped as
the layer's own. The first output is the one that has a gradient. Both sides yield, for
each step, {"loss": outputs, "gradients": {...}, "updates": weights}.
"""

import functools
import inspect

import numpy as np
import tensorflow as tf

from parity_tests.engine.comparison import compare_plays

LEVELS = ("function", "eager")


class Reference:
    """A compat.v1 graph: one tower to train and one to predict."""

    def __init__(self, reference, arguments, sizes, dtype, weights):
        """Args: reference and arguments: of the descriptor.

        sizes, dtype: of the input; None for what a placeholder leaves open.
        weights: {name: Keras variable}.
        """
        tf1 = tf.compat.v1
        with tf.Graph().as_default() as graph:
            self.x = tf1.placeholder(dtype, sizes)
            self.weights = {
                name: tf1.get_variable(
                    name,
                    initializer=np.zeros(weight.shape, weight.dtype),
                    trainable=weight.trainable,
                )
                for name, weight in weights.items()
            }
            sources = {"x": self.x} if self.x.dtype.is_floating else {}
            for name, weight in weights.items():
                if weight.trainable:
                    sources[name] = self.weights[name]
            self.upstream, self.happened, self.updates = {}, {}, {}
            for training in (True, False):
                outputs, self.updates[training] = reference(
                    self.x, self.weights, training, **arguments
                )
                y = next(iter(outputs.values()))
                self.upstream[training] = tf1.placeholder(y.dtype, y.shape)
                gradients = tf.gradients(
                    y, list(sources.values()), self.upstream[training]
                )
                self.happened[training] = {
                    "loss": outputs,
                    "gradients": dict(zip(sources, gradients, strict=False)),
                }
            self.output = y
        self.session = tf1.Session(graph=graph)

    def run(self, weights, batches):
        """Yields what happened at each (x, upstream gradient, whether to train)."""
        for name, variable in self.weights.items():
            initializer = variable.initializer
            self.session.run(initializer, {initializer.inputs[1]: weights[name]})
        for x, upstream, training in batches:
            feed = {self.x: x, self.upstream[training]: upstream}
            happened, _ = self.session.run(
                (self.happened[training], self.updates[training]), feed
            )
            yield {**happened, "updates": self.session.run(self.weights)}


class Twin:
    """The Keras layer, called eagerly or in a function."""

    def __init__(self, layer):
        self.layer = layer
        self.weights = {weight.name: weight for weight in layer.weights}
        self._takes_training = "training" in inspect.signature(layer.call).parameters
        self._output_names = []
        self.functions = {}

    def trace(self, x_spec, upstream_spec, output_names):
        """Makes the functions; the outputs' names are those of the reference."""
        self._output_names = output_names
        self.functions = {
            training: tf.function(
                functools.partial(self.step, training),
                input_signature=[x_spec, upstream_spec],
            )
            for training in (True, False)
        }

    def outputs(self, x, training):
        options = {"training": training} if self._takes_training else {}
        outputs = self.layer(x, **options)
        return outputs if isinstance(outputs, tuple) else (outputs,)

    def step(self, training, x, upstream):
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = self.outputs(x, training)
        sources = {"x": x} if x.dtype.is_floating else {}
        for name, weight in self.weights.items():
            if weight.trainable:
                sources[name] = weight.value
        gradients = tape.gradient(outputs[0], sources, upstream) if sources else {}
        return dict(zip(self._output_names, outputs, strict=False)), gradients

    def run(self, weights, batches, level="function"):
        """Yields the same as the reference."""
        for name, weight in self.weights.items():
            weight.assign(weights[name])
        for x, upstream, training in batches:
            if level == "function":
                outputs, gradients = self.functions[training](x, upstream)
            else:
                outputs, gradients = self.step(
                    training, tf.constant(x), tf.constant(upstream)
                )
            yield {
                "loss": {name: one.numpy() for name, one in outputs.items()},
                "gradients": {name: one.numpy() for name, one in gradients.items()},
                "updates": {name: one.numpy() for name, one in self.weights.items()},
            }


def pair(reference, layer, arguments, sizes, dtype="float32"):
    """(Reference, Twin) of a layer, made with those arguments, on inputs like that."""
    layer.build(tuple(sizes))
    twin = Twin(layer)
    made = Reference(reference, arguments, sizes, dtype, twin.weights)
    twin.trace(
        tf.TensorSpec(sizes, dtype),
        tf.TensorSpec(made.output.shape, made.output.dtype),
        list(made.happened[True]["loss"]),
    )
    return made, twin


def require_parity(both, weights, batches, level="function", budget_for=None):
    """Fails unless reference and layer do the same with these batches."""
    reference, twin = both
    comparison = compare_plays(
        reference.run(weights, batches),
        twin.run(weights, batches, level),
        budget_for=budget_for,
    )
    comparison.require_agreement()
    assert comparison.records == len(batches)
    return comparison
