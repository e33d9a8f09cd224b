"""TF1 averages as Keras objects."""

__all__ = []
