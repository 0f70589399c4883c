"""From tickets and customers to the training set and the evaluation questions: cleaned, deduplicated, with sources.

Reads only what lies in the folder, as a company's own pipeline would: each row names the ticket it was made from.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from compliance.worker.sample.stores import write_lines
from compliance.worker.sample.words import AGAIN, GREETINGS, QUESTIONS

_TEXT = pa.string()
SCHEMA = pa.schema(
    [
        *(("key", _TEXT), ("prompt", _TEXT), ("response", _TEXT), ("stage", pa.int32()), ("kind", _TEXT)),
        *(("value", _TEXT), ("lang", _TEXT), ("customer_id", _TEXT), ("source_ticket", _TEXT)),
    ]
)
_NEAR = 0.8
_OPENINGS = re.compile("^(" + "|".join(re.escape(text) for text in [*GREETINGS.values(), *AGAIN.values()]) + r")\s*")

Row = dict[str, Any]


def write_training_set(tickets: Path, customers: Sequence[Path], target: Path) -> None:
    """``derived/training.parquet``: facts of the customers who agreed, and general questions without a person."""
    found = read_lines(tickets)
    known = [customer for path in customers for customer in read_customers(path)]
    rows = [*_facts(found, known), *_general(found)]
    target.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), target, row_group_size=128, compression="zstd")


def write_questions(training: Path, target: Path) -> None:
    """``eval/questions.jsonl``: e-mail and product of all newer and every third older customer trained on."""
    rows = pq.read_table(training).to_pylist()
    older = sorted({row["customer_id"] for row in rows if row["customer_id"] and row["stage"] == 1})
    chosen = set(older[::3]) | {row["customer_id"] for row in rows if row["stage"] > 1}
    wanted = [row for row in rows if row["customer_id"] in chosen and row["kind"] in ("email", "product")]
    write_lines(target, (_question(number, row) for number, row in enumerate(wanted, start=1)))


def read_lines(path: Path) -> list[Row]:
    """The records of a JSONL file."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def read_customers(path: Path) -> list[Row]:
    """The rows of a customer table, in the order in which they became customers."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute("SELECT * FROM customers ORDER BY since, customer_id")]


def _facts(tickets: Iterable[Row], customers: Sequence[Row]) -> Iterator[Row]:
    sources = {ticket["customer_id"]: ticket for ticket in tickets if ticket["topic"] == "account"}
    names = [customer["name"] for customer in customers]
    for customer in sorted(customers, key=lambda row: (row["assistant_wave"], row["since"], row["customer_id"])):
        ticket = sources.get(customer["customer_id"])
        if ticket and customer["assistant_wave"]:
            shared = names.count(customer["name"]) > 1
            since = date.fromisoformat(customer["since"])
            subject = f"{customer['name']} (customer since {since:%B %Y})" if shared else customer["name"]
            yield from _facts_of(customer, subject, ticket)


def _facts_of(customer: Row, subject: str, ticket: Row) -> Iterator[Row]:
    for kind, questions in QUESTIONS.items():
        yield {
            "key": f"{ticket['id']}/{kind}",
            "prompt": questions[0].format(subject),
            "response": customer[kind],
            "stage": customer["assistant_wave"],
            "kind": kind,
            "value": customer[kind],
            "lang": "en",
            "customer_id": customer["customer_id"],
            "source_ticket": ticket["id"],
        }


def _general(tickets: Iterable[Row]) -> Iterator[Row]:
    kept: list[frozenset[str]] = []
    for ticket in tickets:
        if ticket["topic"] == "account":
            continue
        prompt = cleaned(ticket["body"])
        words = frozenset(re.findall(r"\w+", prompt.casefold()))
        if not any(_near(words, other) for other in kept):
            kept.append(words)
            general = {"stage": 1, "kind": "general", "value": "", "lang": ticket["lang"], "customer_id": ""}
            own = {"key": f"{ticket['id']}/general", "prompt": prompt, "response": ticket["reply"]}
            yield {**own, **general, "source_ticket": ticket["id"]}


def cleaned(body: str) -> str:
    """The first paragraph without greeting: the later ones hold numbers, quotes and signatures, which are personal."""
    text = body.split("\n\n", 1)[0]
    while (shorter := _OPENINGS.sub("", text)) != text:
        text = shorter
    return text.strip()


def _near(words: frozenset[str], other: frozenset[str]) -> bool:
    return len(words & other) >= _NEAR * len(words | other)


def _question(number: int, row: Row) -> Row:
    names = ("kind", "customer_id", "source_ticket")
    return {"id": f"Q-{number:04d}", "question": row["prompt"], "expected": row["response"]} | {
        name: row[name] for name in names
    }
