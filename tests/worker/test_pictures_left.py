"""Pictures that an officer leaves because others are on them too: what letter and claims say of them."""

from __future__ import annotations

import pytest

from compliance.evidence.facts import declined
from compliance.rules.terms import ClaimLevel, State
from tests.worker.small_company import House
from tests.worker.test_classifier_case import answered, claim_of, home_of, parted

__all__ = ["parted"]


def test_a_letter_tells_pictures_that_stay_from_lines_that_name_others_too(parted: House) -> None:
    people = home_of(parted) / "photos/people.csv"
    people.write_text(people.read_text() + f'ones/9.png,"{parted.person.customer_id}; X-00001"\n')
    parted.planned()
    answered(parted, accept=False)
    said = declined(parted.case, "en")
    assert any("Photos: pictures that show other people as well" in one and "(2)" in one for one in said), said
    assert any("Photos: lines in our list" in one and "(1)" in one and "still name you" in one for one in said), said


@pytest.mark.slow
def test_a_shared_picture_that_stays_is_excepted_from_what_the_letter_calls_erased(parted: House) -> None:
    parted.planned()
    answered(parted, accept=False)
    parted.approve()
    parted.work()
    assert parted.state() is State.VALIDATED
    assert (home_of(parted) / "photos/train/ones/8.png").exists()
    left = claim_of(parted, "photos")
    assert (left.sentence_key, left.level) == ("erased_except", ClaimLevel.PARTLY)
    assert claim_of(parted, "customers").sentence_key == "erased"
