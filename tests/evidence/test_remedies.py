"""Where a letter sends who does not agree, and how it names what is still to be done: by law, in every language."""

from __future__ import annotations

import pytest

from compliance.evidence import remedies, unfinished
from compliance.evidence.letters import LANGUAGES
from compliance.mitigation import actions
from compliance.rules.terms import Law

COURTS = {"en": "court", "de": "Gericht", "fr": "justice", "es": "tribunales", "pt-br": "Justiça"}


@pytest.mark.parametrize("law", Law)
def test_every_law_has_a_sentence_of_its_own_in_every_language(law: Law) -> None:
    said = [remedies.court(law, language) for language in LANGUAGES]
    assert len(set(said)) == len(LANGUAGES) and all(sentence.endswith(".") for sentence in said)
    others = {remedies.court(other, language) for other in Law for language in LANGUAGES if other is not law}
    assert not others & set(said)


@pytest.mark.parametrize("language", LANGUAGES)
def test_nobody_in_california_is_sent_to_a_court_that_the_law_does_not_give(language: str) -> None:
    assert COURTS[language] not in remedies.court(Law.CCPA, language)
    assert COURTS[language] in remedies.court(Law.GDPR, language)
    assert "ANPD" not in remedies.court(Law.LGPD, language), "the letter names the authority itself"


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_no_letter_names_a_step_by_the_programs_own_word(language: str) -> None:
    for action in [*actions.TABLE, "an action of tomorrow"]:
        words = unfinished.in_words(action, language)
        assert words != unfinished.in_words(action, "en") and action.replace("_", " ") not in words
