"""Where the two sides meet: comparison, data, budgets, the command line.

Your own pair is declared by the names of this package:

    import parity_tests as parity

    pair = parity.OwnPair(tf1=build_graph, tf2=build_model, batches=(x, y_true))

Nothing heavy is imported here, each name is when it is asked for: the data sets are also
read under Python 3.7.
"""

import importlib

# {public name: the module that has it}; see docs/own_pair.md.
PUBLIC = {
    "OwnPair": "parity_tests.pair.own_pair",
    "TF1Side": "parity_tests.pair.own_pair",
    "Twin": "tf2_keras.twins",
    "Budget": "parity_tests.engine.budgets",
    "strategies": "parity_tests.engine",
    "PairError": "parity_tests.pair.errors",
}


def __getattr__(name):
    if name not in PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(PUBLIC[name])
    if name == "strategies":
        return importlib.import_module(PUBLIC[name] + "." + name)
    return getattr(module, name)


def __dir__():
    return sorted([*globals(), *PUBLIC])
