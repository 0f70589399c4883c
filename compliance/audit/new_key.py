"""The log's key, replaced: nothing that was signed before loses its signature, and a kill at any point loses nothing.

The order is what makes it safe: new key in a draft file; statement of both beside the key; its event in the log; old
key under another name; new key in its place; a head under it. Run again after a kill, each step finds what is done.
"""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.db import transaction

from compliance.audit import checkpoint, services, succession
from compliance.audit.errors import BadSuccession
from compliance.audit.models import Event

_DRAFT = "log-ed25519.next.pem"


def replace() -> str:
    """Sign with a new key from now on; returns its fingerprint. Nothing else may run meanwhile.

    The former private key stays until ``finish``: it signs webhooks beside the new one, while partners change over.
    Raises BadSuccession while an earlier rotation waits for ``finish``.
    """
    folder = Path(settings.OUBLI_KEYS)
    if (folder / succession.FORMER_FILE).exists() and not (folder / _DRAFT).exists():
        raise BadSuccession(
            "an earlier rotation is not finished, its former key still signs webhooks; when partners have the present "
            "key, run it with --finish"
        )
    old, new = checkpoint.load_key(folder), _draft(folder)
    while services.sequence():
        pass
    if checkpoint.fingerprint(old.public_key()) != checkpoint.fingerprint(new.public_key()):
        _state(folder, old, new)
        _swap(folder, old)
    (folder / _DRAFT).unlink()
    services.forget_key()
    while services.sequence():
        pass
    return checkpoint.fingerprint(new.public_key())


def finish() -> bool:
    """Destroy the former private key; whether there was one."""
    path = Path(settings.OUBLI_KEYS) / succession.FORMER_FILE
    there = path.exists()
    path.unlink(missing_ok=True)
    services.forget_key()
    return there


def _draft(folder: Path) -> Ed25519PrivateKey:
    path = folder / _DRAFT
    if not path.exists():
        checkpoint.write_secret(path, checkpoint.pem_of(Ed25519PrivateKey.generate()))
    return checkpoint.read_key(path)


def _state(folder: Path, old: Ed25519PrivateKey, new: Ed25519PrivateKey) -> None:
    said = succession.agree(old=old, new=new, origin=services.origin())
    kept = succession.kept(folder, origin=services.origin())
    if said not in kept:
        succession.keep(folder, [*kept, said])
    logged = (event.words().get("note") for event in Event.objects.filter(kind=services.NEW_KEY))
    if said.note not in logged:
        with transaction.atomic():
            services.record(services.NEW_KEY, case="", entity="", by="operator", detail=said.plain())


def _swap(folder: Path, old: Ed25519PrivateKey) -> None:
    checkpoint.write_secret(folder / succession.FORMER_FILE, checkpoint.pem_of(old))
    checkpoint.write_secret(folder / checkpoint.KEY_FILE, (folder / _DRAFT).read_bytes())
