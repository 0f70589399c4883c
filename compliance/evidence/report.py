"""The report's page: a dossier arranged for reading, drawn and rendered with ``templates/evidence/report.html``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from compliance.evidence.dossier import Claim, Dossier, Happening, Measurement, Place, Step
from compliance.evidence.drawings import Edge, Mark, Node, RateRow, lineage_svg, rates_svg, timeline_svg
from compliance.evidence.drawings.pen import Theme
from compliance.rules.terms import ClaimLevel, State, Verdict

RATE_UNITS = ("rate", "share", "AUC")
WIDEST = 860  # a drawing wider than this, in its own pixels, gets a page on its side


@dataclass(frozen=True)
class Sheet:
    """All about one artifact: what was found, done, measured, and may be claimed."""

    place: Place
    claim: Claim | None
    steps: tuple[Step, ...]
    measurements: tuple[Measurement, ...]


@dataclass(frozen=True)
class SealFacts:
    """Who seals the report: printed on the page, because the signature itself is invisible."""

    organisation: str
    certificate: str
    log_key: str


def sheets(dossier: Dossier) -> list[Sheet]:
    """One sheet per artifact, in the dossier's order."""
    claims = {claim.artifact: claim for claim in dossier.claims}
    return [
        Sheet(
            place,
            claims.get(place.key),
            tuple(step for step in dossier.steps if step.artifact == place.key),
            tuple(test for test in dossier.measurements if test.artifact == place.key),
        )
        for place in dossier.places
    ]


def lineage(dossier: Dossier, *, theme: Theme = "light", links: dict[str, str] | None = None) -> str:
    """The lineage drawing of a dossier; ``links`` gives a page's address per artifact key."""
    claims = {claim.artifact: claim for claim in dossier.claims}
    nodes = [
        Node(
            id=place.key,
            label=place.name,
            detail=_detail(place),
            kind=place.kind,
            state=_state(place, claims.get(place.key)),
            href=(links or {}).get(place.key, ""),
        )
        for place in dossier.places
    ]
    edges = [Edge(source=way.source, target=way.target, carried=way.carried) for way in dossier.derivations]
    return lineage_svg(nodes, edges, theme=theme, title="Where the person's data was found")


def _detail(place: Place) -> str:
    total = place.found.total
    return f"{total} {'match' if total == 1 else 'matches'}" if total else "no match"


def _state(place: Place, claim: Claim | None) -> str:
    return claim.level.value if claim else ("found" if place.found.total else "clear")


def rates(dossier: Dossier, artifact: str, *, theme: Theme = "light") -> str:
    """The before-and-after drawing of an artifact's rates; empty when it has none."""
    tests = [m for m in dossier.measurements if m.artifact == artifact and m.unit.startswith(RATE_UNITS)]
    controls = {m.name: m.after for m in tests if m.group == "controls"}
    rows = [
        RateRow(
            label=_label(test),
            before=test.before,
            after=test.after,
            controls=controls.get(test.name) if test.group == "person" else None,
            limit=test.threshold.limit if test.threshold else None,
        )
        for test in tests
        if test.group != "controls"
    ]
    return rates_svg(rows, theme=theme, title="Tests before and after, beside controls") if rows else ""


def _label(test: Measurement) -> str:
    name = test.name.replace("_", " ")
    return name if test.group == "person" else f"{name} ({test.group})"


def timeline(dossier: Dossier, *, theme: Theme = "light") -> str:
    """The drawing of what happened against the promised dates."""
    marks = [Mark(at=line.at, label=line.what) for line in dossier.timeline]
    flags = [(clock.promised, f"{clock.law}: promised") for clock in dossier.deadlines]
    return timeline_svg(marks, flags, theme=theme, title="What happened against the clocks")


def grouped(lines: tuple[Happening, ...]) -> list[tuple[Happening, int]]:
    """The timeline with runs of the same line by the same hand as one line and a count."""
    runs: list[tuple[Happening, int]] = []
    for line in lines:
        if runs and (runs[-1][0].what, runs[-1][0].by) == (line.what, line.by):
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((line, 1))
    return runs


def _safe(svg: str) -> SafeString:
    return mark_safe(svg)  # noqa: S308  # our own drawing, every text in it escaped by drawings.pen


def _width(svg: str) -> float:
    return float(svg.split('viewBox="0 0 ', 1)[1].split(" ", 1)[0])


def _headline(dossier: Dossier) -> str:
    """The weakest claim; without claims there is none to be weak, and what happened instead is said."""
    if dossier.claims:
        return dossier.weakest.label
    if dossier.request.state is State.FORWARDED:
        return "Forwarded to the controller: nothing was searched or changed"
    return "Refused: nothing was searched or changed" if _refused(dossier) else "Nothing was found"


def _refused(dossier: Dossier) -> bool:
    return dossier.request.state in (State.REFUSED, State.FORWARDED)


def _tallies(dossier: Dossier) -> list[tuple[str, int]]:
    verdicts = [test.verdict for test in dossier.measurements if test.verdict]
    return [(verdict.label, verdicts.count(verdict)) for verdict in Verdict]


def render_report(dossier: Dossier, *, seal: SealFacts | None = None) -> str:
    """The report as one HTML page, to be printed by ``pdf.render_pdf``; needs Django's templates, no database."""
    named = {place.key: place.name for place in dossier.places}
    short = replace(dossier, timeline=dossier.timeline[:200])
    drawn = lineage(dossier)
    context: dict[str, Any] = {
        "dossier": dossier,
        "happened": grouped(dossier.timeline),
        "seal": seal,
        "sheets": sheets(dossier),
        "named": named,
        "weakest": _headline(dossier),
        "lineage": _safe(drawn),
        "wide": _width(drawn) > WIDEST,
        "timeline": _safe(timeline(short)),
        "tallies": _tallies(dossier),
        "levels": list(ClaimLevel),
        "refused": _refused(dossier),
        "plots": [(place.name, _safe(drawing)) for place in dossier.places if (drawing := rates(dossier, place.key))],
    }
    return render_to_string("evidence/report.html", context)


def stylesheet() -> Path:
    """Where the report's stylesheet lies, beside its template."""
    return Path(settings.BASE_DIR) / "templates" / "evidence" / "report.css"
