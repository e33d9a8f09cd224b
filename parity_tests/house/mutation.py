"""Plants small faults in modules and runs the modules' claims against each.

    pip install -e '.[test,mutation]'
    python -m parity_tests.house.mutation parity_tests/engine --faults 200 --minutes 20

The faults are cosmic-ray's: another operator or comparison, a number one off, a loop that
never runs, a decorator gone. They are planted in an order that the seed decides, one at a
time, on a copy of the tree. What no claim notices is printed as a diff: it wants a claim,
or it changes nothing and is listed, with the reason, in mutation_equivalents.toml.

Each is tried in a fork of this process. Tests named after the faulty class or function
come first, then those that noticed others; in the end those that noticed any are run
without a fault, and have to hold.
"""

import argparse
import ast
import collections
import contextlib
import difflib
import functools
import importlib.util
import os
import pathlib
import random
import re
import shutil
import sys
import tempfile
import time

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from parity_tests.house.claims import ROOT, claims
from parity_tests.house.forks import Choice, import_others, run_tests

EQUIVALENTS = pathlib.Path(__file__).with_name("mutation_equivalents.toml")
# Bits and identities in place of arithmetic and order say little for many minutes; ~1 is
# another number, as those that are one off.
LEFT_OUT = re.compile(r"_(BitOr|BitAnd|BitXor|LShift|RShift|Is|IsNot|Invert)$")
OUTCOMES = ("killed", "survived", "equivalent", "no program", "not tried")
say = functools.partial(print, flush=True)
SLOW = 30  # seconds of the processor until a fault is noticed that are worth a line


def seconds_of_children():
    """Seconds of the processor that children which have ended took."""
    times = os.times()
    return times.children_user + times.children_system


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


def parses(file):
    """Whether a module is a program: not with another operator before a ``**options``."""
    try:
        ast.parse(file.read_text(encoding="utf-8"))
    except SyntaxError:
        return False
    return True


def difference(lines):
    """A diff as mutation_equivalents.toml has it: what goes and what comes, stripped."""
    changed = [(line[0], line[1:].strip()) for line in lines[2:] if line[0] in "+-"]
    return "\n".join(f"{sign} {text}" for sign, text in changed if text)


def listed():
    """The entries of mutation_equivalents.toml: dicts of module, fault and reason."""
    return tomllib.loads(EQUIVALENTS.read_text(encoding="utf-8"))["equivalent"]


def is_listed(module, diff, entries):
    """Whether a fault is listed; an entry that ends in … is the start of several.

    A ``zip`` that is no more strict is as if listed: it checks what holds anyway.
    """
    gone, _, come = diff.replace("strict=True", "strict=False").partition("\n+ ")
    if gone == f"- {come}":
        return True
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


def run(modules, minutes, seed, limit=None, tests=None, only="all", say=say):
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
                if not parses(fault.module_path):
                    count["no program"] += 1
                    continue
                if is_listed(module, difference(diff), entries):
                    count["equivalent"] += 1
                    continue
                started = seconds_of_children()
                # Most are noticed by the first examples.
                for options in ({"examples": 3}, {"drawing": True}):
                    choice = Choice(around, noticed[chosen], only, **options)
                    survives, failed, _ = run_tests(chosen, choice, folder)
                    if not survives:
                        break
            count["survived" if survives else "killed"] += 1
            noticed[chosen].update(failed)
            seconds = seconds_of_children() - started
            if seconds > SLOW and not survives:
                at = f"{module}:{fault.start_pos[0]}"
                say(f"noticed after {seconds:.0f} s of the processor: {at}", *failed)
            if survives:
                say("\n".join([f"survives, {number} of {len(waiting)}:", *diff]))
        say(*table(counts), sep="\n")  # the rest takes minutes
        for chosen in {words[module] for module in counts if counts[module]["killed"]}:
            failed = noticed[chosen]
            # What noticed by failing to be collected has to be collected now.
            choice, option = Choice(only=set(failed)), []
            if not failed:
                choice, option = Choice(), ["--collect-only"]
            holds, _, printed = run_tests([*chosen, *option], choice, folder)
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
        "if there are any, of which others may notice what survives. default: all",
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
            modules,
            options.minutes,
            options.seed,
            options.faults,
            options.tests,
            options.only,
        )
    except ValueError as error:
        parser.error(str(error))
    sys.exit(1 if any(count["survived"] for count in counts.values()) else 0)


if __name__ == "__main__":
    main()
