"""A claim in words: one claim per sentence, plain language (level B1), in the five languages of the letters.

Letters and reports say only what stands in ``sentence_texts``. A sentence names the artifact as the entity registered
it, never the person.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from compliance.rules.article_texts import ARTICLES
from compliance.rules.errors import InvalidInput
from compliance.rules.proof import Claim, Plain
from compliance.rules.sentence_texts import ATTACKER, ATTACKERS, BUDGET, DAY, EXTENT, MONTHS, TEXTS
from compliance.rules.terms import Exemption, Ground

LANGUAGES = ("en", "pt-br", "de", "fr", "es")


def article(term: Ground | Exemption, language: str = "en") -> str:
    """A ground or an exemption with its article, as a letter says it."""
    return ARTICLES.get(_known(language), {}).get(str(term), term.label)


def sentence(claim: Claim, language: str = "en") -> str:
    """The claim's own sentence in one of ``LANGUAGES``; raises ``InvalidInput`` for another language."""
    return _write(claim.sentence_key, claim.params, language)


def sentences(claim: Claim, language: str = "en") -> tuple[str, ...]:
    """The claim's sentence, then what is limited about it: copies, backups, later training, tests without power."""
    return tuple(_write(key, claim.params, language) for key in (claim.sentence_key, *claim.notes))


def day_in_words(day: date, language: str = "en") -> str:
    """A day as people write it: 7 April 2026, 7 de abril de 2026."""
    month = MONTHS[_known(language)].split()[day.month - 1]
    return DAY[_known(language)].format(day=day.day, month=month, year=day.year)


def _known(language: str) -> str:
    short = language.lower().replace("_", "-")
    short = "pt-br" if short.split("-")[0] == "pt" else short.split("-")[0]
    if short in LANGUAGES:
        return short
    raise InvalidInput(
        f"Writing a claim: no sentences in language {language!r}.", next_action=f"Use one of {', '.join(LANGUAGES)}."
    )


def _write(key: str, params: Mapping[str, Plain], language: str) -> str:
    known = _known(language)
    return TEXTS[known][key].format_map({name: _in_words(name, value, known) for name, value in params.items()})


def _in_words(name: str, value: Plain, language: str) -> str:
    if name == "budget":
        return "" if value is None else BUDGET[language].format(budget=_number(value, language))
    if name == "attacker":
        return ATTACKERS.get(str(value), {}).get(language) or str(value or ATTACKER[language])
    if name == "extent":
        return EXTENT[language][str(value)]
    if name == "bits":
        return f"{value}" if language == "en" else f"{value}".replace(".", ",")
    if name == "exemption":
        return article(Exemption(str(value)), language)
    if name.endswith("until") and isinstance(value, str):
        return day_in_words(date.fromisoformat(value), language)
    return "" if value is None else str(value)


def _number(value: Plain, language: str) -> str:
    text = f"{value:,}" if isinstance(value, int) else str(value)
    return text if language == "en" else text.replace(",", ".")
