"""Words of an officer's own in a letter: beside what the law asks for, seen first, sealed, in one letter only."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.core import mail
from django.test import Client

from compliance.audit.models import Event, Opening
from compliance.intake import decisions, own_words, vault
from compliance.intake.models import ErasureRequest
from compliance.intake.papers import OwnWords
from compliance.intake.reasons import Reasons
from compliance.rules import own_words as rules
from compliance.rules.errors import IllegalMove, InvalidInput, NotAllowed
from compliance.rules.terms import Ground, Letter, State
from compliance.worker import tasks
from tests.web import seeded

WORDS = "Ask for Ms Berg on the telephone.\n\nShe knows\nyour case."
SAID = ["Ask for Ms Berg on the telephone.", "She knows your case."]


@pytest.fixture
def case(aurora: seeded.Company) -> ErasureRequest:
    """A case that waits for the officer."""
    return seeded.verified(aurora)


@pytest.mark.parametrize(
    "words",
    [
        "Everything was erased.",
        "Alles wurde gelöscht.",
        "Nous avons tout effacé.",
        "Todo fue eliminado.",
        "Foi apagado.",
        "Your data has been removed from everything.",
        "We no longer hold anything of yours.",
        "Ihre Angaben wurden entfernt.",
        "Seus dados foram removidos.",
        "Alles wurde gelo\u0308scht.",
        "Everything was \uff44eleted.",
    ],
)
def test_what_was_erased_is_said_by_the_evidence_alone(words: str) -> None:
    with pytest.raises(InvalidInput, match="only the evidence does"):
        rules.paragraphs(Letter.OUTCOME, words)
    assert rules.paragraphs(Letter.ACCEPTED, words) == [words]


def test_a_word_of_two_alphabets_is_no_word_and_one_of_another_alphabet_is() -> None:
    with pytest.raises(InvalidInput, match="two alphabets"):
        rules.paragraphs(Letter.OUTCOME, "Everything was \u0435rased.")
    assert rules.paragraphs(Letter.OUTCOME, "Ask for Ελένη Παππά or Иван.") == ["Ask for Ελένη Παππά or Иван."]


@pytest.mark.parametrize("text", ["", " \n\n ", "x" * 1501, "\n\n".join("abcdef"), "a\x00b", "turned \u202e round"])
def test_words_that_nobody_could_read_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        rules.paragraphs(Letter.HELD, text)


def test_the_longest_words_are_taken() -> None:
    assert len(rules.paragraphs(Letter.HELD, "\n\n".join("abcde"))) == 5
    assert rules.paragraphs(Letter.HELD, "x" * 1500) == ["x" * 1500]


@pytest.mark.parametrize("kind", [Letter.ACKNOWLEDGED, Letter.CODE, Letter.LAPSED, Letter.WITHDRAWN])
def test_letters_that_go_before_an_officer_looks_take_no_words(kind: Letter) -> None:
    with pytest.raises(InvalidInput, match="takes no words"):
        rules.paragraphs(kind, WORDS)


def test_words_go_into_the_next_letter_and_into_no_other(case: ErasureRequest, aurora: seeded.Company) -> None:
    own_words.write(case, Letter.ACCEPTED, text=WORDS, by=aurora.olga)
    row = OwnWords.objects.get()
    assert b"Berg" not in bytes(row.sealed or b"")
    decisions.accept(case, by=aurora.olga, reasons=Reasons(ground=Ground.CONSENT_WITHDRAWN))
    tasks.post_letters()
    letter = next(one for one in reversed(mail.outbox) if "Ms Berg" in str(one.body))
    assert "She knows your case.\n\nKind regards" in str(letter.body)
    assert not OwnWords.objects.exists() and own_words.of(case, Letter.ACCEPTED) == []
    assert "Ms Berg" in vault.decrypt(vault.case_key(case), bytes(case.notices.get(kind="accepted").sealed))["text"]
    assert Event.objects.get(kind="letter.accepted").words()["own_words"] is True
    told = str([opening.detail for opening in Opening.objects.all()])
    assert "Berg" not in told and Event.objects.get(kind="letter.words_written").actor == "olga"


def test_words_belong_to_one_case_and_can_be_taken_back(case: ErasureRequest, aurora: seeded.Company) -> None:
    other = seeded.verified(aurora, email="second@example.org")
    own_words.write(case, Letter.REFUSED, text="First.", by=aurora.olga)
    own_words.write(case, Letter.REFUSED, text="Second.", by=aurora.olga)
    assert (own_words.of(case, Letter.REFUSED), own_words.of(case, Letter.HELD)) == (["Second."], [])
    assert own_words.of(other, Letter.REFUSED) == []
    assert own_words.take_back(case, Letter.REFUSED, by=aurora.olga) is True
    assert own_words.take_back(case, Letter.REFUSED, by=aurora.olga) is False
    assert Event.objects.filter(kind="letter.words_taken_back").count() == 1


def test_only_an_officer_writes_and_only_while_a_letter_is_still_to_come(
    case: ErasureRequest, aurora: seeded.Company
) -> None:
    for act in (
        lambda: own_words.write(case, Letter.HELD, text="a", by=aurora.bruno),
        lambda: own_words.take_back(case, Letter.HELD, by=aurora.amir),
    ):
        with pytest.raises(NotAllowed):
            act()
    case.state = State.WITHDRAWN
    with pytest.raises(IllegalMove):
        own_words.write(case, Letter.HELD, text="a", by=aurora.olga)


def test_words_are_previewed_with_their_differences_then_saved(case: ErasureRequest, olga: Client) -> None:
    address = f"/officer/cases/{case.reference}/letters/words/refused/"
    shown = olga.post(address, {"verb": "preview", "words": WORDS}).content.decode()
    assert "<ins>Ask for Ms Berg on the telephone." in re.sub(r"<ins>\s+", "<ins>", shown)
    assert "not sent while a part is missing" in shown and not OwnWords.objects.exists()
    olga.post(address, {"verb": "save", "words": WORDS})
    assert own_words.of(case, Letter.REFUSED) == SAID
    assert "written, not sent yet" in olga.get(f"/officer/cases/{case.reference}/letters/").content.decode()
    assert "She knows your case." in olga.get(address).content.decode()
    refuse = {"exemption": "17-3-b", "reason": "Invoices.", "review_on": "2031-01-02"}
    tried = olga.post(f"/officer/cases/{case.reference}/preview/refuse/", refuse).content.decode()
    assert "She knows your case." in unescape(tried), "the decision's own preview has them too"
    olga.post(address, {"verb": "take_back"})
    assert not OwnWords.objects.exists()


def test_words_that_claim_too_much_are_sent_back_with_the_reason(case: ErasureRequest, olga: Client) -> None:
    address = f"/officer/cases/{case.reference}/letters/words/outcome/"
    sent = olga.post(address, {"verb": "save", "words": "All was deleted."})
    assert sent.status_code == 422 and "only the evidence does" in sent.content.decode()
    assert olga.post(address, {"verb": "save", "words": ""}).status_code == 422
    assert not OwnWords.objects.exists()


def test_the_words_of_a_case_are_nobody_elses(
    case: ErasureRequest, stranger: Client, amir: Client, bruno: Client, olga: Client
) -> None:
    address = f"/officer/cases/{case.reference}/letters/words/refused/"
    assert [client.get(address).status_code for client in (stranger, amir, bruno)] == [404, 404, 302]
    assert olga.get(f"/officer/cases/{case.reference}/letters/words/code/").status_code == 404
