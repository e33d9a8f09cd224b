"""A TF1 program and its TF2 twin, ready to be compared."""
