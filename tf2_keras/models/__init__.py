"""One file a model; its TF1 twin has the same name in ``tf1_graph/models``."""
