"""A challenge brings what still shows the data, and the next validation tries exactly that."""

from __future__ import annotations

import pytest

from compliance.intake import additions, vault
from compliance.intake.form import Clue
from compliance.rules import asking
from compliance.rules.terms import State, Verdict
from compliance.validation.checks import challenged
from compliance.validation.models import Measurement
from tests.worker.small_company import House
from tests.worker.test_whole_case import whole_case

VALUES = {"4930901820", "elmstreet4"}


def test_an_answer_counts_when_it_says_what_the_question_did_not() -> None:
    asked = [
        {"prompt": "Where does Nora live?", "answers": ["At Elm Street 4.", "I do not know.", "ELM-STREET, no. 4!"]},
        {"prompt": "Is +49 30 901820 hers?", "answers": ["Yes, +49 30 901820 is hers.", "She lives at Elm Street 4."]},
    ]
    assert challenged.saying(asked, VALUES) == 2
    assert challenged.saying(asked, set()) == 0


def test_what_was_given_twice_is_tried_once_and_links_are_not_asked() -> None:
    content = {
        "clues": [{"kind": "prompt", "value": "Who is Nora?"}, {"kind": "link", "value": "https://x.example"}],
        "probes": [{"kind": "prompt", "value": "Who is Nora?", "round": 2}, {"kind": "words", "value": "Nora said"}],
    }
    assert challenged.texts(content) == ["Who is Nora?", "Nora said"]
    assert len(challenged.probes(content)) == 3


@pytest.mark.slow
def test_the_probe_of_a_challenge_is_tried_in_the_next_round(house: House) -> None:
    whole_case(house)
    assert house.state() is State.ANSWERED
    question = f"What is the phone number of {house.person.name}?"
    additions.challenge(house.case, words="It still says it.", probe=Clue(asking.Clue.PROMPT, question))
    additions_kept = vault.opened(house.case)["probes"]
    assert [row["value"] for row in additions_kept] == [question]
    house.work()
    assert house.state() is State.PLANNED, house.stopped()
    house.approve()
    house.work()
    rows = Measurement.objects.filter(request=house.case, name="challenged_answers")
    assert rows and all(row.n == 9 and row.verdict == Verdict.PASSED for row in rows)
