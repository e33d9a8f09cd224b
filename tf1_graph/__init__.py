"""The TensorFlow 1.x side: graphs and Sessions.

Every file here runs unchanged on Python 3.7 with TensorFlow 1.15.5 and on today's
TensorFlow through ``tensorflow.compat.v1``. Graphs live in
``with tf.Graph().as_default():``, so that nothing here switches eager execution off
for the rest of the process.
"""
