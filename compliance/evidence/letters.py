"""Letters to the data subject: text with one claim per sentence, in plain language, never sent with a part missing.

A letter is one text template per language, ``templates/letters/KIND.LANGUAGE.txt``; its first line is the subject,
which never says what the request is about. The HTML is made from the same paragraphs, so that the two cannot differ.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.template.loader import render_to_string
from django.utils import translation

from compliance.evidence.errors import MissingPart
from compliance.rules import claims
from compliance.rules.sentences import day_in_words
from compliance.rules.terms import Law, Letter

LANGUAGES = claims.LANGUAGES

# What each letter must contain, by the name of its fact (GDPR Art. 12, 13, 17, 19; LGPD Art. 18, 19).
_ALWAYS = ("reference", "entity", "contact")
MANDATORY: Mapping[Letter, tuple[str, ...]] = {
    Letter.ACKNOWLEDGED: ("received_on", "expected_on", "confirm_url", "confirm_code", "status_url"),
    Letter.CODE: ("confirm_code", "status_url"),
    Letter.ACCEPTED: ("accepted_on", "article", "promised_on", "status_url"),
    Letter.EXTENDED: ("reasons", "new_date", "first_period_ends", "sent_on", "authority"),
    Letter.OUTCOME: ("actions", "claims", "looked", "prevention", "case_file", "residual_risk", "authority"),
    Letter.REFUSED: ("reasons", "article", "rest", "review_on", "authority", "court"),
    Letter.IDENTITY: ("reasons", "asked", "destroyed", "effect", "status_url"),
    Letter.UNIDENTIFIED: ("reasons", "would_help", "article", "authority", "court"),
    Letter.FORWARDED: ("controller", "forwarded_on", "article"),
    Letter.HELD: ("places", "reasons", "article", "review_on", "authority"),
    Letter.RESUMED: ("places", "resumed_on", "status_url"),
    Letter.RESTRICTED: ("places", "reasons", "article", "authority"),
    Letter.WITHDRAWN: ("withdrawn_on",),
    Letter.LAPSED: ("lapsed_on", "form_url"),
}
# Lists that may be empty, but whose absence would be silence: the letter then says "nothing" in words.
STATED: Mapping[Letter, tuple[str, ...]] = {Letter.OUTCOME: ("remains", "recipients")}
BY_LAW: Mapping[tuple[Letter, str], tuple[str, ...]] = {
    (Letter.ACKNOWLEDGED, Law.CCPA): ("verification",),
    (Letter.REFUSED, Law.CCPA): ("no_other_use",),
}


@dataclass(frozen=True)
class Written:
    """A letter ready to send."""

    subject: str
    text: str
    html: str


def render_letter(kind: Letter | str, language: str, facts: Mapping[str, Any]) -> Written:
    """The letter; raises MissingPart naming every part that is absent.

    ``facts`` are words, dates and lists of sentences (``claims`` as chosen by ``rules.claims``); ``law`` chooses
    what a law asks for beyond the rest; ``own_words`` are an officer's paragraphs beside all that. An unknown language
    falls back to English.
    """
    letter = Letter(kind)
    check_parts(letter, facts)
    chosen = spoken(language)
    subject, text = compose(letter, chosen, facts)
    return Written(subject, text, html_of(subject, text, language=chosen))


def compose(letter: Letter, language: str, facts: Mapping[str, Any]) -> tuple[str, str]:
    """Subject and text in one of ``LANGUAGES``, whatever is missing: for previews; letters go by ``render_letter``."""
    with translation.override(language):
        shown = {name: _shown(value) for name, value in facts.items()}
        whole = render_to_string(f"letters/{letter.value}.{language}.txt", shown)
        own = _shown(facts.get("own_words") or [])
    subject, _, rest = whole.partition("\n")
    return subject.strip(), _with_own(re.sub(r"\n{3,}", "\n\n", rest).strip(), own) + "\n"


def _with_own(text: str, own: Sequence[str]) -> str:
    """Paragraphs of an officer's own stand last before the farewell, and replace nothing; none begins a list."""
    body, _, farewell = text.rpartition("\n\n")
    return "\n\n".join((body, *(part.lstrip("- ") for part in own), farewell))


def html_of(subject: str, text: str, *, language: str) -> str:
    """The same words as HTML: paragraphs and lists."""
    context = {"blocks": _blocks(text), "language": language, "subject": subject}
    return render_to_string("letters/letter.html", context)


def spoken(language: str) -> str:
    """The language of the letters that is nearest to the one asked for: ``fr-CA`` reads French; else English."""
    asked = language.lower().replace("_", "-")
    if asked in LANGUAGES:
        return asked
    return next((known for known in LANGUAGES if known.split("-")[0] == asked.split("-")[0]), "en")


def check_parts(letter: Letter, facts: Mapping[str, Any]) -> None:
    """Raise MissingPart for whatever the law demands in this letter and the facts lack."""
    missing = missing_parts(letter, facts)
    if missing:
        parts = ", ".join(name.replace("_", " ") for name in missing)
        raise MissingPart(f"writing the letter '{letter.label}': {parts} missing.", next_action=_REMEDY)
    if letter is Letter.EXTENDED and facts["sent_on"] > facts["first_period_ends"]:
        words = f"writing the letter '{letter.label}': the first period has ended, it is too late to extend."
        raise MissingPart(words, next_action="Answer the request now; the first date holds.")


def needed_parts(letter: Letter, facts: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the parts that this letter must have, under every law that runs on the case (``laws``)."""
    laws = [str(law) for law in facts.get("laws") or [facts.get("law")]]
    more = [part for law in laws for part in BY_LAW.get((letter, law), ())]
    return tuple(dict.fromkeys((*_ALWAYS, *MANDATORY[letter], *more)))


def missing_parts(letter: Letter, facts: Mapping[str, Any]) -> list[str]:
    """The names of the parts that are absent; empty when the letter may go."""
    missing = [name for name in needed_parts(letter, facts) if facts.get(name) in (None, "", [], ())]
    return missing + [name for name in STATED.get(letter, ()) if facts.get(name) is None]


_REMEDY = "Fill in the missing parts on the case page; the letter is not sent without them."


def _shown(value: Any) -> Any:
    if isinstance(value, date):
        return day_in_words(value, translation.get_language() or "en")
    if isinstance(value, str):
        return " ".join(value.split())  # a line break in a fact must not start a paragraph, or end a subject
    if isinstance(value, Sequence):
        return [_shown(item) for item in value]
    return value


def _blocks(text: str) -> list[tuple[bool, list[str]]]:
    """Paragraphs as (False, lines), lists as (True, items)."""
    blocks = []
    for part in text.strip().split("\n\n"):
        lines = part.split("\n")
        listed = all(line.startswith("- ") for line in lines)
        blocks.append((listed, [line[2:] for line in lines] if listed else lines))
    return blocks
