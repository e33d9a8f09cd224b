"""What becomes of every use of TensorFlow 1.x in a code base.

    report = scan(['project'])
    report.findings    # [Finding]: file, line, column, symbol, status, replacement, ...

Files are read apart (``reads``), each gives its uses (``names``), and the catalogue
answers for each use, once all are known: a file says of itself whether it is TF1 or TF2
code where it can, and goes with its neighbours where it cannot (``worlds``).
"""

import os
from collections import Counter
from typing import NamedTuple

from tf2_keras.migrate import (
    catalogue,
    facts,
    public_names,
    reads,
    sources,
    worlds,
)
from tf2_keras.migrate.api_table import within
from tf2_keras.migrate.evidence import EDGES
from tf2_keras.migrate.keras_names import KERAS_3, is_standalone
from tf2_keras.migrate.rule_file import UNPROVEN, Rule
from tf2_keras.migrate.statuses import STATUSES as STATUS_TABLE

STATUSES = tuple(STATUS_TABLE)
# What a scan may be asked to fail on: anything there is to do, or not to know.
FAIL_ON = (*[status for status in STATUSES if status != "same"], "skipped")
UNKNOWN_KERAS = "Of stand-alone Keras 2, and not in the tf.keras of TensorFlow 1.15."
UNKNOWN = "Not in the public interface of TensorFlow 1.15, nor known from before."


class UnreadPath(ValueError):
    """A path that was named and cannot be read or parsed; the message is one line."""


class Finding(NamedTuple):
    """One use and what becomes of it.

    cell: where in a notebook, or ''.
    source: the line as written, without the blanks around it.
    use: the bindings.Use, or None of a fact.
    """

    file: str
    line: int
    column: int
    symbol: str
    status: str
    replacement: str
    note: str
    chapter: str
    evidence: str
    cell: str = ""
    source: str = ""
    use: object = None

    def as_data(self):
        data = self._asdict()
        del data["cell"], data["source"], data["use"]
        return data


class Report(NamedTuple):
    """What a scan found.

    files: how many files were read.
    lines: how many lines they have.
    findings: [Finding], those of status 'same' included, in order of the files.
    skipped: [sources.Skipped].
    taken_for_tf2: (uses, files) that exist in TensorFlow 1 and 2, where neither the file
        nor its neighbours say which of the two it is, and which were taken for TF2.
    """

    files: int
    lines: int
    findings: list
    skipped: list
    taken_for_tf2: tuple = (0, 0)

    def to_show(self, everything=False):
        """The findings that ask for something; all of them if asked for everything."""
        return [
            finding
            for finding in self.findings
            if everything or finding.status != "same"
        ]

    def fails(self, fail_on):
        """Whether a gate on these of FAIL_ON is to close.

        Code that could not be read may hold anything: it closes every gate.
        """
        if not fail_on:
            return False
        unread = any(skip.reason not in sources.HARMLESS for skip in self.skipped)
        return unread or any(finding.status in fail_on for finding in self.findings)

    def as_data(self, everything=False):
        """As JSON has it; uses that stay as they are only if asked for everything."""
        findings = [finding.as_data() for finding in self.to_show(everything)]
        return {"files": self.files, "findings": findings, "summary": self.summary()}

    def summary(self):
        counts = Counter(finding.status for finding in self.findings)
        shown = [
            finding
            for finding in self.findings
            if finding.evidence != UNPROVEN or finding.chapter
        ]
        reasons = Counter(skip.reason for skip in self.skipped)
        return {
            "lines": self.lines,
            "uses": len(self.findings),
            "statuses": {status: counts[status] for status in STATUSES},
            "same_but_at_edges": sum(
                finding.status == "same" and EDGES in finding.note
                for finding in self.findings
            ),
            "with_evidence_or_chapter": len(shown),
            "files_with_findings": len({finding.file for finding in self.to_show()}),
            "taken_for_tf2": dict(
                zip(("uses", "files"), self.taken_for_tf2, strict=True)
            ),
            "skipped": dict(sorted(reasons.items())),
            "skipped_files": [
                {key: value for key, value in skip._asdict().items() if value}
                for skip in self.skipped
            ],
        }


def scan(paths, workers=None, on_progress=lambda _done, _total: None, assume=""):
    """Reads every file under the paths and answers for every use of TF1.

    assume: 'tf1' or 'tf2', of files that do not say themselves which they are; by default
        they go with their neighbours.
    workers: processes to read with; by default as many as there are cores, and none for
        a few small files.
    on_progress: told the bytes read and all bytes, now and then.

    Raises:
        UnreadPath: if one of the paths itself cannot be read or parsed. What lies in a
            folder and cannot is in the report's ``skipped``.
    """
    files, skipped = sources.find(paths)
    file_reads = reads.read_all(files, workers, on_progress)
    unread = [*skipped]
    for read in file_reads:
        skipped += read.skipped
        if read.lines < 0:
            unread += read.skipped
    _refuse_named(paths, unread)
    readable = [read for read in file_reads if read.lines >= 0]
    lines = sum(read.lines for read in readable)
    findings, taken = _answer(readable, assume)
    return Report(len(readable), lines, findings, skipped, taken)


