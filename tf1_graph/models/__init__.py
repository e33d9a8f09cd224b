"""One file a model; its twin has the same name in ``tf2_keras/models``."""
