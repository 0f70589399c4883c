"""The map: every registered place of a legal entity, what was made from what, and a person's way through it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_safe

from compliance.accounts.models import LegalEntity
from compliance.evidence.drawings import Edge, Node, lineage_svg, mark_svg
from compliance.intake.models import ErasureRequest
from compliance.provenance.models import Artifact, Derivation, LineageRun, LineageUse, SearchNote
from compliance.rules.terms import ArtifactKind
from compliance.web import casefile, mapping
from compliance.web.staff import CASE_ROLES, case_or_404, desk, entities, member, staff

WORDS = {
    "read": "read whole at the last search",
    "partly_read": "a part could not be read",
    "never_read": "never searched yet",
    "refused": "made from what was erased: refused",
    "found": "the person was found here, or it was made from where they were",
    "clear": "nothing of the person found",
}


@dataclass(frozen=True)
class Place:
    """One row of the table: an artifact, what it was made from, and the newest version that is known."""

    artifact: Artifact
    kind: str
    made_from: tuple[str, ...]
    version: str
    step: int | None
    run: str
    state: str
    detail: str
    found: casefile.FoundRow | None


@staff
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """The map of one legal entity, or with ``?case=`` the person's way through it."""
    user = member(request)
    mine = sorted(entities(user, CASE_ROLES), key=lambda each: each.name)
    case = case_or_404(user, request.GET["case"]) if request.GET.get("case") else None
    entity = case.entity if case else _chosen(mine, request.GET.get("entity", ""))
    rows = _places(entity, case)
    pairs = list(Derivation.objects.filter(parent__entity=entity).values_list("parent__slug", "child__slug"))
    context = {
        "here": "map",
        "entity": entity,
        "entities": mine,
        "case": case,
        "rows": rows,
        "drawing": _drawing(request, rows, pairs, case),
        "legend": [(_svg(mark_svg(state)), WORDS[state]) for state in WORDS if state in {row.state for row in rows}],
        "found": sum(bool(row.found and row.found.found) for row in rows),
        "opened": request.GET.getlist("open"),
    }
    return desk(request, "officer/map.html", context)


def _svg(text: str) -> SafeString:
    """The drawing as it is: the pen has escaped every word in it."""
    return mark_safe(text)  # noqa: S308 - written by our own pen, which escapes text and attributes


def _chosen(mine: list[LegalEntity], slug: str) -> LegalEntity:
    """The entity that was asked for; else the one with the most places, because there is the most to see."""
    if not slug:
        places = Counter(Artifact.objects.filter(entity__in=mine).values_list("entity", flat=True))
        return max(mine, key=lambda each: places[each.pk])
    found = next((each for each in mine if each.slug == slug), None)
    if found is None:
        raise Http404
    return found


def _places(entity: LegalEntity, case: ErasureRequest | None) -> list[Place]:
    artifacts = Artifact.objects.filter(entity=entity, retired_at=None)
    parents: dict[int, list[str]] = {}
    for child, name in Derivation.objects.filter(child__entity=entity).values_list("child_id", "parent__name"):
        parents.setdefault(child, []).append(name)
    newest = {use.artifact_id: use for use in _made(entity).order_by("at", "id")}
    refused = {use.artifact_id for use in newest.values() if use.run.refused}
    notes = {note.artifact_id: note for note in SearchNote.objects.filter(artifact__entity=entity).order_by("at")}
    found = {row.artifact.pk: row for row in casefile.found_rows(case)} if case else {}
    return [
        _place(a, parents.get(a.pk, []), newest.get(a.pk), notes.get(a.pk), found.get(a.pk), refused=a.pk in refused)
        for a in artifacts
    ]


def _made(entity: LegalEntity) -> Any:
    runs = LineageRun.objects.filter(entity=entity)
    return LineageUse.objects.filter(run__in=runs, output=True).select_related("run")


def _place(
    artifact: Artifact,
    parents: list[str],
    use: LineageUse | None,
    note: SearchNote | None,
    found: casefile.FoundRow | None,
    *,
    refused: bool,
) -> Place:
    state = "refused" if refused else "never_read" if note is None else "read"
    if state == "read" and note and (note.note or not (note.searched or note.by_lineage)):
        state = "partly_read" if "Not read" in note.note else "read"
    if found is not None and not refused:
        state = "found" if found.found else "clear"
    version = use.version if use and use.version else (f"sha256:{note.digest}" if note and note.digest else "")
    return Place(
        artifact=artifact,
        kind=ArtifactKind(artifact.kind).label,
        made_from=tuple(sorted(parents)),
        version=version,
        step=use.step if use else None,
        run=use.run.job if use else "",
        state=state,
        detail=_detail(artifact, found, note),
        found=found,
    )


def _detail(artifact: Artifact, found: casefile.FoundRow | None, note: SearchNote | None) -> str:
    if found is not None:
        if found.total:
            return f"{found.total:,} record{'s' if found.total != 1 else ''} found"
        return "reached by lineage" if found.reached else "no match"
    known = artifact.described
    if known.get("parameters"):
        return f"{known['parameters']:,} parameters"
    if known.get("records"):
        return f"{known['records']:,} records"
    return f"looked at {note.at:%-d %b %Y}" if note else ArtifactKind(artifact.kind).label


def _drawing(
    request: HttpRequest, rows: list[Place], pairs: list[tuple[str, str]], case: ErasureRequest | None
) -> SafeString:
    on_way = {row.artifact.slug for row in rows if row.found and row.found.found}
    nodes = [
        Node(
            id=row.artifact.slug,
            label=row.artifact.name,
            detail=row.detail,
            kind=ArtifactKind(row.artifact.kind),
            state=row.state,
            href=f"#place-{row.artifact.slug}",
        )
        for row in rows
    ]
    edges = [Edge(source=a, target=b, carried=a in on_way and b in on_way) for a, b in pairs]
    opened = request.GET.getlist("open")
    drawn, ways = mapping.piled(
        nodes, edges, kept=on_way, open_piles=opened, href=lambda pile: _address(request, [*opened, pile])
    )
    where = f"{len(rows)} places" + (f", {len(on_way)} on the person's way" if case else "")
    return _svg(lineage_svg(drawn, ways, theme="css", title=f"Map of {where}"))


def _address(request: HttpRequest, opened: list[str]) -> str:
    kept = [(name, request.GET[name]) for name in ("entity", "case") if request.GET.get(name)]
    return f"{reverse('web:map')}?{urlencode([*kept, *(('open', pile) for pile in opened)])}"
