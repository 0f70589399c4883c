#!/usr/bin/env python3
"""Verify an Oubli evidence pack offline: python verify.py PACK.zip [--key FINGERPRINT]

Needs Python 3.11 and the package ``cryptography``; no network, no database. It answers in words, and exits 0 only when
everything holds, 1 when anything does not, 2 when it was called wrongly. Any one changed byte of the file is found:
the whole ZIP is rebuilt from its members in its one canonical form, each member has its digest in the manifest, and the
manifest is signed. What no file can say about itself is whose key that is: compare the printed fingerprint with the one
that the organisation publishes, or give it with --key. For the same reason use a copy of this program that you trust.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import json
import re
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
PURPOSE = b"oubli evidence pack v1\n"
SCHEMA_VERSION = 1
LEAF_FIELDS = ("actor", "at", "case", "commitment", "entity", "id", "kind")


class Broken(Exception):
    """A check did not hold; the message says what was found."""


def require(holds: bool, words: str) -> None:
    """Raise Broken with ``words`` unless ``holds``."""
    if not holds:
        raise Broken(words)


# --- the file -------------------------------------------------------------------------------------------------------


def canonical_zip(members: Mapping[str, bytes]) -> bytes:
    """The one ZIP over these members, in this order: stored, dated 1980-01-01, no extra fields, no comments."""
    body, directory = io.BytesIO(), io.BytesIO()
    for name, data in members.items():
        path, offset = name.encode("ascii"), body.tell()
        shape = struct.pack("<HHHHIII", 0, 0, 0, 0x21, zlib.crc32(data), len(data), len(data))
        body.write(struct.pack("<IH", 0x04034B50, 20) + shape + struct.pack("<HH", len(path), 0) + path + data)
        directory.write(struct.pack("<IHH", 0x02014B50, 0x0314, 20) + shape)
        directory.write(struct.pack("<HHHHHII", len(path), 0, 0, 0, 0, 0o100644 << 16, offset) + path)
    start, index = body.tell(), directory.getvalue()
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, len(members), len(members), len(index), start, 0)
    return body.getvalue() + index + end


def read_members(pack: bytes) -> dict[str, bytes]:
    """The members of a pack whose every byte is as ``canonical_zip`` writes it."""
    try:
        with zipfile.ZipFile(io.BytesIO(pack)) as archive:
            plain = all(item.compress_type == zipfile.ZIP_STORED for item in archive.infolist())
            require(plain, "the ZIP holds compressed members")
            require(sum(item.file_size for item in archive.infolist()) <= len(pack), "the ZIP states impossible sizes")
            names = archive.namelist()
            members = {name: archive.read(name) for name in names}
    except (zipfile.BadZipFile, ValueError, OSError, RuntimeError, NotImplementedError, EOFError) as error:
        raise Broken(f"the file is no intact ZIP ({type(error).__name__})") from error
    require(len(members) == len(names), "the ZIP holds a name twice")
    require(all(name.isascii() for name in names), "the ZIP holds a strange name")
    require(canonical_zip(members) == pack, "the ZIP is not in canonical form: a header, padding or comment changed")
    return members


def signature_text(public: bytes, signature: bytes) -> bytes:
    """What ``manifest.sig`` looks like, exactly."""
    return f"ed25519 public key {public.hex()}\nsignature {signature.hex()}\n".encode()


def check_manifest(members: Mapping[str, bytes]) -> tuple[bytes, str]:
    """The signing key (32 bytes) and words, when manifest, signature and every member's digest hold."""
    require(MANIFEST in members and SIGNATURE in members, f"{MANIFEST} or {SIGNATURE} is missing")
    found = re.fullmatch(rb"ed25519 public key ([0-9a-f]{64})\nsignature ([0-9a-f]{128})\n", members[SIGNATURE])
    require(found is not None, f"{SIGNATURE} cannot be read")
    public, signature = (bytes.fromhex(part.decode()) for part in found.groups()) if found else (b"", b"")
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, PURPOSE + members[MANIFEST])
    except (InvalidSignature, ValueError) as error:
        raise Broken("the manifest's signature does not hold") from error
    listed = {item["name"]: item["sha256"] for item in json.loads(members[MANIFEST])["members"]}
    present = [name for name in members if name not in (MANIFEST, SIGNATURE)]
    require(list(listed) == present, "the members are not those that the manifest lists")
    for name in present:
        require(hashlib.sha256(members[name]).hexdigest() == listed[name], f"{name} is not what the manifest says")
    return public, f"the manifest is signed and lists all {len(present)} members by digest"


