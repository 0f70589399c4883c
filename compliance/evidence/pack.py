"""The evidence pack: one ZIP per case that an outsider verifies offline with the ``verify.py`` inside it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from compliance.evidence import canonical, verify
from compliance.evidence.dossier import Dossier
from compliance.rules.errors import ProofFailed

README = """Evidence pack {reference}
{line}
Issued by {organisation} on {issued}.

report.pdf       the report, built as PDF/A-3a, sealed (PAdES); the dossier is attached to it
dossier.json     the same facts for machines; no identifier of a person stands in it
log-proof.json   where the case's events stand in the append-only log (RFC 9162), under a signed head
exclusions.json  keyed hashes that training pipelines use to keep out what was erased
manifest.json    SHA-256 of every file here; manifest.sig signs it (Ed25519)
verify.py        checks all of this: python verify.py THIS.zip --key FINGERPRINT

Needed: Python 3.11 and the package cryptography. The fingerprint of the signing key is
{fingerprint}
Do not take it from this file: ask {organisation} for it, or its website. Take verify.py from a source you trust, too.
"""


@dataclass(frozen=True)
class Pack:
    """A pack on disk: where, its SHA-256, its size in bytes, and the fingerprint of the key that signed it."""

    path: Path
    sha256: str
    size: int
    fingerprint: str


def build_pack(
    dossier: Dossier, *, report: bytes, log_proof: Mapping[str, object], exclusions: object, key: Ed25519PrivateKey
) -> bytes:
    """The pack's bytes; equal input gives equal bytes. ``report`` is the sealed PDF with the dossier attached.

    What the shipped verifier would refuse is not issued: ProofFailed says what does not fit.
    """
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    fingerprint = hashlib.sha256(public).hexdigest()
    members = {
        "README.txt": _readme(dossier, fingerprint).encode(),
        "report.pdf": report,
        "dossier.json": canonical.to_json(dossier),
        "log-proof.json": canonical.dump(dict(log_proof)),
        "exclusions.json": canonical.dump(exclusions),
        "verify.py": Path(verify.__file__).read_bytes(),
    }
    listed = [{"name": name, "sha256": hashlib.sha256(data).hexdigest()} for name, data in members.items()]
    manifest = json.dumps({"version": 1, "reference": dossier.reference, "members": listed}, indent=1).encode() + b"\n"
    signed = verify.signature_text(public, key.sign(verify.PURPOSE + manifest))
    data = verify.canonical_zip({**members, verify.MANIFEST: manifest, verify.SIGNATURE: signed})
    try:
        verify.verify(data, key=fingerprint)
    except verify.Broken as problem:
        raise ProofFailed(f"packing the evidence of {dossier.reference}: {problem}.", next_action=_REMEDY) from problem
    return data


_REMEDY = "Gather the dossier again from one log proof; if it lasts, look at the claim or measurement that it names."


def _readme(dossier: Dossier, fingerprint: str) -> str:
    return README.format(
        reference=dossier.reference,
        line="=" * (14 + len(dossier.reference)),
        organisation=dossier.organisation.name,
        issued=f"{dossier.issued_at:%Y-%m-%d}",
        fingerprint=fingerprint,
    )


def write_pack(data: bytes, *, path: Path, fingerprint: str) -> Pack:
    """Put a pack on disk, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return Pack(path, hashlib.sha256(data).hexdigest(), len(data), fingerprint)
