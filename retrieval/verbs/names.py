"""``names``: who is in a framework's folder, by the names that ``erase`` takes."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping

from retrieval.verbs import given as take

HELP = "find people in LangChain's or LlamaIndex's folder: names and documents that erase takes"
EXAMPLE = """example:
  python -m retrieval names store/ --identifier email:ana@example.org
  python -m retrieval erase store/ --names NAME NAME
"""


def arguments(parser: ArgumentParser) -> None:
    """Take the folder and identifiers."""
    take.folder(parser)
    take.identifiers(parser)


def run(given: Namespace) -> tuple[object, int]:
    """Return every occurrence in texts and in what the framework keeps beside them, each with its text's name."""
    from retrieval.frameworks import entries
    from retrieval.locate import Locator

    locator = Locator(take.needles(given), region=given.region)
    found = [
        {
            "name": entry.name, "document": entry.document, "field": field, "start": start, "end": end,
            "needle": rule.needle.key, "support": rule.support_of(text[start:end]),
        }
        for entry in entries(given.folder).values()
        for field, text in _fields({"text": entry.text, **entry.metadata})
        for start, end, rule in locator.spans(text)
    ]  # fmt: skip
    return found, 0


def _fields(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text in nested metadata, with the way to it."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _fields(part, f"{name}.{key}" if name else str(key))
    elif isinstance(value, (list, tuple)):
        for at, part in enumerate(value):
            yield from _fields(part, f"{name}.{at}")
    elif isinstance(value, (str, int)):
        yield name, str(value)
