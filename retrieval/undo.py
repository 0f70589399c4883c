"""What an erase took out, laid aside and put back: the way back that a plan may keep for some days.

One JSON object a line: the chunk, and its vector's bytes in hex. Such a file is the person's data in plain text: the
caller encrypts it, and removes it on the day the plan names.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from retrieval.durable import write_whole
from retrieval.errors import DimensionMismatch, IndexUnreadable
from retrieval.indexes import documents, generation, layout, turned, vectors
from retrieval.indexes.altering import Alteration
from retrieval.types import Chunk, Vectors


def keep(
    folder: Path, number: int, chunks: Sequence[Chunk], removed: Vectors, whole: Mapping[int, str] | None = None
) -> Path:
    """Lay chunks and their vectors, (chunks, dimension), aside, durably, named by the generation they come from.

    ``whole`` are their rows with all columns, where documents are no JSON lines.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"from-{number:06d}.jsonl"
    columns = {id: {"row": row} for id, row in (whole or {}).items()}
    rows = [
        {**asdict(chunk), "vector": row.tobytes().hex(), **columns.get(chunk.id, {})}
        for chunk, row in zip(chunks, removed, strict=True)
    ]
    write_whole(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode())
    return path


@dataclass(frozen=True)
class _Kept:
    chunk: Chunk
    vector: Vectors = field(repr=False)
    row: str = field(repr=False)


def restore(folder: Path, kept: Path) -> int:
    """Put back what ``kept`` holds and the index lacks, bit for bit, as a new generation; return how many chunks.

    Raises ``IndexUnreadable`` for a damaged file and ``DimensionMismatch`` for another index's.
    """
    with layout.changing(folder):
        layout.sweep(folder)
        held = generation.read(folder)
        rows = [one for one in _read(kept) if one.chunk.id not in held.chunks]
        if rows:
            _publish_with(held, rows, kept)
        return len(rows)


def _read(path: Path) -> list[_Kept]:
    rows: list[_Kept] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n")[:-1], start=1):
        try:
            row = json.loads(line)
            vector = np.frombuffer(bytes.fromhex(row.pop("vector")), np.float32)
            whole = str(row.pop("row", ""))
            rows.append(_Kept(Chunk(**row), vector, whole))
        except (ValueError, TypeError, KeyError):  # from None: the message would quote the line
            raise IndexUnreadable(f"Reading {path}, line {number}: not a removed chunk; it is damaged.") from None
    return rows


def _publish_with(held: generation.Generation, rows: Sequence[_Kept], kept: Path) -> None:
    below, place = turned.below(held.index), held.place
    stored, added = vectors.contents(below, held.gone), np.stack([one.vector for one in rows])
    if added.shape[1] != below.d:
        raise DimensionMismatch(
            f"Restoring into the index in {place.folder}: the kept vectors have {added.shape[1]} dimensions, "
            f"the index {below.d}; it is another index's file."
        )
    ids = np.array([one.chunk.id for one in rows], np.int64)
    both = vectors.Contents(
        np.concatenate([stored.ids, ids]), np.concatenate([stored.vectors, added]), stored.kind, stored.shape
    )
    index, _ = vectors.without(both, np.ones(len(both.ids), np.bool_))
    number, erased = place.generation + 1, set(place.manifest.get("erased", ())).difference(ids.tolist())
    manifest = {**place.manifest, "generation": number, "erased": sorted(erased)}
    back = _back(held, rows, kept)
    target = layout.fresh(place.folder, number)
    whole, chunks = turned.above(held.index, index), [one.chunk for one in rows]
    if back is None:
        generation.write(target, whole, [*held.chunks.values(), *chunks], manifest)
    else:
        generation.write_altered(target, whole, held.chunks, back, manifest, chunks)
    layout.publish(place.folder, target, plain=place.plain)
    layout.sweep(place.folder)


def _back(held: generation.Generation, rows: Sequence[_Kept], kept: Path) -> Alteration | None:
    """Return how rows come back to a store of another kind; nothing where chunks are lines of their own."""
    if documents.is_lines(held.chunks.path):
        return None
    if not all(one.row for one in rows):
        raise IndexUnreadable(
            f"Reading {kept}: it holds chunks without the other columns of {held.chunks.path.name}; it was kept from "
            "an index with documents of another kind. Nothing was changed."
        )
    return Alteration(back={one.chunk.id: one.row for one in rows})
