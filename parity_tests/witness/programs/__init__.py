"""TF1 programs as people had them, contrib and all, which only TensorFlow 1.15 can run.

Each writes what such a program leaves behind, the ``.meta`` and a checkpoint, and what
1.15.5 computed.
"""
