"""What a finished case shows in a terminal: claims, tests before and after, and where the evidence lies."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.table import Table

from compliance.evidence import services as evidence
from compliance.evidence.models import Report
from compliance.mitigation.models import Leftover
from compliance.rules.figures import plain
from compliance.validation.models import Measurement

RATES = ("extraction", "extraction_paraphrase", "extraction_prefill")


def show(report: Report, console: Console) -> None:
    """Print claims, the model's rates per group, judged measurements and what goes on which day."""
    console.print("\n[bold]What may be said[/]")
    for claim in report.claims:
        console.print(f"  {claim['artifact']:<14} [bold]{claim['level']}[/]: {claim['sentence']}", soft_wrap=True)
    rows = Measurement.objects.filter(request=report.request, plan__round=report.round).select_related("artifact")
    _rates([row for row in rows if row.name in RATES], console)
    _judged([row for row in rows if row.verdict], console)
    _kept(Leftover.objects.filter(step__plan__request=report.request, gone_at=None), console)
    console.print(f"\nEvidence: [bold]{evidence.pack_path(report)}[/]", soft_wrap=True)
    console.print(f"Key fingerprint for the auditor: {evidence.fingerprint()}", soft_wrap=True)


def _kept(rows: Iterable[Leftover], console: Console) -> None:
    """One line for what lies in one folder and goes on one day."""
    together: dict[tuple[date, str, Path], list[str]] = {}
    for row in rows:
        where = Path(row.path)
        together.setdefault((row.goes_on, row.get_kind_display().lower(), where.parent), []).append(where.name)
    for (day, kind, folder), names in together.items():
        what = f"{len(names)} × {kind} [dim]in {folder}[/]" if len(names) > 1 else f"{kind} [dim]{folder / names[0]}[/]"
        console.print(f"Kept until {day}: {what}", soft_wrap=True)


def _rates(rows: list[Measurement], console: Console) -> None:
    if not rows:
        return
    table = Table("Test", "Who", "Original", "New model", "n", title="Answers given by the model", title_justify="left")
    for row in rows:
        before = "-" if row.before is None else f"{row.before:.0%}"
        value = "-" if row.value is None else f"{row.value:.0%}"
        table.add_row(row.name.replace("_", " "), row.group, before, value, str(row.n or ""))
    console.print(table)


def _judged(rows: list[Measurement], console: Console) -> None:
    table = Table("Place", "Measurement", "Before", "After", "Verdict", title="Proof", title_justify="left")
    for row in rows:
        before = "" if row.before is None else plain(row.before)
        value = "" if row.value is None else plain(row.value)
        name = row.name.replace("_", " ")
        table.add_row(row.artifact.slug, name, before, value, row.get_verdict_display())
    console.print(table)
