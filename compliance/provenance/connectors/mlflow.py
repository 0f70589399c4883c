"""MLflow's file store (``mlruns``): one record a run, with its parameters, tags and the texts among its artifacts.

A database backend is registered with the connector ``sql``, artifacts in a bucket with ``objects``. A run that is the
person's is removed with its folder; a run that mentions the person is blanked, file by file. Binary artifacts (weights,
pickles) are searched for bytes and never edited: register a model among them as a place of its own.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from compliance.provenance.connectors import Place
from compliance.provenance.connectors.absence import Residue, occurrences
from compliance.provenance.connectors.paths import refuse_second_names
from compliance.provenance.connectors.rewriting import PREFIX, SUFFIX, digest_of, rewrite, sync_folder, translated
from compliance.provenance.connectors.rows import Row, Total
from compliance.provenance.connectors.store import Check, Edit, Purged, StoreConnector
from compliance.rules.errors import NotAllowed, SourceUnreachable

_LARGEST = 16 * 1024 * 1024
_TRASH = ".trash"


class Runs:
    """Every run below the folder, deleted ones too: MLflow only marks them."""

    def __init__(self, base: Path, place: Place) -> None:
        self._base, self._place = base, place

    def rows(self) -> Iterator[Row]:
        """Every run."""
        for folder in _runs(self._base):
            yield _row(folder, self._base, self._place)

    def redacted(self, row: Row, changes: Mapping[str, str], place: Place) -> Row:
        """The run with other texts in some of its files."""
        files = {name: changes.get(_field(name), text) for name, text in row.value["files"].items()}
        return _made(row.key, files, row.value, place)

    def apply(self, edit: Edit, check: Check) -> None:
        """Blank files one by one, each exchanged whole; then take run folders out of the way and remove them."""
        for old, new in edit.changed:
            folder = self._base / old.value["folder"]
            for name, text in new.value["files"].items():
                if text != old.value["files"][name]:
                    _exchange(folder / name, text, self._place)
        for row in edit.gone:
            _remove(self._base / row.value["folder"])
        edit.notes.append("files of runs are changed one by one: other runs were compared after it")
        total = Total()
        for row in self.rows():
            total.add(row.raw)
        check(total)

    def facts(self) -> tuple[int, dict[str, Any]]:
        """Bytes below the folder and experiments."""
        size = sum(path.stat().st_size for path in self._base.rglob("*") if path.is_file())
        experiments = sorted({folder.parent.name for folder in _runs(self._base)})
        return size, {"experiments": experiments}


def _runs(base: Path) -> list[Path]:
    found = [path.parent for pattern in ("*/*/meta.yaml", f"{_TRASH}/*/*/meta.yaml") for path in base.glob(pattern)]
    return sorted(folder for folder in found if (folder / "params").is_dir() or (folder / "tags").is_dir())


def _row(folder: Path, base: Path, place: Place) -> Row:
    files: dict[str, str] = {}
    digests: dict[str, str] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file() or path.is_symlink()):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            raise NotAllowed(
                f"{place.name}: a run holds a link, which may lead anywhere.", next_action="Remove the link."
            )
        raw = path.read_bytes() if path.stat().st_size <= _LARGEST else b"\x00"
        if b"\x00" in raw[:8192]:
            digests[name] = digest_of(path)
        else:
            files[name] = raw.decode("utf-8", "surrogateescape")
    known = {"digests": digests, "folder": str(folder.relative_to(base))}
    return _made(folder.name, files, known, place)


def _made(key: str, files: Mapping[str, str], known: Mapping[str, Any], place: Place) -> Row:
    fields = {_field(name): text for name, text in files.items()} | {"run_id": key}
    raw = repr((key, sorted(files.items()), sorted(known["digests"].items()))).encode("utf-8", "surrogatepass")
    return Row(key, fields, raw, {**known, "files": dict(files)}, f"{place.name}, run {key}")


def _field(name: str) -> str:
    return name.replace("/", ".")


def _exchange(path: Path, text: str, place: Place) -> None:
    refuse_second_names(path, place)
    content = text.encode("utf-8", "surrogateescape")

    def write(target: Path) -> None:
        target.write_bytes(content)

    rewrite(path, write, digest=digest_of(path), before_swap=lambda target: target.read_bytes() == content)


def _remove(folder: Path) -> None:
    aside = folder.with_name(f"{PREFIX}{folder.name}{SUFFIX}")
    with translated(folder):
        os.replace(folder, aside)
        shutil.rmtree(aside)
        sync_folder(folder.parent)


@contextmanager
def opened(place: Place, *, writing: bool = False) -> Iterator[Runs]:
    """The folder."""
    base = Path(place.location)
    if not base.is_dir():
        raise SourceUnreachable(f"{place.name}: there is no folder {base.name!r}.")
    with translated(base):
        yield Runs(base, place)


def purge(place: Place) -> Purged:
    """Remove what a kill left of a run that was being removed, or of a file that was being exchanged."""
    left = list(Path(place.location).rglob(f"{PREFIX}*{SUFFIX}"))
    with translated(Path(place.location)):
        for path in left:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    return Purged("rewritten", (f"{len(left)} half-removed runs and files removed",))


def residue(place: Place, patterns: Sequence[bytes]) -> Residue:
    """Raw and decoded bytes of every file, binary artifacts too."""
    return Residue(occurrences(Path(place.location), patterns))


CONNECTOR = StoreConnector(opened, purge, residue, level="rewritten")
