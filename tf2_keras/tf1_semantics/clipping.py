"""TF1 clipping as Keras objects."""

__all__ = []
