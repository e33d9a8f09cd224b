"""What a scan may say of a use, from dear to cheap, and how each is shown; data only."""

from typing import NamedTuple


class Status(NamedTuple):
    """One answer.

    means: what it says of a symbol.
    asks_for: the work that one distinct symbol is, '' for none.
    level: of a SARIF result.
    style: of the word in a terminal.
    """

    means: str
    asks_for: str
    level: str
    style: str


STATUSES = {
    "gone": Status(
        "absent in TensorFlow 2, even under compat.v1",
        "write the successor named",
        "error",
        "bold red",
    ),
    "restructure": Status(
        "no one line replaces it: see its chapter or page",
        "read its chapter or page, then rewrite",
        "warning",
        "magenta",
    ),
    "changes": Status(
        "the same name or its official successor computes other numbers",
        "one decision each: keep TF1's numbers with a part, or take the new ones",
        "warning",
        "yellow",
    ),
    "renamed": Status(
        "the same numbers under another name",
        "mechanical: search and replace",
        "note",
        "cyan",
    ),
    "same": Status("stays as it is", "", "none", "green"),
    "unknown": Status(
        "not in TensorFlow 1.15's public interface",
        "find out where it comes from",
        "note",
        "bold",
    ),
}
# In the order of work: what is cheap makes the rest easier to read.
IN_ORDER_OF_WORK = ("renamed", "changes", "gone", "restructure", "unknown")
