"""The conditions under which numbers are compared: set once, before TensorFlow loads.

TensorFlow fixes its thread pools with the first op of a process, and thread counts
change some sums; so they are settled here, and stated with every report.
"""

import contextlib
import os
import platform
import sys
import warnings

from parity_tests.engine import processors

DEFAULT = "TensorFlow's default"


def settle():
    """Quiet logs and stated thread counts, unless the environment says otherwise.

    Has to run before ``import tensorflow``; later it changes nothing.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    threads = str(min(os.cpu_count() or 1, 8))
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", threads)
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", threads)


@contextlib.contextmanager
def _standard_error_closed():
    """Sends file descriptor 2 nowhere, also for what C++ writes there."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def import_tensorflow(forked=False):
    """Settles, then imports TensorFlow without its greetings.

    While it loads, TensorFlow 2.21 writes to standard error whatever the log level, and
    2.18 with the first graph that a Session runs; and ``compat.v1`` warns that TF1's names
    are deprecated, which is what this is about.

    Args:
        forked: whether this process will be forked: then no graph may run in it.
    """
    settle()
    with _standard_error_closed():
        import tensorflow

        version = tuple(map(int, tensorflow.__version__.split(".")[:2]))
        if (2, 0) <= version < (2, 21) and not forked:
            with tensorflow.compat.v1.Session(graph=tensorflow.Graph()) as session:
                session.run(tensorflow.constant(0))
    tensorflow.get_logger().setLevel("ERROR")
    # TensorFlow's feature columns say it of their own call.
    warnings.filterwarnings(
        "ignore", r".layer\.add_variable. is deprecated", UserWarning
    )


def describe():
    """{condition: value}, JSON-valid: what every report has to state."""
    import keras
    import numpy
    import tensorflow

    return {
        "tensorflow": tensorflow.__version__,
        "keras": keras.__version__,
        "numpy": numpy.__version__,
        "python": platform.python_version(),
        "cpu": processors.model(),
        "cores": os.cpu_count(),
        **threads(),
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", DEFAULT),
        "jit_compile": False,
    }


def threads():
    """{condition: how many}, as the environment says; a caller may not have settled it."""
    return {
        condition: int(os.environ[variable]) if variable in os.environ else DEFAULT
        for condition, variable in (
            ("intra_op_threads", "TF_NUM_INTRAOP_THREADS"),
            ("inter_op_threads", "TF_NUM_INTEROP_THREADS"),
        )
    }
