"""A pair whose two plays are stored records: what the claims about reports show."""

from parity_tests.engine.comparison import compare_plays
from parity_tests.engine.small_plays import small_run
from parity_tests.pair import html_report, levels, traces


class StoredPair:
    """Compares two lists of records; has what ``levels.compare_levels`` needs."""

    def __init__(self, reference, candidate):
        self.records = reference, candidate

    def compare(self, moves, level, on_reference, on_candidate, on_difference, kept):
        del moves, level, kept

        def seen(records, observe):
            for record in records:
                observe(record)
                yield record

        reference, candidate = self.records
        return compare_plays(
            seen(reference, on_reference),
            seen(candidate, on_candidate),
            on_difference=on_difference,
        )


def subject(
    name="pair.py",
    candidate=None,
    asked=("function", "fit"),
    examples=1,
    reference=None,
):
    """A ``html_report.Subject`` of two small plays, equal unless told otherwise."""
    reference = small_run() if reference is None else reference
    pair = StoredPair(reference, reference if candidate is None else candidate)
    trace = traces.Trace()
    cells, divergences = levels.compare_levels(
        pair, asked, [()] * examples, trace.on_record, trace.on_difference
    )
    data = {
        "steps": len(reference) - 1,
        "examples": examples,
        "levels": cells,
        "result": {"metric": "loss", "session": 1.0, **dict.fromkeys(asked, 1.0)},
        "first_divergence": {},
    }
    divergences = {level: divergence for level, (_, divergence) in divergences.items()}
    again = {level: f"tf-parity check {name} --level {level}" for level in divergences}
    return html_report.Subject(
        name, data, trace, divergences, {}, again or {None: f"tf-parity check {name}"}
    )


def parting(**options):
    """The same, of a play whose updates come one step late."""
    return subject(candidate=small_run(one_step_late=True), **options)