# --- the log --------------------------------------------------------------------------------------------------------


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(leaf: bytes, *, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The Merkle root that a path leads to (RFC 9162 section 2.1.3.2)."""
    require(0 <= index < size, "a log entry lies outside the tree")
    at, last, node = index, size - 1, leaf
    for sibling in path:
        require(last > 0, "an inclusion proof is too long")
        if at & 1 or at == last:
            node = _node(sibling, node)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            node = _node(node, sibling)
        at, last = at >> 1, last >> 1
    require(last == 0, "an inclusion proof is too short")
    return node


def read_checkpoint(note: str, *, public: bytes) -> tuple[str, int, bytes]:
    """Origin, size and root of a signed head (C2SP tlog-checkpoint)."""
    body, _, line = note.partition("\n\n")
    origin, size, root = body.split("\n")
    mark = f"— {origin} "
    require(line.startswith(mark), "the log's head is not signed under its own name")
    signature = base64.b64decode(line.removeprefix(mark).strip())
    key_id = hashlib.sha256(origin.encode() + b"\n\x01" + public).digest()[:4]
    require(signature[:4] == key_id, "the log's head is signed by another key than the pack")
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature[4:], f"{body}\n".encode())
    except InvalidSignature as error:
        raise Broken("the signature of the log's head does not hold") from error
    return origin, int(size), base64.b64decode(root)


def check_log(dossier: Mapping[str, Any], proof: Mapping[str, Any], *, public: bytes) -> str:
    """Every event of the case stands in the log under the signed head that the dossier names."""
    require(bool(proof["entries"]), "the log proof holds no entry")
    origin, size, root = read_checkpoint(proof["checkpoint"], public=public)
    stated = dossier["log"] or {}
    shown = (stated.get("origin"), stated.get("size"), stated.get("root"), stated.get("entries"))
    require(shown == (origin, size, root.hex(), len(proof["entries"])), "the dossier names another head of the log")
    gaps = proof.get("gaps", [])
    for entry in proof["entries"]:
        require(entry["event"]["case"] == dossier["reference"], "the log proof holds an event of another case")
    for entry in [*proof["entries"], *gaps]:
        fields = entry["event"]
        text = json.dumps({"v": 1, **{k: fields[k] for k in LEAF_FIELDS}}, **_COMPACT)
        leaf = hashlib.sha256(b"\x00" + text.encode()).digest()
        path = [bytes.fromhex(node) for node in entry["path"]]
        require(root_of(leaf, index=entry["index"], size=size, path=path) == root, "an event is not in the signed log")
    proven = {entry["event"]["id"] for entry in proof["entries"]}
    told = {line["uid"] for line in dossier["timeline"] if line["uid"]}
    require(told <= proven, "the timeline tells an event that the log proof lacks")
    lost = "".join(f"; lines were lost before, says {e['event']['actor']} on {e['event']['at'][:10]}" for e in gaps)
    return f"{len(proven)} events of the case stand in the signed log of {size}{lost}"


_COMPACT: dict[str, Any] = {"sort_keys": True, "separators": (",", ":"), "ensure_ascii": False}


# --- the dossier ----------------------------------------------------------------------------------------------------


def verdict_of(measurement: Mapping[str, Any]) -> str | None:
    """The verdict that follows from threshold and figures; None when the threshold is only stated in words."""
    threshold, after = measurement["threshold"], measurement["after"]
    if threshold is None:
        return None
    bound = after[threshold["judged"]] if after else None
    if after is None or bound is None or not measurement["powered"]:
        return "inconclusive"
    if after["n"] is not None and after["n"] < threshold["least_n"]:
        return "inconclusive"
    held = COMPARE[threshold["relation"]](bound, threshold["limit"])
    ceiling = threshold["or_controls_upper"]
    return "passed" if held or (ceiling is not None and bound <= ceiling) else "failed"


COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
}


def check_measurements(dossier: Mapping[str, Any]) -> str:
    """Every verdict that can be recomputed from its own figures is the one stated."""
    computed = 0
    for item in dossier["measurements"]:
        verdict = verdict_of(item)
        computed += verdict is not None
        require(verdict in (None, item["verdict"]), f"measurement {item['id']}: its figures do not give its verdict")
    rest = sum(1 for item in dossier["measurements"] if item["verdict"] and not item["threshold"])
    words = f"; {rest} rest on thresholds in words" if rest else ""
    return f"{computed} verdicts recomputed from figures and thresholds{words}"


LEVELS = ("erased", "mitigated", "suppressed", "scheduled", "partly", "kept", "forwarded", "not_shown")
SUPPRESSING = {"suppress_output", "hide_from_index"}
CHANGING = {"erase_records", "redact_records", "rebuild_index", "purge_cache", "purge_log"}
CHANGING |= {"replay_model", "unlearn_model", "promote_model"}
WEAK = ("hidden", "logically_deleted", "learned_kept")
NEEDS: dict[str, set[str]] = {
    "passed": {"passed"},
    "not_failed": {"passed", "inconclusive"},
    "reported": {"passed", "inconclusive", "failed"},
    "nothing": {"passed", "inconclusive", "failed"},
}


def claim_problems(dossier: Mapping[str, Any]) -> Iterator[str]:
    """What the dossier's own facts say against its claims."""
    for claim in dossier["claims"]:
        key, level = claim["artifact"], claim["level"]
        tests = [m for m in dossier["measurements"] if m["artifact"] == key]
        steps = [s for s in dossier["steps"] if s["artifact"] == key]
        if not set(claim["measurements"]) <= {m["id"] for m in tests}:
            yield f"the claim on {key} rests on measurements that are not there"
        needs = {"erased": ("erased",), "mitigated": ("mitigated",), "partly": ("erased", "mitigated")}.get(level, ())
        judged = [m for m in tests if m["verdict"]]  # what stays was left on purpose: the rest is held to either
        yield from min((list(_not_earned(key, level, judged, steps, need)) for need in needs), key=len, default=[])
        done = {s["action"] for s in steps if s["status"] == "done"}
        marked = [s for s in steps if s["action"] in CHANGING and s["level"] in WEAK]
        if level == "suppressed" and not marked and not done & SUPPRESSING:
            yield f"{key} is called suppressed and no suppression is active"
        if level == "scheduled" and not any(s["due_on"] and s["status"] != "done" for s in steps):
            yield f"{key} is called scheduled and no open step has a date"
        if level == "kept" and not any(d["exemption"] and d["artifact"] in ("", key) for d in dossier["decisions"]):
            yield f"{key} is called kept and no decision names an exemption"
        if level == "forwarded" and "forward_to_controller" not in done:
            yield f"{key} is called forwarded and nothing was forwarded"
    weakest = max((LEVELS.index(claim["level"]) for claim in dossier["claims"]), default=0)
    if LEVELS.index(dossier["weakest"]) < weakest:
        yield "the case is described by more than its weakest artifact"


def _not_earned(
    key: str, level: str, tests: Sequence[Mapping[str, Any]], steps: Sequence[Any], needs: str
) -> Iterator[str]:
    """What speaks against *erased*, *mitigated* or *partly*: a test short of what the plan needs, a step not done."""
    if not any(test["verdict"] == "passed" for test in tests):
        yield f"{key} is called {level} and no test passed"
    for test in tests:
        need = test["threshold"][needs] if test["threshold"] else "not_failed"
        if test["verdict"] not in NEEDS[need]:
            yield f"{key} is called {level} although {test['id']} is {test['verdict']}"
    for step in steps:
        if step["action"] in CHANGING and step["status"] != "done":
            yield f"{key} is called {level} although {step['action']} is not done"
    levels = [step["level"] for step in steps if step["action"] in CHANGING and step["level"]]
    if levels and levels[-1] in WEAK:
        yield f"{key} is called {level} although its store keeps something of it ({levels[-1]})"


def check_claims(dossier: Mapping[str, Any]) -> str:
    """No claim says more than steps, decisions and measurements carry."""
    for problem in claim_problems(dossier):
        raise Broken(problem)
    return f"{len(dossier['claims'])} claims agree with steps, decisions and measurements"


def embedded_files(pdf: bytes) -> Iterator[bytes]:
    """The files attached to a PDF, unpacked (each at most 64 MiB)."""
    for found in re.finditer(rb"/Type\s*/EmbeddedFile\b.*?stream\r?\n", pdf, re.DOTALL):
        unpacker = zlib.decompressobj()
        try:
            yield unpacker.decompress(pdf[found.end() :], 64 << 20)
        except zlib.error:
            continue


def check_report(members: Mapping[str, bytes]) -> str:
    """The dossier inside the report is the dossier beside it."""
    require("report.pdf" in members, "report.pdf is missing")
    same = members["dossier.json"] in set(embedded_files(members["report.pdf"]))
    require(same, "the dossier inside report.pdf is not dossier.json")
    return "report.pdf carries this dossier"


def check_dossier(members: Mapping[str, bytes]) -> dict[str, Any]:
    """The dossier, of the schema version that this program knows."""
    dossier: dict[str, Any] = json.loads(members["dossier.json"])
    require(dossier.get("schema_version") == SCHEMA_VERSION, "the dossier has an unknown schema version")
    return dossier


def verify(pack: bytes, *, key: str = "") -> list[str]:
    """All checks in order; the words to print. Raises Broken at the first that does not hold."""
    try:
        members = read_members(pack)
        public, words = check_manifest(members)
        mark = hashlib.sha256(public).hexdigest()
        require(not key or key.replace(":", "").lower() == mark, f"the pack is signed by another key: {mark}")
        dossier = check_dossier(members)
        proof = json.loads(members["log-proof.json"])
        said = ["the ZIP is in its one canonical form", words, check_log(dossier, proof, public=public)]
        said += [check_measurements(dossier), check_claims(dossier), check_report(members)]
    except (KeyError, TypeError, ValueError, AttributeError, struct.error) as error:
        raise Broken(f"the pack does not follow its schema ({type(error).__name__})") from error
    trust = "as you asked" if key else "compare it with the one that the organisation publishes"
    return [*said, f"signed by key {mark} ({trust})"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="verify.py", description="Verify an Oubli evidence pack offline.")
    parser.add_argument("pack", type=Path, help="the ZIP")
    parser.add_argument("--key", default="", help="SHA-256 fingerprint of the organisation's key, in hex")
    chosen = parser.parse_args(arguments)
    try:
        said = verify(chosen.pack.read_bytes(), key=chosen.key)
    except OSError as error:
        print(f"The pack cannot be read: {error.strerror}.")
        return 1
    except Broken as problem:
        print(f"NOT VERIFIED: {problem}.")
        return 1
    for line in said:
        print(f"  holds: {line}")
    print("VERIFIED.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
