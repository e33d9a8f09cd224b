"""Prints the table of planted mistakes: ``python -m parity_tests.pair.mistakes``.

Each mistake is checked as a user would check it. A row says where the two sides were
found apart and which cause was proven; what was not named rightly is said beside it.
``--only WORD`` runs the rows that have it in their program or mistake, ``--together``
those of several mistakes in one twin, ``--json FILE`` writes all rows as data. Exit code 1 if a cause is false, or if fewer are named or proven
than the goals ask for.
"""

import argparse
import json
import sys

from parity_tests.commands import console


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m parity_tests.pair.mistakes", description=__doc__
    )
    parser.add_argument("--only", metavar="WORD", default="", help="some rows")
    parser.add_argument(
        "--together", action="store_true", help="several mistakes in one twin"
    )
    parser.add_argument("--json", metavar="FILE", help="write the rows as data")
    given = parser.parse_args(arguments)
    console.import_tensorflow()
    from parity_tests.pair.mistakes import running, table, together

    rows = [*table.FAITHFUL, *table.PLANTED]
    if given.together:
        rows = [*together.IN_ONE_PLACE, *together.IN_SEVERAL]
    planted = [
        row
        for row in rows
        if given.only.lower() in f"{row.program} {row.mistake}".lower()
    ]
    if not planted:
        parser.error(f"--only must be in a row. Received: {given.only}. Use VAE, say")
    rows = []
    print(running.HEADING)
    for row in planted:
        rows.append(running.run(row))
        print(rows[-1].describe(), flush=True)
    print("\n" + running.verdict(rows))
    if given.json:
        with open(given.json, "w", encoding="utf-8") as file:
            json.dump([row._asdict() for row in rows], file, indent=1)
    return int(not running.reaches_the_goals(rows))


if __name__ == "__main__":
    sys.exit(main())
