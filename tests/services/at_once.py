"""What two processes do to the same case at once: ``python -m tests.services.at_once NAME ARGUMENTS``.

A function that races says that it is ready and waits for a line, so that those that race start together; one that holds
a lock says so while it holds it, and goes on when it is told to.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import django

django.setup()

from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value  # noqa: E402
from django.utils import timezone  # noqa: E402

from compliance.accounts import second_factor  # noqa: E402
from compliance.accounts.models import User  # noqa: E402
from compliance.intake import decisions, retention, services  # noqa: E402
from compliance.intake.models import ErasureRequest  # noqa: E402
from compliance.intake.papers import Retention  # noqa: E402
from compliance.jobs.progress import Unattended  # noqa: E402
from compliance.mitigation import together, turns  # noqa: E402
from compliance.mitigation.tasks import NotYet, Task  # noqa: E402
from compliance.rules.errors import OubliError  # noqa: E402
from compliance.rules.terms import Ground, State  # noqa: E402
from compliance.worker import oblivion, tasks  # noqa: E402
from tests.web import seeded  # noqa: E402

MODEL = "aurora-support-lm"


def ready(**said: object) -> None:
    """Say where this process is, and wait for a line."""
    print(json.dumps(said), flush=True)
    sys.stdin.readline()


def outcome(act: Callable[[], Any]) -> str:
    """``done``, or the name of the error that refused it."""
    try:
        act()
    except (OubliError, NotYet) as refused:
        return type(refused).__name__
    return "done"


def case_of(reference: str) -> ErasureRequest:
    """The case as this process reads it."""
    return ErasureRequest.objects.select_related("entity").get(reference=reference)


def sharing() -> list[str]:
    """Three planned cases of one model: the first two share a run and are approved, the third is free."""
    firm = seeded.company()
    made = seeded.register(firm.entity)
    cases = [seeded.planned(firm, made, email=f"person{number}@example.org") for number in range(3)]
    for case in cases[:2]:
        digest = seeded.plan_of(case).digest
        for who in (firm.olga, firm.bruno):
            decisions.approve(case, by=who, plan_digest=digest, current_digest=digest)
    together.bind(cases[0], by=firm.olga, artifact=MODEL, references=[cases[1].reference])
    return [case.reference for case in cases]


def planned(count: str) -> list[str]:
    """That many planned cases of one model, none of them bound."""
    firm = seeded.company()
    made = seeded.register(firm.entity)
    return [seeded.planned(firm, made, email=f"person{n}@example.org").reference for n in range(int(count))]


def _pausing() -> None:
    """From now on this process says when it holds the model's row, and waits there."""
    held = turns.hold_still

    def paused(artifact: int) -> None:
        held(artifact)
        ready(holds=artifact)

    turns.hold_still = paused


def begin(reference: str, how: str = "at once") -> str:
    """A worker begins the run that the case shares."""
    case = case_of(reference)
    task = Task(case, seeded.plan_of(case).steps.get(action="replay_model"), Unattended())
    if how == "pausing":
        _pausing()
    return outcome(lambda: turns.turn(task))


def bind(reference: str, other: str, how: str = "at once") -> str:
    """An officer binds another case to the case's run."""
    case, olga = case_of(reference), User.objects.get(username="olga")
    if how == "pausing":
        _pausing()
    if how == "together":
        ready()
    return outcome(lambda: together.bind(case, by=olga, artifact=MODEL, references=[other]))


def asked(count: str) -> list[list[str]]:
    """That many people ask: reference, and the code that their letter will carry."""
    firm = seeded.company()
    made = [seeded.submitted(firm, email=f"person{number}@example.org") for number in range(int(count))]
    return [[receipt.reference, seeded.code_of(receipt.request)] for receipt in made]


def post() -> int:
    """A worker sends the letters that are owed."""
    ready()
    return tasks.post_letters()


def confirm(reference: str, code: str) -> str:
    """Somebody types in the code."""
    ready()
    return outcome(lambda: services.prove(reference, code))


def verified() -> str:
    """A case that waits for the officer."""
    return seeded.verified(seeded.company()).reference


def accept(reference: str) -> str:
    """The officer accepts."""
    case, olga = case_of(reference), User.objects.get(username="olga")
    reasons = decisions.Reasons(ground=Ground.CONSENT_WITHDRAWN)
    ready()
    return outcome(lambda: decisions.accept(case, by=olga, reasons=reasons))


def withdraw(reference: str) -> str:
    """The person takes the request back."""
    case = case_of(reference)
    ready()
    return outcome(lambda: decisions.withdraw(case))


def extend(reference: str) -> str:
    """The officer extends the deadline."""
    case, olga = case_of(reference), User.objects.get(username="olga")
    ready()
    return outcome(lambda: decisions.extend(case, by=olga, reasons=decisions.Reasons(reason="Forty systems.")))


def closed() -> str:
    """A closed case whose day to be forgotten is today."""
    firm = seeded.company()
    case = seeded.answered(firm, seeded.register(firm.entity))
    services.move(case, to=State.CLOSED, by=services.SYSTEM)
    Retention.objects.filter(request=case).update(ends_on=timezone.now().date() - timedelta(days=1))
    return case.reference


def forget(reference: str) -> str:
    """The schedule forgets what is due; it has read what that is."""
    due = retention.due(timezone.now().date())
    ready()
    return outcome(lambda: [oblivion.forget(case, by="system") for case in due])


def challenge(reference: str) -> str:
    """The person says that it is still there; their page is open."""
    case = case_of(reference)
    ready()
    return outcome(lambda: decisions.challenge(case, reason="I still see my name."))


def recovery_code() -> str:
    """An officer with a second factor: one recovery code of theirs."""
    olga, sealed = seeded.company().olga, second_factor.sealed_secret()
    secret, present = second_factor.offer(olga, sealed).secret, int(time.time()) // 30
    return second_factor.activate(olga, sealed, str(format_hotp_value(hotp_value(secret, present))))[0]


def type_code(code: str) -> bool:
    """Somebody types a code in."""
    olga = User.objects.get(username="olga")
    ready()
    return second_factor.accept(olga, code)


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
