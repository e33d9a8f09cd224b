"""Where a part's arguments are not those of its TF1 symbol, and why.

All others have TF1's names, order and defaults: signatures_test.py compares each part
with what 1.15.5 recorded in tf1_api.tsv.
"""

from typing import NamedTuple


class Kept(NamedTuple):
    """A difference that is kept on purpose.

    parts: their names, as a pattern such as "optimizers.*".
    argument: as either side calls it; "*" for all.
    what: "left out" (TF1's alone), "added" (the part's alone), "default".
    reason: as a clause.
    """

    parts: str
    argument: str
    what: str
    reason: str


AT_THE_CALL = "given when the part is called"
OF_KERAS = "one of Keras's own arguments, taken by keyword"
NAMES = "Keras's names are in lower case, and its argument stands last"
OF_GRAPHS = "Keras has no collections, scopes or locks"
NO_PART = "not part of it"
UNSEEDED = (
    "what was not seeded drew other numbers at every start, which nothing repeats"
)

# TF1 1.15 hides these behind *args (source: rnn_cell_wrapper_impl, 1.15.5), or they are a
# method of what was recorded (python/client/session.py), or it had not got them: BERT's optimizer (source: google-research/bert, optimization.py).
HIDDEN = {
    "tf.contrib.legacy_seq2seq.sequence_loss": "(logits, targets, weights, "
    "average_across_timesteps=True, average_across_batch=True, "
    "softmax_loss_function=None, name=None)",
    "tf.contrib.legacy_seq2seq.sequence_loss_by_example": "(logits, targets, weights, "
    "average_across_timesteps=True, softmax_loss_function=None, name=None)",
    # An empty tuple is recorded as (,).
    "tf.nn.fixed_unigram_candidate_sampler": "(true_classes, num_true, num_sampled, "
    "unique, range_max, vocab_file='', distortion=1.0, num_reserved_ids=0, "
    "num_shards=1, shard=0, unigrams=(), seed=None, name=None)",
    "tf.Session.run": "(fetches, feed_dict=None, options=None, run_metadata=None)",
    "AdamWeightDecayOptimizer": "(learning_rate, weight_decay_rate=0.0, beta_1=0.9, "
    "beta_2=0.999, epsilon=1e-6, exclude_from_weight_decay=None, "
    "name='AdamWeightDecayOptimizer')",
    "create_optimizer": "(loss, init_lr, num_train_steps, num_warmup_steps, use_tpu)",
    "tf.nn.rnn_cell.DropoutWrapper": "(cell, input_keep_prob=1.0, output_keep_prob=1.0, "
    "state_keep_prob=1.0, variational_recurrent=False, input_size=None, dtype=None, "
    "seed=None, dropout_state_filter_visitor=None, **kwargs)",
    "tf.nn.rnn_cell.ResidualWrapper": "(cell, residual_fn=None, **kwargs)",
}


def _kept(parts, what, arguments, reason):
    """Rows of several arguments, their names with spaces between."""
    return tuple(Kept(parts, name, what, reason) for name in arguments.split())


BATCH_NORMALIZATION = "layers.BatchNormalization"
POOLING = "layers.MaxPoolingWithArgmax"
SOFTMAX = "losses.softmax_cross_entropy_with_logits"
WRAPPER = "recurrent.DropoutWrapper"
UNIGRAMS = "random.FixedUnigramCandidateSampler"
CONVERTERS = "recurrent.*_weights_*"

