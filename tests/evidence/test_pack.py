"""The pack: verified untouched, and never verified after any change of any byte."""

from __future__ import annotations

import hashlib
import json
import random
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from compliance.audit import checkpoint
from compliance.evidence import canonical, pdf, verify
from compliance.evidence.dossier import Dossier, Measurement
from compliance.evidence.pack import build_pack, write_pack
from compliance.evidence.report import render_report, stylesheet
from compliance.evidence.thresholds import Quantity
from compliance.rules.errors import ProofFailed
from compliance.rules.terms import ClaimLevel, StepStatus, Verdict


def _alone(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a verifier as an outsider does: own process, own folder, nothing of ours on the path."""
    command = [sys.executable, "-I", str(program), *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=program.parent, check=False)


def test_the_shipped_verifier_verifies_the_pack_alone(pack: bytes, key: Ed25519PrivateKey, tmp_path: Path) -> None:
    (tmp_path / "pack.zip").write_bytes(pack)
    (tmp_path / "verify.py").write_bytes(zipfile.ZipFile(BytesIO(pack)).read("verify.py"))
    mark = checkpoint.fingerprint(key.public_key())
    done = _alone(tmp_path / "verify.py", "pack.zip", "--key", mark)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("VERIFIED.\n") and mark in done.stdout
    other = _alone(tmp_path / "verify.py", "pack.zip", "--key", "00" * 32)
    assert other.returncode == 1 and "signed by another key" in other.stdout
    assert _alone(tmp_path / "verify.py", "nowhere.zip").returncode == 1
    assert _alone(tmp_path / "verify.py").returncode == 2


def _regions(pack: bytes) -> list[int]:
    """Every byte of every header, of the central directory and its end, and of the manifest and its signature."""
    offsets: list[int] = []
    archive = zipfile.ZipFile(BytesIO(pack))
    for item in archive.infolist():
        head = item.header_offset
        offsets += range(head, head + 30 + len(item.filename))
        if item.filename == verify.SIGNATURE:
            start = head + 30 + len(item.filename)
            offsets += range(start, start + item.file_size)
    offsets += range(archive.start_dir, len(pack))
    return offsets


def _flipped(pack: bytes, at: int, bit: int) -> bytes:
    changed = bytearray(pack)
    changed[at] ^= 1 << bit
    return bytes(changed)


def _holds(pack: bytes) -> bool:
    try:
        verify.verify(pack)
    except verify.Broken:
        return False
    return True


def test_any_one_changed_byte_is_found(pack: bytes) -> None:
    assert _holds(pack)
    chance = random.Random(20261105)
    offsets = [*_regions(pack), *(chance.randrange(len(pack)) for _ in range(400))]
    missed = [at for at in offsets if _holds(_flipped(pack, at, chance.randrange(8)))]
    assert len(offsets) > 1000
    assert missed == []


def test_every_bit_of_the_signature_counts(pack: bytes) -> None:
    item = zipfile.ZipFile(BytesIO(pack)).getinfo(verify.SIGNATURE)
    start = item.header_offset + 30 + len(item.filename)
    places = [(at, bit) for at in range(start, start + item.file_size) for bit in range(8)]
    assert [place for place in places if _holds(_flipped(pack, *place))] == []


@pytest.mark.parametrize("count", [1, 7, 400])
def test_cut_lengthened_and_prefixed_packs_are_refused(pack: bytes, count: int) -> None:
    for changed in (pack[:-count], pack[count:], pack + b"\0" * count, b"\0" * count + pack, b""):
        assert not _holds(changed)


def test_a_comment_with_its_length_corrected_is_refused(pack: bytes) -> None:
    commented = pack[:-2] + struct.pack("<H", 2) + b"hi"
    assert zipfile.ZipFile(BytesIO(commented)).testzip() is None
    assert not _holds(commented)


def test_a_repacked_zip_of_the_same_files_is_refused(pack: bytes) -> None:
    members = verify.read_members(pack)
    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        out = BytesIO()
        with zipfile.ZipFile(out, "w", compression) as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        assert not _holds(out.getvalue())


def test_the_command_line_says_why_a_changed_pack_fails(pack: bytes, tmp_path: Path) -> None:
    at = pack.index(b'"weakest"')
    (tmp_path / "pack.zip").write_bytes(_flipped(pack, at, 0))
    done = _alone(Path(verify.__file__), str(tmp_path / "pack.zip"))
    assert done.returncode == 1
    assert done.stdout.startswith("NOT VERIFIED: ")


def _resigned(pack: bytes, changes: dict[str, bytes], key: Ed25519PrivateKey) -> bytes:
    """What the holder of the key could issue: changed members under a good manifest and signature."""
    members = verify.read_members(pack) | changes
    manifest = json.loads(members[verify.MANIFEST])
    for item in manifest["members"]:
        item["sha256"] = hashlib.sha256(members[item["name"]]).hexdigest()
    data = json.dumps(manifest).encode()
    public = checkpoint.raw_public(key.public_key())
    signature = verify.signature_text(public, key.sign(verify.PURPOSE + data))
    return verify.canonical_zip({**members, verify.MANIFEST: data, verify.SIGNATURE: signature})


def test_a_pack_resigned_by_a_stranger_shows_another_fingerprint(pack: bytes, key: Ed25519PrivateKey) -> None:
    stranger = Ed25519PrivateKey.generate()
    forged = _resigned(pack, {}, stranger)
    with pytest.raises(verify.Broken, match="another key"):
        verify.verify(forged, key=checkpoint.fingerprint(key.public_key()))
    with pytest.raises(verify.Broken, match="log's head is signed by another key"):
        verify.verify(forged)


Change = Callable[[Dossier], Dossier]


def _with_test(dossier: Dossier, at: int, **changes: Any) -> Dossier:
    tests = list(dossier.measurements)
    tests[at] = replace(tests[at], **changes)
    return replace(dossier, measurements=tuple(tests))


MODEL = 6  # the place of the direct extraction test among the measurements
LEAKING = Quantity(value=0.5, low=0.4, high=0.6, n=40)
LIES: list[tuple[str, Change]] = [
    ("do not give its verdict", lambda d: _with_test(d, 0, after=Quantity(value=12))),
    ("m-model-direct is failed", lambda d: _with_test(d, MODEL, after=LEAKING, verdict=Verdict.FAILED)),
    ("m-model-direct is inconclusive", lambda d: _with_test(d, MODEL, powered=False, verdict=Verdict.INCONCLUSIVE)),
    ("no test passed", lambda d: replace(d, measurements=d.measurements[1:], claims=_resting_on_nothing(d))),
    ("measurements that are not there", lambda d: replace(d, measurements=d.measurements[1:])),
    ("erase_records is not done", lambda d: replace(d, steps=_undone(d))),
    ("more than its weakest", lambda d: replace(d, weakest=ClaimLevel.ERASED)),
    ("no suppression is active", lambda d: replace(d, steps=tuple(s for s in d.steps if s.artifact != "index"))),
    ("no decision names an exemption", lambda d: replace(d, claims=(_called(d, ClaimLevel.KEPT),))),
    ("nothing was forwarded", lambda d: replace(d, claims=(_called(d, ClaimLevel.FORWARDED),))),
    ("no open step has a date", lambda d: replace(d, claims=(_called(d, ClaimLevel.SCHEDULED),))),
    ("names another head", lambda d: replace(d, log=replace(d.log, size=d.log.size + 1) if d.log else None)),
    ("event that the log proof lacks", lambda d: replace(d, timeline=(replace(d.timeline[0], uid="x"),))),
]


def _resting_on_nothing(dossier: Dossier) -> tuple[Any, ...]:
    return (replace(dossier.claims[0], measurements=()), *dossier.claims[1:])


def _called(dossier: Dossier, level: ClaimLevel) -> Any:
    return replace(dossier.claims[0], level=level)


def _undone(dossier: Dossier) -> tuple[Any, ...]:
    return tuple(replace(s, status=StepStatus.WAITING) if s.artifact == "tickets" else s for s in dossier.steps)


@pytest.mark.parametrize(("words", "change"), LIES, ids=[words for words, _ in LIES])
def test_a_dossier_that_claims_more_than_its_facts_fails_even_when_signed(
    pack: bytes, dossier: Dossier, key: Ed25519PrivateKey, words: str, change: Change
) -> None:
    lying = _resigned(pack, {"dossier.json": canonical.to_json(change(dossier))}, key)
    with pytest.raises(verify.Broken, match=words):
        verify.verify(lying)


def test_a_report_that_carries_another_dossier_fails(pack: bytes, dossier: Dossier, key: Ed25519PrivateKey) -> None:
    other = canonical.to_json(replace(dossier, summary="All is well."))
    with pytest.raises(verify.Broken, match=r"dossier inside report\.pdf is not"):
        verify.verify(_resigned(pack, {"dossier.json": other}, key))


def test_an_event_of_another_case_or_time_fails(pack: bytes, key: Ed25519PrivateKey) -> None:
    for name, value in (("case", "OUB-2026-0001"), ("at", "2020-01-01T00:00:00.000000Z")):
        proof = json.loads(verify.read_members(pack)["log-proof.json"])
        proof["entries"][0]["event"][name] = value
        with pytest.raises(verify.Broken, match=r"another case|not in the signed log"):
            verify.verify(_resigned(pack, {"log-proof.json": json.dumps(proof).encode()}, key))


def test_a_pack_that_would_not_verify_is_not_issued(
    dossier: Dossier, report: bytes, log_proof: dict[str, object], key: Ed25519PrivateKey
) -> None:
    boasting = replace(dossier, weakest=ClaimLevel.ERASED)
    with pytest.raises(ProofFailed, match="more than its weakest artifact"):
        build_pack(boasting, report=report, log_proof=log_proof, exclusions={}, key=key)


def test_the_verifier_judges_as_the_thresholds_do(dossier: Dossier) -> None:
    for test in dossier.measurements:
        if test.threshold:
            for value in (0.0, 0.05, 0.11, 0.5, 0.9):
                after = Quantity(value=value, low=value - 0.01, high=value + 0.01, n=40)
                case: Measurement = replace(test, after=after)
                assert verify.verdict_of(canonical.plain(case)) == test.threshold.judge(after)


def test_equal_facts_give_equal_packs_before_the_seal(
    dossier: Dossier, log_proof: dict[str, object], key: Ed25519PrivateKey, tmp_path: Path
) -> None:
    def build() -> bytes:
        attached = pdf.Attached(name="dossier.json", data=canonical.to_json(dossier), description="The dossier")
        issued = dossier.issued_at
        report = pdf.render_pdf(render_report(dossier), stylesheet=stylesheet(), attached=attached, issued_at=issued)
        return build_pack(dossier, report=report, log_proof=log_proof, exclusions={}, key=key)

    first = build()
    assert first == build()
    written = write_pack(first, path=tmp_path / "packs" / "a.zip", fingerprint="f")
    assert written.path.read_bytes() == first
    assert [path.name for path in written.path.parent.iterdir()] == ["a.zip"]
