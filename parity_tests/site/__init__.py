"""The reading room: what Sphinx makes of docs/ and of the sources, see ``tf-parity docs``.

The only room that imports Sphinx. What it makes it makes while it builds: no TensorFlow,
no training, nothing that is committed.
"""
