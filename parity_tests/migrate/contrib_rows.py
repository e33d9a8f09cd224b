"""What TensorFlow 1.15.5 had in contrib and elsewhere, and what computes the same today.

TF1's form stands left of the arrow; parity_tests/witness/contrib.py ran it on 1.15.5. The
right side is run by contrib_test.py. Both find the names of ``inputs``, and these:

    layer(...)     a layer whose weights are drawn; TF1's trainable variables are the same
    initial(...)   a layer with the weights that it starts with
    moved(...)     the moving statistics, after one call in training
    streamed(...)  a metric after one batch
    trained(...)   a variable after STEPS steps of an optimizer
    unrolled(...)  the outputs of a cell over a sequence
    elements(...)  all that a data set gives
    looked_up(...) what a table holds for some keys

Runs under Python 3.7 and NumPy 1.18 as well.
"""

import re

import numpy as np

# The largest error over the largest magnitude, in units of 2^-23, that roundings of other
# kernels may make; most rows are equal to the bit.
ULPS = 16
STEPS = 5  # of an optimizer

ROWS = """
tf.contrib.layers.avg_pool2d(images, 3)  ->  keras.layers.AveragePooling2D(3, strides=2)(images)
tf.contrib.layers.avg_pool3d(volume, 2)  ->  keras.layers.AveragePooling3D(2, strides=2)(volume)
tf.contrib.layers.max_pool2d(images, [3, 3], padding='SAME')  ->  keras.layers.MaxPooling2D([3, 3], strides=2, padding='SAME')(images)
tf.contrib.layers.max_pool3d(volume, 2)  ->  keras.layers.MaxPooling3D(2, strides=2)(volume)
tf.contrib.layers.bias_add(x)  ->  layer(tf1_semantics.layers.BiasAdd(), x)
tf.contrib.layers.bow_encoder(ids, 6, 3)  ->  tf.nn.safe_embedding_lookup_sparse(w(0, 6, 3), tf.sparse.from_dense(ids), combiner='mean')
tf.contrib.layers.conv1d(sequences, 4, 3)  ->  layer(keras.layers.Conv1D(4, 3, padding='same', activation='relu'), sequences)
tf.contrib.layers.conv2d(images, 3, 3, stride=2)  ->  layer(keras.layers.Conv2D(3, 3, strides=2, padding='same', activation='relu'), images)
tf.contrib.layers.conv2d(images, 3, [3, 3], padding='VALID', rate=2, activation_fn=None)  ->  layer(keras.layers.Conv2D(3, [3, 3], padding='VALID', dilation_rate=2, activation=None), images)
tf.contrib.layers.conv2d(images, 3, 3, biases_initializer=None)  ->  layer(keras.layers.Conv2D(3, 3, padding='same', activation='relu', use_bias=False), images)
tf.contrib.layers.conv2d(images, 3, 3, normalizer_fn=tf.contrib.layers.layer_norm)  ->  tf.nn.relu(layer(tf1_semantics.layers.LayerNormalization(), layer(keras.layers.Conv2D(3, 3, padding='same', use_bias=False), images), order=[1, 2]))
tf.contrib.layers.convolution(images, 3, 3)  ->  layer(keras.layers.Conv2D(3, 3, padding='same', activation='relu'), images)
tf.contrib.layers.conv3d(volume, 3, 2)  ->  layer(keras.layers.Conv3D(3, 2, padding='same', activation='relu'), volume)
tf.contrib.layers.conv2d_in_plane(images, 3)  ->  tf.nn.relu(tf.nn.depthwise_conv2d(images, tf.tile(w(0, 3, 3, 1, 1), [1, 1, 4, 1]), [1, 1, 1, 1], 'SAME') + w(1, 4))
tf.contrib.layers.conv2d_transpose(images, 3, 3, stride=2)  ->  layer(keras.layers.Conv2DTranspose(3, 3, strides=2, padding='same', activation='relu'), images)
tf.contrib.layers.conv3d_transpose(volume, 3, 3, stride=2)  ->  layer(keras.layers.Conv3DTranspose(3, 3, strides=2, padding='same', activation='relu'), volume)
tf.contrib.layers.separable_conv2d(images, 3, 3)  ->  layer(keras.layers.SeparableConv2D(3, 3, padding='same', activation='relu'), images)
tf.contrib.layers.separable_conv2d(images, None, 3)  ->  layer(keras.layers.DepthwiseConv2D(3, padding='same', activation='relu'), images)
tf.contrib.layers.dense_to_sparse(ids).indices  ->  tf.sparse.from_dense(ids).indices
tf.contrib.layers.elu(x, 5)  ->  layer(keras.layers.Dense(5, activation='elu'), x)
tf.contrib.layers.relu(x, 5)  ->  layer(keras.layers.Dense(5, activation='relu'), x)
tf.contrib.layers.relu6(x, 5)  ->  layer(keras.layers.Dense(5, activation='relu6'), x)
tf.contrib.layers.linear(x, 5)  ->  layer(keras.layers.Dense(5), x)
tf.contrib.layers.legacy_fully_connected(x, 5)  ->  layer(keras.layers.Dense(5), x)
tf.contrib.layers.legacy_linear(x, 5)  ->  layer(keras.layers.Dense(5), x)
tf.contrib.layers.legacy_relu(x, 5)  ->  layer(keras.layers.Dense(5, activation='relu'), x)
tf.contrib.layers.fully_connected(x, 5)  ->  layer(keras.layers.Dense(5, activation='relu'), x)
tf.contrib.layers.fully_connected(sequences, 5, activation_fn=None)  ->  layer(keras.layers.Dense(5, activation=None), sequences)
tf.contrib.layers.embed_sequence(ids, 6, 3)  ->  layer(keras.layers.Embedding(6, 3), ids)
tf.contrib.layers.embedding_lookup_unique(table, ids)  ->  tf.nn.embedding_lookup(table, ids)
tf.contrib.layers.flatten(images)  ->  keras.layers.Flatten()(images)
initial(tf.contrib.layers.gdn(images))  ->  images / tf.sqrt(1.0 + 0.1 * images**2)
tf.contrib.layers.group_norm(images, groups=2)  ->  layer(tf1_semantics.layers.GroupNormalization(2), images, order=[1, 0])
tf.contrib.layers.instance_norm(images)  ->  layer(tf1_semantics.layers.InstanceNormalization(), images, order=[1, 0])
tf.contrib.layers.images_to_sequence(images)  ->  tf.transpose(tf.reshape(images, [-1, 8, 4]), [1, 0, 2])
tf.contrib.layers.sequence_to_images(sequences, 2)  ->  tf.transpose(tf.reshape(sequences, [4, -1, 2, 3]), [1, 2, 0, 3])
tf.contrib.layers.l1_regularizer(0.1)(x)  ->  keras.regularizers.L1(0.1)(x)
tf.contrib.layers.l2_regularizer(0.1)(x)  ->  keras.regularizers.L2(0.1 / 2)(x)
tf.contrib.layers.l1_l2_regularizer(0.1, 0.2)(x)  ->  keras.regularizers.L1L2(l1=0.1, l2=0.2 / 2)(x)
tf.contrib.layers.l1_l2_regularizer()(x)  ->  keras.regularizers.L1L2(l1=1.0, l2=1.0 / 2)(x)
tf.contrib.layers.sum_regularizer([tf.contrib.layers.l1_regularizer(0.1), tf.contrib.layers.l2_regularizer(0.2)])(x)  ->  sum(regularizer(x) for regularizer in [keras.regularizers.L1(0.1), tf1_semantics.losses.L2(0.2)])
tf.contrib.layers.apply_regularization(tf.contrib.layers.l2_regularizer(0.2), [x, y])  ->  sum(tf1_semantics.losses.L2(0.2)(weights) for weights in [x, y])
tf.contrib.layers.layer_norm(images)  ->  layer(tf1_semantics.layers.LayerNormalization(), images)
tf.contrib.layers.layer_norm(sequences, begin_norm_axis=-1, begin_params_axis=-1)  ->  layer(tf1_semantics.layers.LayerNormalization(begin_norm_axis=-1, begin_params_axis=-1), sequences)
tf.contrib.layers.maxout(wide, 2)  ->  tf.reduce_max(tf.reshape(wide, [-1, 2, 3]), -1)
tf.contrib.layers.one_hot_encoding(labels, 4)  ->  tf.one_hot(labels, 4)
tf.contrib.layers.repeat(x, 2, tf.contrib.layers.fully_connected, 3)  ->  layer(keras.Sequential([keras.layers.Dense(3, activation='relu'), keras.layers.Dense(3, activation='relu')]), x)
tf.contrib.layers.stack(x, tf.contrib.layers.fully_connected, [3, 5])  ->  layer(keras.Sequential([keras.layers.Dense(3, activation='relu'), keras.layers.Dense(5, activation='relu')]), x)
tf.contrib.layers.recompute_grad(lambda a: a * a)(x)  ->  tf.recompute_grad(lambda a: a * a)(x)
tf.contrib.layers.scale_gradient(x, tf.constant(2.0))  ->  tf.custom_gradient(lambda a: (a, lambda gradient: 2.0 * gradient))(x)
tf.gradients(tf.contrib.layers.scale_gradient(x, tf.constant(2.0)), x)[0]  ->  2.0 * tf.ones_like(x)
tf.contrib.layers.softmax(sequences)  ->  tf.nn.softmax(sequences)
initial(tf.contrib.layers.spatial_softmax(images))  ->  expected_places(images)
tf.contrib.layers.unit_norm(x, 1)  ->  x / (1e-7 + tf.norm(x, axis=1, keepdims=True))
tf.contrib.layers.safe_embedding_lookup_sparse([table], sparse(tf, ids))  ->  tf.nn.safe_embedding_lookup_sparse([table], sparse(tf, ids), combiner='mean')
initial(tf.contrib.layers.batch_norm(images))  ->  tf1_semantics.layers.BatchNormalization(momentum=0.999, scale=False)(images, training=True)
moved(tf.contrib.layers.batch_norm(images, decay=0.9, updates_collections=None, epsilon=1e-5, scale=True))  ->  moved(tf1_semantics.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, scale=True), images)
moved(tf.contrib.layers.batch_norm(images, decay=0.9))  ->  moved(tf1_semantics.layers.BatchNormalization(momentum=1.0), images)
moved(tf.contrib.layers.batch_norm(images, decay=0.9), update_ops=True)  ->  moved(tf1_semantics.layers.BatchNormalization(momentum=0.9), images)
moved(tf.contrib.layers.batch_norm(images, decay=0.9, trainable=False), update_ops=True)  ->  moved(tf1_semantics.layers.BatchNormalization(momentum=1.0), images)
moved(tf.contrib.layers.batch_norm(sequences, decay=0.9, trainable=False), update_ops=True)  ->  moved(tf1_semantics.layers.BatchNormalization(momentum=1.0), sequences)
moved(tf.contrib.layers.batch_norm(x, decay=0.9, trainable=False), update_ops=True)  ->  moved(tf1_semantics.layers.BatchNormalization(momentum=0.9), x[:, None, None])
moved(tf.contrib.layers.batch_norm(x, decay=0.9, updates_collections=None))  ->  moved(tf1_semantics.layers.BatchNormalization(momentum=0.9, rate='contrib'), x)
moved(tf.layers.batch_normalization(images, training=True, momentum=0.9, trainable=False), update_ops=True)  ->  moved(tf1_semantics.layers.BatchNormalization(momentum=1.0), images)
moved(tf.layers.batch_normalization(x, training=True, momentum=0.9, trainable=False), update_ops=True)  ->  moved(tf1_semantics.layers.BatchNormalization(momentum=1.0), x)
moved(tf.layers.batch_normalization(x, training=True, momentum=0.9), update_ops=True)  ->  moved(tf1_semantics.layers.BatchNormalization(momentum=0.9), x)

tf.keras.initializers.RandomNormal(seed=1)([40, 30])  ->  tf1_semantics.initializers.RandomNormal(stddev=0.05, seed=1)([40, 30])
tf.keras.initializers.random_normal(seed=1)([40, 30])  ->  tf1_semantics.initializers.RandomNormal(stddev=0.05, seed=1)([40, 30])
tf.keras.initializers.normal(seed=1)([40, 30])  ->  tf1_semantics.initializers.RandomNormal(stddev=0.05, seed=1)([40, 30])
tf.keras.initializers.TruncatedNormal(seed=1)([40, 30])  ->  tf1_semantics.initializers.TruncatedNormal(stddev=0.05, seed=1)([40, 30])
tf.keras.initializers.RandomUniform(seed=1)([40, 30])  ->  tf1_semantics.initializers.RandomUniform(-0.05, 0.05, seed=1)([40, 30])
tf.keras.initializers.uniform(seed=1)([40, 30])  ->  tf1_semantics.initializers.RandomUniform(-0.05, 0.05, seed=1)([40, 30])

tf.layers.conv1d(sequences, 4, 3)  ->  layer(keras.layers.Conv1D(4, 3), sequences)
tf.layers.conv3d(volume, 3, 2)  ->  layer(keras.layers.Conv3D(3, 2), volume)
tf.layers.conv3d_transpose(volume, 3, 2)  ->  layer(keras.layers.Conv3DTranspose(3, 2), volume)
tf.layers.separable_conv1d(sequences, 4, 3)  ->  layer(keras.layers.SeparableConv1D(4, 3), sequences)
tf.layers.max_pooling1d(sequences, 2, 1)  ->  keras.layers.MaxPooling1D(2, strides=1)(sequences)
tf.layers.max_pooling3d(volume, 2, 2)  ->  keras.layers.MaxPooling3D(2, strides=2)(volume)
tf.layers.average_pooling1d(sequences, 2, 1)  ->  keras.layers.AveragePooling1D(2, strides=1)(sequences)
tf.layers.average_pooling3d(volume, 2, 2)  ->  keras.layers.AveragePooling3D(2, strides=2)(volume)
tf.nn.embedding_lookup([table, table * 2.0], ids, partition_strategy='div')  ->  tf.nn.embedding_lookup([table, table * 2.0], ids)
tf.nn.embedding_lookup([table, table * 2.0], ids)  ->  tf.compat.v1.nn.embedding_lookup([table, table * 2.0], ids)
tf.nn.embedding_lookup_sparse(table, sparse(tf, ids), None, combiner='sum')  ->  tf.nn.embedding_lookup_sparse(table, sparse(tf, ids), None, combiner='sum')
tf.nn.embedding_lookup_sparse([table, table * 2.0], sparse(tf, ids), None, combiner='sum')  ->  tf.compat.v1.nn.embedding_lookup_sparse([table, table * 2.0], sparse(tf, ids), None, combiner='sum')
tf.image.resize_images(images, [7, 5], tf.image.ResizeMethod.BICUBIC)  ->  tf1_semantics.layers.ResizeBicubic([7, 5])(images)
tf.image.resize_images(images, [7, 5], 3)  ->  tf.image.resize(images, [7, 5], 'area')
tf.image.resize_images(images[0], [7, 5])  ->  tf1_semantics.layers.ResizeImages([7, 5])(images[0])
tf.image.resize_images(images, [8, 8], 2)  ->  tf1_semantics.layers.ResizeImages([8, 8], 2)(images)
tf.image.resize_images(images, [16, 6], preserve_aspect_ratio=True)  ->  tf1_semantics.layers.ResizeImages([16, 6], preserve_aspect_ratio=True)(images)
tf.image.resize_area(images, [7, 5])  ->  tf.image.resize(images, [7, 5], 'area')
tf.image.resize_bicubic(images, [7, 5])  ->  tf1_semantics.layers.ResizeBicubic([7, 5])(images)
tf.image.resize_bicubic(images, [7, 5], half_pixel_centers=True)  ->  tf1_semantics.layers.ResizeBicubic([7, 5], half_pixel_centers=True)(images)

tf.contrib.losses.absolute_difference(x, y, weights)  ->  tf1_semantics.losses.AbsoluteDifference()(y, x, sample_weight=weights[:, None])
tf.contrib.losses.mean_squared_error(x, y, weights)  ->  tf1_semantics.losses.MeanSquaredError()(y, x, sample_weight=weights[:, None])
tf.contrib.losses.log_loss(chances, truth)  ->  tf1_semantics.losses.LogLoss()(truth, chances)
tf.contrib.losses.hinge_loss(x, truth)  ->  tf.nn.relu(1.0 - (2.0 * truth - 1.0) * x)
tf.contrib.losses.mean_pairwise_squared_error(x, y)  ->  tf1_semantics.losses.MeanPairwiseSquaredError()(y, x) * (2 / 3)
tf.contrib.losses.cosine_distance(x, y, 1)  ->  tf1_semantics.losses.CosineDistance(1)(y, x)
tf.contrib.losses.sigmoid_cross_entropy(x, truth, weights)  ->  tf1_semantics.losses.SigmoidCrossEntropy()(truth, x, sample_weight=weights[:, None])
tf.contrib.losses.softmax_cross_entropy(x, onehot, weights)  ->  tf1_semantics.losses.SoftmaxCrossEntropy()(onehot, x, sample_weight=weights)
tf.contrib.losses.sparse_softmax_cross_entropy(x, classes, weights)  ->  tf1_semantics.losses.SparseSoftmaxCrossEntropy()(classes, x, sample_weight=weights)
tf.contrib.losses.compute_weighted_loss(x, weights)  ->  tf1_semantics.losses.compute_weighted_loss(x, weights[:, None])
tf.contrib.losses.metric_learning.contrastive_loss(truth[:, 0], x, y)  ->  tf.reduce_mean(truth[:, 0] * tf.reduce_sum((x - y)**2, 1) + (1.0 - truth[:, 0]) * tf.nn.relu(1.0 - tf.norm(x - y, axis=1))**2)
tf.contrib.losses.metric_learning.npairs_loss(classes, x, y)  ->  0.25 * 0.002 * (tf.reduce_mean(tf.reduce_sum(x**2, 1)) + tf.reduce_mean(tf.reduce_sum(y**2, 1))) + tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(same_class(classes), tf.matmul(x, y, transpose_b=True)))
tf.contrib.seq2seq.sequence_loss(logits, tags, mask)  ->  tf1_semantics.losses.sequence_loss(logits, tags, mask)
tf.contrib.seq2seq.sequence_loss(logits, tags, mask, average_across_timesteps=False)  ->  tf1_semantics.losses.sequence_loss(logits, tags, mask, average_across_timesteps=False)
tf.contrib.seq2seq.sequence_loss(logits, tags, mask, average_across_batch=False)  ->  tf1_semantics.losses.sequence_loss(logits, tags, mask, average_across_batch=False)
tf.contrib.seq2seq.hardmax(x)  ->  tf1_semantics.attention.hardmax(x)
tf.contrib.seq2seq.tile_batch(x, 3)  ->  tf.repeat(x, 3, axis=0)
tf.contrib.seq2seq.safe_cumprod(chances, axis=1, exclusive=True)  ->  tf.exp(tf.cumsum(tf.math.log(tf.clip_by_value(chances, np.finfo(np.float32).tiny, 1.0)), axis=1, exclusive=True))
tf.contrib.crf.crf_unary_score(tags, lengths, logits)  ->  tf1_semantics.crf.crf_unary_score(tags, lengths, logits)
tf.contrib.crf.crf_binary_score(tags, lengths, transitions)  ->  tf1_semantics.crf.crf_binary_score(tags, lengths, transitions)
tf.contrib.crf.crf_sequence_score(logits, tags, lengths, transitions)  ->  tf1_semantics.crf.crf_sequence_score(logits, tags, lengths, transitions)
tf.contrib.crf.crf_log_norm(logits, lengths, transitions)  ->  tf1_semantics.crf.crf_log_norm(logits, lengths, transitions)
tf.contrib.crf.crf_log_likelihood(logits, tags, lengths, transitions)[0]  ->  tf1_semantics.crf.crf_log_likelihood(logits, tags, lengths, transitions)[0]

tf.contrib.metrics.accuracy(classes, labels)  ->  tf.reduce_mean(tf.cast(tf.equal(classes, labels), tf.float32))
tf.contrib.metrics.confusion_matrix(labels, classes, 4)  ->  tf.math.confusion_matrix(labels, classes, 4)
tf.contrib.metrics.set_size(sparse(tf, ids))  ->  tf.sets.size(sparse(tf, ids))
tf.contrib.metrics.set_union(ids, ids[:, ::-1]).values  ->  tf.sets.union(ids, ids[:, ::-1]).values
tf.contrib.metrics.set_intersection(ids, ids[:, ::-1]).values  ->  tf.sets.intersection(ids, ids[:, ::-1]).values
tf.contrib.metrics.set_difference(ids, ids[:, :1]).values  ->  tf.sets.difference(ids, ids[:, :1]).values
streamed(tf.contrib.metrics.streaming_mean(x))  ->  streamed(keras.metrics.Mean(), x)
streamed(tf.contrib.metrics.streaming_mean_tensor(x))  ->  x
streamed(tf.contrib.metrics.count(x))  ->  tf.cast(tf.size(x), tf.float32)
streamed(tf.contrib.metrics.streaming_accuracy(classes, labels))  ->  streamed(keras.metrics.Accuracy(), labels, classes)
streamed(tf.contrib.metrics.streaming_mean_absolute_error(x, y))  ->  streamed(tf1_semantics.metrics.MeanAbsoluteError(), y, x)
streamed(tf.contrib.metrics.streaming_mean_squared_error(x, y))  ->  streamed(tf1_semantics.metrics.MeanSquaredError(), y, x)
streamed(tf.contrib.metrics.streaming_root_mean_squared_error(x, y))  ->  streamed(tf1_semantics.metrics.RootMeanSquaredError(), y, x)
streamed(tf.contrib.metrics.streaming_mean_relative_error(x, y, y))  ->  streamed(keras.metrics.Mean(), tf.math.divide_no_nan(tf.abs(y - x), y))
streamed(tf.contrib.metrics.streaming_mean_cosine_distance(x, y, 1))  ->  1.0 - tf.reduce_mean(tf.reduce_sum(x * y, 1))
streamed(tf.contrib.metrics.streaming_percentage_less(x, 0.5))  ->  streamed(keras.metrics.Mean(), tf.cast(x < 0.5, tf.float32))
streamed(tf.contrib.metrics.streaming_mean_iou(classes, labels, 4))  ->  streamed(tf1_semantics.metrics.MeanIoU(4), labels, classes)
streamed(tf.contrib.metrics.streaming_precision(truth, truth[:, ::-1]))  ->  streamed(tf1_semantics.metrics.Precision(), truth[:, ::-1], truth)
streamed(tf.contrib.metrics.streaming_recall(truth, truth[:, ::-1]))  ->  streamed(tf1_semantics.metrics.Recall(), truth[:, ::-1], truth)
streamed(tf.contrib.metrics.streaming_auc(chances, truth))  ->  streamed(tf1_semantics.metrics.AUC(), truth, chances)
streamed(tf.contrib.metrics.streaming_true_positives(truth, truth[:, ::-1]))  ->  streamed(keras.metrics.TruePositives(), truth[:, ::-1], truth)
streamed(tf.contrib.metrics.streaming_true_negatives(truth, truth[:, ::-1]))  ->  streamed(keras.metrics.TrueNegatives(), truth[:, ::-1], truth)
streamed(tf.contrib.metrics.streaming_false_positives(truth, truth[:, ::-1]))  ->  streamed(keras.metrics.FalsePositives(), truth[:, ::-1], truth)
streamed(tf.contrib.metrics.streaming_false_negatives(truth, truth[:, ::-1]))  ->  streamed(keras.metrics.FalseNegatives(), truth[:, ::-1], truth)
streamed(tf.contrib.metrics.streaming_true_positives_at_thresholds(chances, truth, [0.25, 0.75]))  ->  streamed(keras.metrics.TruePositives([0.25, 0.75]), truth, chances)
streamed(tf.contrib.metrics.streaming_true_negatives_at_thresholds(chances, truth, [0.25, 0.75]))  ->  streamed(keras.metrics.TrueNegatives([0.25, 0.75]), truth, chances)
streamed(tf.contrib.metrics.streaming_false_positives_at_thresholds(chances, truth, [0.25, 0.75]))  ->  streamed(keras.metrics.FalsePositives([0.25, 0.75]), truth, chances)
streamed(tf.contrib.metrics.streaming_false_negatives_at_thresholds(chances, truth, [0.25, 0.75]))  ->  streamed(keras.metrics.FalseNegatives([0.25, 0.75]), truth, chances)
streamed(tf.contrib.metrics.streaming_precision_at_thresholds(chances, truth, [0.25, 0.75]))  ->  streamed(keras.metrics.Precision([0.25, 0.75]), truth, chances)
streamed(tf.contrib.metrics.streaming_recall_at_thresholds(chances, truth, [0.25, 0.75]))  ->  streamed(keras.metrics.Recall([0.25, 0.75]), truth, chances)
streamed(tf.contrib.metrics.streaming_false_positive_rate_at_thresholds(chances, truth, [0.25, 0.75]))  ->  streamed(keras.metrics.FalsePositives([0.25, 0.75]), truth, chances) / tf.reduce_sum(1.0 - truth)
streamed(tf.contrib.metrics.streaming_false_negative_rate_at_thresholds(chances, truth, [0.25, 0.75]))  ->  streamed(keras.metrics.FalseNegatives([0.25, 0.75]), truth, chances) / tf.reduce_sum(truth)
streamed(tf.contrib.metrics.streaming_false_positive_rate(truth, truth[:, ::-1]))  ->  streamed(keras.metrics.FalsePositives(), truth[:, ::-1], truth) / tf.reduce_sum(1.0 - truth)
streamed(tf.contrib.metrics.streaming_false_negative_rate(truth, truth[:, ::-1]))  ->  streamed(keras.metrics.FalseNegatives(), truth[:, ::-1], truth) / tf.reduce_sum(truth)
streamed(tf.contrib.metrics.streaming_sensitivity_at_specificity(chances, truth, 0.5))  ->  streamed(keras.metrics.SensitivityAtSpecificity(0.5), truth, chances)
streamed(tf.contrib.metrics.streaming_specificity_at_sensitivity(chances, truth, 0.5))  ->  streamed(keras.metrics.SpecificityAtSensitivity(0.5), truth, chances)
streamed(tf.contrib.metrics.streaming_recall_at_k(x, classes, 2))  ->  streamed(keras.metrics.Mean(), tf.cast(tf.math.in_top_k(classes, x, 2), tf.float32))
streamed(tf.contrib.metrics.streaming_concat(x))  ->  x

streamed(tf.metrics.true_positives(truth, truth[:, ::-1]))  ->  streamed(keras.metrics.TruePositives(), truth, truth[:, ::-1])
streamed(tf.metrics.true_positives_at_thresholds(truth, chances, [0.25, 0.75]))  ->  streamed(keras.metrics.TruePositives([0.25, 0.75]), truth, chances)
streamed(tf.metrics.true_negatives(truth, truth[:, ::-1]))  ->  streamed(keras.metrics.TrueNegatives(), truth, truth[:, ::-1])
streamed(tf.metrics.true_negatives_at_thresholds(truth, chances, [0.25, 0.75]))  ->  streamed(keras.metrics.TrueNegatives([0.25, 0.75]), truth, chances)
streamed(tf.metrics.false_positives(truth, truth[:, ::-1]))  ->  streamed(keras.metrics.FalsePositives(), truth, truth[:, ::-1])
streamed(tf.metrics.false_positives_at_thresholds(truth, chances, [0.25, 0.75]))  ->  streamed(keras.metrics.FalsePositives([0.25, 0.75]), truth, chances)
streamed(tf.metrics.false_negatives(truth, truth[:, ::-1]))  ->  streamed(keras.metrics.FalseNegatives(), truth, truth[:, ::-1])
streamed(tf.metrics.false_negatives_at_thresholds(truth, chances, [0.25, 0.75]))  ->  streamed(keras.metrics.FalseNegatives([0.25, 0.75]), truth, chances)
streamed(tf.metrics.precision_at_thresholds(truth, chances, [0.25, 0.75]))  ->  streamed(keras.metrics.Precision([0.25, 0.75]), truth, chances)
streamed(tf.metrics.recall_at_thresholds(truth, chances, [0.25, 0.75]))  ->  streamed(keras.metrics.Recall([0.25, 0.75]), truth, chances)
streamed(tf.metrics.sensitivity_at_specificity(truth, chances, 0.5))  ->  streamed(keras.metrics.SensitivityAtSpecificity(0.5), truth, chances)
streamed(tf.metrics.specificity_at_sensitivity(truth, chances, 0.5))  ->  streamed(keras.metrics.SpecificityAtSensitivity(0.5), truth, chances)
streamed(tf.metrics.mean_relative_error(y, x, y))  ->  streamed(keras.metrics.Mean(), tf.math.divide_no_nan(tf.abs(y - x), y))
streamed(tf.metrics.mean_cosine_distance(y, x, 1))  ->  1.0 - tf.reduce_mean(tf.reduce_sum(x * y, 1))
streamed(tf.metrics.percentage_below(x, 0.5))  ->  streamed(keras.metrics.Mean(), tf.cast(x < 0.5, tf.float32))
streamed(tf.metrics.mean_tensor(x))  ->  x
tf.nn.xw_plus_b(x, w(0, 3, 5), w(1, 5))  ->  layer(keras.layers.Dense(5), x)
tf.nn.relu_layer(x, w(0, 3, 5), w(1, 5))  ->  layer(keras.layers.Dense(5, activation='relu'), x)
tf.image.resize_image_with_pad(images, 7, 11)  ->  tf.image.pad_to_bounding_box(tf1_semantics.layers.ResizeBilinear([7, 7])(images), 0, 2, 7, 11)

trained(tf.contrib.opt.AdaMaxOptimizer(0.1))  ->  trained(keras.optimizers.Adamax(0.1, epsilon=1e-8))
trained(tf.contrib.opt.AdamWOptimizer(0.01, 0.1))  ->  trained(tf1_semantics.optimizers.AdamW(0.01, 0.1))
trained(tf.contrib.opt.MomentumWOptimizer(0.01, 0.1, 0.9))  ->  trained(tf1_semantics.optimizers.MomentumW(0.01, 0.1, 0.9))
trained(tf.contrib.opt.LazyAdamOptimizer(0.1))  ->  trained(tf1_semantics.optimizers.Adam(0.1))
trained(tf.contrib.opt.AdamGSOptimizer(tf.train.get_or_create_global_step(), 0.1))  ->  trained(tf1_semantics.optimizers.Adam(0.1))
trained(tf.contrib.opt.extend_with_decoupled_weight_decay(tf.train.AdamOptimizer)(0.01, learning_rate=0.1))  ->  trained(tf1_semantics.optimizers.AdamW(0.01, 0.1))
tf.contrib.opt.clip_gradients_by_global_norm([(x, y), (y, x)], 1.0)[0][0][0]  ->  tf.clip_by_global_norm([x, y], 1.0)[0][0]
unrolled(tf.contrib.rnn.LSTMBlockCell(2))  ->  unrolled(tf1_semantics.recurrent.BasicLSTMCell(2))
unrolled(tf.contrib.cudnn_rnn.CudnnCompatibleLSTMCell(2))  ->  unrolled(tf1_semantics.recurrent.BasicLSTMCell(2, forget_bias=0.0))
unrolled(tf.contrib.rnn.GRUBlockCellV2(2))  ->  unrolled(tf1_semantics.recurrent.GRUCell(2))
unrolled(tf.contrib.rnn.GRUBlockCell(2))  ->  unrolled(tf1_semantics.recurrent.GRUCell(2))
unrolled(tf.contrib.rnn.BasicRNNCell(2))  ->  unrolled(tf1_semantics.recurrent.BasicRNNCell(2))
unrolled(tf.contrib.rnn.BasicLSTMCell(2))  ->  unrolled(tf1_semantics.recurrent.BasicLSTMCell(2))
unrolled(tf.contrib.rnn.LSTMCell(2))  ->  unrolled(tf1_semantics.recurrent.LSTMCell(2))
unrolled(tf.contrib.rnn.GRUCell(2))  ->  unrolled(tf1_semantics.recurrent.GRUCell(2))
tf.contrib.rnn.transpose_batch_time(sequences)  ->  tf.transpose(sequences, [1, 0, 2])

tf.contrib.framework.argsort(x)  ->  tf.argsort(x)
tf.contrib.framework.sort(x)  ->  tf.sort(x)
tf.contrib.framework.reduce_sum_n([x, y])  ->  tf.add_n([tf.reduce_sum(x), tf.reduce_sum(y)])
tf.contrib.framework.smart_cond(True, lambda: x, lambda: y)  ->  tf.cond(True, lambda: x, lambda: y)
tf.contrib.framework.with_shape([4, 3], x)  ->  tf.ensure_shape(x, [4, 3])
tf.contrib.framework.with_same_shape(y, x)  ->  tf.ensure_shape(x, y.shape)
tf.contrib.framework.convert_to_tensor_or_sparse_tensor(x)  ->  tf.convert_to_tensor(x)
tf.contrib.framework.remove_squeezable_dimensions(x[:, :1], labels)[0]  ->  tf.squeeze(x[:, :1], -1)
tf.contrib.image.translate(images, [1.0, 2.0])  ->  tf.raw_ops.ImageProjectiveTransformV3(images=images, transforms=[[1.0, 0.0, -1.0, 0.0, 1.0, -2.0, 0.0, 0.0]], output_shape=[8, 8], fill_value=0.0, interpolation='NEAREST', fill_mode='CONSTANT')
tf.contrib.image.transform(images, [1.0, 0.2, -1.0, 0.1, 1.0, 2.0, 0.0, 0.0], 'BILINEAR')  ->  tf.raw_ops.ImageProjectiveTransformV3(images=images, transforms=[[1.0, 0.2, -1.0, 0.1, 1.0, 2.0, 0.0, 0.0]], output_shape=[8, 8], fill_value=0.0, interpolation='BILINEAR', fill_mode='CONSTANT')
tf.contrib.image.rotate(images, 0.5, 'BILINEAR')  ->  tf.raw_ops.ImageProjectiveTransformV3(images=images, transforms=rotation(0.5, 8.0, 8.0), output_shape=[8, 8], fill_value=0.0, interpolation='BILINEAR', fill_mode='CONSTANT')
tf.contrib.image.angles_to_projective_transforms(0.5, 8.0, 6.0)  ->  rotation(0.5, 8.0, 6.0)
tf.contrib.image.translations_to_projective_transforms([1.0, 2.0])  ->  tf.constant([[1.0, 0.0, -1.0, 0.0, 1.0, -2.0, 0.0, 0.0]])
tf.contrib.image.flat_transforms_to_matrices(wide[:, :1] * np.ones([1, 8], np.float32))  ->  tf.reshape(tf.concat([wide[:, :1] * np.ones([1, 8], np.float32), tf.ones([4, 1])], 1), [-1, 3, 3])
tf.contrib.image.matrices_to_flat_transforms(matrices)  ->  tf.reshape(matrices / matrices[:, 2:, 2:], [-1, 9])[:, :8]
elements(tf.data.Dataset.from_tensor_slices(x).apply(tf.contrib.data.batch_and_drop_remainder(3)))  ->  elements(tf.data.Dataset.from_tensor_slices(x).batch(3, drop_remainder=True))
elements(tf.data.Dataset.from_tensor_slices(x).apply(tf.contrib.data.map_and_batch(lambda row: row * 2.0, 2)))  ->  elements(tf.data.Dataset.from_tensor_slices(x).map(lambda row: row * 2.0).batch(2))
elements(tf.data.Dataset.from_tensor_slices(x).apply(tf.contrib.data.unbatch()))  ->  elements(tf.data.Dataset.from_tensor_slices(x).unbatch())
elements(tf.data.Dataset.from_tensor_slices(ids[0]).apply(tf.contrib.data.unique()))  ->  elements(tf.data.Dataset.from_tensor_slices(ids[0]).unique())
elements(tf.data.Dataset.from_tensor_slices(x).apply(tf.contrib.data.enumerate_dataset(2)).map(lambda number, row: row * tf.cast(number, tf.float32)))  ->  elements(tf.data.Dataset.from_tensor_slices(x).enumerate(2).map(lambda number, row: row * tf.cast(number, tf.float32)))
elements(tf.data.Dataset.from_tensor_slices(x).apply(tf.contrib.data.scan(tf.zeros([3]), lambda old, row: (old + row, old + row))))  ->  elements(tf.data.Dataset.from_tensor_slices(x).scan(tf.zeros([3]), lambda old, row: (old + row, old + row)))
elements(tf.contrib.data.Counter(2, 3).take(4))  ->  elements(tf.data.Dataset.counter(2, 3).take(4))
elements(tf.data.Dataset.range(7).apply(tf.contrib.data.sliding_window_batch(3, window_shift=2)))  ->  elements(tf.data.Dataset.range(7).window(3, shift=2, drop_remainder=True).flat_map(lambda window: window.batch(3)))
elements(tf.data.Dataset.range(6).apply(tf.contrib.data.group_by_window(lambda n: n % 2, lambda _, window: window.batch(3), 3)))  ->  elements(tf.data.Dataset.range(6).group_by_window(lambda n: n % 2, lambda _, window: window.batch(3), 3))
elements(tf.contrib.data.choose_from_datasets([tf.data.Dataset.range(4), tf.data.Dataset.range(9, 12)], tf.data.Dataset.from_tensor_slices(np.int64([0, 1, 1, 0]))))  ->  elements(tf.data.Dataset.choose_from_datasets([tf.data.Dataset.range(4), tf.data.Dataset.range(9, 12)], tf.data.Dataset.from_tensor_slices(np.int64([0, 1, 1, 0]))))
elements(tf.data.Dataset.from_tensor_slices(x).apply(tf.contrib.data.shuffle_and_repeat(1, 2)))  ->  elements(tf.data.Dataset.from_tensor_slices(x).shuffle(1).repeat(2))
elements(tf.data.Dataset.range(3).apply(tf.contrib.data.parallel_interleave(lambda n: tf.data.Dataset.from_tensors(n).repeat(2), 2)))  ->  elements(tf.data.Dataset.range(3).interleave(lambda n: tf.data.Dataset.from_tensors(n).repeat(2), 2))
tf.contrib.data.get_single_element(tf.data.Dataset.from_tensors(x))  ->  tf.data.Dataset.from_tensors(x).get_single_element()
tf.contrib.data.reduce_dataset(tf.data.Dataset.range(5), tf.contrib.data.Reducer(lambda _: np.int64(0), lambda a, b: a + b, lambda a: a))  ->  tf.data.Dataset.range(5).reduce(np.int64(0), lambda a, b: a + b)
looked_up(tf.contrib.lookup.index_table_from_tensor(words), words)  ->  tf1_semantics.lookup.IndexTable(words.tolist())(words)
looked_up(tf.contrib.lookup.index_table_from_tensor(words, num_oov_buckets=2), more_words)  ->  tf1_semantics.lookup.IndexTable(words.tolist(), num_oov_buckets=2)(more_words)
looked_up(tf.contrib.lookup.HashTable(tf.contrib.lookup.KeyValueTensorInitializer(words, np.arange(3)), -1), more_words)  ->  looked_up(tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(words, np.arange(3)), -1), more_words)
tf.contrib.lookup.string_to_index(tf.constant(more_words), tf.constant(words))  ->  tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(words, np.arange(3)), -1).lookup(tf.constant(more_words))
"""

