"""Draws by given weights: Walker's alias method, with TF1's order of pairing.

Source: tensorflow/core/lib/random/distribution_sampler.cc, 1.15.
"""

import numpy as np
import tensorflow as tf

from tf2_keras.tf1_semantics.random.integers import REJECTED, below


class AliasTable:
    """n classes of equal chance, each of which passes a part of it on to another.

    Args:
        weights: [n] float32.
    """

    def __init__(self, weights):
        number = len(weights)
        total = sum(map(float, weights))
        parts = [float(weight * np.float32(number)) / total for weight in weights]
        aliases = list(range(number))
        low = [place for place in range(number) if parts[place] < 1.0]
        high = [place for place in range(number) if not parts[place] < 1.0]
        while high and low:
            poor, rich = low.pop(), high.pop()
            aliases[poor] = rich
            parts[rich] -= 1.0 - parts[poor]
            (low if parts[rich] < 1.0 else high).append(rich)
        for place in high + low:  # close to 1, but for roundings
            parts[place] = 1.0
        self.parts = np.array(parts, np.float32)
        self.aliases = np.array(aliases, np.int64)

    def draws(self, words):
        """Classes, int64, as many as the words [n] make: about half of n."""
        starts, picks = self._places(words)
        classes = tf.gather(below(len(self.parts), low=words), picks)
        # A number in [0, 1) of the lower 23 bits.
        numbers = tf.cast(tf.gather(words, starts) % 2**23, tf.float32) * 2.0**-23
        keeps = numbers < tf.gather(self.parts, classes)
        return tf.where(keeps, classes, tf.gather(self.aliases, classes))

    def _places(self, words):
        """(places of the words that make a number, of those that make a class).

        They alternate, but that a word from which no class is made is passed over.
        """
        size = tf.size(words, tf.int64)
        rejected = below(len(self.parts), low=words) == REJECTED

        def alternating():
            starts = 2 * tf.range(size // 2)
            return starts, starts + 1

        def one_by_one():
            kept = tf.concat([tf.where(~rejected)[:, 0], [size]], 0)
            following = tf.gather(kept, tf.searchsorted(kept, tf.range(size + 1)))

            def step(start, starts, picks):
                pick = following[start + 1]
                starts, picks = (
                    tf.concat([places, [place]], 0)
                    for places, place in ((starts, start), (picks, pick))
                )
                return pick + 1, starts, picks

            none = tf.zeros([0], tf.int64)
            _, starts, picks = tf.while_loop(
                lambda start, *_: following[tf.minimum(start + 1, size)] < size,
                step,
                (tf.zeros([], tf.int64), none, none),
                shape_invariants=(tf.TensorShape([]), *[tf.TensorShape([None])] * 2),
            )
            return starts, picks

        return tf.cond(tf.reduce_any(rejected), one_by_one, alternating)
