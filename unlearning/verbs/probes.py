"""Words of the verbs that ask a model about a person: one probe file, or one row file for each group."""

from __future__ import annotations

import argparse
from pathlib import Path

from unlearning.errors import RowsError
from unlearning.types import PersonFacts, Row

GROUPS = {
    "person": "rows of the person, JSONL or Parquet, in place of --probe",
    "controls": "rows of people whom the model never saw",
    "others": "rows of people whom the model should still know",
    "namesakes": "rows of other people of the same name",
    "known": "rows of other forgotten people that an attacker may train on",
}


def probing(parser: argparse.ArgumentParser) -> None:
    """What the verbs take that ask a model about a person."""
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--probe", type=Path, help="JSON: person, controls, namesakes, others, known, candidates")
    for name, text in GROUPS.items():
        parser.add_argument(f"--{name}", type=Path, help=text)
    parser.add_argument("--candidates", type=_several, default=300, help="values that each true value is ranked among")


def _several(text: str) -> int:
    if not text.isdigit() or not 10 <= int(text) <= 100_000:
        raise argparse.ArgumentTypeError("a whole number from 10 to 100,000")
    return int(text)


def facts_of(options: argparse.Namespace) -> PersonFacts:
    """Facts from the probe file, or from the row files; raises RowsError."""
    from unlearning.rows import read_facts, read_rows

    given = {name: getattr(options, name) for name in GROUPS if getattr(options, name)}
    if bool(options.probe) == bool(given.get("person")):
        raise RowsError("asking about a person: give either --probe, or --person with --controls and the others")
    if options.probe:
        return read_facts(options.probe)
    rows: dict[str, tuple[Row, ...]] = {name: tuple(read_rows(path)) for name, path in given.items()}
    named, others, known = (rows.get(name, ()) for name in ("namesakes", "others", "known"))
    return PersonFacts(rows["person"], rows.get("controls", ()), namesakes=named, others=others, known=known)
