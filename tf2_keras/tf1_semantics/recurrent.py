"""TF1 recurrent as Keras objects."""

__all__ = []
