"""Plants small faults in modules and runs the modules' claims against each.

    pip install -e '.[test,mutation]'
    python -m parity_tests.house.mutation parity_tests/engine --faults 200 --minutes 20

The faults are cosmic-ray's: another operator or comparison, a number one off, a loop that
never runs, a decorator gone. They are planted in an order that the seed decides, one at a
time, on a copy of the tree. What no claim notices is printed as a diff: it wants a claim,
or it changes nothing and is listed, with the reason, in mutation_equivalents.toml.

This process has imported TensorFlow but run no op, so that it has none of its threads yet
and can be forked: a fault costs the import of the project and the tests that notice it.
Tests named after the faulty class or function come first, then those that noticed others;
in the end those that noticed any are run without a fault, and have to hold.
"""

import argparse
import ast
import collections
import contextlib
import difflib
import gc
import importlib
import importlib.util
import os
import pathlib
import random
import re
import shutil
import signal
import sys
import tempfile
import time

import pytest
from hypothesis import settings

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from parity_tests.house.claims import ROOT, claims

EQUIVALENTS = pathlib.Path(__file__).with_name("mutation_equivalents.toml")
# Bits and identities in place of arithmetic and order say little for many minutes; ~1 is
# another number, as those that are one off.
LEFT_OUT = re.compile(r"_(BitOr|BitAnd|BitXor|LShift|RShift|Is|IsNot|Invert)$")
OTHERS = ["tensorflow.compat.v1", "keras", "hypothesis.extra.numpy", "xdist.plugin"]
OTHERS += ["click", "fissix.pytree", "jinja2", "rich.progress"]
LONGEST = 1800  # seconds for the claims of a module
OUTCOMES = ("killed", "survived", "equivalent", "not tried")


class Choice:
    """A plugin of pytest: which tests run, in which order, and for how long at most.

    name: of a class or function; tests that are named after it come first.
    noticed: {test: how many faults it noticed}; those with many come first.
    only: "all" tests, those "named" after it if there are any, or a set of tests.
    examples: how many a property draws at most; None for all.
    patience: seconds of the processor that a test may take.
    """

    def __init__(self, name="", noticed=None, only="all", examples=None, patience=60):
        self.name, self.noticed, self.only = name, noticed or {}, only
        self.examples, self.patience = examples, patience

    def pytest_collection(self):
        if self.examples:
            settings.register_profile(
                "few", settings.default, max_examples=self.examples
            )
            settings.load_profile("few")

    def pytest_collection_modifyitems(self, items):
        named = [item for item in items if self.name in item.nodeid]
        if self.only == "named":
            items[:] = named or items
        elif self.only != "all":
            items[:] = [item for item in items if item.nodeid in self.only]
        items.sort(
            key=lambda item: (item not in named, -self.noticed.get(item.nodeid, 0))
        )

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self):
        # Hypothesis lets nothing else through that a test raises.
        signal.signal(signal.SIGPROF, signal.default_int_handler)
        signal.setitimer(signal.ITIMER_PROF, self.patience)
        try:
            return (yield)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)


def import_others():
    """Imports what is not of the project; runs no op, and forgets the project."""
    from parity_tests.witness import reference_conditions

    reference_conditions.import_tensorflow()
    for name in OTHERS:
        importlib.import_module(name)
    from tensorflow.python.eager import context

    if context.context()._initialized:
        raise RuntimeError("No op may run before a fork. Received: a started context.")
    for name in list(sys.modules):
        if name.split(".")[0] in ("parity_tests", "tf1_graph", "tf2_keras"):
            del sys.modules[name]
    gc.freeze()  # or pytest's collections of garbage touch all of it in every child


def run_tests(words, choice, folder, seconds=LONGEST):
    """Runs tests in a child of this process.

    Returns:
        (whether they hold, those that failed, what was printed)
    """
    printed = folder / "printed.txt"
    child = os.fork()
    if not child:
        with contextlib.suppress(BaseException), printed.open("w") as file:
            os.setsid()
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
            os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
            sys.path[0] = str(folder / "copy")
            code = pytest.main(
                [*words, "-x", "-q", "--hypothesis-profile=quick", "--assert=plain"]
                + ["-p", "no:randomly", "-p", "no:cacheprovider"]
                + [f"--basetemp={folder / 'temporary'}"],
                plugins=[choice],
            )
            sys.stdout.flush()
            os._exit(code)
        os._exit(pytest.ExitCode.INTERNAL_ERROR)
    end, ended, status = time.monotonic() + seconds, 0, None
    while not ended and time.monotonic() < end:
        time.sleep(0.02)
        ended, status = os.waitpid(child, os.WNOHANG)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    if not ended:
        os.waitpid(child, 0)
    text = printed.read_text(encoding="utf-8", errors="replace")
    return status == 0, re.findall(r"^FAILED (.+?)(?: - .*)?$", text, re.M), text


