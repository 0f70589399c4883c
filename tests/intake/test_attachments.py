"""Files that come with a request: judged by content, drawn anew without metadata, sealed."""

from __future__ import annotations

import io
import shlex
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from compliance.intake import attachments, cleaning, services, vault
from compliance.intake.attachments import NotTaken
from compliance.intake.models import Attachment, ErasureRequest
from compliance.rules.terms import Requester
from tests.web import seeded
from tests.web.test_subject import open_directly, walk

MARK = b"52.5200N 13.4050E Nora"


def jpeg() -> bytes:
    """A photograph with a position, a comment and something after its end."""
    out = io.BytesIO()
    picture = Image.new("RGB", (40, 20), "red")
    exif = Image.Exif()
    exif[0x010E] = MARK.decode()
    exif[0x0112] = 6  # lies on its side
    picture.save(out, "JPEG", exif=exif, comment=MARK)
    return out.getvalue() + MARK


def png() -> bytes:
    """A picture with a text chunk."""
    out, info = io.BytesIO(), PngInfo()
    info.add_text("Author", MARK.decode())
    Image.new("RGBA", (8, 8), (0, 0, 255, 128)).save(out, "PNG", pnginfo=info)
    return out.getvalue()


def pdf(*, password: str = "") -> bytes:
    """A document with an author, XMP, a script, an embedded file, and a link that runs something."""
    document, out = pikepdf.new(), io.BytesIO()
    document.add_blank_page(page_size=(200, 200))
    document.docinfo["/Author"] = MARK.decode()
    with document.open_metadata() as meta:
        meta["dc:creator"] = [MARK.decode()]
    document.attachments["note.txt"] = pikepdf.AttachedFileSpec(document, MARK, filename="note.txt")
    script = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS=pikepdf.String("app.alert('x')"))
    document.Root.OpenAction = document.make_indirect(script)
    launch = pikepdf.Dictionary(S=pikepdf.Name.Launch, F=pikepdf.String("calc.exe"))
    link = pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Link, Rect=[0, 0, 9, 9], A=launch)
    document.pages[0].Annots = pikepdf.Array([document.make_indirect(link)])
    locked = pikepdf.Encryption(owner=password, user=password) if password else False
    document.save(out, encryption=locked, compress_streams=False)
    return out.getvalue()


def cleaned(content: bytes, name: str = "file.bin") -> attachments.File:
    """The file as an officer gets it."""
    row, upload = attachments.receive(name, content)
    return attachments._open(upload.key, row)


@pytest.mark.parametrize(("make", "kind"), [(jpeg, "jpeg"), (png, "png")])
def test_a_picture_keeps_its_pixels_and_nothing_else(db: None, make: Any, kind: str) -> None:
    file = cleaned(make())
    assert file.kind == kind and MARK not in file.content
    with Image.open(io.BytesIO(file.content)) as picture:
        assert not dict(picture.getexif()) and "Author" not in picture.info
        assert picture.size == ((20, 40) if kind == "jpeg" else (8, 8)), "a picture on its side is turned upright"


def test_a_document_keeps_its_pages_and_loses_scripts_files_and_authors(db: None) -> None:
    file = cleaned(pdf())
    assert file.kind == "pdf" and MARK not in file.content
    with pikepdf.open(io.BytesIO(file.content)) as document:
        assert len(document.pages) == 1 and not document.attachments and "/OpenAction" not in document.Root
        assert "/Info" not in document.trailer and "/Metadata" not in document.Root
        assert all("/A" not in annotation for annotation in document.pages[0].Annots)
    assert b"calc.exe" not in file.content and b"app.alert" not in file.content


