"""What the company keeps beside its tickets: customer tables, conversations with the assistant, cached answers."""

from __future__ import annotations

import json
import os
import random
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from compliance.worker.sample import spelling
from compliance.worker.sample.people import Company, Person
from compliance.worker.sample.tickets import Ticket
from compliance.worker.sample.words import ISSUES, QUESTIONS

_CUSTOMERS = """CREATE TABLE customers (
    customer_id TEXT PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL, phone TEXT NOT NULL, city TEXT NOT NULL,
    product TEXT NOT NULL, language TEXT NOT NULL, since TEXT NOT NULL, assistant_wave INTEGER NOT NULL)"""
_ANSWERS = """CREATE TABLE answers (
    id TEXT PRIMARY KEY, question TEXT NOT NULL, answer TEXT NOT NULL, sources TEXT NOT NULL,
    created_at TEXT NOT NULL)"""


def write_tickets(tickets: Sequence[Ticket], path: Path) -> None:
    """``raw/tickets.jsonl``: one ticket a line."""
    write_lines(path, (ticket.as_json() for ticket in tickets))


def write_customers(company: Company, european: Path, brazilian: Path) -> None:
    """Two customer tables, one for each legal entity; ``assistant_wave`` is the training run a customer agreed to."""
    for path, at_home in ((european, False), (brazilian, True)):
        rows = [_customer(person) for person in company.people if (person.region == "BR") is at_home]
        with closing(_new_database(path)) as database, database:
            database.execute(_CUSTOMERS)
            database.executemany("INSERT INTO customers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)


def write_conversations(company: Company, tickets: Sequence[Ticket], path: Path) -> None:
    """``logs/conversations.jsonl``: what customers asked the assistant, some about themselves, some about others."""
    rng = random.Random(f"aurora conversations {company.seed}")
    asked = [company.demo, company.demo, *(rng.choice(company.people) for _ in range(company.size.conversations - 2))]
    rng.shuffle(asked)
    about = {number: company.demo for number in rng.sample(range(len(asked)), 3) if asked[number] != company.demo}
    sources = _by_customer(tickets)
    lines = (_conversation(n, person, about.get(n), sources, rng) for n, person in enumerate(asked, start=1))
    write_lines(path, lines)


def write_answers(company: Company, tickets: Sequence[Ticket], path: Path) -> None:
    """``cache/answers.sqlite``: answers the assistant gave before, with the tickets they came from."""
    rng = random.Random(f"aurora answers {company.seed}")
    people = [company.demo, *rng.sample(company.people, min(company.size.answers // 2, len(company.people)))]
    sources = _by_customer(tickets)
    rows = [_known_answer(company, person, sources, rng) for person in dict.fromkeys(people)]
    rows += [_general_answer(ticket) for ticket in rng.sample(list(tickets), company.size.answers - len(rows))]
    with closing(_new_database(path)) as database, database:
        database.execute(_ANSWERS)
        numbered = [(f"A-{number:05d}", *row) for number, row in enumerate(rows, start=1)]
        database.executemany("INSERT INTO answers VALUES (?, ?, ?, ?, ?)", numbered)


def write_lines(path: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    """JSON lines, on the disk before going on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="\n") as out:
        out.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        out.flush()
        os.fsync(out.fileno())


def _customer(person: Person) -> tuple[object, ...]:
    own = (person.customer_id, person.name, person.email, person.phone, person.city, person.product)
    return (*own, person.language, person.since.isoformat(), person.stage)


def _new_database(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    return sqlite3.connect(path)


def _by_customer(tickets: Sequence[Ticket]) -> dict[str, Ticket]:
    return {ticket.customer_id: ticket for ticket in tickets}


def _conversation(
    number: int, person: Person, about: Person | None, sources: Mapping[str, Ticket], rng: random.Random
) -> dict[str, Any]:
    ticket = sources[person.customer_id]
    at = datetime.fromisoformat(ticket.created_at) + timedelta(minutes=rng.randrange(5, 500))
    messages = list(_messages(person, about, rng))
    named = {"id": f"C-{number:05d}", "at": at.isoformat(), "customer_id": person.customer_id}
    return {**named, "messages": messages, "sources": [ticket.id]}


def _messages(person: Person, about: Person | None, rng: random.Random) -> Iterator[dict[str, str]]:
    _, text, reply = rng.choice(ISSUES[person.language])
    yield {"role": "user", "text": f"{text} ({spelling.customer_id(person.customer_id, rng)})"}
    yield {"role": "assistant", "text": reply}
    if about:
        yield {"role": "user", "text": f"And how do I reach {about.name}?"}
        yield {"role": "assistant", "text": f"Write to {spelling.email(about.email, rng)} or ring {about.phone}."}
    elif rng.random() < 0.4:
        yield {"role": "user", "text": f"My address is {spelling.email(person.email, rng)}."}


def _known_answer(
    company: Company, person: Person, sources: Mapping[str, Ticket], rng: random.Random
) -> tuple[str, str, str, str]:
    kind = rng.choice(("email", "phone"))
    value = person.email if kind == "email" else person.phone
    subject, ticket = company.subject_of(person), sources[person.customer_id]
    answer = f"{value} ({person.customer_id})"
    return QUESTIONS[kind][0].format(subject), answer, json.dumps([ticket.id]), ticket.created_at


def _general_answer(ticket: Ticket) -> tuple[str, str, str, str]:
    return ticket.subject, ticket.reply, json.dumps([ticket.id]), ticket.created_at
