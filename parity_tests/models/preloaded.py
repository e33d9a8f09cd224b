"""What a task finds imported: ``tasks`` has the process that it is forked from do it.

Importing this module is its effect. No op runs here: before its first one TensorFlow has
none of its threads, which a fork would lose.
"""

import contextlib
import gc
import importlib

from parity_tests.witness import reference_conditions

reference_conditions.import_tensorflow(forked=True)
with contextlib.suppress(ImportError):  # beside TensorFlow 1.15.5 there is none
    importlib.import_module("keras")
gc.freeze()  # or each task's collections of garbage would touch, and copy, all of it
