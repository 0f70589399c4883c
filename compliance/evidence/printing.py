"""A letter on paper: the text that was sent, as a tagged PDF (PDF/A-3a); heavy, imported by the worker only."""

from __future__ import annotations

import hashlib
from pathlib import Path

from django.conf import settings
from weasyprint import HTML

from compliance.evidence import glyphs, letters
from compliance.evidence.errors import OutsideBundle
from compliance.evidence.pdf import SealedFetcher, bundle

_STYLE = Path("templates") / "letters" / "letter.css"


def letter_pdf(subject: str, text: str, *, language: str, sender: str) -> bytes:
    """The PDF's bytes: tagged, with its language and title, fonts inside; asks nobody for anything."""
    html = letters.html_of(subject, text, language=language)
    head = f'<link rel="stylesheet" href="bundle:letter.css"></head><body><p class="sender">{_escaped(sender)}</p>'
    shown = glyphs.with_names_for_uncovered(html.replace("</head>", "", 1).replace("<body>", head, 1))
    style = Path(settings.BASE_DIR) / _STYLE
    fetcher = SealedFetcher({**bundle(style), "letter.css": style.read_bytes()})
    document = HTML(string=shown, base_url="bundle:", url_fetcher=fetcher)
    identifier = hashlib.sha256(shown.encode()).hexdigest()[:32].encode()
    written: bytes = document.write_pdf(pdf_variant="pdf/a-3a", pdf_identifier=identifier, custom_metadata=False)
    if fetcher.refused:
        raise OutsideBundle("printing a letter: it asks for something that is not in its bundle.")
    return written


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
