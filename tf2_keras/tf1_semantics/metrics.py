"""TF1 metrics as Keras objects."""

__all__ = []
