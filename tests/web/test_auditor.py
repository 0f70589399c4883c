"""The auditor's pages: packs, the log's head, and proofs that can be recomputed."""

from __future__ import annotations

import hashlib
import json
import re
from html import unescape
from pathlib import Path
from typing import Any

from django.test import Client

from compliance.audit import merkle, verifier
from compliance.audit import services as audit
from compliance.audit.models import Event, Head
from compliance.evidence import services as evidence
from tests.web import seeded


def test_a_download_is_logged_before_it_leaves(aurora: seeded.Company, amir: Client, settings: Any) -> None:
    case = seeded.answered(aurora, seeded.register(aurora.entity))
    address = f"/officer/cases/{case.reference}/reports/1/pack/"
    missing = amir.get(address, follow=True).content.decode()
    assert "not on this machine" in missing and not Event.objects.filter(kind="pack.downloaded").exists()
    pack = Path(settings.OUBLI_EVIDENCE) / case.reports.get().pack
    pack.parent.mkdir(parents=True)
    pack.write_bytes(b"PK changed")
    changed = amir.get(address, follow=True).content.decode()
    assert "not the one that was issued" in changed and not Event.objects.filter(kind="pack.downloaded").exists()
    pack.write_bytes(b"PK seeded")
    case.reports.update(sha256=hashlib.sha256(b"PK seeded").hexdigest())
    response = amir.get(address)
    assert b"".join(response.streaming_content) == b"PK seeded"
    assert Event.objects.get(kind="pack.downloaded").actor == "amir"


def test_issued_packs_are_listed_for_the_own_company_only(
    aurora: seeded.Company, amir: Client, stranger: Client
) -> None:
    case = seeded.answered(aurora, seeded.register(aurora.entity))
    page = amir.get("/auditor/").content.decode()
    assert case.reference in page and evidence.fingerprint() in page
    assert case.reference not in stranger.get("/auditor/").content.decode()


def test_the_log_page_shows_the_signed_head(aurora: seeded.Company, amir: Client) -> None:
    seeded.verified(aurora)
    assert "No head has been signed yet" in amir.get("/auditor/log/").content.decode()
    audit.sequence()
    page = amir.get("/auditor/log/").content.decode()
    assert Head.objects.get().root in page and "oubli/log" in page


def test_the_proof_on_the_page_leads_to_the_signed_root(aurora: seeded.Company, amir: Client) -> None:
    case = seeded.accepted(aurora)
    event = Event.objects.of_case(case.reference)[1]
    assert amir.get(f"/auditor/log/{event.uid}/").headers["Location"] == "/auditor/log/"
    audit.sequence()
    page = unescape(amir.get(f"/auditor/log/{event.uid}/").content.decode())
    fields = json.loads(re.findall(r"<pre[^>]*>(\{.*?\})</pre>", page, re.DOTALL)[0])
    path = [bytes.fromhex(node) for node in re.findall(r'<li><code class="digest">(\w{64})', page)]
    head = Head.objects.get()
    leaf = merkle.leaf_hash(verifier.leaf_data(fields))
    proven = {"index": event.leaf.index, "size": head.size, "path": path, "expected": bytes.fromhex(head.root)}
    assert merkle.verify_inclusion(leaf, **proven)
    assert not merkle.verify_inclusion(merkle.leaf_hash(b"another"), **proven)


def test_looking_at_the_log_needs_a_role(aurora: seeded.Company, bruno: Client) -> None:
    assert bruno.get("/auditor/log/").status_code == 404
