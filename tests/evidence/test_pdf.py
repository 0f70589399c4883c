"""The report as PDF: tagged, self-contained, sealed, and deaf to whatever a page asks it to fetch."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from compliance.evidence import canonical, glyphs, pdf, seal, verify
from compliance.evidence.dossier import Dossier
from compliance.evidence.errors import OutsideBundle, UncoveredText
from compliance.evidence.report import stylesheet

NOON = datetime(2026, 11, 5, 12, tzinfo=UTC)


def _render(body: str) -> bytes:
    html = f"<html lang='en'><head><title>T</title><link rel='stylesheet' href='bundle:report.css'></head>{body}</html>"
    attached = pdf.Attached(name="dossier.json", data=b'{"a": 1}\n', description="The dossier")
    return pdf.render_pdf(html, stylesheet=stylesheet(), attached=attached, issued_at=NOON)


def test_the_report_is_tagged_titled_and_says_that_it_is_pdf_a_3a(report: bytes) -> None:
    with pikepdf.open(BytesIO(report)) as document:
        assert document.Root.MarkInfo.Marked and "/StructTreeRoot" in document.Root
        assert document.Root.Lang == "en"
        assert document.pdf_version == "1.7" and "/Version" not in document.Root
        meta = document.open_metadata()
        assert (meta["pdfaid:part"], meta["pdfaid:conformance"]) == ("3", "A")
        assert meta["dc:title"] == "Erasure report OUB-2026-0007"
        assert document.Root.OutputIntents
        assert not document.check_pdf_syntax()


def test_every_font_is_embedded(report: bytes) -> None:
    with pikepdf.open(BytesIO(report)) as document:
        described = [item for item in document.objects if _is(item, "/FontDescriptor")]
        fonts = [item for item in document.objects if _is(item, "/Font")]
    assert described and all("/FontFile2" in item or "/FontFile3" in item for item in described)
    assert {str(font.Subtype) for font in fonts} <= {"/Type0", "/CIDFontType2"}


def _is(item: Any, kind: str) -> bool:
    return isinstance(item, pikepdf.Dictionary) and item.get("/Type") == kind


def test_the_dossier_is_attached_as_data(report: bytes, dossier: Dossier) -> None:
    with pikepdf.open(BytesIO(report)) as document:
        spec = document.attachments["dossier.json"]
        assert spec.get_file().read_bytes() == canonical.to_json(dossier)
        assert spec.obj.AFRelationship == "/Data"
    assert json.loads(next(iter(verify.embedded_files(report))))["reference"] == dossier.reference


def test_the_seal_holds_and_breaks_with_any_change(report: bytes, keys: Path) -> None:
    certificate = seal.certificate_pem(keys)
    checked = seal.verify_pdf(report, certificate=certificate)
    assert checked.holds and checked.fingerprint == seal.fingerprint(keys)
    at = report.index(b"/EmbeddedFile")
    changed = report[: at + 200] + bytes([report[at + 200] ^ 1]) + report[at + 201 :]
    assert not seal.verify_pdf(changed, certificate=certificate).intact
    assert not seal.verify_pdf(report + b"\n% appended\n", certificate=certificate).whole


def test_a_strangers_seal_is_not_trusted(report: bytes, keys: Path, tmp_path: Path) -> None:
    seal.ensure(tmp_path, organisation="Somebody else")
    assert not seal.verify_pdf(report, certificate=seal.certificate_pem(tmp_path)).trusted
    with pytest.raises(ValueError, match="not signed"):
        seal.verify_pdf(_render("<p>plain</p>"), certificate=seal.certificate_pem(keys))


def test_the_seals_key_is_made_once_and_only_its_owner_reads_it(keys: Path) -> None:
    before = (keys / seal.KEY_FILE).read_bytes()
    seal.ensure(keys, organisation="Aurora Support GmbH")
    assert (keys / seal.KEY_FILE).read_bytes() == before
    assert stat.S_IMODE((keys / seal.KEY_FILE).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "body",
    [
        "<img src='http://127.0.0.1:9/x.png'>",
        "<img src='file:///etc/passwd'>",
        "<img src='bundle:../seal.py'>",
        "<link rel='stylesheet' href='https://example.org/x.css'>",
        "<style>@import url(file:///etc/passwd);</style>",
        "<p style='background: url(ftp://example.org/x)'>x</p>",
        "<link rel='attachment' href='file:///etc/passwd'>",
        "<a rel='attachment' href='file:///etc/passwd'>x</a>",
        "<object data='file:///etc/passwd'></object>",
        "<svg width='9' height='9'><image href='file:///etc/passwd' width='9' height='9'/></svg>",
    ],
)
def test_nothing_outside_the_bundle_is_fetched(body: str) -> None:
    with pytest.raises(OutsideBundle, match="not in its bundle"):
        _render(body)


def test_the_same_page_gives_the_same_bytes_and_another_page_others() -> None:
    assert _render("<p>one</p>") == _render("<p>one</p>")
    assert _render("<p>one</p>") != _render("<p>two</p>")


def test_characters_without_a_glyph_are_spelled_out_or_refused() -> None:
    assert glyphs.uncovered("Größe, żółw, Ελλάδα, Москва") == set()
    assert glyphs.with_names_for_uncovered("at ≤ 5, 张") == "at at most  5, [U+5F20]"
    with pytest.raises(UncoveredText, match=r"U\+5F20"):
        glyphs.require_covered("张")
    assert b"[U+5F20]" not in _render("<p>张</p>")[:100]


def test_pages_can_draw_without_loading_the_printer() -> None:
    code = "import sys, compliance.evidence.drawings, compliance.evidence.canonical; "
    code += "sys.exit(any(name in sys.modules for name in ('weasyprint', 'pyhanko', 'torch', 'networkx')))"
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