def surroundings(file, line):
    """The name of a module's class or function around a line; "" if there is none."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            first = min([node, *node.decorator_list], key=lambda part: part.lineno)
            if first.lineno <= line <= node.end_lineno:
                return node.name
    return ""


@contextlib.contextmanager
def planted(fault):
    """Plants a fault; the lines of its diff."""
    from cosmic_ray.mutating import use_mutation
    from cosmic_ray.plugins import get_operator

    operator = get_operator(fault.operator_name)(**fault.operator_args)
    cached = pathlib.Path(importlib.util.cache_from_source(fault.module_path))
    with use_mutation(fault.module_path, operator, fault.occurrence) as (right, wrong):
        # Two files of one second and one size look alike to Python: it reads the first.
        cached.unlink(missing_ok=True)
        names = [str(fault.module_path)] * 2
        texts = right.splitlines(), wrong.splitlines()
        yield list(difflib.unified_diff(*texts, *names, lineterm=""))
    cached.unlink(missing_ok=True)


def difference(lines):
    """A diff as mutation_equivalents.toml has it: what goes and what comes, stripped."""
    changed = [(line[0], line[1:].strip()) for line in lines[2:] if line[0] in "+-"]
    return "\n".join(f"{sign} {text}" for sign, text in changed if text)


def listed():
    """The entries of mutation_equivalents.toml: dicts of module, fault and reason."""
    return tomllib.loads(EQUIVALENTS.read_text(encoding="utf-8"))["equivalent"]


def is_listed(module, diff, entries):
    """Whether a fault is listed; an entry that ends in … is the start of several."""
    faults = [entry["fault"].strip() for entry in entries if entry["module"] == module]
    return any(
        diff.startswith(fault[:-1]) if fault.endswith("…") else diff == fault
        for fault in faults
    )


def faults(modules, folder):
    """Every fault that can be planted in modules, as cosmic-ray describes it."""
    from cosmic_ray.commands import init
    from cosmic_ray.work_db import use_db

    with use_db(str(folder / "faults.sqlite")) as database:
        init(modules, database, {})
        specifications = [item.mutations[0] for item in database.work_items]
    return [s for s in specifications if not LEFT_OUT.search(s.operator_name)]


def run(modules, minutes, seed, limit=None, tests=None, only="all", say=print):
    """{module: {outcome: number of faults}}.

    Raises:
        ValueError: if tests that noticed a fault fail without it too.
    """
    counts = {str(module): collections.Counter() for module in modules}
    words = {str(module): tuple(tests or claims(module)) for module in modules}
    noticed = {chosen: collections.Counter() for chosen in words.values()}
    entries = listed()
    import_others()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name).resolve()
        ignored = shutil.ignore_patterns(".git", ".venv*", "__pycache__", ".hypothesis")
        shutil.copytree(ROOT, folder / "copy", ignore=ignored)
        os.chdir(folder / "copy")
        waiting = faults(modules, folder)
        random.Random(seed).shuffle(waiting)
        waiting = waiting[:limit]
        end = time.monotonic() + minutes * 60
        for number, fault in enumerate(waiting, 1):
            module = str(fault.module_path)
            count, chosen = counts[module], words[module]
            if time.monotonic() > end:
                count["not tried"] += 1
                continue
            around = surroundings(fault.module_path, fault.start_pos[0])
            with planted(fault) as diff:
                if is_listed(module, difference(diff), entries):
                    count["equivalent"] += 1
                    continue
                for examples in (3, None):  # most are noticed by the first
                    choice = Choice(around, noticed[chosen], only, examples)
                    survives, failed, _ = run_tests(chosen, choice, folder)
                    if not survives:
                        break
            count["survived" if survives else "killed"] += 1
            noticed[chosen].update(failed)
            if survives:
                say("\n".join([f"survives, {number} of {len(waiting)}:", *diff]))
        for chosen, failed in noticed.items():
            if failed:
                holds, _, printed = run_tests(chosen, Choice(only=set(failed)), folder)
                if not holds:
                    raise ValueError(f"Claims must hold. Received: {printed}")
        os.chdir(ROOT)
    return counts


def table(counts):
    """Lines: the outcomes of each module and of all, and the rate of those killed."""
    total = sum(counts.values(), collections.Counter())
    width = max(map(len, counts))
    for module, count in {**counts, "all": total}.items():
        yield f"{module:{width}}  " + ", ".join(f"{count[o]} {o}" for o in OUTCOMES)
    tried = total["killed"] + total["survived"]
    yield f"{total['killed']} of {tried}: {total['killed'] / max(tried, 1):.1%} noticed"


def main():
    parser = argparse.ArgumentParser(
        prog="python -m parity_tests.house.mutation", description=__doc__.split("\n")[0]
    )
    parser.add_argument("paths", nargs="+", type=pathlib.Path, help="from the root")
    parser.add_argument("--faults", type=int, help="so many of them; default: all")
    parser.add_argument("--minutes", type=float, default=20, help="default: 20")
    parser.add_argument("--seed", type=int, default=1, help="of the faults' order")
    parser.add_argument("--tests", nargs="+", help="the claims; default: by name")
    parser.add_argument(
        "--only",
        choices=["all", "named"],
        default="all",
        help="of the claims: all, or those named after the faulty class or function, "
        "if there are any; what survives is then looked at by all. default: all",
    )
    options = parser.parse_args()
    modules = []
    for path in options.paths:
        path = ROOT / path
        files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
        modules += [
            file.relative_to(ROOT)
            for file in files
            if file.is_file() and not file.stem.endswith(("_test", "conftest"))
        ]
    if not modules:
        parser.error(f"Give modules or folders. Received: {options.paths}.")
    try:
        counts = run(
            modules, options.minutes, options.seed, options.faults, options.tests
        )
    except ValueError as error:
        parser.error(str(error))
    print("\n".join(table(counts)))
    sys.exit(1 if any(count["survived"] for count in counts.values()) else 0)


if __name__ == "__main__":
    main()
