"""For programs that read: llms.txt, and tables of JSON lines under one schema.

    data/chapters.jsonl   both programs of each chapter, block by block
    data/parts.jsonl      TF1's behaviour as Keras objects: signature, docstring, evidence
    data/traps.jsonl      what people write, how far off it is, what to write instead
    data/catalogue.jsonl  every TF1 symbol: status, replacement, cases, evidence, address
    data/errors.jsonl     every error message: meaning, remedy, evidence, address

A line of each is an object of ``data/schema.json``, which names its VERSION.
"""

import json
import pathlib
import shutil

from parity_tests.models import chapters, facing, reading
from parity_tests.site import docstrings, links, numbers, parts, symbols, traps
from tf2_keras.migrate import addresses, catalogue, errors

VERSION = 1
FOLDER = "data"
SCHEMA = pathlib.Path(__file__).with_name("data.schema.json")
HEAD = """\
# tf-parity

> TensorFlow 1.x programs and their Keras 3 twins, proven equal to the bit. Each TF1 symbol
> of 1.15 has an address; each migration that changes numbers has a margin and a test.

The loop for an agent that migrates code is in [agents](agents.html): `tf-parity new-pair`,
`tf-parity check --json`, change one thing, check again.
"""


def written(app, exception):
    """Writes them into the folder of the built site."""
    if exception is not None or app.builder.format != "html":
        return
    if app.config.language != links.ENGLISH:
        return  # one set for both editions
    folder = pathlib.Path(app.outdir)
    (folder / FOLDER).mkdir(exist_ok=True)
    shutil.copyfile(SCHEMA, folder / FOLDER / "schema.json")
    for name, rows in tables(app.config.parity_run).items():
        lines = map(_line, rows)
        path = folder / FOLDER / f"{name}.jsonl"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "llms.txt").write_text(llms(app.env), encoding="utf-8")


def tables(run=""):
    """{name: [an object of the schema]}

    run: path of what ``tf-parity run --json`` wrote, or ''.
    """
    return {
        "chapters": list(_chapters(run)),
        "parts": list(map(_part, parts.parts())),
        "traps": [
            _row("trap", address=addresses.of_symbol(trap.symbol), **_trap(trap))
            for trap in traps.traps()
        ],
        "catalogue": list(_catalogue()),
        "errors": [
            _row(
                "error",
                message=error.message,
                means=error.means,
                remedy=error.remedy,
                before=error.provoke.strip(),
                after=error.instead.strip(),
                evidence=error.evidence,
                address=addresses.of_message(error),
            )
            for error in errors.errors()
        ],
    }


def _line(row):
    return json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _row(kind, **fields):
    return {"version": VERSION, "kind": kind, **fields}


def _part(part):
    definition = part.definition
    passages = docstrings.passages(definition.docstring)
    sections = {passage.title: passage.text for passage in passages if passage.title}
    return _row(
        "part",
        name=f"{parts.ROOM}.{part.name}",
        symbol=part.tf1,
        signature=definition.signature,
        docstring=definition.docstring,
        source=sections.get("Source", ""),
        file=definition.path,
        line=definition.line,
        evidence=part.proof,
        address=parts.address_of(part.name),
    )


def _trap(trap):
    return {
        "symbol": trap.symbol,
        "before": trap.written,
        "after": trap.instead,
        "margin": {str(steps): text for steps, text in trap.off.items()},
    }


def _chapters(run):
    teaches = chapters.teaches()
    for name in chapters.NAMES:
        recorded = numbers.chapter(run, name)
        if recorded is not None and numbers.is_stale(recorded, name):
            recorded = None
        yield _row(
            "chapter",
            name=name,
            teaches=teaches[name],
            symbols=symbols.symbols_by_chapter()[name],
            run=None if recorded is None else recorded["levels"],
            blocks=[
                {
                    "name": (left or right).name,
                    "before": left.source if left else "",
                    "after": right.source if right else "",
                    "rows": [
                        [list(side) for side in row] for row in facing.rows(left, right)
                    ],
                }
                for stem in chapters.stems(name)
                for left, right in reading.aligned(stem)
            ],
            address=f"models/{name}.html",
        )


def _catalogue():
    for rules in symbols.by_module().values():
        for rule in map(catalogue.shown, rules):
            # Most symbols have few of these: what is empty is left out.
            fields = _filled(
                symbol=rule.symbol,
                status=rule.status,
                replacement=rule.replacement,
                note=rule.note,
                cases=[
                    _filled(
                        when=symbols.condition(case.when, rule.symbol),
                        status=case.status,
                        replacement=case.replacement,
                        note=case.note,
                    )
                    for case in rule.cases
                ],
                before=rule.before,
                after=rule.after,
                chapters=symbols.chapters_by_symbol().get(rule.symbol, []),
                evidence=rule.evidence,
                address=addresses.of_symbol(rule.symbol),
            )
            yield _row("symbol", **fields)


def _filled(**fields):
    return {name: value for name, value in fields.items() if value}


def llms(env):
    """llms.txt: what the site holds, as links with a line about each."""
    lines = [HEAD, "## Chapters\n"]
    for name, line in chapters.teaches().items():
        lines.append(f"- [{name}](models/{name}.html): {line}")
    lines.append("\n## Guide\n")
    for docname in sorted(env.found_docs):
        if docname.startswith("guide/") or "/" not in docname:
            lines.append(f"- [{env.titles[docname].astext()}]({docname}.html)")
    lines.append("\n## Data\n")
    lines.append(
        f"- [schema]({FOLDER}/schema.json): of the lines below, version {VERSION}"
    )
    for name in tables():
        lines.append(f"- [{name}]({FOLDER}/{name}.jsonl)")
    return "\n".join(lines) + "\n"