# What one would write, and by how much it is off at least: over the largest magnitude.
TRAPS = """
0.2  tf.contrib.layers.fully_connected(x, 5)  ->  layer(keras.layers.Dense(5), x)
0.2  tf.contrib.layers.fully_connected(sequences, 5, activation_fn=None)  ->  layer(keras.layers.Dense(5, activation='relu'), sequences)
0.2  tf.contrib.layers.layer_norm(sequences, begin_norm_axis=-1, begin_params_axis=-1)  ->  layer(tf1_semantics.layers.LayerNormalization(), sequences)
0.05  moved(tf.contrib.layers.batch_norm(images, decay=0.9, updates_collections=None, epsilon=1e-5, scale=True))  ->  moved(tf1_semantics.layers.BatchNormalization(momentum=1.0, epsilon=1e-5), images)
0.05  moved(tf.layers.batch_normalization(images, training=True, momentum=0.9, trainable=False), update_ops=True)  ->  moved(tf1_semantics.layers.BatchNormalization(momentum=0.9), images)
0.02  moved(tf.contrib.layers.batch_norm(x, decay=0.9, updates_collections=None))  ->  moved(tf1_semantics.layers.BatchNormalization(momentum=0.9), x)
0.05  tf.contrib.seq2seq.sequence_loss(logits, tags, mask)  ->  tf1_semantics.losses.compute_weighted_loss(tf.nn.sparse_softmax_cross_entropy_with_logits(tags, logits), mask)
0.5  tf.nn.embedding_lookup([table, table * 2.0], ids)  ->  tf.nn.embedding_lookup([table, table * 2.0], ids)
0.1  tf.image.resize_bicubic(images, [7, 5])  ->  tf.image.resize(images, [7, 5], 'bicubic')
0.5  tf.image.resize_image_with_pad(images, 7, 11)  ->  tf.compat.v1.image.resize_image_with_pad(images, 7, 11)
0.1  trained(tf.contrib.opt.NadamOptimizer(0.1))  ->  trained(keras.optimizers.Nadam(0.1, epsilon=1e-8))
0.1  tf.contrib.layers.l1_l2_regularizer()(x)  ->  keras.regularizers.L1L2(1.0, 1.0)(x)
0.1  tf.contrib.losses.cosine_distance(x, y, 1)  ->  keras.losses.CosineSimilarity(axis=1)(y, x)
"""


