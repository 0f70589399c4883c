"""Drawings: well-formed, the same each time, readable without colour, safe with hostile names."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest

from compliance.evidence import report
from compliance.evidence.dossier import Dossier
from compliance.evidence.drawings import Edge, Mark, Node, RateRow, lineage_svg, rates_svg, timeline_svg
from compliance.evidence.drawings.pen import PALETTE, Theme
from compliance.evidence.thresholds import Quantity
from compliance.rules.terms import ArtifactKind, ClaimLevel

SVG = "{http://www.w3.org/2000/svg}"
CSS = Path(report.__file__).parent / "static" / "evidence" / "drawings.css"
START = datetime(2026, 11, 2, 9, tzinfo=UTC)


def _parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)  # noqa: S314  # our own drawing


def _boxes(svg: str) -> list[tuple[float, float]]:
    rects = _parsed(svg).iter(f"{SVG}rect")
    return [(float(rect.get("x", "0")), float(rect.get("y", "0"))) for rect in rects]


@pytest.mark.parametrize("theme", ["light", "css"])
def test_a_cases_drawings_are_well_formed_named_and_repeatable(dossier: Dossier, theme: Theme) -> None:
    for draw in (report.lineage, report.timeline, lambda d, theme: report.rates(d, "model", theme=theme)):
        svg = draw(dossier, theme=theme)
        root = _parsed(svg)
        assert root.find(f"{SVG}title") is not None and root.get("role") == "img"
        assert svg == draw(dossier, theme=theme)
        assert "style=" not in svg, "a strict content security policy refuses style attributes"


def test_what_is_made_stands_right_of_what_it_is_made_from(dossier: Dossier) -> None:
    nodes = [Node(id=name, label=name) for name in "dcba"]
    edges = [Edge(source=a, target=b) for a, b in ("ab", "bc", "ad", "cd")]
    boxes = dict(re.findall(r"<title>([a-d])</title><rect[^>]* x=\"([0-9.]+)\"", lineage_svg(nodes, edges)))
    assert float(boxes["a"]) < float(boxes["b"]) < float(boxes["c"]) < float(boxes["d"])


def test_no_two_boxes_of_a_large_lineage_overlap() -> None:
    nodes = [Node(id=str(n), label=f"artifact {n}") for n in range(120)]
    edges = [Edge(source=str(n // 3), target=str(n)) for n in range(1, 120)]
    boxes = _boxes(lineage_svg(nodes, edges))
    assert len(boxes) == 120
    for at, (x, y) in enumerate(boxes):
        assert all(abs(x - other_x) >= 188 or abs(y - other_y) >= 48 for other_x, other_y in boxes[at + 1 :])


def test_a_long_way_runs_behind_no_box() -> None:
    nodes = [Node(id=name, label=name) for name in ("a", "b", "c", "z")]
    edges = [Edge(source="a", target="b"), Edge(source="b", target="c"), Edge(source="a", target="c")]
    svg = lineage_svg(nodes, edges)
    flat = [(float(x1), float(y), float(x2)) for x1, y, x2 in re.findall(r" ([0-9.]+) ([0-9.]+)H([0-9.]+)", svg)]
    assert len(flat) == 1, "the way from a to c crosses one layer"
    x1, y, x2 = flat[0]
    assert not [box for box in _boxes(svg) if box[0] < x2 and x1 < box[0] + 188 and box[1] <= y <= box[1] + 48]


def test_circles_unknown_ends_and_nothing_at_all_are_drawn_too() -> None:
    nodes = [Node(id=name, label=name) for name in "ab"]
    edges = [Edge(source="a", target="b"), Edge(source="b", target="a"), Edge(source="a", target="gone")]
    assert len(_boxes(lineage_svg(nodes, edges))) == 2
    for svg in (lineage_svg([], []), rates_svg([]), timeline_svg([], [])):
        _parsed(svg)


def test_hostile_names_stay_text() -> None:
    hostile = Node(
        id="x", label='"><script>alert(1)</script>', detail="&<>'", href='" onclick="x', kind=ArtifactKind.LOG
    )
    for theme in ("light", "css"):
        svg = lineage_svg([hostile], [], theme="css" if theme == "css" else "light", title="<b>")
        root = _parsed(svg)
        assert not list(root.iter(f"{SVG}script"))
        assert all(not name.startswith("on") for element in root.iter() for name in element.attrib)


def test_nodes_are_links_on_pages_and_plain_in_print() -> None:
    node = Node(id="m", label="Model", href="/artifacts/m")
    linked = lineage_svg([node], [], theme="css")
    assert '<a href="/artifacts/m"><title>Model</title>' in linked and 'role="group"' in linked
    assert "<a " not in lineage_svg([node], [], theme="light")


def test_every_claim_has_a_colour_and_every_colour_a_dark_counterpart() -> None:
    from compliance.evidence.drawings.lineage import STATES

    assert {level.value for level in ClaimLevel} <= set(STATES)
    css = CSS.read_text("utf-8")
    for role in PALETTE:
        assert css.count(f"--dr-{role}:") == 3, role
        assert f".dr-fill-{role} " in css and f".dr-stroke-{role} " in css


def test_a_dot_stands_where_its_number_says() -> None:
    row = RateRow(label="direct", after=Quantity(value=0.5, low=0.25, high=0.75), limit=0.5)
    dots = re.findall(r'<circle[^>]*cx="([0-9.]+)" cy="57"', rates_svg([row]))
    assert dots == ["428"]  # halfway between 200 (zero) and 656 (one)


def test_near_events_share_a_dot_with_their_number() -> None:
    marks = [Mark(at=START + timedelta(seconds=n), label=f"event {n}") for n in range(6)]
    svg = timeline_svg(marks, [(date(2026, 12, 2), "promised")])
    assert re.findall(r"<text[^>]*>(\d+)</text>", svg) == ["6"]
    assert "promised, 2026-12-02" in svg
