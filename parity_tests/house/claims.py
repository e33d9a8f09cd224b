"""Which tests claim something of a module."""

import pathlib

ROOT = pathlib.Path(__file__).parents[2]
ROOMS = {"tf1_semantics": "parts"}  # those that are not named like what they claim


def named_after(stem, stems):
    """The test files whose name holds a module's, and no longer one's."""
    files = []
    for path in sorted((ROOT / "parity_tests").rglob("*_test.py")):
        subject = "_" + path.stem.removesuffix("test")
        owners = [name for name in stems if f"_{name}_" in subject]
        if owners and max(owners, key=len) == stem:
            files.append(path)
    return files


def room(module):
    """The test files of a module's room; ``pair`` is that of what has no other."""
    names = [ROOMS.get(name, name) for name in reversed(module.parent.parts)]
    folders = [ROOT / "parity_tests" / name for name in [*names, "pair"]]
    return sorted(next(filter(pathlib.Path.is_dir, folders)).glob("*_test.py"))


def claims(module):
    """What pytest is told to run for a module: the test files named after it, and its
    cases of what claims something of every one of its kind; else those named after its
    package, else all of its room.

    Args:
        module: path from the root.

    Returns:
        list of words.
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
    files = files or named_after(module.parent.name, stems) or room(module)
    return [str(path.relative_to(ROOT)) for path in files] + chosen
