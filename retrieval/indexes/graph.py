"""An HNSW graph in its file: read, mended, and the changed lists as patches."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from retrieval.errors import IndexUnreadable
from retrieval.indexes import decoding, patches, repair
from retrieval.indexes.patches import Patch, Write
from retrieval.indexes.sections import FileMap, Graph, Offsets

_WIDE = 64  # bytes: slots that changed nearer to one another than this are written together


def mended(file: str, raw: memoryview, found: FileMap, dead: Offsets, before: Offsets) -> tuple[list[Patch], int]:
    """Return the patches that take positions out of the graph, and how many lists were mended.

    ``before`` are the positions that were taken out earlier.
    """
    graph = found.graph
    if graph is None or not len(dead):
        return [], 0
    links = _links(raw, graph)
    gone = np.zeros(found.count, np.bool_)
    gone[before] = True
    done = repair.mend(links, decoding.vectors_of(raw, found), dead, metric=found.metric, gone=gone)
    changes: list[Patch] = list(_rows(file, graph, links.neighbours, done.neighbours))
    if (done.entry, done.top) != (links.entry, links.top):
        changes.append(patches.write(file, graph.entry, np.array([done.entry, done.top], "<i4").tobytes()))
    return changes, done.lists


def _links(raw: memoryview, graph: Graph) -> repair.Links:
    levels, offsets, slots = (
        np.frombuffer(raw, kind, section.count, section.offset)
        for kind, section in (("<i4", graph.levels), ("<i8", graph.offsets), ("<i4", graph.neighbours))
    )
    entry, top = np.frombuffer(raw, "<i4", 2, graph.entry).tolist()
    _check(levels, offsets, slots, graph, entry, top)
    return repair.Links(levels, offsets, np.array(graph.slots, np.int64), slots, entry, top)


def _check(
    levels: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    slots: npt.NDArray[np.int32],
    graph: Graph,
    entry: int,
    top: int,
) -> None:
    """The kernels do not look where they step: a graph that leads outside is refused here."""
    count, steps = len(levels), np.array(graph.slots, np.int64)
    shape = len(steps) > max(top + 1, 0) and bool((levels >= 1).all() and (levels < len(steps)).all())
    room = shape and bool((np.diff(steps) >= 0).all()) and np.array_equal(np.diff(offsets), steps[levels])
    ends = room and int(offsets[0]) == 0 and int(offsets[-1]) == len(slots) and -1 <= entry < count
    fine = ends and (count == 0 or int(levels.max()) == top + 1) and bool(((slots >= -1) & (slots < count)).all())
    if not fine:
        raise IndexUnreadable("its graph leads to places that are not there; restore it or rebuild the index")


def _rows(file: str, graph: Graph, before: npt.NDArray[np.int32], after: npt.NDArray[np.int32]) -> Iterator[Write]:
    """Group changed slots into spans of one width each, so that a span is one write."""
    changed = np.flatnonzero(before != after)
    if not len(changed):
        return
    spans = changed // (_WIDE // 4) * (_WIDE // 4)  # ascending
    spans = spans[np.append(True, spans[1:] != spans[:-1])]
    whole = spans[spans + _WIDE // 4 <= len(after)]
    if len(whole):
        rows = after[whole[:, None] + np.arange(_WIDE // 4)]
        yield Write(file, graph.neighbours.offset + 4 * whole, np.ascontiguousarray(rows, "<i4").view(np.uint8))
    for start in spans[spans + _WIDE // 4 > len(after)].tolist():
        yield patches.write(file, graph.neighbours.offset + 4 * start, after[start:].astype("<i4").tobytes())
