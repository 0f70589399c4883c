"""Where a person's data went: artifacts in layers from left to right, the person's way through them coloured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from xml.sax.saxutils import escape, quoteattr

from compliance.evidence.drawings.pen import Pen, Theme, fit
from compliance.rules.terms import ArtifactKind

Spot = tuple[float, float, float]

WIDE, HIGH, LANE, GAP_X, GAP_Y, EDGE = 188, 48, 8, 56, 18, 10
STATES = {"erased": "good", "mitigated": "good", "suppressed": "busy", "scheduled": "warn", "kept": "warn"}
STATES |= {
    "partly": "warn",
    "forwarded": "warn",
    "not_shown": "bad",
    "working": "busy",
    "found": "carried",
    "clear": "none",
}
STATES |= {"read": "good", "partly_read": "warn", "refused": "bad", "never_read": "none"}

_DISK = "M3 5c0-3 14-3 14 0v10c0 3-14 3-14 0zM3 5c0 3 14 3 14 0"
_TABLE = "M3 4h14v12H3zM3 8h14M8 8v8"
_CUBE = "M10 2l7 4v8l-7 4-7-4V6zM3 6l7 4 7-4M10 10v8"
_CHIP = "M6 6h8v8H6zM8 3v3M12 3v3M8 14v3M12 14v3M3 8h3M3 12h3M14 8h3M14 12h3"
_PAGE = "M5 2h7l3 3v13H5zM8 8h4M8 11h4M8 14h4"
_BOLT = "M11 2L5 11h4l-1 7 6-9h-4z"
_ICONS = {
    ArtifactKind.DATABASE: _DISK,
    ArtifactKind.DATASET: _DISK,
    ArtifactKind.DERIVED_DATASET: _TABLE,
    ArtifactKind.EVALUATION_SET: _TABLE,
    ArtifactKind.INDEX: _CUBE,
    ArtifactKind.CACHE: _BOLT,
    ArtifactKind.LOG: _PAGE,
    ArtifactKind.MODEL: _CHIP,
    ArtifactKind.CHECKPOINT: _CHIP,
}


@dataclass(frozen=True, kw_only=True)
class Node:
    """An artifact: its name, a second line, its kind, a state (a key of ``STATES``) and where its link leads.

    ``many`` artifacts drawn as one look like a pile of sheets.
    """

    id: str
    label: str
    detail: str = ""
    kind: ArtifactKind = ArtifactKind.DATASET
    state: str = "clear"
    href: str = ""
    many: int = 0


@dataclass(frozen=True, kw_only=True)
class Edge:
    """``target`` was made from ``source``; ``carried`` when the person's data took this way."""

    source: str
    target: str
    carried: bool = False


def lineage_svg(nodes: Sequence[Node], edges: Sequence[Edge], *, theme: Theme = "light", title: str = "") -> str:
    """The lineage as SVG; the same input gives the same bytes. Edges to unknown nodes are left out; cycles are safe."""
    known = {node.id: node for node in nodes}
    ways = [edge for edge in edges if edge.source in known and edge.target in known and edge.source != edge.target]
    layers = _layers(known, ways)
    column = {name: at for at, layer in enumerate(layers) for name in layer}
    routes = [(way, _route(number, way, column, layers)) for number, way in enumerate(ways)]
    _order(layers, [pair for _, route in routes for pair in pairwise(route)])
    width = 2 * EDGE + max(len(layers), 1) * (WIDE + GAP_X) - GAP_X
    height = 2 * EDGE + max((_tall(layer, known) for layer in layers), default=HIGH)
    pen = Pen(width=width, height=height, title=title or f"Lineage of {len(known)} artifacts", theme=theme)
    spots = _spots(layers, known, height)
    for way, route in sorted(routes, key=lambda item: item[0].carried):
        _draw_way(pen, [spots[name] for name in route], carried=way.carried)
    for name in (name for layer in layers for name in layer if name in known):
        _draw_node(pen, known[name], spots[name])
    return pen.svg()


def _route(number: int, way: Edge, column: Mapping[str, int], layers: list[list[str]]) -> list[str]:
    """The way's stations: a long way gets a free place in each layer it crosses, so that it runs behind no box."""
    between = range(column[way.source] + 1, column[way.target])
    stations = [f"\0{number}.{at}" for at in between]
    for at, name in zip(between, stations, strict=True):
        layers[at].append(name)
    return [way.source, *stations, way.target]


def _slot(name: str, known: Mapping[str, Node]) -> int:
    return HIGH if name in known else LANE


def _tall(layer: Sequence[str], known: Mapping[str, Node]) -> float:
    return sum(_slot(name, known) + GAP_Y for name in layer) - GAP_Y


def _layers(known: Mapping[str, Node], ways: Sequence[Edge]) -> list[list[str]]:
    """Longest way from a source; an edge that would close a circle is not followed."""
    parents: dict[str, list[str]] = {name: [] for name in known}
    for way in ways:
        parents[way.target].append(way.source)
    depth: dict[str, int] = {}
    for start in known:
        _deepen(start, parents, depth)
    rows: list[list[str]] = [[] for _ in range(max(depth.values(), default=0) + 1)]
    for name in known:
        rows[depth[name]].append(name)
    return rows


def _deepen(start: str, parents: Mapping[str, Sequence[str]], depth: dict[str, int]) -> None:
    stack, open_now = [start], set[str]()
    while stack:
        name = stack[-1]
        waiting = [p for p in parents[name] if p not in depth and p not in open_now and p != name]
        if name in depth or (name in open_now and not waiting):
            stack.pop()
            depth.setdefault(name, 1 + max((depth[p] for p in parents[name] if p in depth), default=-1))
            open_now.discard(name)
        else:
            open_now.add(name)
            stack += waiting