KEPT = (
    *_kept("initializers.*", "default", "seed", UNSEEDED),
    *_kept("initializers.*", "left out", "dtype", AT_THE_CALL),
    *_kept("optimizers.*", "left out", "use_locking", OF_GRAPHS),
    *_kept("optimizers.*", "default", "name", NAMES),
    *_kept(
        "optimizers.AdamWeightDecay",
        "added",
        "moves_global_step",
        "BERT's program counted beside its class",
    ),
    *_kept("optimizers.AdagradDA", "left out", "global_step", "it counts its steps"),
    *_kept(
        "optimizers.Ftrl",
        "left out",
        "accum_name linear_name",
        "slots are named by Keras; tf1_slots() tells TF1's names",
    ),
    *_kept("schedules.*", "left out", "global_step x", AT_THE_CALL),
    *_kept(
        "schedules.*", "added", "dtype", "TF1 took it from the tensors it was given"
    ),
    *_kept("schedules.WarmUp", "left out", "loss use_tpu", "the optimizer's"),
    *_kept(
        "schedules.WarmUp",
        "left out",
        "init_lr num_train_steps num_warmup_steps",
        "they have the names of its decay",
    ),
    *_kept(
        "schedules.WarmUp",
        "added",
        "learning_rate decay_steps warmup_steps end_learning_rate power name",
        "those of its decay, of which BERT gave power 1.0 and an end of 0.0",
    ),
    *_kept(
        "schedules.NoisyLinearCosineDecay",
        "added",
        "seed",
        "TF1 took none: its graph counted one, which seeds the stream",
    ),
    *_kept(
        "recurrent.Static*",
        "added",
        "time_major",
        "TF1 took a list of steps, which has no such axis",
    ),
    *_kept("clipping.*", "left out", "t t_list", AT_THE_CALL),
    *_kept("clipping.*", "left out", "name", "it names no variable"),
    *_kept("clipping.ByNorm", "left out", "axes", "it clips whole gradients"),
    *_kept("clipping.ByGlobalNorm", "left out", "use_norm", "the norm is computed"),
    *_kept(
        "averages.ExponentialMovingAverage",
        "default",
        "num_updates",
        "TF1 took the step itself, which here comes with each update",
    ),
    *_kept("averages.*", "left out", "name", "each average is named by its variable"),
    *_kept(
        "losses.*",
        "left out",
        "labels predictions logits onehot_labels multi_class_labels",
        AT_THE_CALL,
    ),
    *_kept("losses.*", "left out", "scope loss_collection", OF_GRAPHS),
    *_kept("losses.*", "added", "name", OF_KERAS),
    *_kept("losses.LogLoss", "added", "rounding", "whose roundings are meant"),
    *_kept("losses.*sequence_loss*", "left out", "name", OF_GRAPHS),
    *_kept("losses.*sequence_loss*", "left out", "softmax_loss_function", NO_PART),
    *_kept("losses.CosineDistance", "default", "axis", "TF1 raised without it"),
    *_kept("losses.CosineDistance", "left out", "dim", "the older name of axis"),
    *_kept(
        "losses.WeightedCrossEntropy", "left out", "targets", "the older name of labels"
    ),
    *_kept(
        "losses.WeightedCrossEntropy",
        "added",
        "weights reduction",
        "what tf.losses added to such an op",
    ),
    *_kept(
        "losses.WeightedCrossEntropy",
        "default",
        "pos_weight",
        "TF1 raised without it",
    ),
    *_kept(
        SOFTMAX, "left out", "dim _sentinel name", "the older name of axis, a guard"
    ),
    *_kept(
        SOFTMAX,
        "default",
        "labels logits axis",
        "TF1 raised without the two; dim, the older name of axis, was -1",
    ),
    *_kept("metrics.*", "left out", "labels predictions values weights", AT_THE_CALL),
    *_kept(
        "metrics.*", "left out", "metrics_collections updates_collections", OF_GRAPHS
    ),
    *_kept("metrics.*", "default", "name", NAMES),
    *_kept("layers.*", "left out", "x y inputs input images training", AT_THE_CALL),
    *_kept("layers.*", "left out", "name trainable", OF_KERAS),
    *_kept(
        "layers.*",
        "left out",
        "reuse scope variables_collections outputs_collections",
        OF_GRAPHS,
    ),
    *_kept("layers.*Bias*", "added", "initializer", "TF1's program made the variable"),
    *_kept("layers.BiasAdd", "left out", "value bias", AT_THE_CALL),
    *_kept("layers.BiasAdd", "left out", "data_format", "NHWC alone"),
    *_kept(
        BATCH_NORMALIZATION,
        "default",
        "beta_initializer gamma_initializer moving_mean_initializer "
        "moving_variance_initializer",
        "the same: TF1's are objects",
    ),
    *_kept(
        BATCH_NORMALIZATION,
        "left out",
        "beta_regularizer gamma_regularizer beta_constraint gamma_constraint renorm_clipping "
        "renorm_momentum virtual_batch_size adjustment",
        NO_PART,
    ),
    *_kept(
        BATCH_NORMALIZATION,
        "added",
        "rate",
        "contrib's own batch_norm rounded it otherwise",
    ),
    *_kept("layers.update_ops", "left out", "key", "it has this one collection"),
    *_kept("layers.update_ops", "left out", "scope", "given to run()"),
    *_kept("layers.Dropout", "default", "keep_prob", "TF1 raised without it"),
    *_kept("layers.Dropout", "default", "seed", UNSEEDED),
    *_kept("layers.Dropout", "left out", "rate", "1 - keep_prob"),
    *_kept("layers.Dropout", "left out", "noise_shape", NO_PART),
    *_kept(
        "layers.Dropout",
        "added",
        "fed scaling",
        "whether keep_prob came through a placeholder, and whose roundings are meant",
    ),
    *_kept("layers.LayerNormalization", "left out", "activation_fn", "another layer"),
    *_kept("layers.[GI]*Normalization", "left out", "activation_fn", "another layer"),
    *_kept("layers.[GI]*Normalization", "left out", "param_initializers", NO_PART),
    *_kept(
        "layers.LayerNormalization",
        "added",
        "epsilon",
        "None for TF1's, of which it gave no choice",
    ),
    *_kept(POOLING, "left out", "data_format", "NHWC alone"),
    *_kept(POOLING, "left out", "Targmax", "the older name of output_dtype"),
    *_kept(POOLING, "default", "output_dtype", "None was int64"),
    *_kept(
        "attention.*",
        "left out",
        "memory memory_sequence_length initial_cell_state",
        AT_THE_CALL,
    ),
    *_kept("attention.*", "left out", "name dtype", OF_KERAS),
    *_kept(
        "attention.*",
        "left out",
        "custom_key_value_fn cell_input_fn attention_layer attention_fn",
        NO_PART,
    ),
    *_kept(
        "attention.*",
        "added",
        "kernel_initializer",
        "TF1 took it from the variable scope",
    ),
    *_kept(
        "decoding.beam_search",
        "left out",
        "length_penalty_weight coverage_penalty_weight reorder_tensor_arrays",
        NO_PART,
    ),
    *_kept(
        "decoding.beam_search", "added", "maximum_iterations", "dynamic_decode took it"
    ),
    *_kept("decoding.teacher_forced", "left out", "helper", "it has inputs in it"),
    *_kept("decoding.teacher_forced", "added", "inputs", "TF1's helper had them"),
    *_kept(
        "decoding.teacher_forced",
        "left out",
        "output_layer",
        "to be called on all outputs at once",
    ),
    *_kept("lookup.*", "left out", "hasher_spec", "the default hash alone"),
    *_kept("lookup.*", "left out", "dtype", "that of the mapping"),
    *_kept("lookup.CrossedColumn", "left out", "keys", AT_THE_CALL),
    *_kept(
        "lookup.SafeEmbedding", "left out", "embedding_weights", "the layer has them"
    ),
    *_kept("lookup.SafeEmbedding", "left out", "sparse_ids", AT_THE_CALL),
    *_kept(
        "lookup.SafeEmbedding",
        "left out",
        "sparse_weights default_id partition_strategy max_norm",
        NO_PART,
    ),
    *_kept(
        "lookup.SafeEmbedding",
        "added",
        "buckets width initializer",
        "TF1's program made the variable",
    ),
    *_kept("lookup.*", "left out", "name", OF_KERAS),
    *_kept(
        "random.*",
        "left out",
        "shape value logits true_classes dtype",
        AT_THE_CALL,
    ),
    *_kept("random.*", "left out", "name", OF_KERAS),
    *_kept(UNIGRAMS, "left out", "vocab_file", "unigrams are what it held"),
    *_kept(UNIGRAMS, "default", "unigrams", "TF1 raised without it and a vocab_file"),
    *_kept("recurrent.*", "left out", "name dtype", OF_KERAS),
    *_kept("recurrent.*", "left out", "reuse scope", OF_GRAPHS),
    *_kept(
        "recurrent.*RNN",
        "left out",
        "inputs sequence_length initial_state initial_state_fw initial_state_bw",
        AT_THE_CALL,
    ),
    *_kept(
        "recurrent.Static*RNN",
        "added",
        "time_major",
        "TF1 took and gave a list with an item for each step",
    ),
    *_kept(
        "recurrent.[DS]*icRNN",
        "added",
        "stateful",
        "TF1 fetched a state and fed it",
    ),
    *_kept(
        "recurrent.*RNN",
        "left out",
        "parallel_iterations swap_memory",
        "they change no result",
    ),
    *_kept(
        "recurrent.*Cell",
        "default",
        "activation",
        "written out: None is tanh here too, and the identity in Keras",
    ),
    *_kept(
        "recurrent.GRUCell",
        "added",
        "candidate_kernel_initializer",
        "TF1 drew a kernel by a seed of its own where only the graph had one",
    ),
    *_kept(
        "recurrent.Basic*Cell",
        "added",
        "kernel_initializer",
        "TF1 took it from the variable scope",
    ),
    *_kept(
        "recurrent.LSTMCell",
        "left out",
        "num_unit_shards num_proj_shards",
        "1.15 ignored them",
    ),
    *_kept(WRAPPER, "default", "seed", UNSEEDED),
    *_kept(
        WRAPPER, "left out", "input_size", "for masks of a sequence: see its errors"
    ),
    *_kept(WRAPPER, "left out", "dropout_state_filter_visitor", NO_PART),
    *_kept(WRAPPER, "added", "fed scaling", "see layers.Dropout"),
    *_kept("recurrent.ResidualWrapper", "left out", "residual_fn", NO_PART),
    *_kept(
        "crf.crf_log_likelihood",
        "default",
        "transition_params",
        "without scopes the caller makes them",
    ),
    *_kept(
        "tf_keras.*",
        "left out",
        "use_bias kernel_initializer recurrent_initializer bias_initializer "
        "unit_forget_bias kernel_regularizer recurrent_regularizer bias_regularizer "
        "activity_regularizer kernel_constraint recurrent_constraint bias_constraint "
        "dropout recurrent_dropout return_sequences return_state go_backwards stateful "
        "unroll",
        OF_KERAS,
    ),
    *_kept(
        "recurrent.carried",
        "left out",
        "cond body loop_vars shape_invariants parallel_iterations back_prop swap_memory "
        "name maximum_iterations return_same_structure",
        "it stands in the body of the loop",
    ),
    *_kept("recurrent.carried", "added", "state", "it stands in the body of the loop"),
    *_kept(CONVERTERS, "added", "*", "they convert arrays of a cell"),
    *_kept(CONVERTERS, "left out", "*", "they convert arrays of a cell"),
    *_kept(
        "gradients.gradients",
        "left out",
        "grad_ys name colocate_gradients_with_ops gate_gradients aggregation_method "
        "stop_gradients unconnected_gradients",
        "a loss has no use for it",
    ),
    *_kept("gradients.gradients", "added", "tape", "eager code has no graph"),
    *_kept(
        "callbacks.CheckpointSaver",
        "left out",
        "save_secs saver scaffold listeners",
        "it makes the saver, and calls one function",
    ),
    *_kept(
        "callbacks.CheckpointSaver",
        "added",
        "max_to_keep after_save",
        "TF1 gave it to the saver, and listeners a class",
    ),
    *_kept("callbacks.CheckpointSaver", "default", "save_steps", "TF1 raised without"),
    *_kept(
        "callbacks.StepHistory",
        "left out",
        "fetches feed_dict options run_metadata",
        "fit runs the steps",
    ),
)
