"""HTML to PDF/A-3a with WeasyPrint, sealed off: no network, no files but the bundle; same input, same bytes.

Heavy (Pango, fonts): imported by the worker only. Built as PDF/A-3a and structurally checked; that is no validation by
veraPDF.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from weasyprint import HTML, Attachment
from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

from compliance.evidence import glyphs
from compliance.evidence.errors import OutsideBundle

DATA_IMAGES = ("data:image/png", "data:image/svg+xml", "data:image/jpeg")


@dataclass(frozen=True, kw_only=True)
class Attached:
    """A file inside the PDF (AFRelationship Data)."""

    name: str
    data: bytes
    description: str


class SealedFetcher:
    """Answers ``bundle:NAME`` from memory and small data images; everything else stops the rendering."""

    _fail_on_errors = True  # WeasyPrint's own name: an error ends the rendering instead of leaving a hole

    def __init__(self, bundle: dict[str, bytes]) -> None:
        self._bundle = bundle
        self.refused: list[str] = []
        self._data = URLFetcher(allowed_protocols=("data",), allow_redirects=False)

    def __call__(self, url: str) -> URLFetcherResponse:
        """The bytes behind ``url``; OutsideBundle for anything that was not put in."""
        name = url.removeprefix("bundle:")
        if name != url and name in self._bundle:
            kind = "text/css" if name.endswith(".css") else "font/ttf"
            return URLFetcherResponse(url, self._bundle[name], {"Content-Type": kind})
        if url.startswith(DATA_IMAGES):
            return self._data.fetch(url)
        self.refused.append(url[:60])
        raise OutsideBundle(_outside(url[:60]))


def _outside(address: str) -> str:
    return f"rendering the report: it asks for {address!r}, which is not in its bundle."


def bundle(stylesheet: Path) -> dict[str, bytes]:
    """The report's stylesheet and the vendored fonts, by name."""
    return {"report.css": stylesheet.read_bytes(), **{n: (glyphs.FOLDER / n).read_bytes() for n in glyphs.FILES}}


def render_pdf(html: str, *, stylesheet: Path, attached: Attached, issued_at: datetime) -> bytes:
    """The PDF's bytes; its identifier is its content's digest, its dates are ``issued_at``: twice is equal.

    Characters that the vendored fonts lack are written as their code point.
    """
    shown = glyphs.with_names_for_uncovered(html)
    attachment = Attachment(
        file_obj=io.BytesIO(attached.data),
        name=attached.name,
        description=attached.description,
        created=issued_at,
        modified=issued_at,
        relationship="Data",
    )
    identifier = hashlib.sha256(shown.encode() + attached.data).hexdigest()[:32].encode()
    fetcher = SealedFetcher(bundle(stylesheet))
    document = HTML(string=shown, base_url="bundle:", url_fetcher=fetcher)
    try:
        written: bytes = document.write_pdf(
            pdf_variant="pdf/a-3a", pdf_identifier=identifier, attachments=[attachment], custom_metadata=False
        )
    except FatalURLFetchingError as error:
        raise OutsideBundle(_outside((fetcher.refused or ["something"])[0])) from error
    if fetcher.refused:  # inside a drawing WeasyPrint only logs, and would leave a hole
        raise OutsideBundle(_outside(fetcher.refused[0]))
    return written
