"""Where references point: below the folder of one legal entity, and nowhere else."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from compliance.accounts.models import LegalEntity
from compliance.rules.errors import InvalidInput


def root(entity: LegalEntity) -> Path:
    """The folder whose contents this entity may name; the operator puts models and data there."""
    return Path(settings.OUBLI_MODELS) / entity.slug


def resolve(entity: LegalEntity, reference: str) -> Path:
    """The file or folder that a reference names; InvalidInput when it is not there or leads out of the folder."""
    base = root(entity).resolve()
    parts = Path(reference).parts
    if not reference.strip() or "\0" in reference or Path(reference).is_absolute() or ".." in parts:
        raise InvalidInput(
            "A reference is a path below the company's model folder.",
            next_action="Write it without a leading slash and without '..', for example classifiers/digits.",
        )
    try:
        found = (base / reference).resolve()
        there = found.is_relative_to(base) and found.exists()
    except (OSError, RuntimeError, ValueError):  # a name too long, links in a circle, half a character
        there = False
    if not there:
        raise InvalidInput(
            "Nothing lies under this reference in the company's model folder.",
            next_action="Ask the operator to put it there (OUBLI_MODELS in the operations guide), then name it again.",
        )
    return found


def workplace(job_id: object) -> Path:
    """The folder in which a job writes what it makes."""
    return Path(settings.OUBLI_VAR) / "unlearned" / str(job_id)


def listed(folder: Path) -> Iterator[dict[str, object]]:
    """Each file below ``folder``: its relative name, size in bytes and SHA-256."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as handle:
                digest = hashlib.file_digest(handle, "sha256").hexdigest()
            yield {"name": path.relative_to(folder).as_posix(), "bytes": path.stat().st_size, "sha256": digest}
