"""The TensorFlow 2 side: the Keras 3 twins and TF1's semantics as Keras objects."""
