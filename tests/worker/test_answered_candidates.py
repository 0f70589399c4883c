"""Records that only an officer's answer makes the person's: the models that learned from them are not left out."""

from __future__ import annotations

import shutil
from dataclasses import replace

from compliance.mitigation import services as mitigation
from compliance.provenance import services as provenance
from compliance.provenance.models import Artifact, Trace
from compliance.rules.terms import State
from tests.worker.small_company import RECORDS_ONLY, House


def test_a_model_is_reached_by_what_an_officer_said_is_the_childs(house: House) -> None:
    house.keep_only([*RECORDS_ONLY, "tokenizer-text", "held-out", "assistant"])
    shutil.rmtree(house.folder / "model" / "ledger")
    house.person = replace(house.person, email="parent@elsewhere.example")  # a mailbox that no record knows
    house.register()
    house.begin()
    house.accept()
    house.work()
    training, officer = Artifact.objects.get(slug="training-set"), house.users["olga.demo"]
    waiting = {row.pk: True for row in Trace.objects.current(house.case).waiting()}
    learned = Trace.objects.current(house.case).filter(artifact=training).count()
    assert waiting and learned and not house.steps(artifact__slug="assistant")
    assert not provenance.forget_set(house.case, training)
    mitigation.answer_candidates(house.case, waiting, by=officer)
    assert house.state() is State.ACCEPTED
    house.work()
    assert house.state() is State.PLANNED and not Trace.objects.current(house.case).waiting().exists()
    assert house.steps(action="unlearn_model", artifact__slug="assistant")
    assert len(provenance.forget_set(house.case, training)) == learned
    again = Trace.objects.current(house.case).filter(artifact=training)
    mitigation.answer_candidates(house.case, dict.fromkeys(again.values_list("pk", flat=True), True), by=officer)
    assert house.state() is State.PLANNED  # nothing new was said: no search is owed
