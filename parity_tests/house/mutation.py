"""Plants small faults in one module and runs its claims against each.

    pip install -e '.[test,mutation]'
    python -m parity_tests.house.mutation parity_tests/engine/ulps.py --minutes 20

The faults are cosmic-ray's: another operator or comparison, a number one off, a loop that
never runs, a decorator gone. They are tried in an order that the seed decides, each in a
process of its own on a copy of the tree, until all are or the minutes are over. What no
claim notices is printed as a diff: it wants a claim, or it changes nothing.

cosmic-ray and not mutmut, which forks after its first run of the tests (TensorFlow's
threads do not survive that) and leaves constants, defaults and decorated functions alone.
"""

import argparse
import ast
import os
import pathlib
import random
import re
import shlex
import shutil
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).parents[2]
# Bits and identities in place of arithmetic and order say little for many minutes.
LEFT_OUT = re.compile(r"_(BitOr|BitAnd|BitXor|LShift|RShift|Is|IsNot)$")


def named_after(stem, stems):
    """The test files whose name holds a module's, and no longer one's."""
    files = []
    for path in sorted((ROOT / "parity_tests").rglob("*_test.py")):
        subject = "_" + path.stem.removesuffix("test")
        owners = [name for name in stems if f"_{name}_" in subject]
        if owners and max(owners, key=len) == stem:
            files.append(path)
    return files


def importers(module):
    """The test files that import a module, given by its path from the root."""
    *package, name = module.with_suffix("").parts
    package = ".".join(package)
    files = []
    for path in sorted((ROOT / "parity_tests").rglob("*_test.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (
                node.module == f"{package}.{name}"
                or (node.module == package and name in {a.name for a in node.names})
            ):
                files.append(path)
                break
    return files


def claims(module):
    """What pytest is told to run for a module: the test files named after it, and its
    cases of what claims something of every one of its kind; else those named after its
    package, else those that import it, else all of its room.

    Args:
        module: path from the root.

    Returns:
        list of words; an empty one if nothing claims anything of the module.
    """
    stems = {
        path.stem
        for folder in ("tf1_graph", "tf2_keras", "parity_tests")
        for path in (ROOT / folder).rglob("*")
        if (path.is_dir() or path.suffix == ".py") and not path.stem.endswith("_test")
    }
    chosen = []
    if files := named_after(module.stem, stems):
        of_every = sorted(files[0].parent.glob("every_*_test.py"))
        files, chosen = files + of_every, ["-k", module.stem] if of_every else []
    files = (
        files
        or named_after(module.parent.name, stems)
        or importers(module)
        or sorted((ROOT / module.parent).glob("*_test.py"))
    )
    return [str(path.relative_to(ROOT)) for path in files] + chosen


def command(words):
    """What runs the claims: the same examples for every fault, to the first failure."""
    pytest = [sys.executable, "-m", "pytest", "-x", "-q", "--hypothesis-profile=quick"]
    plugins = ["-p", "no:randomly", "-p", "no:cacheprovider"]
    return shlex.join([*pytest, *plugins, *words])


def mutations(module, folder):
    """Every fault that can be planted in a module, as cosmic-ray describes it."""
    from cosmic_ray.commands import init
    from cosmic_ray.work_db import use_db

    with use_db(os.path.join(folder, "mutations.sqlite")) as database:
        init([module], database, {})
        specifications = [item.mutations for item in database.work_items]
    return [s for s in specifications if not LEFT_OUT.search(s[0].operator_name)]


def run(module, minutes, seed, say=print):
    """(killed, survivors' diffs, not tried) of a module's faults.

    Raises:
        ValueError: if the module has no claims, or they fail without a fault.
    """
    from cosmic_ray.mutating import mutate_and_test
    from cosmic_ray.testing import run_tests
    from cosmic_ray.work_item import TestOutcome

    words = claims(module)
    if not words:
        raise ValueError(f"A module must have claims. Received: {module}.")
    killed, survivors = 0, []
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder, "copy")
        ignored = shutil.ignore_patterns(".git", ".venv*", "__pycache__", ".hypothesis")
        shutil.copytree(ROOT, copy, ignore=ignored)
        os.chdir(copy)
        tests = command(words)
        say(tests)
        start = time.monotonic()
        outcome, output = run_tests(tests, timeout=minutes * 60)
        if outcome != TestOutcome.SURVIVED:
            raise ValueError(
                f"The claims must hold without a fault. Received: {output}"
            )
        longest = 10 + 3 * (time.monotonic() - start)
        waiting = mutations(module, folder)
        random.Random(seed).shuffle(waiting)
        faults = len(waiting)
        say(f"{faults} faults; at most {longest:.0f} s each")
        while waiting and time.monotonic() - start < minutes * 60:
            result = mutate_and_test(waiting.pop(), tests, longest)
            if result.is_killed:
                killed += 1
            else:
                survivors.append(result.diff)
                say(f"survives, {faults - len(waiting)} of {faults}:\n{result.diff}")
    os.chdir(ROOT)
    return killed, survivors, len(waiting)


def main():
    parser = argparse.ArgumentParser(
        prog="python -m parity_tests.house.mutation", description=__doc__.split("\n")[0]
    )
    parser.add_argument("module", type=pathlib.Path, help="path from the root")
    parser.add_argument("--minutes", type=float, default=20, help="default: 20")
    parser.add_argument("--seed", type=int, default=1, help="of the faults' order")
    options = parser.parse_args()
    if not (ROOT / options.module).is_file():
        parser.error(f"MODULE must name a file. Received: {options.module}.")
    try:
        killed, survivors, left = run(options.module, options.minutes, options.seed)
    except ValueError as error:
        parser.error(str(error))
    print(f"{killed} killed, {len(survivors)} survived, {left} not tried")
    sys.exit(1 if survivors else 0)


if __name__ == "__main__":
    main()
