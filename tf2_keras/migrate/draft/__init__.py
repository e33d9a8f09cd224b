"""Drafts a Keras 3 twin of a TF1 training graph: readable source that still has to be proven."""
