"""TF1 schedules as Keras objects."""

__all__ = []
