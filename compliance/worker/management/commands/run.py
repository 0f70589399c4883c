"""``manage.py run``: everything on one machine, the main job once, then serving until Ctrl-C."""

from __future__ import annotations

import os
import signal
import threading
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from compliance.accounts.models import LegalEntity
from compliance.evidence import services as evidence
from compliance.intake.models import ErasureRequest
from compliance.provenance import registration
from compliance.provenance.catalogue import CatalogueError
from compliance.provenance.models import Artifact
from compliance.rules import identifiers
from compliance.rules.errors import OubliError
from compliance.rules.terms import IdentifierKind, State
from compliance.worker import demo, results, staff
from compliance.worker.supervise import Processes, commands, refuse_taken_port

MARK = "demo-case"
SAMPLE_ENTITY = "aurora-gmbh"


class Command(BaseCommand):
    """Migrate, build or register, start the processes, take one case all the way, show the evidence, serve."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What may be chosen."""
        parser.add_argument("--systems", default="", help="a company's own systems.yaml instead of the sample's")
        parser.add_argument(
            "--subject", default="", help="whose case is run: email:ADDRESS, or email:ADDRESS;name:NAME"
        )
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--no-serve", action="store_true", help="stop after the case; exit 0 only if it verifies")
        parser.add_argument("--again", action="store_true", help="build the sample anew and run a new case")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run it."""
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        console = Console()
        os.environ.setdefault("OUBLI_SITE", f"http://localhost:{options['port']}")
        try:
            if not options["no_serve"]:
                refuse_taken_port(options["port"])
            call_command("migrate", verbosity=0)
            subject, entity = self._prepare(options, console)
            users = staff.ensure_demo_staff()
            with Processes(commands(port=options["port"], serve=not options["no_serve"])):
                verified = self._case(subject, entity, users, console) if subject else None
                if options["no_serve"]:
                    if verified is False:
                        raise CommandError("The evidence does not verify.")
                    return
                self._serve(options["port"], console)
        except CatalogueError as error:
            raise CommandError(str(error)) from error
        except OubliError as error:
            raise CommandError(f"{error.cause}\nNext: {error.next_action}") from error
        except KeyboardInterrupt:
            console.print("\nStopped.")

    def _prepare(self, options: dict[str, Any], console: Console) -> tuple[demo.Subject | None, LegalEntity]:
        if options["systems"]:
            path = Path(options["systems"])
            summary = registration.register(path, by="command line")
            console.print(f"Registered {summary.artifacts} artifacts of {summary.entities} legal entities")
            first = Artifact.objects.filter(retired_at=None).order_by("id").first()
            entity = first.entity if first else LegalEntity.objects.order_by("id")[0]
            return _subject(options["subject"]), entity
        from compliance.worker.sample import people

        folder = Path(settings.OUBLI_VAR) / "sample"
        call_command("build_sample", out=folder, force=options["again"])
        registration.register(folder / "systems.yaml", by="command line")
        person = people.demo_person()
        entity = LegalEntity.objects.get(slug=SAMPLE_ENTITY)
        return demo.Subject(email=person.email, name=person.name), entity

    def _case(self, subject: demo.Subject, entity: LegalEntity, users: Any, console: Console) -> bool:
        mark = Path(settings.OUBLI_VAR) / MARK
        known = ErasureRequest.objects.filter(reference=mark.read_text()).first() if mark.exists() else None
        if known and State(known.state) not in (State.RECEIVED, State.WITHDRAWN, State.LAPSED):
            case = demo.Case(known, users, console)
        else:
            case = demo.begin(subject, entity, users, console)
            mark.write_text(case.request.reference)
        report = evidence.latest(case.now) if State(case.now.state) in (State.ANSWERED, State.CLOSED) else None
        report = report or demo.climb(case)
        results.show(report, console)
        verified, words = demo.verify(report)
        console.print(words, style="green" if verified else "red")
        return verified

    def _serve(self, port: int, console: Console) -> None:
        site = f"http://localhost:{port}"
        console.print(f"\n[bold]{site}[/]           the form for data subjects, and /status/")
        console.print(f"{site}/officer/  olga.demo decides, pavel.demo approves,")
        console.print(f"{'':{len(site)}}           amir.demo audits, ada.demo staffs the office")
        console.print(f"Password of the demonstration accounts: {staff.password()}    Stop with Ctrl-C.")
        threading.Event().wait()


def _subject(typed: str) -> demo.Subject | None:
    """The person of ``email:ADDRESS`` or ``email:ADDRESS;name:NAME``; None when nobody is named."""
    if not typed:
        return None
    said = {one.kind: one.value for one in map(identifiers.parse, filter(None, typed.split(";")))}
    if IdentifierKind.EMAIL not in said or not set(said) <= {IdentifierKind.EMAIL, IdentifierKind.NAME}:
        raise CommandError(
            "The person is named by an e-mail address, which the letters go to, and a name if you like.\n"
            'Next: write email:ADDRESS or "email:ADDRESS;name:NAME"; other identifiers are learned from your tables.'
        )
    return demo.Subject(email=said[IdentifierKind.EMAIL], name=said.get(IdentifierKind.NAME, ""))