def _with_bookmarks() -> bytes:
    """Bookmarks, one of them with a chain of actions, another within the document; a stream that lies elsewhere."""
    document, out = pikepdf.new(), io.BytesIO()
    document.add_blank_page(page_size=(200, 200))
    name, text = pikepdf.Name, pikepdf.String
    there = pikepdf.Dictionary(S=name.GoTo, D=[document.pages[0].obj, name.Fit])
    launch = pikepdf.Dictionary(S=name.Launch, F=text("calc.exe"))
    there.Next = pikepdf.Array([pikepdf.Dictionary(S=name.URI, URI=text("https://evil.example/?seen"))])
    second = document.make_indirect(pikepdf.Dictionary(Title=text("two"), A=there))
    first = document.make_indirect(pikepdf.Dictionary(Title=text("one"), A=launch, Next=second))
    document.Root.Outlines = document.make_indirect(pikepdf.Dictionary(First=first, Last=second, Count=2))
    remote = pikepdf.Dictionary(S=name.GoToR, F=text("smb://evil.example/share"))
    document.Root.Threads = pikepdf.Array([pikepdf.Dictionary(I=pikepdf.Dictionary(A=remote))])
    stream = document.make_stream(b"0 0 m")
    stream.F = text("file:///etc/passwd")
    document.pages[0].Contents = stream
    document.save(out, compress_streams=False)
    return out.getvalue()


def test_bookmarks_lead_within_the_document_only(db: None) -> None:
    file = cleaned(_with_bookmarks())
    for gone in (b"calc.exe", b"evil.example", b"/etc/passwd", b"/Launch"):
        assert gone not in _every_object(file.content)
    with pikepdf.open(io.BytesIO(file.content)) as document:
        two = document.Root.Outlines.Last
        assert str(two.Title) == "two" and two.A.S == "/GoTo" and "/Next" not in two.A


def _every_object(content: bytes) -> bytes:
    """What a reader sees: nothing hides in a compressed stream of objects."""
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(content)) as document:
        document.save(out, object_stream_mode=pikepdf.ObjectStreamMode.disable, compress_streams=False)
    return out.getvalue()


def test_plain_text_is_taken_as_it_is(db: None) -> None:
    file = cleaned(b"Ich habe es gesehen.\r\nNora", "../../etc/note.txt")
    assert (file.kind, file.name, file.content) == ("text", "note.txt", b"Ich habe es gesehen.\nNora")


def bomb() -> bytes:
    """A PNG of a few kilobytes that says it is 40,000 by 40,000."""
    head = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 0, 0, 0, 0)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(4_000_000)))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"MZ\x90\x00 a program", "type"),
        (b"PK\x03\x04 an archive", "type"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>\x00", "type"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>", "type"),
        (b"\xef\xbb\xbf \n<?xml version='1.0'?><svg/>", "type"),
        (b"<!-- a note --><s:svg xmlns:s='http://www.w3.org/2000/svg'/>", "type"),
        (b"\n<s:svg xmlns:s='http://www.w3.org/2000/svg'><s:script/></s:svg>", "type"),
        (b"<HTML><body onload=x()>", "type"),
        (b"", "type"),
        (b"%PDF-1.7 cut short", "damaged"),
        (b"\xff\xd8\xff\xe0 no picture", "damaged"),
        (bomb(), "large"),
        (b"a" * (attachments.MOST_BYTES + 1), "large"),
        (b"long text " * 30_000, "large"),
    ],
)
def test_hostile_and_foreign_files_are_refused_with_a_reason(db: None, content: bytes, why: str) -> None:
    with pytest.raises(NotTaken) as refused:
        attachments.receive("mandate.pdf", content)
    assert refused.value.why == why
    assert not Attachment.objects.exists()


@pytest.mark.parametrize("line", ["<ana> hello", "<3 thank you", "Look: <svg> was on the page", "< htmlish"])
def test_a_chat_that_begins_with_a_sign_is_text(line: str) -> None:
    assert cleaning.kind_of(line.encode()) == "text"


def test_a_file_with_a_password_is_refused(db: None) -> None:
    with pytest.raises(NotTaken, match="locked"):
        attachments.receive("mandate.pdf", pdf(password="secret"))


