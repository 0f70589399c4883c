"""The support tickets: who wrote when about what, signed in many spellings, quoting each other, sent twice."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from compliance.worker.sample import spelling
from compliance.worker.sample.people import Company, Person
from compliance.worker.sample.words import ACCOUNT, AGAIN, CLOSINGS, GREETINGS, ISSUES, NUMBER_LINES, QUOTES

_LAST_DAY = datetime(2026, 10, 30, 17, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Ticket:
    """One ticket; ``quoted`` is who else stands in its text, and goes into no file."""

    id: str
    created_at: str
    lang: str
    customer_id: str
    sender: str
    sender_email: str
    topic: str
    subject: str
    body: str
    reply: str
    quoted: Person | None = None

    def as_json(self) -> dict[str, str]:
        """The ticket as the help desk stores it."""
        return {name: value for name, value in self.__dict__.items() if name != "quoted"}


def tickets(company: Company) -> list[Ticket]:
    """All tickets in the order in which they came; everybody's first one is about their contact details."""
    rng = random.Random(f"aurora tickets {company.seed}")
    drafts = sorted(_drafts(company, rng), key=lambda draft: draft.created_at)
    return [replace(draft, id=f"T-{number:06d}") for number, draft in enumerate(drafts, start=1)]


def quoting_demo(company: Company) -> list[Ticket]:
    """Other people's tickets that quote the demo person: to be redacted, not erased."""
    return [ticket for ticket in tickets(company) if ticket.quoted == company.demo]


def _drafts(company: Company, rng: random.Random) -> Iterator[Ticket]:
    for person in company.people:
        yield _account_ticket(person, rng)
    demo_quotes = rng.sample([person for person in company.people if person.name != company.demo.name], 4)
    for person in demo_quotes:
        yield _issue_ticket(person, company.demo, _after(company.demo, rng), rng)
    for _ in range(4):
        yield _issue_ticket(company.demo, None, _after(company.demo, rng), rng)
    written = len(company.people) + 8
    while written < company.size.tickets:
        person = rng.choice(company.people)
        quoted = rng.choice(company.people) if rng.random() < 0.12 else None
        quoted = None if quoted in (person, company.demo, company.namesake) else quoted
        ticket = _issue_ticket(person, quoted, _after(person, rng), rng)
        yield ticket
        written += 1
        if rng.random() < 0.06 and written < company.size.tickets:
            yield _sent_again(ticket, rng)
            written += 1


def _account_ticket(person: Person, rng: random.Random) -> Ticket:
    subject, text, reply = ACCOUNT[person.language]
    at = datetime.combine(person.since, datetime.min.time(), UTC) + timedelta(hours=9, minutes=rng.randrange(480))
    return _ticket(person, "account", subject, text, reply, at, rng)


def _issue_ticket(person: Person, quoted: Person | None, at: datetime, rng: random.Random) -> Ticket:
    issues = ISSUES[person.language]
    number = rng.randrange(len(issues))
    subject, text, reply = issues[number]
    quote = ""
    if quoted:
        quote = rng.choice(QUOTES[person.language]).format(
            name=quoted.name, email=spelling.email(quoted.email, rng), phone=spelling.phone(quoted.phone, rng)
        )
    ticket = _ticket(person, f"issue-{number}", subject, text, reply, at, rng, quote)
    return replace(ticket, quoted=quoted)


def _ticket(
    person: Person, topic: str, subject: str, text: str, reply: str, at: datetime, rng: random.Random, quote: str = ""
) -> Ticket:
    language = person.language
    number = NUMBER_LINES[language].format(spelling.customer_id(person.customer_id, rng)) if rng.random() < 0.4 else ""
    signature = [CLOSINGS[language], person.name]
    if topic == "account" or rng.random() < 0.5:
        signature.append(spelling.email(person.email, rng))
    if topic == "account" or rng.random() < 0.3:
        signature.append(spelling.phone(person.phone, rng))
    middle = " ".join(part for part in (quote, number) if part)
    parts = [f"{GREETINGS[language]} {text}", middle, "\n".join(signature)]
    return Ticket(
        id="",
        created_at=at.isoformat(),
        lang=language,
        customer_id=person.customer_id,
        sender=person.name,
        sender_email=spelling.tagged(person.email, rng),
        topic=topic,
        subject=subject,
        body="\n\n".join(part for part in parts if part),
        reply=reply,
    )


def _sent_again(ticket: Ticket, rng: random.Random) -> Ticket:
    at = datetime.fromisoformat(ticket.created_at) + timedelta(hours=rng.randrange(2, 72))
    body = f"{AGAIN[ticket.lang]} {ticket.body}" if rng.random() < 0.5 else f"{ticket.body}!"
    return replace(ticket, created_at=at.isoformat(), body=body)


def _after(person: Person, rng: random.Random) -> datetime:
    first = datetime.combine(person.since, datetime.min.time(), UTC) + timedelta(days=1, hours=8)
    return first + timedelta(minutes=rng.randrange(max(int((_LAST_DAY - first).total_seconds()) // 60, 1)))
