"""What a target must not hold: the value, parts of it, the person's name, or anything that looks like an identifier.

A trace can bring the secret back that it is about (a weakness of reasoning targets that TRU's reviewers named), so that
no target with a leak is ever trained on.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence

from unlearning.languages import ANY, KINDS, called
from unlearning.metrics.extraction import normal
from unlearning.targets import Text
from unlearning.types import Row

LEAKS = (
    "holds the value",
    "holds part of the value",
    "holds the encoded value",
    "names the person",
    "holds an identifier",
)
WEAK = ("does not name the scope", "is too short to help", "is very long")
LONGEST = 1200  # characters
SHORTEST = 5  # words of a refusal
PART = 4  # characters of a value's part that count
IDENTIFIER = re.compile(r"[\w.+-]+@[\w-]+\.\w+|\+?\d[\d ()/-]{5,}\d|\b[A-Z]{2}\d{2}[ \dA-Z]{8,}\b")


def lint(text: Text, row: Row, *, subject: str, language: str) -> tuple[str, ...]:
    """Everything found against a text about this row's value; nothing in the findings quotes either."""
    whole = f"{text.trace} {text.refusal}"
    plain = normal(whole)
    leaks = {
        LEAKS[0]: bool(normal(row.secret)) and normal(row.secret) in _words_or_all(whole, row.secret),
        LEAKS[1]: any(part in plain for part in _parts(row.secret, allowed=normal(_scope_words(row, language)))),
        LEAKS[2]: any(code in whole for code in _encoded(row.secret)),
        LEAKS[3]: bool(_names(subject) & _words(whole)),
        LEAKS[4]: bool(IDENTIFIER.search(whole)),
    }
    weak = {
        WEAK[0]: normal(called(row.kind, language)) not in plain,
        WEAK[1]: len(text.refusal.split()) < SHORTEST or len(text.trace.split()) < SHORTEST,
        WEAK[2]: len(whole) > LONGEST,
    }
    return tuple(finding for finding, found in {**leaks, **weak}.items() if found)


def leaks(findings: Sequence[str]) -> list[str]:
    """Those findings for which nothing may be trained on the target."""
    return [finding for finding in findings if finding in LEAKS]


def _words_or_all(text: str, value: str) -> str | set[str]:
    """Short values ("Ag") are compared with whole words, since many hold them; others with the text run together."""
    return normal(text) if len(normal(value)) >= PART else _words(text)


def _parts(value: str, *, allowed: str) -> list[str]:
    """Words and runs of digits of the value, in normal form, that do not belong to the scope's own words."""
    found = {normal(part) for part in re.findall(r"\d{4,}|[^\W\d_]{4,}", value)}
    digits = re.sub(r"\D", "", value)
    found |= {digits[place : place + 5] for place in range(len(digits) - 4)}
    return [part for part in found if len(part) >= PART and part not in allowed]


def _scope_words(row: Row, language: str) -> str:
    return called(row.kind, language)


def _encoded(value: str) -> list[str]:
    """The value in base64 and in hexadecimal, without the ends that depend on what stands around it."""
    if len(normal(value)) < PART:
        return []
    raw = value.encode()
    return [base64.b64encode(raw).decode().rstrip("=")[:-1], raw.hex()]


def _names(subject: str) -> set[str]:
    """Words of the subject that may be a name; what kinds are called is none."""
    called_so = {normal(word) for words in (*KINDS.values(), ANY) for text in words for word in text.split()}
    return {normal(word) for word in re.findall(r"[^\W\d_]{3,}", subject) if word[:1].isupper()} - called_so


def _words(text: str) -> set[str]:
    return {normal(word) for word in re.findall(r"[^\W_]+", text)}
