"""An address for every public symbol of TensorFlow 1.15, and what is known of it.

Each module has a page, made from the catalogue; each symbol an entry on it, under the
address that ``tf-parity explain`` prints. The full-text search finds them by their names.
"""

import functools

from docutils import nodes
from sphinx.domains import Domain, ObjType
from sphinx.util.docutils import SphinxDirective

from parity_tests.models import chapters, reading
from parity_tests.site import markup, parts
from tf2_keras.migrate import addresses, catalogue, evidence, pages, rule_file, scan
from tf2_keras.migrate.api_table import API, RENAMES, api
from tf2_keras.migrate.signatures import arguments
from tf2_keras.migrate.statuses import STATUSES
from tf2_keras.migrate.terminal import condition

INDEX = f"{addresses.FOLDER}/index"
FILES = (API, RENAMES, evidence.TABLE)


@functools.cache
def by_module():
    """{module: [Rule of each of its symbols]}, both in alphabetical order."""
    modules = {}
    for rule in sorted(catalogue.every(), key=lambda rule: rule.symbol):
        modules.setdefault(addresses.module(rule.symbol), []).append(rule)
    return dict(sorted(modules.items()))


@functools.cache
def chapters_by_symbol():
    """{symbol: [chapters whose TF1 side uses it]}"""
    users = {}
    for name, symbols in symbols_by_chapter().items():
        for symbol in symbols:
            users.setdefault(symbol, []).append(name)
    return users


@functools.cache
def uses():
    """{stem of a chapter: {(line of its TF1 file, symbol that is used there)}}"""
    stem_of = {str(reading.sources(stem)[0]): stem for stem in chapters.STEMS}
    used = {stem: set() for stem in chapters.STEMS}
    report = scan.scan(list(stem_of), workers=1, assume="tf1")
    for finding in report.findings:
        used[stem_of[finding.file]].add((finding.line, finding.symbol))
    return used


@functools.cache
def symbols_by_chapter():
    """{chapter: the symbols that its TF1 side uses}, in their order."""
    used = {
        name: set().union(*(uses()[stem] for stem in chapters.stems(name)))
        for name in chapters.NAMES
    }
    return {
        name: sorted({symbol for _, symbol in found} & _known())
        for name, found in used.items()
    }


@functools.cache
def _known():
    return frozenset(rule.symbol for rules in by_module().values() for rule in rules)


def documents():
    """{document: its text} of all modules, and of the page that lists them."""
    texts = {
        # In no toctree: 214 lines on every page would be no way to find one.
        addresses.document(module): (
            f"---\norphan: true\n---\n\n# {module}\n\n```{{symbols}} {module}\n```\n"
        )
        for module in by_module()
    }
    texts[INDEX] = "\n".join(
        [
            "# TF1 symbols\n",
            f"{len(_known())} names of TensorFlow 1.15 and of earlier releases: what "
            "becomes of each, by module. In a terminal, `tf-parity explain "
            "tf.nn.dropout`.\n",
            *_counts(),
            "",
            *[
                f"- [{module}]({module}.md): {len(rules)}"
                for module, rules in by_module().items()
            ],
            "",
        ]
    )
    return texts


def _counts():
    rules = [rule for rules in by_module().values() for rule in rules]
    yield "| status | symbols | means |\n|---|---|---|"
    for status, described in STATUSES.items():
        count = sum(rule.status == status for rule in rules)
        if count:
            yield f"| {status} | {count} | {described.means} |"


class SymbolDomain(Domain):
    """TF1 symbols as objects that the search knows."""

    name = "tf1"
    label = "TensorFlow 1"
    object_types = {"symbol": ObjType("TF1 symbol")}

    def get_objects(self):
        for module, rules in by_module().items():
            document = addresses.document(module)
            if document not in self.env.found_docs:
                continue  # the Chinese edition leads to the English one's
            for rule in rules:
                yield rule.symbol, rule.symbol, "symbol", document, rule.symbol, 1

    def merge_domaindata(self, docnames, otherdata):
        """Nothing is collected while pages are read."""

    def resolve_any_xref(self, *_where):
        """A Markdown link leads to a page, never to a symbol by its name."""
        return []


