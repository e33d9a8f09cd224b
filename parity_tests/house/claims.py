"""Which tests claim something of a module."""

import pathlib

from parity_tests.models import chapters

ROOT = pathlib.Path(__file__).parents[2]
ROOMS = {"tf1_semantics": "parts"}  # those that are not named like what they claim
# What claims something of every chapter and of every part, by the names in its cases.
OF_EVERY = {
    "models": ["every_chapter_test.py", "every_program_test.py"],
    "parts": [
        *("refusals_test.py", "configuration_test.py", "signatures_test.py"),
        *("parts_test.py", "every_part_test.py"),
    ],
}
# The contract's own claims: quick ones first.
CONTRACT = [
    *("pair/contract_test.py", "pair/updates_test.py", "pair/programs_test.py"),
    *("pair/compiled_test.py", "pair/gan_test.py"),
]
# Scan's: what reads code is claimed by what is advised for it, and each file stands for a
# stage that comes later.
READING = [
    *("migrate/sources_test.py", "migrate/catalogue_test.py"),
    *("migrate/advice_test.py", "migrate/report_test.py", "migrate/names_test.py"),
    *("migrate/worlds_test.py", "migrate/keras_names_test.py"),
    *("migrate/conditions_test.py", "migrate/fixes_test.py"),
]
ADVISING = [
    *("migrate/catalogue_test.py", "migrate/advice_test.py"),
    *("migrate/explain_test.py", "migrate/members_test.py", "migrate/report_test.py"),
    *("migrate/conditions_test.py", "migrate/fixes_test.py"),
    *("migrate/keras_names_test.py", "migrate/witnessed_test.py"),
]
PRINTING = [
    *("migrate/report_test.py", "migrate/explain_test.py", "migrate/guide_test.py"),
    *("migrate/worlds_test.py", "migrate/html_report_test.py"),
]
# What neither a file, nor a package, nor a room is named after.
ELSEWHERE = {
    **{
        f"tf2_keras/migrate/{name}.py": files
        for files, names in (
            (READING, "bindings expressions facts parsing reads scan statements"),
            (READING, "signatures tracing when"),
            (ADVISING, "api_table differences evidence public_names replacements"),
            (ADVISING, "rule_file statuses"),
            (PRINTING, "addresses html_pages pages printable sarif terminal"),
        )
        for name in names.split()
    },
    **dict.fromkeys(
        [
            *("tf2_keras/training.py", "tf2_keras/levels.py", "tf2_keras/slots.py"),
            *("tf2_keras/observing.py", "tf2_keras/twins.py", "tf1_graph/session.py"),
        ],
        CONTRACT,
    ),
    "tf1_graph/updates.py": [*CONTRACT, "witness/exported_test.py"],
    "parity_tests/pair/kept.py": ["pair/updates_test.py"],
    "parity_tests/engine/cell_tables.py": [
        *("engine/cell_tables_test.py", "commands/tables_test.py"),
    ],
    "parity_tests/engine/divergence.py": [
        *("engine/comparison_test.py", "engine/comparison_budgets_test.py"),
        *("engine/comparison_report_test.py", "engine/comparison_words_test.py"),
    ],
    "tf1_graph/errors.py": ["witness/exported_test.py"],
    "tf1_graph/exported.py": [
        *("witness/exported_test.py", "witness/meta_graphs_test.py"),
        "witness/exported_twins_test.py",
    ],
    "tf1_graph/seeds.py": [
        *("witness/seeds_test.py", "witness/dropouts_test.py"),
        "witness/meta_graphs_test.py",
    ],
    "tf1_graph/nodes.py": [
        *("witness/nodes_test.py", "witness/seeds_test.py", "witness/dropouts_test.py"),
    ],
    "tf2_keras/tf1_semantics/errors.py": ["parts/refusals_test.py"],
    "tf2_keras/tf1_semantics/philox.py": [
        *("parts/philox_test.py", "parts/random_test.py"),
    ],
}


def named_after(stem, stems, files):
    """Of test files those whose name holds a module's, and no longer one's."""
    named = []
    for path in files:
        subject = "_" + path.stem.removesuffix("test")
        owners = [name for name in stems if f"_{name}_" in subject]
        if owners and max(owners, key=len) == stem:
            named.append(path)
    return named


def room(module):
    """The folder of a module's claims, or None for all of them."""
    names = [ROOMS.get(name, name) for name in reversed(module.parent.parts)]
    folders = [ROOT / "parity_tests" / name for name in names]
    return next((f for f in folders if f.is_dir() and f.name != "parity_tests"), None)


def claims(module):
    """What pytest is told to run for a module: the test files of its room that are
    named after it, else after its package, and its cases of what claims something of
    every one of its kind; else all of its room. ``pair`` is that of what has no other.

    Args:
        module: path from the root.

    Returns:
        list of words.
    """
    tests = ROOT / "parity_tests"
    if str(module) in ELSEWHERE:
        return [f"parity_tests/{file}" for file in ELSEWHERE[str(module)]]
    stems = {
        path.stem
        for folder in ("tf1_graph", "tf2_keras", "parity_tests")
        for path in (ROOT / folder).rglob("*")
        if (path.is_dir() or path.suffix == ".py") and not path.stem.endswith("_test")
    }
    folder = room(module)
    known = sorted((folder or tests).rglob("*_test.py"))
    for name in (chapters.owner(module.stem), module.parent.name):
        files = named_after(name, stems, known)
        if files:
            break
    else:
        files, name = sorted((folder or tests / "pair").glob("*_test.py")), None
    of_every = [
        folder / file
        for file in OF_EVERY.get(folder and folder.name, [])
        if name and folder / file not in files
    ]
    words = [str(path.relative_to(ROOT)) for path in [*files, *of_every]]
    return [*words, "-k", name] if of_every else words