def test_the_virus_scanner_has_the_last_word(db: None, settings: Any, tmp_path: Path) -> None:
    scanner = tmp_path / "scan.py"
    scanner.write_text("import sys; sys.exit(b'EVIL' in sys.stdin.buffer.read())")
    settings.OUBLI_SCANNER = shlex.join([sys.executable, str(scanner)])
    assert cleaned(b"harmless").kind == "text"
    with pytest.raises(NotTaken, match="virus"):
        attachments.receive("a.txt", b"this is EVIL")
    settings.OUBLI_SCANNER = "/no/such/scanner"
    with pytest.raises(NotTaken, match="virus"):
        attachments.receive("a.txt", b"harmless")


def test_an_attachment_lies_under_the_cases_key_and_goes_with_it(aurora: seeded.Company) -> None:
    _, upload = attachments.receive("seen.txt", b"The bot said MARKED-WORDS.")
    form = services.Submission(entity=aurora.entity, email=seeded.ALICE, uploads=[upload])
    case = services.submit(form).request
    row = case.attachments.get()
    assert b"MARKED-WORDS" not in bytes(row.sealed or b"") and not row.mandate
    assert attachments.opened(row).content == b"The bot said MARKED-WORDS."
    with pytest.raises(Exception, match=r"^$"):
        attachments._open(upload.key, row)
    vault.destroy(case)
    with pytest.raises(Exception, match="destroyed"):
        attachments.opened(Attachment.objects.get())


def test_an_agent_sends_a_mandate_and_is_not_looked_for(aurora: seeded.Company, client: Client) -> None:
    mandate = SimpleUploadedFile("mandate.pdf", pdf(), content_type="application/pdf")
    answers = {
        "who": {"requester": "agent"},
        "identifiers": {"kind": "email", "value": "principal@example.org", "add": "1"},
        "files": {"file": mandate},
    }
    walk(client, email="agent@lawyers.example", **answers)
    case = ErasureRequest.objects.get()
    content = vault.opened(case)
    assert case.requester == Requester.AGENT and case.attachments.get().mandate
    assert content["contact"]["value"] == "agent@lawyers.example"
    assert [item["value"] for item in content["identifiers"]] == ["principal@example.org"] * 1
    services.confirm(case.reference, seeded.code_of(case))
    assert [item["proven"] for item in vault.opened(ErasureRequest.objects.get())["identifiers"]] == [False]


def test_an_agent_without_a_mandate_or_a_person_is_asked_for_them(aurora: seeded.Company, client: Client) -> None:
    client.post("/request/")
    client.post("/request/who/", {"requester": "agent"})
    assert client.post("/request/identifiers/", {}).status_code == 422
    page = client.post("/request/files/", {})
    assert page.status_code == 422 and "Add the file with your mandate" in page.content.decode()


def test_a_file_that_is_not_taken_is_explained_on_its_page(aurora: seeded.Company, client: Client) -> None:
    client.post("/request/")
    page = client.post("/request/files/", {"file": SimpleUploadedFile("a.pdf", b"MZ\x00"), "add": "1"})
    assert page.status_code == 422 and "Choose a PDF, a PNG or JPEG picture" in page.content.decode()


def test_a_file_can_be_taken_off_before_it_is_sent(aurora: seeded.Company, client: Client) -> None:
    client.post("/request/")
    client.post("/request/files/", {"file": SimpleUploadedFile("a.txt", b"words"), "add": "1"})
    assert Attachment.objects.count() == 1
    client.post("/request/files/remove/", {"place": "0"})
    assert not Attachment.objects.exists()


def test_a_file_can_be_added_on_the_status_page(aurora: seeded.Company, client: Client) -> None:
    case = seeded.verified(aurora)
    open_directly(client, case)
    file = SimpleUploadedFile("seen.png", png())
    client.post("/status/add/", {"a-words": "Here it is.", "a-file": file})
    assert case.attachments.get().kind == "png"
    assert vault.opened(ErasureRequest.objects.get())["additions"][0]["words"] == "Here it is."
    assert client.post("/status/add/", {}).status_code == 422
