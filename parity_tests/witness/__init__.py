"""The third witness: what genuine TensorFlow 1.15.5 computed, recorded and replayed.

``record`` and ``golden`` also run under Python 3.7; nothing heavy is imported here.
"""
