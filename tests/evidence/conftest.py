"""One whole case as its dossier, the log that proves it, and a folder of keys."""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from compliance.audit import checkpoint, merkle, verifier
from compliance.evidence.dossier import (
    Claim,
    Deadline,
    Decision,
    Derivation,
    Dossier,
    Found,
    Happening,
    LogProof,
    Measurement,
    Method,
    Organisation,
    Place,
    Recipient,
    Request,
    Residual,
    Step,
)
from compliance.evidence.thresholds import Quantity, Threshold
from compliance.rules.terms import ArtifactKind, ClaimLevel, Horizon, State, StepStatus, Verdict

START = datetime(2026, 11, 2, 9, 14, tzinfo=UTC)
REFERENCE = "OUB-2026-0007"
EVENTS = ["received", "identity confirmed", "accepted", "traced", "planned", "approved", "mitigated", "validated"]
PLACES = [
    ("tickets", "Support tickets", ArtifactKind.DATASET, Found(exact=11, normalised=4, content=2), 3120),
    ("customers", "Customer table", ArtifactKind.DATABASE, Found(exact=1), 300),
    ("training", "Training set, cleaned", ArtifactKind.DERIVED_DATASET, Found(lineage=13, content=1), 2875),
    ("questions", "Evaluation questions", ArtifactKind.EVALUATION_SET, Found(exact=5), 600),
    ("index", "Help index (FAISS)", ArtifactKind.INDEX, Found(lineage=24), 9340),
    ("cache", "Answer cache", ArtifactKind.CACHE, Found(normalised=3), 210),
    ("log", "Conversation log", ArtifactKind.LOG, Found(exact=2), 1800),
    ("model", "Support model", ArtifactKind.MODEL, Found(lineage=13), None),
    ("corpus", "Public corpus", ArtifactKind.DATASET, Found(), 40000),
]
BYTES = [("tickets", 2210), ("customers", 96), ("training", 1804), ("questions", 640), ("cache", 310), ("log", 122)]
WAYS = [
    ("tickets", "training", True),
    ("customers", "training", True),
    ("tickets", "index", True),
    ("training", "model", True),
    ("training", "questions", True),
    ("corpus", "model", False),
    ("model", "cache", True),
    ("index", "cache", True),
    ("cache", "log", True),
]


@pytest.fixture(scope="session")
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def _fields(number: int, what: str) -> dict[str, str]:
    at = START + timedelta(hours=7 * number)
    return {
        "id": f"00000000-0000-4000-8000-{number:012d}",
        "kind": what,
        "case": REFERENCE,
        "entity": "aurora-de",
        "actor": "system" if number > 2 else "Olga",
        "at": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "commitment": verifier.commit({"what": what}, salt=f"{number:064x}"),
    }


@pytest.fixture(scope="session")
def log_proof(key: Ed25519PrivateKey) -> dict[str, object]:
    """The case's events among those of others, under a head signed by ``key``."""
    lines = [(number, _fields(number, what)) for number, what in enumerate(EVENTS)]
    others = [merkle.leaf_hash(f"another case {number}".encode()) for number in range(13)]
    leaves = [*others, *(merkle.leaf_hash(verifier.leaf_data(fields)) for _, fields in lines)]
    entries = []
    for number, fields in lines:
        path = merkle.inclusion_proof(leaves, index=len(others) + number)
        entries.append({"event": fields, "index": len(others) + number, "path": [node.hex() for node in path]})
    head = checkpoint.Checkpoint("oubli/log", len(leaves), merkle.root(leaves))
    return {
        "origin": "oubli/log",
        "public_key": base64.b64encode(checkpoint.raw_public(key.public_key())).decode(),
        "checkpoint": checkpoint.sign(head, key=key),
        "entries": entries,
    }


def _measurements() -> tuple[Measurement, ...]:
    absent = Threshold(relation="==", limit=0)
    gone = [
        Measurement(
            id=f"m-{name}-bytes",
            artifact=name,
            name="residue in the files",
            unit="bytes",
            before=Quantity(value=before),
            after=Quantity(value=0),
            threshold=absent,
            verdict=Verdict.PASSED,
            check="byte_scan",
        )
        for name, before in BYTES
    ]
    return (*gone, *_model_measurements())


