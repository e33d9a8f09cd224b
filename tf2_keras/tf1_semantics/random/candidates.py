r"""TF1's candidate samplers as Keras layers: classes to contrast the true ones with.

A sampler draws until it has num_sampled distinct classes and says how often it expects a
class to be among them; of T tries, with p the share of a class,

    expected = -expm1(T * log1p(-p))

TF1's ops kept their place in the stream, and the learned one its counts, to themselves:
here both are weights.

Shapes: B batch, S sampled classes.
Source: range_sampler.cc, candidate_sampler_ops.cc, simple_philox.h, 1.15.
"""

import ctypes
import functools
import math

import keras
import numpy as np
import tensorflow as tf

from tf2_keras.tf1_semantics import philox
from tf2_keras.tf1_semantics.errors import (
    is_number,
    require,
    require_flags,
    require_int,
    require_number,
)
from tf2_keras.tf1_semantics.layers.stream import StreamLayer
from tf2_keras.tf1_semantics.random.alias import AliasTable
from tf2_keras.tf1_semantics.random.integers import REJECTED, below
from tf2_keras.tf1_semantics.xla import refuse_xla

# What TF1 reserved for each sampled class, of four words each.
BLOCKS_PER_CLASS = 512
# Eigen computes so few elements one by one, by the functions of the C library, as TF1's
# kernels did; its own for whole vectors differ in four of ten last bits.
ONE_BY_ONE = 3
# So many of those in one turn of the loop over them: a turn costs as much as ten ops.
IN_A_TURN = 16


class CandidateSampler(StreamLayer):
    """The base of all.

    draws: (words of a number, how many draws) -> so many classes, int64, ``REJECTED``
        or left out where TF1 tried again without counting.
    share: classes -> the chance of each at a try, float32.
    learn: what the true classes change, after the draw.
    """

    kinds_of_inputs = ("integer",)

    def __init__(self, num_true, num_sampled, unique, range_max, seed, **kwargs):
        require_int("num_true", num_true, 1, at_least=1)
        require_int("num_sampled", num_sampled, 5, at_least=1)
        require_flags(unique=unique)
        require_int("range_max", range_max, "the number of classes", at_least=1)
        require(
            range_max < 2**31,
            "range_max must be less than 2^31",
            repr(range_max),
            "Use the number of classes",
        )
        super().__init__(**kwargs)
        philox.op_seeds(seed)
        self.num_true = num_true
        self.num_sampled = num_sampled
        self.unique = unique
        self.range_max = range_max
        self.seed = seed
        self._require_enough(range_max)

    def _require_enough(self, classes):
        require(
            not self.unique or self.num_sampled <= classes,
            f"num_sampled must be at most {classes}, the classes that can be drawn",
            repr(self.num_sampled),
            "Use unique=False to draw a class several times",
        )

    def build(self, input_shape):
        require(
            len(input_shape) == 2 and input_shape[1] == self.num_true,
            f"inputs must be true classes [batch, {self.num_true}]",
            repr(tuple(input_shape)),
            "Use keras.ops.reshape",
        )
        super().build(input_shape)

    @property
    def blocks_of_a_draw(self):
        """By how much a draw moves the stream on, whatever the batch."""
        return BLOCKS_PER_CLASS * self.num_sampled

    def call(self, true_classes):
        refuse_xla(type(self).__name__)
        true_classes = tf.cast(true_classes, tf.int64)
        blocks = self.advance(self.blocks_of_a_draw)
        sampled, tries = self._sampled(blocks)
        true_ones = tf.reshape(true_classes, [-1])
        counts = self._expected(tf.concat([true_ones, sampled], 0), tries)
        of_true, of_sampled = counts[: -self.num_sampled], counts[-self.num_sampled :]
        of_true = tf.reshape(of_true, tf.shape(true_classes))
        self.learn(true_classes)
        return (
            sampled,
            tf.ensure_shape(of_true, true_classes.shape),
            tf.ensure_shape(of_sampled, [self.num_sampled]),
        )

    def learn(self, true_classes):
        pass

    def _sampled(self, blocks):
        """(classes [S], how many tries it took)."""
        words = functools.partial(philox.words, seed=self.seed, blocks=blocks)

        def drawn(number):
            classes = self.draws(words, number)
            return tf.boolean_mask(classes, classes != REJECTED)

        def too_few(_, classes):
            known = tf.unique(classes).y if self.unique else classes
            return tf.size(known) < self.num_sampled

        # The stream is read from its place again: a longer draw begins as the shorter.
        number = tf.constant(4 * self.num_sampled, tf.int64)
        _, classes = tf.while_loop(
            too_few,
            lambda number, _: (2 * number, drawn(number)),
            (number, tf.zeros([0], tf.int64)),
            shape_invariants=(tf.TensorShape([]), tf.TensorShape([None])),
        )
        tries = tf.constant(self.num_sampled, tf.int64)
        if self.unique:
            classes, numbers = tf.unique(classes)  # in order of appearance
            tries = tf.argmax(tf.equal(numbers, self.num_sampled - 1)) + 1
        return tf.ensure_shape(classes[: self.num_sampled], [self.num_sampled]), tries

    def _expected(self, classes, tries):
        """How often each of some classes [n] is expected, [n] float32."""
        shares = self.share(classes)
        number = tf.cast(tries, tf.float32)

        def of_few(shares):
            return -tf.math.expm1(number * tf.math.log1p(-shares))

        def of_a_turn(shares):
            # Split and joined by tf.split and tf.concat, Grappler would put one op for
            # whole vectors in their place.
            return tf.stack([of_few(few) for few in tf.unstack(shares)])

        size, turn = tf.size(shares), IN_A_TURN * ONE_BY_ONE
        turns = tf.reshape(
            tf.pad(shares, [[0, -size % turn]]), [-1, IN_A_TURN, ONE_BY_ONE]
        )
        counts = tf.reshape(tf.map_fn(of_a_turn, turns), [-1])[:size]
        # TF1's own shortcut, which is another number.
        return tf.where(tries == self.num_sampled, shares * self.num_sampled, counts)

    def compute_output_spec(self, true_classes):
        sampled = (self.num_sampled,)
        return (
            keras.KerasTensor(sampled, "int64"),
            keras.KerasTensor(true_classes.shape, "float32"),
            keras.KerasTensor(sampled, "float32"),
        )


