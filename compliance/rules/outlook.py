"""What is known of an index before anything is erased from it: will it go, how, and what of it would stay.

Read from facts that were asked of the index while the plan was drafted (``index_level``, ``index_why``,
``index_mends``), and of the most that the officer may still tick (``index_level_all``): ticks change the plan while
nobody looks again.
"""

from __future__ import annotations

from compliance.rules.affected import Affected

REFUSED = "refused"
_IN_PLACE = {
    "scrubbed": "Their bytes are overwritten where they stand; nothing else in the index changes.",
    "repaired": "Their bytes are overwritten where they stand, and the links that led to them are mended.",
}
_WEIGH = "What the index learned from all its entries together was learned with these too, to a share that counts"


def level(item: Affected) -> str:
    """What an erase of the records that count now will be; of others than were asked about, the weakest."""
    asked = item.facts.get("index_of") == item.facts.get("records")
    return str(item.facts.get("index_level" if asked else "index_level_all") or "")


def goes(item: Affected) -> bool:
    """Whether the entries can be erased at all, as far as is known."""
    return level(item) != REFUSED


def hidden_alone_why(item: Affected) -> str:
    """Say that hiding is all that can be done, why, and what would change it."""
    return (
        f"Searches in {item.name} leave {item.found} entries out at once; they are still stored, and cannot be erased "
        f"from it as it is: {_why(item)} Nothing else is planned for it, and the case can say no more than that. Have "
        "that changed, then have the case look again, before this is approved."
    )


def how(item: Affected) -> str:
    """How the entries will go, in a sentence that stands behind why they go; nothing where it was not asked."""
    known = level(item)
    if known == "partial":
        return f" {_partial(item)}"
    return f" {_IN_PLACE[known]}" if known in _IN_PLACE else ""


def is_in_place(item: Affected) -> bool:
    """Whether only the bytes of the entries change."""
    return level(item) in _IN_PLACE


def _partial(item: Affected) -> str:
    if item.holds("index_mends"):
        return f"{_WEIGH}: it is learned again from the texts of those who stay, each of which is embedded again."
    return (
        f"{_WEIGH}, and stays as it is: their own entries go, and the case will claim no more than that. Name its "
        "embedder (options.embedder) and have the case look again, and it is learned again without them."
    )


def _why(item: Affected) -> str:
    words = str(item.facts.get("index_why") or "the kind of index is none that can be changed here.").strip()
    return words if words.endswith(".") else f"{words}."