def _refuse_named(paths, unread):
    named = {os.path.abspath(path) for path in paths}
    real = {os.path.realpath(path) for path in paths}
    refused = [
        skip
        for skip in unread
        if os.path.abspath(skip.file) in named
        # A link that leads back to a folder that was named is no fault of it.
        or skip.reason not in sources.HARMLESS
        and os.path.realpath(skip.file) in real
    ]
    if refused:
        more = f" and {len(refused) - 1} more" if len(refused) > 1 else ""
        remedy = "Mend it, or name the folder around it, where it is counted as skipped"
        if refused[0].reason in sources.HARMLESS:
            remedy = "Name a file or a folder of Python code"
        raise UnreadPath(
            "PATH must name what can be read and parsed. Received: "
            f"{refused[0].where} ({refused[0].why}){more}. {remedy}."
        )


# ------------------------------------------------------------------- answering for uses


class File(NamedTuple):
    """A file whose names are resolved.

    uses: [(reads.Located, public_names.Known)].
    facts: [reads.Located].
    used: all symbols that it uses.
    world: 'tf1', 'tf2' or '', as it says itself.
    """

    read: reads.Read
    uses: list
    facts: list
    used: frozenset
    world: str


def _answer(file_reads, assume):
    files = [_resolved(read, assume) for read in file_reads]
    everywhere = frozenset().union(*[file.used for file in files])
    decisions = worlds.decided(files, assume)
    findings, taken = [], []
    for file in files:
        world, said = decisions[file.read.file]
        findings += _findings(file, world, everywhere)
        if world == "tf2" and not said:
            taken.append(sum(known.in_both for _, known in file.uses))
    return findings, (sum(taken), sum(map(bool, taken)))


def _resolved(read, assume):
    uses, file_facts, used = [], [], set()
    for located in read.uses:
        use = located.use
        if use.kind == "fact":
            file_facts.append(located)
            continue
        known = public_names.resolve(use.dotted)
        if known is None:
            continue
        whole = catalogue.canonical(use.dotted)
        used.update((known.symbol, whole))
        if "update_ops" in getattr(use.call, "literals", ()):
            used.add("tf.GraphKeys.UPDATE_OPS")
        if use.kind == "method":
            if public_names.method(whole) is None:
                continue  # told with its class
            known = known._replace(symbol=whole)
        elif use.call is None and _is_of_value(use, known.symbol):
            continue
        uses.append((located, known))
    world = worlds.own_world(uses, used, assume)
    if any(within(symbol, KERAS_3) for symbol in used):
        uses = [use for use in uses if not is_standalone(use[0].use.dotted)]
        file_facts = [fact for fact in file_facts if fact.use.dotted != "keras"]
    return File(read, uses, file_facts, frozenset(used), world)


def _is_of_value(use, symbol):
    """``FLAGS.rate``, where FLAGS is an alias: the alias was told already."""
    alias = ".".join(use.dotted.split(".")[: use.alias])
    return use.dotted != alias and len(symbol) <= len(catalogue.canonical(alias))


def _findings(file, world, everywhere):
    used = file.used
    if not facts.trains(used):
        used = used | everywhere  # of a model that another file trains
    findings = {}
    for (use, place), known in file.uses:
        if world == "tf2" and not known.by_compat:
            continue
        rule = public_names.method(known.symbol) if use.kind == "method" else None
        rule = rule or catalogue.find(known.symbol)
        if rule is None:
            standalone = is_standalone(use.dotted) and "__" not in use.dotted
            if known.symbol.startswith("tf.keras.") and not standalone:
                continue  # newer than 1.15, all of whose Keras is known
            note = UNKNOWN_KERAS if standalone else UNKNOWN
            rule = Rule(known.symbol, "unknown", note=note)
        elif known.only_in_tf2:
            continue
        else:
            rule = catalogue.decide(rule, use.call, used)
            if known.by_compat and rule.replacement == _in_compat(known.symbol):
                rule = rule._replace(status="same")  # written so already
        key = (place.line, place.column, known.symbol)
        if key not in findings or findings[key].status == "same":
            findings[key] = _finding(file, place, rule, use)
    if world == "tf1":
        for place, rule in facts.facts(file):
            key = (place.line, place.column, rule.symbol)
            findings[key] = _finding(file, place, rule)
    return [findings[key] for key in sorted(findings)]


def _in_compat(symbol):
    return symbol.replace("tf.", "tf.compat.v1.", 1)


def _finding(file, place, rule, use=None):
    return Finding(
        file.read.file,
        place.line,
        place.column,
        rule.symbol,
        rule.status,
        rule.replacement,
        rule.note,
        rule.chapter,
        rule.evidence,
        place.cell,
        place.text,
        use,
    )