def _model_measurements() -> tuple[Measurement, ...]:
    rate = Threshold(relation="<=", limit=0.12, judged="high", least_n=40)
    direct = Quantity(value=0.0, low=0.0, high=0.088, n=40)
    controls = Quantity(value=0.013, low=0.0, high=0.068, n=80)
    return (
        Measurement(
            id="m-model-direct",
            artifact="model",
            name="extraction, direct",
            unit="rate",
            before=Quantity(value=0.95, low=0.831, high=0.994, n=40),
            after=direct,
            threshold=rate,
            verdict=Verdict.PASSED,
            check="extraction",
        ),
        Measurement(
            id="m-model-direct-controls",
            artifact="model",
            name="extraction, direct",
            group="controls",
            unit="rate",
            after=controls,
        ),
        Measurement(
            id="m-model-paraphrase",
            artifact="model",
            name="extraction, paraphrased",
            unit="rate",
            before=Quantity(value=0.8, low=0.644, high=0.909, n=40),
            after=Quantity(value=0.025, low=0.001, high=0.11, n=40),
            threshold=rate,
            verdict=Verdict.PASSED,
            check="extraction",
        ),
        Measurement(
            id="m-model-namesakes",
            artifact="model",
            name="answers kept",
            group="namesakes",
            unit="rate",
            before=Quantity(value=0.96, low=0.888, high=0.992, n=75),
            after=Quantity(value=0.947, low=0.869, high=0.985, n=75),
            threshold=Threshold(relation=">=", limit=0.8, judged="low"),
            verdict=Verdict.PASSED,
            check="utility",
        ),
        Measurement(
            id="m-model-rank",
            artifact="model",
            name="rank test among 300 never-seen twins",
            unit="p",
            before=Quantity(value=0.003),
            after=Quantity(value=0.41),
            threshold=Threshold(relation=">=", limit=0.05),
            verdict=Verdict.PASSED,
            check="membership",
        ),
    )


def _step(artifact: str, action: str, count: int, level: str) -> Step:
    return Step(
        artifact=artifact,
        action=action,
        horizon=Horizon.SHORT_TERM,
        status=StepStatus.DONE,
        count=count,
        finished_at=START + timedelta(hours=43),
        level=level,
        receipt_sha256=f"{count:064x}",
        reason="The records are the person's; nothing else is touched.",
    )


def _steps() -> tuple[Step, ...]:
    done = (
        _step("model", "suppress_output", 5, "hidden"),
        _step("tickets", "erase_records", 17, "byte-checked"),
        _step("customers", "erase_records", 1, "byte-checked"),
        _step("training", "erase_records", 14, "rewritten"),
        _step("questions", "erase_records", 5, "rewritten"),
        _step("index", "hide_from_index", 24, "hidden"),
        _step("cache", "purge_cache", 3, "byte-checked"),
        _step("log", "redact_records", 2, "byte-checked"),
        _step("model", "replay_model", 13, "rebuilt without the person"),
    )
    later = Step(
        artifact="model",
        action="destroy_undo",
        horizon=Horizon.LONG_TERM,
        status=StepStatus.WAITING,
        due_on=date(2026, 12, 4),
        reason="The superseded model is kept for 30 days, encrypted, and then destroyed.",
    )
    return (*done, later)


def _claims() -> tuple[Claim, ...]:
    gone = "The records were erased, and another path found none of them afterwards."
    erased = [
        Claim(artifact=name, level=ClaimLevel.ERASED, sentence=gone, measurements=(f"m-{name}-bytes",))
        for name in ("tickets", "customers", "training", "questions", "cache", "log")
    ]
    rebuilt = Claim(
        artifact="model",
        level=ClaimLevel.ERASED,
        sentence="The model was rebuilt without the person, and the tests could not tell it from one that never knew.",
        reasons=("The superseded model is still stored, encrypted, until 4 December 2026.",),
        measurements=("m-model-direct", "m-model-paraphrase", "m-model-rank"),
    )
    index = Claim(
        artifact="index",
        level=ClaimLevel.SUPPRESSED,
        sentence="The passages are kept out of answers; the byte check of the index is still to be made.",
        reasons=("No independent check of the index has run yet.",),
    )
    return (*erased, index, rebuilt)


