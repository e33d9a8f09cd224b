"""The processor of this machine, which TensorFlow chooses its kernels by.

Runs under Python 3.7 as well, and imports nothing that takes time.
"""

import functools
import platform


@functools.lru_cache(1)
def model():
    """The processor as the system names it."""
    return _cpu_info("model name") or platform.processor() or platform.machine()


def flags():
    """Those of the processor's vector extensions that TensorFlow has kernels for."""
    wanted = ("avx", "avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16", "fma")
    return [flag for flag in wanted if flag in _cpu_info("flags").split()]


def same_kind(facts, others=None):
    """Whether two recordings' facts, or one's and this machine's, name one kind of processor."""
    others = others or {"cpu": model(), "cpu_flags": flags()}
    return all(facts[key] == others[key] for key in ("cpu", "cpu_flags"))


def _cpu_info(field):
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            for line in lines:
                if line.startswith(field):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass  # not Linux
    return ""
