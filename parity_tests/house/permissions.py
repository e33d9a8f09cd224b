"""Permission bits that bind root as well, so that claims about them run everywhere."""

import contextlib
import ctypes
import os

# Source: linux/capability.h
VERSION_3 = 0x20080522
IGNORING = 1 << 1 | 1 << 2  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH


class _Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _Sets(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_uint32) for name in ("effective", "permitted", "inheritable")
    ]


@contextlib.contextmanager
def binding():
    """In its body this thread may do with its user's files what their bits say.

    Raises:
        OSError: where this user ignores them, and the system cannot change that.
    """
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        yield
        return
    header, sets = _Header(VERSION_3, 0), (_Sets * 2)()
    _call("capget", header, sets)
    before = sets[0].effective
    sets[0].effective &= ~IGNORING
    _call("capset", header, sets)
    try:
        yield
    finally:
        sets[0].effective = before
        _call("capset", header, sets)


def _call(name, *arguments):
    function = getattr(ctypes.CDLL(None, use_errno=True), name, None)
    if function is None:
        raise OSError(f"this system has no {name}")
    if function(*map(ctypes.byref, arguments)):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
