"""What is played of a part."""

import collections

Case = collections.namedtuple(
    "Case",
    [
        "part",  # name of the part within its kind, such as "HuberLoss"
        "arguments",  # {name: value} of the part, beyond its defaults
        "problem",  # {name: value} of the inputs that it gets: dtype, ranks, sizes
    ],
)


def named(cases):
    """{name of a play: Case}, such as ``HuberLoss 1``: numbered for each part."""
    numbers = collections.Counter()
    plays = collections.OrderedDict()
    for case in cases:
        plays[f"{case.part} {numbers[case.part]}"] = case
        numbers[case.part] += 1
    return plays