@keras.saving.register_keras_serializable("tf1_semantics")
class UniformCandidateSampler(CandidateSampler):
    """``tf.nn.uniform_candidate_sampler``: every class with the same chance.

    Args:
        num_true: true classes of an example.
        num_sampled: how many classes to draw, S.
        unique: whether no class is drawn twice.
        range_max: number of classes.
        seed: (graph seed, op seed), or the op seed alone.

    Input shape: [B, num_true], integers.
    Returns on call: the triple that ``tf.nn.nce_loss`` and its like take as
        ``sampled_values``: classes [S] int64, and how often the true ones,
        [B, num_true], and those, [S], are expected among them, float32.
    Raises:
        ValueError: for arguments other than these, or an input of another shape.
        NotImplementedError: under ``jit_compile=True``, which draws other numbers.
    Source: candidate_sampling_ops.uniform_candidate_sampler, 1.15.
    """

    def __init__(self, num_true, num_sampled, unique, range_max, seed=None, **kwargs):
        super().__init__(num_true, num_sampled, unique, range_max, seed, **kwargs)

    def draws(self, words, number):
        low, high = tf.unstack(tf.reshape(words(2 * number), [-1, 2]), axis=1)
        return below(self.range_max, low, high)

    def share(self, classes):
        share = tf.constant(np.float32(1.0 / self.range_max))
        return tf.broadcast_to(share, tf.shape(classes))


@keras.saving.register_keras_serializable("tf1_semantics")
class LogUniformCandidateSampler(CandidateSampler):
    r"""``tf.nn.log_uniform_candidate_sampler``: classes in order of their frequency.

        share of class c = log((c + 2) / (c + 1)) / log(range_max + 1)

    ``tf.nn.nce_loss`` and ``tf.nn.sampled_softmax_loss`` draw by it, with unique=True,
    if they are given no ``sampled_values``; ``sampled_softmax_loss`` then, and only it,
    leaves out by default what is a true class (``remove_accidental_hits``).

    Args, shapes, results and errors: see ``UniformCandidateSampler``.
    Source: candidate_sampling_ops.log_uniform_candidate_sampler, 1.15.
    """

    def __init__(self, num_true, num_sampled, unique, range_max, seed=None, **kwargs):
        super().__init__(num_true, num_sampled, unique, range_max, seed, **kwargs)
        self._log_range = math.log1p(range_max)

    def draws(self, words, number):
        numbers = philox.doubles(tf.reshape(words(2 * number), [-1, 2]))
        powers = tf.cast(tf.exp(numbers * self._log_range), tf.int64)
        return (powers - 1) % self.range_max

    def share(self, classes):
        classes = tf.cast(classes, tf.float64)
        shares = tf.math.log((classes + 2.0) / (classes + 1.0)) / self._log_range
        return tf.cast(shares, tf.float32)


