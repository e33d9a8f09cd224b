"""Penalties of weights in a loss: terms that are alike but for the weight."""

import re

WEIGHT = re.compile(r"weights\['([^']*)'\]")


def weight_of(path):
    """Python of a weight in a loss."""
    return f"weights[{path!r}]"


def gathered(terms):
    """(terms with those alike as one comprehension, the paths of these or None).

    Terms stay in order; there is at most one comprehension, over ``kernels``.
    """
    alike = [(WEIGHT.sub("kernel", term), WEIGHT.findall(term)) for term in terms]
    longest = (0, 0)
    start = 0
    while start < len(terms):
        end = start
        while (
            end < len(terms)
            and len(alike[end][1]) == 1
            and alike[end][0] == alike[start][0]
        ):
            end += 1
        if end - start > longest[1] - longest[0]:
            longest = start, end
        start = max(end, start + 1)
    start, end = longest
    if end - start < 2:
        return terms, None
    comprehension = f"*[{alike[start][0]} for kernel in kernels]"
    paths = [found[0] for _, found in alike[start:end]]
    return [*terms[:start], comprehension, *terms[end:]], paths


def kernels(paths, trained):
    """Python of the list of weights at some paths, in their order.

    Args:
        trained: paths of all trained weights.
    """
    names = {path.rpartition("/")[2] for path in paths}
    if len(names) == 1:
        name = names.pop()
        alike = sorted(path for path in trained if path.rpartition("/")[2] == name)
        others = [path for path in alike if path not in paths]
        if [path for path in alike if path in paths] == list(paths) and len(
            others
        ) < len(paths):
            by_path = "sorted(self.trainable_variables, key=lambda v: v.path)"
            test = f"v.name == {name!r}"
            if others:
                test += f" and v.path not in [{', '.join(map(repr, others))}]"
            return f"[v.value for v in {by_path} if {test}]"
    listed = ", ".join(repr(path) for path in paths)
    return f"[weights[path] for path in ({listed},)]"
