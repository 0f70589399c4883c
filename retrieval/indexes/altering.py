"""What is to become of documents that are not JSON lines: which rows go, which come back, which say something else."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field

from retrieval.types import Chunk, Json


@dataclass(frozen=True)
class Alteration:
    """``gone`` are ids; ``back`` are whole rows by id, as their kind of file writes them; ``texts`` are new chunks.

    Doing it twice is the same as doing it once.
    """

    gone: tuple[int, ...] = ()
    back: Mapping[int, str] = field(default_factory=dict, repr=False)
    texts: tuple[Chunk, ...] = field(default=(), repr=False)

    def __len__(self) -> int:
        return len(self.gone) + len(self.back) + len(self.texts)

    def as_step(self, file: str) -> Json:
        """Return what a journal keeps of it."""
        kept: Json = {"file": file, "ids": list(self.gone)}
        if self.back:
            kept["back"] = [[id, row] for id, row in self.back.items()]
        if self.texts:
            kept["texts"] = [asdict(chunk) for chunk in self.texts]
        return kept

    @classmethod
    def from_step(cls, step: Json) -> "Alteration":
        """Return what a journal kept."""
        back = {int(id): str(row) for id, row in step.get("back", ())}
        texts = tuple(Chunk(**chunk) for chunk in step.get("texts", ()))
        return cls(tuple(int(id) for id in step["ids"]), back, texts)

    @classmethod
    def without(cls, ids: Iterable[int]) -> "Alteration":
        """Let ids go."""
        return cls(tuple(sorted(map(int, ids))))