@keras.saving.register_keras_serializable("tf1_semantics")
class LearnedUnigramCandidateSampler(CandidateSampler):
    """``tf.nn.learned_unigram_candidate_sampler``: as often as they have been true.

    Every class counts one at first, and one more each time it is a true class; a batch
    counts after its own draw. The counts are a weight, ``counts``, so that they are
    saved and can be reset; TF1 lost them with its Session.

    Args, shapes, results and errors: see ``UniformCandidateSampler``.
    Source: candidate_sampling_ops.learned_unigram_candidate_sampler, 1.15.
    """

    def __init__(self, num_true, num_sampled, unique, range_max, seed=None, **kwargs):
        super().__init__(num_true, num_sampled, unique, range_max, seed, **kwargs)

    def build(self, input_shape):
        super().build(input_shape)
        self.counts = self.add_weight(
            shape=(self.range_max,),
            dtype="int32",
            initializer="ones",
            trainable=False,
            name="counts",
        )

    def draws(self, words, number):
        ends = tf.cumsum(tf.cast(self.counts.value, tf.int64))
        picks = below(ends[-1], words(number))
        found = tf.searchsorted(ends, picks, side="right", out_type=tf.int64)
        return tf.where(picks == REJECTED, picks, found)

    def share(self, classes):
        counts = tf.gather(self.counts.value, classes)
        total = tf.reduce_sum(self.counts.value)
        return tf.cast(counts, tf.float32) / tf.cast(total, tf.float32)

    def learn(self, true_classes):
        places = tf.reshape(true_classes, [-1, 1])
        ones = tf.ones([tf.size(true_classes)], tf.int32)
        self.counts.assign(tf.tensor_scatter_nd_add(self.counts.value, places, ones))


@keras.saving.register_keras_serializable("tf1_semantics")
class FixedUnigramCandidateSampler(CandidateSampler):
    """``tf.nn.fixed_unigram_candidate_sampler``: by given frequencies.

    Args:
        distortion: the power to which the frequencies are raised; 0.75 in word2vec.
        num_reserved_ids: so many classes come before those of ``unigrams`` and are
            never drawn.
        num_shards, shard: of the classes only each num_shards-th counts, from ``shard``
            on.
        unigrams: frequencies of the classes that are not reserved, in order. TF1 could
            read them from a ``vocab_file``, too: the last column of a CSV file.

    Other args, shapes, results and errors: see ``UniformCandidateSampler``.
    Source: candidate_sampling_ops.fixed_unigram_candidate_sampler, 1.15;
        distribution_sampler.cc, Walker's alias method.
    """

    def __init__(
        self,
        num_true,
        num_sampled,
        unique,
        range_max,
        *,
        distortion=1.0,
        num_reserved_ids=0,
        num_shards=1,
        shard=0,
        unigrams,
        seed=None,
        **kwargs,
    ):
        require_number("distortion", distortion, 1.0)
        require_int("num_reserved_ids", num_reserved_ids, 0, at_least=0)
        require_int("num_shards", num_shards, 1, at_least=1)
        require_int("shard", shard, 0, at_least=0)
        require(
            shard < num_shards,
            f"shard must be less than num_shards, {num_shards}",
            repr(shard),
            "Use 0 for the first",
        )
        require(
            isinstance(unigrams, (list, tuple))
            and len(unigrams) > 0
            and all(is_number(number) and number >= 0 for number in unigrams),
            "unigrams must be a list of frequencies, none of them negative",
            repr(unigrams),
            "Use how often each class occurs",
        )
        self._weights = _weights(
            unigrams, distortion, num_reserved_ids, num_shards, shard
        )
        super().__init__(num_true, num_sampled, unique, range_max, seed, **kwargs)
        self.distortion = distortion
        self.num_reserved_ids = num_reserved_ids
        self.num_shards = num_shards
        self.shard = shard
        self.unigrams = unigrams
        require(
            len(self._weights) == range_max,
            f"range_max must be {len(self._weights)}, the number of reserved ids and "
            "unigrams in the shard",
            repr(range_max),
            "Use it",
        )
        self._require_enough(int(np.count_nonzero(self._weights)))
        self._table = AliasTable(self._weights)
        total = np.float32(0.0)
        for weight in self._weights:  # in float32, one after the other
            total += weight
        self._shares = self._weights / total

    def draws(self, words, number):
        return self._table.draws(words(2 * number))

    def share(self, classes):
        inside = (classes >= 0) & (classes < self.range_max)
        shares = tf.gather(self._shares, tf.where(inside, classes, 0))
        return tf.where(inside, shares, 0.0)


def _weights(unigrams, distortion, num_reserved_ids, num_shards, shard):
    """float32 of the classes of a shard; reserved ones have none."""
    reserved = [0.0] * len(range(shard, num_reserved_ids, num_shards))
    # NumPy's and TensorFlow's powers of whole arrays differ from it in last bits.
    power = ctypes.CDLL(None).powf
    power.restype, power.argtypes = ctypes.c_float, [ctypes.c_float] * 2
    # TF1 counted on from how many of the reserved ids were in the shard.
    weights = [
        power(number, distortion)
        for place, number in enumerate(unigrams, len(reserved))
        if place % num_shards == shard
    ]
    return np.array([*reserved, *weights], np.float32)
