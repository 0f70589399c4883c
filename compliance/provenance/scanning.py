"""One pass over places: what is asked of every record, and the answers of parts put together again.

A part is a whole place, or some files of one, or a window of one file of JSON lines. However a place is cut, the
answers together are those of the place read in one go: after a part that could not be read, nothing of the same file
counts, as nobody reads on behind a damaged record.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Protocol

from compliance.jobs.progress import Progress
from compliance.provenance.connectors import Description, Match, Place, Unread, files, silent
from compliance.provenance.connectors.formats import name_for
from compliance.provenance.connectors.formats.streams import compression_of
from compliance.provenance.connectors.matching import matches
from compliance.provenance.connectors.paths import files_of
from compliance.provenance.connectors.reading import Reading
from compliance.provenance.connectors.rows import Row, Total, parents
from compliance.provenance.models import Artifact
from compliance.provenance.places import connector_of, place_of
from compliance.rules.errors import ConfigurationError
from retrieval.types import Needle

MOST_PARTS: Final = 64  # of one place in one pass


@dataclass(frozen=True)
class Question:
    """What one pass looks for: needles, records made from ``keys``; and whether it describes the places too."""

    needles: Sequence[Needle] = ()
    keys: Collection[str] = ()
    region: str = ""
    describe: bool = False


@dataclass
class Answer:
    """What a pass found in a place, with a digest over every record and the place's description when it was asked."""

    matches: list[Match] = field(default_factory=list)
    total: Total = field(default_factory=Total)
    described: Description | None = None


@dataclass(frozen=True)
class Piece:
    """A part of a place: the whole of it (no ``files``), some files, or the lines that begin in a window of one."""

    artifact: str
    files: tuple[str, ...] = ()
    window: tuple[int, int] | None = None


class Scan(Protocol):
    """Who reads: this process alone, or every worker there is."""

    def __call__(self, artifacts: Sequence[Artifact], question: Question, progress: Progress) -> dict[str, Answer]:
        """The answer of each artifact, by its slug."""


def alone(artifacts: Sequence[Artifact], question: Question, progress: Progress) -> dict[str, Answer]:
    """Read place after place."""
    found = {}
    for number, artifact in enumerate(artifacts):
        progress(number / max(1, len(artifacts)), f"Searching {artifact.name}")
        found[artifact.slug] = ask(artifact, question)
    return found


def ask(artifact: Artifact, question: Question) -> Answer:
    """The answer of a whole place: files are read once, whatever is asked; other places once for each question."""
    connector, place = connector_of(artifact), place_of(artifact)
    if artifact.connector == "files" and not artifact.options.get("index"):
        return _of_files(place, question)
    found = list(connector.find(place, question.needles, region=question.region)) if question.needles else []
    found += connector.find_derived(place, question.keys) if question.keys else ()
    answer = Answer(found)
    if question.describe:
        for row in connector.records(place, None):
            answer.total.add(row.raw)
        answer.described = connector.describe(place)
    return answer


def _of_files(place: Place, question: Question) -> Answer:
    answer, reading = Answer(), Reading(place)
    _pass(reading.rows(), place, question, answer)
    if question.describe:
        answer.described = files.describe(place) if reading.unread else files.described(place, answer.total.count)
    return answer


def split(artifact: Artifact, size: int) -> list[Piece]:
    """The parts of a place, none much larger than ``size`` bytes where it can be cut; the whole when it is small."""
    if artifact.connector != "files" or artifact.options.get("index"):
        return [Piece(artifact.slug)]
    place = place_of(artifact)
    paths = files_of(place)
    size = max(size, sum(path.stat().st_size for path in paths) // MOST_PARTS + 1)
    pieces = list(_pieces(artifact.slug, paths, place, size))
    return pieces if len(pieces) > 1 else [Piece(artifact.slug)]


def _pieces(slug: str, paths: Sequence[Path], place: Place, size: int) -> Iterator[Piece]:
    """Small files are read together, in their order; a large file of JSON lines is cut into windows."""
    together: list[str] = []
    held = 0
    for path in paths:
        length = path.stat().st_size
        if together and held + length > size:
            yield Piece(slug, tuple(together))
            together, held = [], 0
        if length > size and _is_cut(path, place):
            yield from (Piece(slug, (str(path),), (at, min(at + size, length))) for at in range(0, length, size))
            continue
        together.append(str(path))
        held += length
    if together:
        yield Piece(slug, tuple(together))


def _is_cut(path: Path, place: Place) -> bool:
    try:
        return name_for(path, place) == "jsonl" and not compression_of(path)
    except ConfigurationError:
        return False


@dataclass
class Part:
    """What was found in a piece; ``cut_short`` names the files behind whose damage nothing was read."""

    answer: Answer
    cut_short: tuple[str, ...] = ()
    unread: bool = False

    def content(self) -> dict[str, Any]:
        """As JSON."""
        found = [asdict(match) for match in self.answer.matches]
        said = asdict(self.answer.described) if self.answer.described else None
        mine = {"matches": found, "total": self.answer.total.hex(), "described": said}
        return {**mine, "cut_short": list(self.cut_short), "unread": self.unread}

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> Part:
        """What ``content`` wrote."""
        said = content["described"]
        described = (
            Description(**{**said, "unread": tuple(Unread(**each) for each in said["unread"])}) if said else None
        )
        found = [Match(**each) for each in content["matches"]]
        answer = Answer(found, Total.read(content["total"]), described)
        return cls(answer, tuple(content["cut_short"]), bool(content["unread"]))


def read(piece: Piece, artifact: Artifact, question: Question) -> Part:
    """Read a piece: every record once, whatever is asked of it."""
    if not piece.files:
        return Part(ask(artifact, question))
    place = place_of(artifact)
    if piece.window:
        place = replace(place, options={**place.options, "window": list(piece.window)})
    answer, broken, unread = Answer(), list[str](), False
    for name in piece.files:
        reading = Reading(place)
        _pass(reading.rows_in(Path(name)), place, question, answer)
        unread = unread or bool(reading.unread)
        broken += [name] if reading.errors else []
    return Part(answer, tuple(broken), unread)


def _pass(rows: Iterator[Row], place: Place, question: Question, answer: Answer) -> None:
    wanted = frozenset(question.keys) if place.lineage_field else frozenset()
    made: list[Match] = []

    def seen() -> Iterator[Row]:
        for row in rows:
            if question.describe:
                answer.total.add(row.raw)
            for parent in wanted.intersection(parents(row, place)) if wanted else ():
                made.append(Match(row.key, place.lineage_field, "lineage", parent, row.digest, owner=True))
            yield row

    every = seen()
    if question.needles:
        answer.matches += matches(every, place, question.needles, region=question.region, progress=silent)
    for _ in every:
        pass
    answer.matches += made


def joined(artifact: Artifact, parts: Sequence[tuple[Piece, Part]], question: Question) -> Answer:
    """One answer from the answers of all pieces, in the order of the pieces."""
    if len(parts) == 1 and not parts[0][0].files:
        return parts[0][1].answer
    answer, broken, unread = Answer(), set[str](), False
    for piece, part in parts:
        if piece.window and piece.files[0] in broken:
            continue
        answer.matches += part.answer.matches
        answer.total.absorb(part.answer.total)
        broken.update(part.cut_short)
        unread = unread or part.unread
    if question.describe:
        place = place_of(artifact)
        answer.described = files.describe(place) if unread else files.described(place, answer.total.count)
    return answer
