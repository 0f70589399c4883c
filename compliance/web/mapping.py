"""A map of many artifacts drawn as one of few: those of a kind that were made from the same are one pile."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from compliance.evidence.drawings import Edge, Node

MOST_BOXES = 40  # more are piled up
SMALLEST_PILE = 3


def piled(
    nodes: Sequence[Node],
    edges: Sequence[Edge],
    *,
    kept: Collection[str] = (),
    open_piles: Collection[str] = (),
    href: Callable[[str], str] = lambda pile: f"?open={pile}",
) -> tuple[list[Node], list[Edge]]:
    """Nodes and edges with piles instead of like artifacts, when there are too many boxes to read.

    Artifacts are alike when they are of a kind and made from the same; while that leaves too many, when they are of a
    kind and equally far from a source. What is in ``kept`` (where a person was found) is always drawn by itself.
    """
    if len(nodes) <= MOST_BOXES:
        return list(nodes), list(edges)
    parents = _parents(edges)
    depth = _depths([node.id for node in nodes], parents)
    by_parents = {n.id: (str(n.kind), *sorted(parents[n.id])) for n in nodes}
    by_depth = {n.id: (str(n.kind), str(depth[n.id])) for n in nodes}
    groups = _groups(nodes, by_parents, kept)
    if len(nodes) - sum(len(group) - 1 for group in groups) > MOST_BOXES:
        groups = _groups(nodes, by_depth, kept)
    pile_of: dict[str, str] = {}
    piles: dict[str, Node] = {}
    for group in groups:
        name = f"pile-{group[0].id}"
        if name in open_piles:
            continue
        pile_of.update(dict.fromkeys((node.id for node in group), name))
        piles[name] = _pile(name, group, href(name))
    return _drawn(nodes, pile_of, piles), _joined(edges, pile_of)


def _parents(edges: Sequence[Edge]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for edge in edges:
        found[edge.target].add(edge.source)
    return found


def _depths(names: Sequence[str], parents: Mapping[str, Collection[str]]) -> dict[str, int]:
    """How far each stands from a source, by rounds; a circle ends after as many rounds as there are names."""
    depth = dict.fromkeys(names, 0)
    for _ in names:
        moved = {n: 1 + max((depth[p] for p in parents[n] if p in depth), default=-1) for n in names}
        if moved == depth:
            break
        depth = {name: min(found, len(names)) for name, found in moved.items()}
    return depth


def _groups(nodes: Sequence[Node], alike: Mapping[str, tuple[str, ...]], kept: Collection[str]) -> list[list[Node]]:
    found: dict[tuple[str, ...], list[Node]] = defaultdict(list)
    for node in nodes:
        if node.id not in kept:
            found[alike[node.id]].append(node)
    return [group for group in found.values() if len(group) >= SMALLEST_PILE]


_WORST = ("refused", "not_shown", "partly_read", "never_read", "clear")


def _pile(name: str, group: Sequence[Node], href: str) -> Node:
    """One box for many; it shows the state that asks most for a look."""
    kind = group[0].kind
    states = {node.state for node in group}
    state = next((state for state in _WORST if state in states), group[0].state)
    label = f"{len(group)} × {kind.label.lower()}"
    told = ", ".join(node.label for node in group[:2]) + " …"
    return replace(group[0], id=name, label=label, detail=told, state=state, href=href, many=len(group))


def _drawn(nodes: Sequence[Node], pile_of: Mapping[str, str], piles: Mapping[str, Node]) -> list[Node]:
    drawn: dict[str, Node] = {}
    for node in nodes:
        pile = pile_of.get(node.id)
        drawn.setdefault(pile or node.id, piles[pile] if pile else node)
    return list(drawn.values())


def _joined(edges: Sequence[Edge], pile_of: Mapping[str, str]) -> list[Edge]:
    joined: dict[tuple[str, str], bool] = {}
    for edge in edges:
        pair = pile_of.get(edge.source, edge.source), pile_of.get(edge.target, edge.target)
        if pair[0] != pair[1]:
            joined[pair] = joined.get(pair, False) or edge.carried
    return [Edge(source=source, target=target, carried=carried) for (source, target), carried in joined.items()]
