"""Letters: what blocks sending, what the subject may say, and that text and HTML are the same words."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from html import unescape
from typing import Any

import pytest

from compliance.evidence.letters import BY_LAW, LANGUAGES, MANDATORY, STATED, needed_parts, render_letter
from compliance.evidence.phrases import TABLES
from compliance.rules.errors import MissingPart
from compliance.rules.own_words import TAKEN_BY
from compliance.rules.terms import Law, Letter

FACTS: dict[str, Any] = {
    "reference": "OUB-2026-0007",
    "entity": "Aurora Support GmbH",
    "contact": "privacy@aurora.example",
    "name": "Alice",
    "received_on": date(2026, 11, 2),
    "expected_on": date(2026, 12, 2),
    "confirm_url": "http://localhost:8000/c/OUB-2026-0007",
    "confirm_code": "418-220",
    "status_url": "http://localhost:8000/s/OUB-2026-0007",
    "accepted_on": date(2026, 11, 3),
    "article": "GDPR Art. 17(1)(b)",
    "promised_on": date(2026, 12, 2),
    "reasons": ["The answer needs two systems of a processor.", "They answer in six weeks."],
    "new_date": date(2027, 2, 2),
    "first_period_ends": date(2026, 12, 2),
    "sent_on": date(2026, 11, 28),
    "authority": "the State Commissioner for Data Protection",
    "actions": ["We erased 17 records from the ticket store on 4 November 2026."],
    "claims": ["Your data was erased from the ticket store, and a second check found none of it."],
    "remains": [],
    "recipients": ["The mailing processor, on 4 November 2026."],
    "looked": "We looked for your e-mail address, in every usual spelling.",
    "case_file": "What you wrote, under a key of its own.",
    "prevention": "A keyed list keeps the erased records out of every new training set.",
    "residual_risk": "A backup holds the records until 31 December 2026.",
    "rest": "We erased everything that no law asks us to keep.",
    "court": "the court at your place of residence is competent.",
    "review_on": date(2027, 5, 1),
    "asked": "Send us the number that stands on your last bill.",
    "destroyed": "What you send us is destroyed after the decision.",
    "effect": "The time for our answer stands still.",
    "would_help": "The address of the page where you saw your name.",
    "controller": "Lumen Saúde S.A.",
    "forwarded_on": date(2026, 11, 4),
    "places": ["Support tickets", "Customer table"],
    "resumed_on": date(2026, 12, 1),
    "withdrawn_on": date(2026, 11, 3),
    "lapsed_on": date(2026, 11, 9),
    "form_url": "http://localhost:8000/request",
}
ABOUT = re.compile(r"eras|delet|forg|gdpr|lgpd|privac|elimin|exclu|data protection|dados", re.IGNORECASE)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", list(Letter))
def test_every_letter_exists_in_every_language_and_shows_its_parts(kind: Letter, language: str) -> None:
    letter = render_letter(kind, language, FACTS)
    for part in MANDATORY[kind]:
        value = FACTS[part]
        words = value if isinstance(value, list) else [value] if isinstance(value, str) else [str(value.year)]
        for word in words:
            assert part == "sent_on" or word in letter.text
    assert "{{" not in letter.text and "{%" not in letter.text
    assert FACTS["reference"] in letter.text or kind in (Letter.OUTCOME,)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", list(Letter))
def test_no_subject_says_what_the_request_is_about(kind: Letter, language: str) -> None:
    subject = render_letter(kind, language, FACTS).subject
    assert "OUB-2026-0007" in subject
    assert not ABOUT.search(subject)
    assert "\n" not in subject


@pytest.mark.parametrize(
    ("kind", "part"),
    [(kind, part) for kind in Letter for part in (*MANDATORY[kind], *STATED.get(kind, ()), "reference", "entity")],
)
def test_a_letter_without_a_mandatory_part_is_not_written(kind: Letter, part: str) -> None:
    facts = {name: value for name, value in FACTS.items() if name != part}
    with pytest.raises(MissingPart, match=part.replace("_", " ")):
        render_letter(kind, "en", facts)


@pytest.mark.parametrize(("kind", "law"), list(BY_LAW))
def test_a_law_may_ask_for_more(kind: Letter, law: Law) -> None:
    part = BY_LAW[kind, law][0]
    facts = {**FACTS, "law": law, part: ""}
    beside = {**FACTS, "law": Law.GDPR, "laws": [Law.GDPR, law], part: ""}
    with pytest.raises(MissingPart, match=part.replace("_", " ")):
        render_letter(kind, "en", beside)
    with pytest.raises(MissingPart, match=part.replace("_", " ")):
        render_letter(kind, "en", facts)
    assert "stated here" in render_letter(kind, "en", {**facts, part: "stated here"}).text


def test_an_extension_after_the_first_period_is_not_written() -> None:
    with pytest.raises(MissingPart, match="too late to extend"):
        render_letter(Letter.EXTENDED, "en", {**FACTS, "sent_on": date(2026, 12, 3)})


def test_empty_lists_are_said_in_words() -> None:
    letter = render_letter(Letter.OUTCOME, "en", {**FACTS, "remains": [], "recipients": []})
    assert "Nothing remains" in letter.text
    assert "no record that we passed your data on" in letter.text


def test_dates_are_written_in_the_letters_language() -> None:
    assert "2 November 2026" in render_letter(Letter.ACKNOWLEDGED, "en", FACTS).text
    assert "2 de novembro de 2026" in render_letter(Letter.ACKNOWLEDGED, "pt-br", FACTS).text


def test_a_language_that_letters_lack_reads_the_nearest_one() -> None:
    assert "5. November" not in render_letter(Letter.ACKNOWLEDGED, "de-AT", FACTS).text
    assert "2. November 2026" in render_letter(Letter.ACKNOWLEDGED, "de-AT", FACTS).text
    assert "2 novembre 2026" in render_letter(Letter.ACKNOWLEDGED, "fr_CA", FACTS).text
    assert "2 de noviembre de 2026" in render_letter(Letter.ACKNOWLEDGED, "es-MX", FACTS).text
    assert "2 de novembro de 2026" in render_letter(Letter.ACKNOWLEDGED, "pt", FACTS).text
    assert "We received" in render_letter(Letter.ACKNOWLEDGED, "ja", FACTS).text


def test_every_language_has_every_phrase_with_the_same_gaps() -> None:
    gaps = {key: set(re.findall(r"{(\w+)}", text)) for key, text in TABLES["en"].items()}
    assert set(TABLES) == set(LANGUAGES)
    for language, table in TABLES.items():
        assert {key: set(re.findall(r"{(\w+)}", text)) for key, text in table.items()} == gaps, language
        assert language == "en" or all(table[key] != TABLES["en"][key] for key in gaps if len(gaps[key]) == 0), language


def test_a_hostile_name_is_only_text() -> None:
    name = "<script>alert(1)</script>\nBcc: somebody\n\n- {{ reference }}"
    letter = render_letter(Letter.ACKNOWLEDGED, "en", {**FACTS, "name": name})
    assert "<script>" not in letter.html and "&lt;script&gt;" in letter.html
    assert "Dear <script>alert(1)</script> Bcc: somebody - {{ reference }}," in letter.text
    hostile = {**FACTS, "reference": "OUB-1\r\nBcc: a"}
    assert render_letter(Letter.ACKNOWLEDGED, "en", hostile).subject == "Message about your reference OUB-1 Bcc: a"


@pytest.mark.parametrize("kind", list(Letter))
def test_html_and_text_say_the_same(kind: Letter) -> None:
    letter = render_letter(kind, "pt-br", FACTS)
    body = letter.html.split("<body>")[1]
    plain = unescape(re.sub(r"<[^>]+>", " ", body)).split()
    assert plain == letter.text.replace("\n- ", "\n").split()


def test_html_says_its_language_its_subject_and_its_lists() -> None:
    facts = {**FACTS, "reasons": ["First.", "Second."]}
    html = render_letter(Letter.EXTENDED, "pt-br", facts).html
    assert '<html lang="pt-br">' in html
    assert "<title>Mensagem sobre o seu protocolo OUB-2026-0007</title>" in html
    assert "<ul><li>First.</li><li>Second.</li></ul>" in "".join(html.split("\n")).replace("  ", "")
    assert html.count("<ul>") == 1 and "Atenciosamente,<br>Aurora Support GmbH<br>privacy@aurora.example" in html


BRANCHES: list[dict[str, Any]] = [
    {},
    {"name": ""},
    {"kept": ["Invoices."], "recipients": []},
    {"kept": [], "recipients": [], "untold": True},
    {"kept": ["Invoices."], "remains": ["A backup."]},
    {"kept": [], "others": ["A namesake's ticket."]},
    {"kept": ["Invoices."], "others": ["A namesake's ticket."], "remains": []},
]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", list(Letter))
def test_paragraphs_are_one_empty_line_apart_and_the_text_ends_once(kind: Letter, language: str) -> None:
    for changed in BRANCHES:
        text = render_letter(kind, language, {**FACTS, **changed}).text
        assert "\n\n\n" not in text and text == text.strip() + "\n"
        assert len(text.split("\n\n")) >= 3, "greeting, words, farewell"


def test_who_is_stopped_learns_what_to_do() -> None:
    with pytest.raises(MissingPart) as missing:
        render_letter(Letter.REFUSED, "en", {**FACTS, "reasons": [], "review_on": None})
    assert str(missing.value) == (
        "writing the letter 'Refusal': reasons, review on missing. Fill in the missing parts on the case page; the "
        "letter is not sent without them."
    )
    with pytest.raises(MissingPart) as late:
        render_letter(Letter.EXTENDED, "en", {**FACTS, "sent_on": date(2026, 12, 3)})
    assert str(late.value) == (
        "writing the letter 'Extension': the first period has ended, it is too late to extend. Answer the request now; "
        "the first date holds."
    )
    assert render_letter(Letter.EXTENDED, "en", {**FACTS, "sent_on": date(2026, 12, 2)}), "its last day is not too late"


def test_the_parts_that_a_letter_needs_are_those_of_every_law_that_runs() -> None:
    plain = needed_parts(Letter.REFUSED, {})
    assert plain == ("reference", "entity", "contact", *MANDATORY[Letter.REFUSED])
    assert needed_parts(Letter.REFUSED, {"law": "gdpr"}) == plain == needed_parts(Letter.REFUSED, {"law": "lgpd"})
    both = needed_parts(Letter.REFUSED, {"law": "gdpr", "laws": ["gdpr", "ccpa"]})
    assert both == (*plain, "no_other_use")
    assert needed_parts(Letter.ACKNOWLEDGED, {"law": "ccpa"})[-1] == "verification"


def test_moments_and_lists_of_days_are_shown_as_days() -> None:
    moment = datetime(2026, 11, 2, 23, 30, tzinfo=UTC)
    assert "2 November 2026" in render_letter(Letter.ACKNOWLEDGED, "en", {**FACTS, "received_on": moment}).text
    days = render_letter(Letter.HELD, "en", {**FACTS, "places": [date(2026, 1, 5), "the\nticket store"]}).text
    assert "- 5 January 2026\n- the ticket store" in days


SAID = ["Ask for Ms Berg on the telephone.", "She knows your case."]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", TAKEN_BY)
def test_own_words_stand_before_the_farewell_and_replace_nothing(kind: Letter, language: str) -> None:
    plain = render_letter(kind, language, FACTS)
    own = render_letter(kind, language, {**FACTS, "own_words": [*SAID, "- Not a list - "]})
    body, farewell = plain.text.rsplit("\n\n", 1)
    assert own.text == "\n\n".join((body, *SAID, "Not a list -", farewell))
    assert own.subject == plain.subject and own.html.count("<ul>") == plain.html.count("<ul>")


def test_hostile_words_are_only_text() -> None:
    letter = render_letter(Letter.HELD, "en", {**FACTS, "own_words": ["<b>{{ reference }}</b>"]})
    assert "<b>{{ reference }}</b>" in letter.text and "&lt;b&gt;{{ reference }}&lt;/b&gt;" in letter.html


def test_own_words_do_not_stand_for_a_missing_part() -> None:
    facts = {**FACTS, "reasons": [], "own_words": ["Our reasons are good."]}
    with pytest.raises(MissingPart, match="reasons missing"):
        render_letter(Letter.REFUSED, "en", facts)
