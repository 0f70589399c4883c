"""In which encoding bytes are text: by their mark, by what they are, by what is declared; else Windows-1252.

Names that pages declare mean what browsers read them as (WHATWG, Encoding Standard). A guess among encodings of one
byte a letter cannot be checked, so none is made: what is neither marked nor declared is said (``assumed``).
"""

import codecs
import re
from typing import IO, Final

WESTERN: Final = "cp1252"  # in which nearly every byte means something
SAMPLE: Final = 1 << 16
_SAMPLES: Final = 16
_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_READ_AS: Final = {
    "ascii": WESTERN, "iso8859-1": WESTERN, "iso8859-9": "cp1254", "iso8859-11": "cp874", "tis-620": "cp874",
    "gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "euc_kr": "cp949", "big5": "big5hkscs",
}  # fmt: skip
_NAMED: Final = {"x-sjis": "cp932", "x-gbk": "gb18030", "ks_c_5601-1987": "cp949", "windows-874": "cp874"}
_SPACED: Final = re.compile(rb'\x00[ \n"]\x00')  # numbers of four bytes have zeros too
_BY_SHIFTS: Final = ("iso2022", "hz", "utf-7")  # their bytes are ASCII, so that they pass for UTF-8
_SHIFT: Final = re.compile(rb"\x1b[$(][@AB]")
_DECLARED: Final = re.compile(rb"<meta[^>]{0,500}?charset\s{0,9}=\s{0,9}[\"']?([\w.:-]{1,40})", re.IGNORECASE)
_IN_XML: Final = re.compile(rb"<\?xml[^>]{0,200}?encoding\s{0,9}=\s{0,9}[\"']([\w.:-]{1,40})")


def known(name: str) -> str:
    """Return the encoding that a name stands for; empty for a name that stands for none."""
    name = name.strip().lower()
    if name in _NAMED:
        return _NAMED[name]
    try:
        found = codecs.lookup(name).name if name else ""
        "".encode(found or WESTERN)  # some codecs turn bytes into bytes
    except (LookupError, ValueError, TypeError, UnicodeError):
        return ""
    return _READ_AS.get(found, found)


def declared(start: bytes) -> str:
    """Return the encoding that a page's or an XML file's beginning names; empty where it names none."""
    found = _IN_XML.match(start) or _DECLARED.search(start[:SAMPLE])
    return known(found[1].decode("ascii", "replace")) if found else ""


def decoded(raw: bytes, encoding: str = "") -> str:
    """Return a text: UTF-8, else what was declared, else Windows-1252; by shifts only where that is declared."""
    if encoding.startswith(_BY_SHIFTS):
        return raw.decode(encoding, "replace")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode(encoding or WESTERN, "replace")


def marked(start: bytes) -> str:
    """Return the UTF-16 or UTF-32 that a file's first bytes are: by their mark, else by where they have zeros."""
    by_mark = next((name for mark, name in _MARKS if start.startswith(mark)), "")
    return by_mark or _by_fours(start) or _by_pairs(start)


def _by_fours(start: bytes) -> str:
    whole = start[: len(start) // 4 * 4]
    if len(whole) < 8:
        return ""
    for encoding, high, plane in (("utf-32-le", whole[3::4], whole[2::4]), ("utf-32-be", whole[::4], whole[1::4])):
        if not any(high) and max(plane) <= 16 and _SPACED.search(whole) and _is_text(whole, encoding):
            return encoding
    return ""


def _by_pairs(start: bytes) -> str:
    pairs = len(start) // 2
    first, second = start[: 2 * pairs : 2].count(0), start[1 : 2 * pairs : 2].count(0)
    if not pairs or 5 * max(first, second) < 2 * pairs or min(first, second):
        return ""
    encoding = "utf-16-le" if second else "utf-16-be"
    return encoding if _is_text(start[: 2 * pairs], encoding) else ""


def _is_text(start: bytes, encoding: str) -> bool:
    """Whether bytes read so are text: small numbers of two bytes have zeros too."""
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(start)
    except UnicodeDecodeError:
        return False
    return all(letter.isprintable() or letter.isspace() for letter in text)


def is_other(start: bytes, encoding: str) -> bool:
    """Whether a file is to be read in an encoding that was given: not where it is UTF-8 beyond doubt."""
    if start.startswith(codecs.BOM_UTF8):
        return False
    return encoding.startswith(_BY_SHIFTS) or start.isascii() or not is_utf8(start)


def is_utf8(piece: bytes, *, cut: bool = False) -> bool:
    """Whether a text's bytes are UTF-8, but for a character that was cut at the end, or at the beginning too."""
    at = next((at for at in range(min(4, len(piece))) if piece[at] & 0xC0 != 0x80), 0) if cut else 0
    try:
        codecs.getincrementaldecoder("utf-8")().decode(piece[at:])
    except UnicodeDecodeError:
        return False
    return True


def assumed(handle: IO[bytes], size: int) -> str:
    """Say as what a file is read, where its samples are not UTF-8 and nothing tells what they are; else empty.

    A megabyte at most is looked at, spread over the file; what stands between is not.
    """
    for number in range(_SAMPLES if size > SAMPLE else 1):
        handle.seek(max(0, size - SAMPLE) * number // (_SAMPLES - 1))
        if said := unlike_utf8(handle.read(SAMPLE), cut=number > 0):
            return said
    return ""


def unlike_utf8(piece: bytes, *, cut: bool = False) -> str:
    """Say as what a piece of a file is read that is not UTF-8; empty for one that is."""
    if _SHIFT.search(piece):
        return "it switches alphabets as ISO-2022 does, and was read as plain ASCII; name its encoding"
    if is_utf8(piece, cut=cut):
        return ""
    if 0 in piece:
        return "it is no text: its bytes were searched as they are stored"
    return "it is not UTF-8, and was read as Windows-1252; where it is written otherwise, name its encoding"
