"""A file in, the same file without metadata and active content out; run alone, in a process with little memory.

    python cleaning.py < FILE > CLEAN

The type is what the content says, whatever the name. Pictures are drawn anew, so that nothing but pixels remains (no
position, camera, thumbnail or trailing data). A PDF is written anew without scripts, actions, embedded files, forms'
scripts, document information and XMP. Exit status 0: clean, with the type as a line on standard error; 3: refused,
with one of ``REASONS``. Imports nothing of the project, so that a bomb costs this process alone.
"""

from __future__ import annotations

import io
import re
import resource
import sys
from collections.abc import Callable
from typing import Any

REASONS = ("type", "damaged", "locked", "large", "text")
MOST_PIXELS = 30_000_000
MOST_PAGES = 100
MEMORY = 1 << 30
SECONDS = 20
_ACTIVE = ("/OpenAction", "/AA", "/AcroForm", "/Names", "/Metadata", "/PieceInfo", "/Collection", "/AF", "/Perms")
# What a reader of the document may be made to do: PDF 2.0 (ISO 32000-2), table 201; a jump within it stays.
_HARMLESS_ACTIONS = frozenset({"/GoTo"})
_OF_A_PAGE = ("/AA", "/Metadata", "/PieceInfo", "/AF")
_NEVER = ("/AA", "/JS", "/JavaScript", "/Metadata", "/EF", "/PieceInfo", "/Launch", "/OpenAction")
# A drawing, a page or a script that calls itself text: whoever gives it another ending and opens it runs what is in it.
_MARKUP = re.compile(
    r"<(?:\?xml|!doctype|!--|!\[cdata|(?:[a-z][\w.-]*:)?(?:svg|html|head|body|script|iframe|math)[\s/>])", re.I
)
_HARMLESS = frozenset({"/Link", "/Text", "/Highlight", "/FreeText", "/Stamp", "/Ink", "/Square", "/Line"})


class Refused(Exception):
    """Why a file is not taken: one of ``REASONS``."""


def kind_of(content: bytes) -> str:
    """``pdf``, ``png``, ``jpeg`` or ``text`` by the content; Refused for anything else."""
    if content[:1024].lstrip().startswith(b"%PDF-"):
        return "pdf"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if content.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("type") from None
    if not text.strip() or any(ord(c) < 32 and c not in "\t\r\n" for c in text):
        raise Refused("type")
    if _MARKUP.match(text.lstrip("\ufeff \t\r\n")):
        raise Refused("type")
    return "text"


def clean(content: bytes) -> tuple[str, bytes]:
    """Type and clean content; Refused for what cannot be taken."""
    kind = kind_of(content)
    return kind, _CLEANERS[kind](content)


def _picture(content: bytes) -> bytes:
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    format_of = kind_of(content).upper()
    try:
        with Image.open(io.BytesIO(content), formats=[format_of]) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                raise Refused("large")
            upright = ImageOps.exif_transpose(opened)
            mode = "L" if upright.mode in ("1", "L") else "RGBA" if "A" in upright.getbands() else "RGB"
            drawn = Image.new(mode, upright.size)
            drawn.paste(upright.convert(mode))
    except Refused:
        raise
    except Image.DecompressionBombError:
        raise Refused("large") from None
    except Exception:
        raise Refused("damaged") from None
    out = io.BytesIO()
    drawn.convert("RGB").save(out, "JPEG", quality=88) if format_of == "JPEG" else drawn.save(out, "PNG")
    return out.getvalue()


def _pdf(content: bytes) -> bytes:
    import pikepdf

    try:
        with pikepdf.open(io.BytesIO(content)) as document:
            if len(document.pages) > MOST_PAGES:
                raise Refused("large")
            _disarm(document)
            out = io.BytesIO()
            document.save(out, linearize=False, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    except pikepdf.PasswordError:
        raise Refused("locked") from None
    except Refused:
        raise
    except Exception:
        raise Refused("damaged") from None
    return out.getvalue()


def _disarm(document: Any) -> None:
    import pikepdf

    for name in _ACTIVE:
        if name in document.Root:
            del document.Root[name]
    if "/Info" in document.trailer:
        del document.trailer["/Info"]
    for page in document.pages:
        for name in _OF_A_PAGE:
            if name in page.obj:
                del page.obj[name]
        if "/Annots" in page.obj:
            page.obj.Annots = pikepdf.Array([_quiet(a) for a in page.obj.Annots if a.get("/Subtype") in _HARMLESS])
    for found in document.objects:
        _disarm_one(found)


def _disarm_one(found: Any, *, depth: int = 0) -> None:
    """Take scripts, files and actions out of an object and of what is written inside it."""
    import pikepdf

    if depth > 50:
        raise Refused("damaged")
    if isinstance(found, pikepdf.Array):
        for part in found:
            if _is_inside(part):
                _disarm_one(part, depth=depth + 1)
    if not isinstance(found, pikepdf.Dictionary | pikepdf.Stream):
        return
    for name in list(found.keys()):
        part = found[name]
        elsewhere = name == "/F" and isinstance(found, pikepdf.Stream)
        if name in _NEVER or elsewhere or (name in ("/A", "/PA", "/Next") and _acts(part)):
            del found[name]
        elif _is_inside(part):
            _disarm_one(part, depth=depth + 1)


def _is_inside(part: Any) -> bool:
    import pikepdf

    return isinstance(part, pikepdf.Dictionary | pikepdf.Array) and not part.is_indirect


def _acts(part: Any) -> bool:
    """Whether it is an action (or a list of them) that leads anywhere but within the document."""
    import pikepdf

    if isinstance(part, pikepdf.Array):
        return any(_acts(one) for one in part)
    return isinstance(part, pikepdf.Dictionary) and "/S" in part and str(part["/S"]) not in _HARMLESS_ACTIONS


def _quiet(annotation: Any) -> Any:
    for name in ("/A", "/AA", "/PA"):
        if name in annotation:
            del annotation[name]
    return annotation


def _text(content: bytes) -> bytes:
    if len(content) > 200_000:
        raise Refused("large")
    return content.decode("utf-8").replace("\r\n", "\n").encode()


_CLEANERS: dict[str, Callable[[bytes], bytes]] = {"pdf": _pdf, "png": _picture, "jpeg": _picture, "text": _text}


def main() -> int:
    """Read standard input, write standard output."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        kind, content = clean(sys.stdin.buffer.read())
    except Refused as refused:
        sys.stderr.write(f"{refused}\n")
        return 3
    except MemoryError:
        sys.stderr.write("large\n")
        return 3
    sys.stdout.buffer.write(content)
    sys.stderr.write(f"{kind}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