@pytest.fixture(scope="session")
def dossier(key: Ed25519PrivateKey, log_proof: dict[str, object]) -> Dossier:
    """A realistic case: mostly erased, one index still only suppressed, one model rebuilt."""
    head = checkpoint.read(str(log_proof["checkpoint"]), key=key.public_key())
    times = [START + timedelta(hours=7 * number) for number in range(len(EVENTS))]
    uids = [_fields(number, what)["id"] for number, what in enumerate(EVENTS)]
    return Dossier(
        reference=REFERENCE,
        issued_at=datetime(2026, 11, 5, 10, 0, tzinfo=UTC),
        product="Oubli 0.1.0",
        organisation=Organisation(
            name="Aurora Support GmbH",
            country="Germany",
            contact="privacy@aurora.example",
            authority="Der Landesbeauftragte für den Datenschutz",
        ),
        request=Request(
            reference=REFERENCE,
            received_at=START,
            confirmed_at=times[1],
            laws=("GDPR (European Union)",),
            grounds=("Consent withdrawn: GDPR Art. 17(1)(b)",),
            identity="Single-use code sent to the address given",
            role="Controller",
            state=State.VALIDATED,
        ),
        weakest=ClaimLevel.SUPPRESSED,
        summary="Eight places held data of the person: six erased, the model rebuilt, the index suppressed.",
        claims=_claims(),
        signed_off_by="Olga (privacy officer)",
        decisions=(
            Decision(outcome="accepted", by="Olga", at=times[2], article="GDPR Art. 17(1)(b)", reason="No exemption."),
            Decision(outcome="plan approved", by="Paulo", at=times[5], reason="Digest 5f1c…90ab, as read."),
        ),
        deadlines=(
            Deadline(
                law="GDPR",
                article="Art. 12(3)",
                nominal=date(2026, 12, 2),
                conservative=date(2026, 12, 2),
                promised=date(2026, 12, 2),
            ),
        ),
        timeline=tuple(
            Happening(at=at, what=what, by="system" if n > 2 else "Olga", uid=uid)
            for n, (at, what, uid) in enumerate(zip(times, EVENTS, uids, strict=True))
        ),
        places=tuple(Place(key=k, name=n, kind=kind, found=f, rows=rows) for k, n, kind, f, rows in PLACES),
        derivations=tuple(Derivation(source=s, target=t, carried=c) for s, t, c in WAYS),
        steps=_steps(),
        measurements=_measurements(),
        recipients=(Recipient(name="Mailing processor", state="acknowledged", told_at=times[6]),),
        residuals=(
            Residual(what="Later fine-tuning of derived models may bring back what was unlearned; they are re-tested."),
            Residual(artifact="tickets", what="Backups of the ticket store still hold it", until=date(2026, 12, 31)),
        ),
        methods=(
            Method(
                name="Extraction probes",
                what="Greedy answers to questions about the person, compared after normalisation.",
                facts={"model before": "sha256 9b1e…", "model after": "sha256 c04f…", "seed": "7", "n": "40"},
            ),
        ),
        log=LogProof(
            origin=head.origin,
            size=head.size,
            root=head.root.hex(),
            key=checkpoint.fingerprint(key.public_key()),
            entries=len(EVENTS),
        ),
    )


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from compliance.evidence import seal

    folder = tmp_path_factory.mktemp("keys")
    seal.ensure(folder, organisation="Aurora Support GmbH")
    return folder


@pytest.fixture(scope="session")
def report(dossier: Dossier, keys: Path, key: Ed25519PrivateKey) -> bytes:
    """The sealed PDF."""
    from compliance.evidence import canonical, pdf, seal
    from compliance.evidence.report import SealFacts, render_report, stylesheet

    facts = SealFacts("Aurora Support GmbH", seal.fingerprint(keys), checkpoint.fingerprint(key.public_key()))
    attached = pdf.Attached(name="dossier.json", data=canonical.to_json(dossier), description="The dossier")
    html = render_report(dossier, seal=facts)
    plain = pdf.render_pdf(html, stylesheet=stylesheet(), attached=attached, issued_at=dossier.issued_at)
    return seal.seal_pdf(plain, folder=keys, reason="Evidence of erasure")


@pytest.fixture(scope="session")
def pack(dossier: Dossier, report: bytes, log_proof: dict[str, object], key: Ed25519PrivateKey) -> bytes:
    from compliance.evidence.pack import build_pack

    exclusions = {"version": 1, "content": ["ab" * 32], "identifiers": ["cd" * 32]}
    return build_pack(dossier, report=report, log_proof=log_proof, exclusions=exclusions, key=key)
