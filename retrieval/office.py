"""Office files that are ZIP archives of XML (ECMA-376: docx, xlsx, pptx; OASIS OpenDocument: odt, ods, odp).

A paragraph is a text (``word/document.xml:17``), however many runs it is torn into; a cell is one by its name
(``xl/worksheets/sheet1.xml!B3``), shared texts put in. What stands in attributes (authors of comments and of changes,
links) is read beside them. Other members (pictures, files within the file) are read as files.
"""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from xml.parsers import expat

from retrieval.formats import Block, Refused, Row, Texts
from retrieval.parts import DAMAGED, Reading, zipped

_XML: Final = (".xml", ".rels", ".vml", ".rdf")
_SHARED: Final = "xl/sharedStrings.xml"
_SAID_OF_IT: Final = ("docProps/", "customXml/", "meta.xml")  # there every element is a text of its own
_ENDS: Final = frozenset({"p", "h", "c", "si", "row", "table-cell", "comment", "annotation"})
_SPACES: Final = frozenset({"br", "cr", "tab", "s", "line-break", "noBreakHyphen", "rPh"})
_SHORTEST: Final = 4
_PIECE: Final = 1 << 20


class _Declared(ValueError):
    """XML that declares entities of its own, which office files never do."""


def is_office(path: Path) -> bool:
    """Whether a ZIP archive is an office file, by the members that such files must have."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            return "[Content_Types].xml" in names or {"mimetype", "content.xml"} <= names
    except DAMAGED:  # said when its members are read
        return False


def members(path: Path, begun: Reading) -> Iterator[Block]:
    """Yield the texts of an office file, then what else lies in it."""
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.lower().endswith(_XML)]
        shared = _Shared()
        for name in sorted(names, key=lambda name: name != _SHARED):
            xml = _Xml(name, shared)
            try:
                with archive.open(name) as handle:
                    while piece := handle.read(_PIECE):
                        xml.parser.Parse(begun.budget.take(piece))
                        yield Texts(xml.taken())
                    xml.parser.Parse(b"", True)
                    yield Texts(xml.taken())
            except (expat.ExpatError, *DAMAGED) as error:
                yield Refused(name, f"{type(error).__name__}: it is no XML that office programs write")
        yield Texts(shared.unused())
    yield from zipped(path, begun, without=_XML)


class _Shared:
    """The texts that cells share, and which of them no cell shows: they are stored all the same."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._shown: set[int] = set()

    def shown(self, number: str) -> str:
        """Return a shared text by its number, as a cell gives it."""
        if not number.isdecimal() or int(number) >= len(self.texts):
            return number
        self._shown.add(int(number))
        return self.texts[int(number)]

    def unused(self) -> list[Row]:
        """Return what no cell shows."""
        left = ((at, text) for at, text in enumerate(self.texts) if at not in self._shown and text)
        return [Row(f"{_SHARED}:{at + 1}", {"text": text}) for at, text in left]


class _Xml:
    """One member: the parser, and the texts that it has come by."""

    def __init__(self, name: str, shared: _Shared) -> None:
        self.parser: Any = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler, self.parser.EndElementHandler = self._began, self._ended
        self.parser.CharacterDataHandler, self.parser.StartDoctypeDeclHandler = self._read, self._declared
        self._name, self._shared, self._is_shared = name, shared, name == _SHARED
        self._each = name.startswith(_SAID_OF_IT)
        self._rows, self._parts, self._number = list[Row](), list[str](), 0
        self._cell, self._by_number, self._attributes = "", False, set[str]()

    def taken(self) -> list[Row]:
        """Return the rows read since the last time."""
        rows, self._rows = self._rows, []
        return rows

    def _declared(self, *_: object) -> None:
        raise _Declared

    def _read(self, text: str) -> None:
        self._parts.append(text)

    def _began(self, tag: str, attributes: dict[str, str]) -> None:
        local = tag.rpartition(":")[2]
        if local in _SPACES or (tag == "v" and self._parts):
            self._parts.append(" ")
        if tag == "c":
            self._flush()
            self._cell, self._by_number = attributes.get("r", ""), attributes.get("t") == "s"
        for value in attributes.values():
            if len(value) >= _SHORTEST and value not in self._attributes and not value.isdecimal():
                self._attributes.add(value)
                self._rows.append(Row(f"{self._name}:{self._number + 1}", {"markup": value}))

    def _ended(self, tag: str) -> None:
        if self._each or tag.rpartition(":")[2] in _ENDS:
            self._flush()

    def _flush(self) -> None:
        text, self._parts = "".join(self._parts), []
        if self._is_shared:
            self._shared.texts.append(text)
            return
        self._number += 1
        place = f"{self._name}!{self._cell}" if self._cell else f"{self._name}:{self._number}"
        text = self._shared.shown(text) if self._by_number else text
        self._cell, self._by_number = "", False
        if text.strip():
            self._rows.append(Row(place, {"text": text}))
