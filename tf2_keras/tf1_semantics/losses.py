"""TF1 losses as Keras objects."""

__all__ = []