class SymbolsDirective(SphinxDirective):
    """``{symbols} MODULE``: the entries of all symbols of a module."""

    required_arguments = 1

    def run(self):
        for file in (*FILES, *map(_rule_file, rule_file.RULES)):
            self.env.note_dependency(file)
        address = markup.addresses_from(self.env)
        rules = map(catalogue.shown, by_module()[markup.required(self, by_module())])
        return [markup.page(entry(rule, address) for rule in rules)]


def _rule_file(name):
    return f"{rule_file.FOLDER}/{name}"


def entry(rule, address):
    """The HTML that tells of one Rule, as ``catalogue.shown`` has it.

    address: of ``markup.addresses_from``.
    """
    rows = []
    if rule.replacement != rule.symbol:
        rows.append(("write", parts.called(rule.replacement, address)))
    rows.append(("note", markup.escaped(rule.note)))
    for case in rule.cases:
        rows.append(("where", markup.escaped(condition(case.when, rule.symbol))))
        rows.append(("write", parts.called(case.replacement, address)))
        rows.append(("note", markup.escaped(case.note)))
    users = chapters_by_symbol().get(rule.symbol, [])
    shown = [rule.chapter] if rule.chapter and rule.chapter not in users else []
    rows.append(("read", ", ".join(to_page(stem, address) for stem in users + shown)))
    proven = "" if rule.evidence == rule_file.UNPROVEN else rule.evidence
    rows.append(("evidence", markup.code(proven) or "none: this is not proven"))
    result = [
        markup.heading(rule.symbol),
        f'<p><strong class="{rule.status}">{rule.status}</strong>: '
        f"{markup.escaped(STATUSES[rule.status].means)}",
        markup.fields(rows),
        _arguments(rule.symbol),
    ]
    for title, text in (("TF1:", rule.before), ("TF2:", rule.after)):
        if text:
            result += [f"<p>{title}</p>", markup.block(text)]
    return "\n".join(filter(None, result))


def to_symbol(symbol):
    """A reference to a symbol's entry, as an address from the top of the site."""
    link = nodes.reference("", "", refuri=f"site:{addresses.of_symbol(symbol)}")
    link["internal"] = True
    link += nodes.literal(text=symbol)
    return link


def to_page(stem, address):
    """A link to the page of a chapter, or of the guide."""
    is_chapter = pages.page(stem, dict.fromkeys(chapters.NAMES)).is_chapter
    folder = "models" if is_chapter else "guide"
    return markup.link(address(f"{folder}/{stem}.html"), stem)


def _arguments(symbol):
    """A table of 1.15's arguments and today's, where they are known and differ."""
    differences = evidence.signature_differences(symbol)
    row = api().get(symbol)
    if not differences or row is None or not row.signature:
        return ""
    notes = {}
    for difference in differences:
        notes.setdefault(difference.name, []).append(difference)
    described = arguments(row.signature)
    names = [*described.positional, *described.keyword_only]
    names += [name for name in notes if name not in names]
    return markup.table(
        ("TF1 argument", "TF2 argument", "note"),
        [_argument(name, described, notes.get(name, [])) for name in names],
    )


def _argument(name, described, differences):
    kinds = {difference.kind: difference for difference in differences}
    before = (
        f"{name}={described.defaults[name]}" if name in described.defaults else name
    )
    today = name
    if "gone" in kinds:
        today = ""
    elif "renamed" in kinds:
        today = kinds["renamed"].today
    if "required" in kinds and name not in (
        *described.positional,
        *described.keyword_only,
    ):
        before = ""
    note = " ".join(map(str, differences))
    return markup.code(before), markup.code(today), markup.escaped(note)
