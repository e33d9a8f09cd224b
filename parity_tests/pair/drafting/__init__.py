"""A draft of a twin, proven against the graph that it was drafted of."""