def _order(layers: list[list[str]], pairs: Sequence[tuple[str, str]]) -> None:
    """Fewer crossings: four sweeps that sort each layer by the mean place of its neighbours."""
    near: dict[str, list[str]] = {name: [] for layer in layers for name in layer}
    for source, target in pairs:
        near[source].append(target)
        near[target].append(source)
    place = {name: (at + 0.5) / len(layer) for layer in layers for at, name in enumerate(layer)}
    for sweep in range(4):
        for layer in layers if sweep % 2 == 0 else layers[::-1]:
            weight = {name: fmean(place[n] for n in near[name]) if near[name] else 2.0 for name in layer}
            layer.sort(key=lambda name: (weight[name], name))
            place.update({name: (at + 0.5) / len(layer) for at, name in enumerate(layer)})


def _spots(layers: Sequence[Sequence[str]], known: Mapping[str, Node], height: float) -> dict[str, Spot]:
    """Left edge, top and height of every station."""
    spots: dict[str, Spot] = {}
    for column, layer in enumerate(layers):
        top = (height - _tall(layer, known)) / 2
        for name in layer:
            spots[name] = (EDGE + column * (WIDE + GAP_X), top, _slot(name, known))
            top += _slot(name, known) + GAP_Y
    return spots


def _draw_way(pen: Pen, stations: Sequence[Spot], *, carried: bool) -> None:
    x, top, tall = stations[0]
    x, y = x + WIDE, top + tall / 2
    path = f"M{x:.1f} {y:.1f}"
    for number, (left, top, tall) in enumerate(stations[1:], start=2):
        to, bend = top + tall / 2, max((left - x) / 2, 24)
        path += f"C{x + bend:.1f} {y:.1f} {left - bend:.1f} {to:.1f} {left:.1f} {to:.1f}"
        x, y = left + WIDE, to
        path += f"H{x:.1f}" if number < len(stations) else ""
    colour = "carried" if carried else "faint"
    pen.add("path", d=path, stroke=colour, stroke_width=2.2 if carried else 1.2)
    head = f"M{x - WIDE:.1f} {y:.1f}l-7 -4v8z"  # the last station moved x to its right edge
    pen.add("path", d=head, fill=colour, stroke=colour, stroke_width=1)


def _draw_node(pen: Pen, node: Node, spot: Spot) -> None:
    (x, y, _), colour = spot, STATES.get(node.state, "none")
    border = colour if colour != "none" else "faint"
    words = f"{node.label}: {node.detail}" if node.detail else node.label
    link = f"<a href={quoteattr(node.href)}>" if node.href and pen.theme == "css" else "<g>"
    pen.parts.append(f"{link}<title>{escape(words)}</title>")
    if node.many:
        for off in (6, 3):
            sheet = f"M{x + off + 7} {y + off}h{WIDE - 14}a7 7 0 0 1 7 7v{HIGH - 14}a7 7 0 0 1 -7 7h-{WIDE - 14}z"
            pen.add("path", d=sheet, fill="surface", stroke=border, stroke_width=1)
    heavy = 2 if colour == "carried" else 1.2
    pen.add("rect", x=x, y=y, width=WIDE, height=HIGH, rx=7, fill="surface", stroke=border, stroke_width=heavy)
    icon = f"translate({x + 10:.1f} {y + 14:.1f})"
    pen.add("path", d=_ICONS[node.kind], stroke="accent", stroke_width=1.3, stroke_linejoin="round", transform=icon)
    name = fit(node.label, width=WIDE - 62, size=11, bold=True)
    pen.label(name, x=x + 38, y=y + 20, font_weight="bold")
    pen.label(fit(node.detail, width=WIDE - 46, size=9.5), x=x + 38, y=y + 35, size=9.5, fill="quiet")
    _mark(pen, colour, x + WIDE - 14, y + 14)
    pen.parts.append("</a>" if link.startswith("<a") else "</g>")


def _mark(pen: Pen, colour: str, x: float, y: float) -> None:
    """The state by its shape too: whoever sees no colours reads the same."""
    if colour == "good":
        pen.add("path", d=f"M{x - 5} {y}l3.5 4l6.5 -8", stroke=colour, stroke_width=2.2)
    elif colour == "warn":
        pen.add("path", d=f"M{x} {y - 5}l5.5 9.5h-11z", fill=colour)
    elif colour == "bad":
        pen.add("path", d=f"M{x - 4} {y - 4}l8 8M{x + 4} {y - 4}l-8 8", stroke=colour, stroke_width=2.4)
    elif colour == "busy":
        pen.add("path", d=f"M{x} {y - 5}a5 5 0 0 1 0 10z", fill=colour)
        pen.add("circle", cx=x, cy=y, r=5, stroke=colour, stroke_width=1.4)
    elif colour == "carried":
        pen.add("circle", cx=x, cy=y, r=5, fill=colour)
    else:
        pen.add("circle", cx=x, cy=y, r=4.4, stroke=colour, stroke_width=1.4)


def mark_svg(state: str) -> str:
    """The mark of a state alone, for a legend; it says nothing that the words beside it do not."""
    pen = Pen(width=16, height=16, title=state.replace("_", " "), theme="css")
    _mark(pen, STATES.get(state, "none"), 8, 8)
    return pen.svg()