def rows():
    """[(symbol, TF1's form, TF2's form)]"""
    return [_row(line) for line in ROWS.strip().splitlines() if line]


def traps():
    """[(margin, symbol, TF1's form, TF2's form)]"""
    lines = [line.partition("  ") for line in TRAPS.strip().splitlines()]
    return [(float(margin), *_row(row)) for margin, _, row in lines]


def _row(line):
    before, _, after = line.partition("  ->  ")
    first = re.search(r"tf\.(contrib|keras|layers|image|metrics|nn)\.[\w.]+", before)
    named = re.search(r"apply\((tf\.contrib\.data\.\w+)", before)
    return (named.group(1) if named else first.group()), before, after


def w(number, *shape):
    """The weights of variable ``number``, float32."""
    return np.random.RandomState(number).normal(size=shape).astype(np.float32)


def inputs():
    """{name: array}; float32 unless said."""
    random = np.random.RandomState(10)

    def normal(*shape):
        return random.normal(size=shape).astype(np.float32)

    values = {
        "x": normal(4, 3),
        "y": normal(4, 3),
        "wide": normal(4, 6),
        "images": normal(2, 8, 8, 4) + 1,
        "volume": normal(2, 4, 4, 4, 2),
        "sequences": normal(4, 5, 3)[:, :4] + 1,
        "table": normal(4, 3),
        "logits": normal(3, 5, 4),
        "transitions": normal(4, 4),
        "matrices": normal(2, 3, 3) + 3,
        "weights": np.float32([1.0, 0.0, 2.0, 0.5]),
        "chances": random.uniform(0.05, 0.95, [4, 3]).astype(np.float32),
        "truth": np.float32([[1, 0, 1], [0, 0, 1], [1, 1, 0], [0, 1, 0]]),
        "onehot": np.eye(3, dtype=np.float32)[[0, 2, 1, 1]],
        "mask": np.float32([[1, 1, 0.5, 0, 0], [1, 1, 1, 1, 2], [1, 0, 0, 0, 0]]),
    }
    values["labels"] = np.int32([0, 3, 1, 2])
    values["classes"] = np.int32([0, 2, 1, 1])
    values["lengths"] = np.int32([3, 5, 1])
    values["tags"] = random.randint(0, 4, [3, 5]).astype(np.int32)
    values["ids"] = np.int64([[1, 2, 3, 0], [3, 3, 0, 0], [2, 0, 0, 0]])
    values["words"] = np.array(["a", "b", "c"])
    values["more_words"] = np.array(["c", "z", "a"])
    return values


def sparse(tf, ids):
    """The ids that are not 0, as a SparseTensor of either TensorFlow."""
    indices = np.argwhere(ids)
    return tf.SparseTensor(indices, ids[tuple(indices.T)], ids.shape)


def forms():
    """TF1's form of every row and every trap, once."""
    every = [before for _, before, _ in rows()] + [
        before for _, _, before, _ in traps()
    ]
    return list(dict.fromkeys(every))
