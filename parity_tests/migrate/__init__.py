"""Guidance for a code base of one's own: what `tf-parity scan` and `guide` print."""
