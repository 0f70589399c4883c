"""What stands downstream of a trace: who was made from whom, over any graph, with or without circles.

A derivation is a pair (parent, child): the child was made from the parent.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable

Edges = Iterable[tuple[str, str]]


def downstream(start_ids: Iterable[str], derivations: Edges) -> dict[str, tuple[str, ...]]:
    """Everything made from the starts, each with the shortest way there, parents before their children.

    A way begins with a start and ends with the artifact itself. The starts themselves are not in the answer. In a
    circle every member is visited once.
    """
    edges = tuple(derivations)
    paths = _shortest_paths(dict.fromkeys(start_ids), _children(edges))
    found = {node: path for node, path in paths.items() if len(path) > 1}
    return {node: found[node] for layer in layers(found, edges) for node in layer}


def layers(ids: Iterable[str], derivations: Edges) -> tuple[tuple[str, ...], ...]:
    """The given artifacts by depth, for drawing and for ordering: each stands below everything it was made from.

    Derivations that pass through artifacts outside ``ids`` count as well. A circle is opened at its member that comes
    first in ``ids``. Order within a layer is the order of ``ids``.
    """
    nodes = dict.fromkeys(ids)
    reach = _reachable_within(nodes, _children(derivations))
    waiting = {node: sum(node in reach[other] for other in nodes) for node in nodes}
    depth: list[tuple[str, ...]] = []
    while waiting:
        ready = tuple(node for node, parents in waiting.items() if not parents) or (next(iter(waiting)),)
        depth.append(ready)
        for node in ready:
            del waiting[node]
        for node in waiting:
            waiting[node] -= sum(node in reach[parent] for parent in ready)
    return tuple(depth)


def _children(derivations: Edges) -> dict[str, list[str]]:
    children: dict[str, list[str]] = defaultdict(list)
    for parent, child in derivations:
        children[parent].append(child)
    return children


def _shortest_paths(starts: Iterable[str], children: dict[str, list[str]]) -> dict[str, tuple[str, ...]]:
    paths: dict[str, tuple[str, ...]] = {start: (start,) for start in starts}
    queue = deque(paths)
    while queue:
        node = queue.popleft()
        for child in children.get(node, ()):
            if child not in paths:
                paths[child] = (*paths[node], child)
                queue.append(child)
    return paths


def _reachable_within(nodes: Iterable[str], children: dict[str, list[str]]) -> dict[str, set[str]]:
    return {node: set(_shortest_paths([node], children)) - {node} for node in nodes}
