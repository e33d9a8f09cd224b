"""The comparison engine: plain runs in, agreement or the first divergence out.

Knows numpy and nothing of TensorFlow. `ulps` measures the distance of two arrays,
`comparison` compares two runs against budgets, `processors` tells on which
processor, `strategies` (the only module that needs Hypothesis) draws awkward data.
"""
