"""What the evidence earns, and that less evidence never earns more."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.rules.claims import (
    LANGUAGES,
    Evidence,
    MeasurementResult,
    StepResult,
    at_least_as_strong,
    claim,
    sentence,
    sentences,
    weakest,
)
from compliance.rules.errors import InvalidInput
from compliance.rules.sentence_texts import TEXTS
from compliance.rules.terms import ArtifactKind, ClaimLevel, Exemption, StepStatus, Verdict
from compliance.rules.thresholds import thresholds

UNDO_DAY = date(2026, 12, 20)
UNDO = StepResult("destroy_undo", StepStatus.WAITING, scheduled_for=UNDO_DAY)
MODEL, DATA, INDEX = ArtifactKind.MODEL, ArtifactKind.DATASET, ArtifactKind.INDEX


def passed(kind: ArtifactKind) -> tuple[MeasurementResult, ...]:
    return tuple(MeasurementResult(name, Verdict.PASSED, value=0.0) for name in thresholds(kind))


def with_verdict(evidence: Evidence, name: str, verdict: Verdict | None) -> Evidence:
    rest = tuple(row for row in evidence.measurements if row.name != name)
    return replace(
        evidence, measurements=rest if verdict is None else (*rest, MeasurementResult(name, verdict, value=1.0))
    )


def done(*actions: str, exact: bool = False) -> tuple[StepResult, ...]:
    return tuple(StepResult(action, StepStatus.DONE, exact=exact) for action in actions)


ERASED = Evidence("s1", "tickets", DATA, (*done("erase_records"), UNDO), passed(DATA))
REBUILT = Evidence(
    "m1", "support model", MODEL, (*done("replay_model", "promote_model", exact=True), UNDO), passed(MODEL)
)
BITS = MeasurementResult("residual_bits", Verdict.PASSED, 1.9, (1.2, 2.43), "bits", "prefill", 10_000)
UNLEARNED = Evidence(
    "m1",
    "support model",
    MODEL,
    (*done("suppress_output", "unlearn_model", "promote_model"), UNDO),
    (*(row for row in passed(MODEL) if row.name != "residual_bits"), BITS),
)


def test_erased_needs_the_step_and_every_check() -> None:
    assert claim(ERASED).level is ClaimLevel.ERASED
    assert claim(REBUILT).sentence_key == "erased_model"


@pytest.mark.parametrize("name", sorted(thresholds(DATA)))
@pytest.mark.parametrize("verdict", [None, Verdict.FAILED, Verdict.INCONCLUSIVE])
def test_a_missing_failed_or_powerless_check_on_data_cannot_be_shown_as_erased(
    name: str, verdict: Verdict | None
) -> None:
    lowered = claim(with_verdict(ERASED, name, verdict))
    assert lowered.level is ClaimLevel.NOT_SHOWN
    assert any(name in reason for reason in lowered.reasons)


@pytest.mark.parametrize("status", [status for status in StepStatus if status is not StepStatus.DONE])
def test_a_step_that_is_not_done_never_counts_as_done(status: StepStatus) -> None:
    evidence = replace(ERASED, steps=(StepResult("erase_records", status), UNDO))
    assert claim(evidence).level is ClaimLevel.NOT_SHOWN


def at_level(*levels: str) -> tuple[StepResult, ...]:
    """Done steps on one store, in their order, each with the level of its receipt."""
    actions = ("erase_records", "redact_records")[-len(levels) :]
    return tuple(StepResult(a, StepStatus.DONE, level=one) for a, one in zip(actions, levels, strict=True))


@pytest.mark.parametrize("level", ["hidden", "logically_deleted"])
def test_a_store_that_only_marks_what_it_deletes_is_never_called_erased(level: str) -> None:
    lowered = claim(replace(ERASED, steps=(*at_level(level), UNDO)))
    assert (lowered.level, lowered.sentence_key) == (ClaimLevel.SUPPRESSED, "marked_deleted")
    assert "bytes may stay" in sentence(lowered)


def test_records_that_are_gone_from_an_index_that_keeps_what_it_learned_are_not_called_marked() -> None:
    kept = claim(replace(ERASED, steps=(*at_level("learned_kept"), UNDO)))
    assert (kept.level, kept.sentence_key) == (ClaimLevel.SUPPRESSED, "learned_kept")
    assert "files hold none of them" in sentence(kept)
    assert "keeps the bytes" not in " ".join(kept.reasons)


def test_a_mark_beside_a_failed_check_cannot_be_shown_as_anything() -> None:
    marked = replace(ERASED, steps=(*at_level("logically_deleted"), UNDO))
    assert claim(with_verdict(marked, "rows_found", Verdict.FAILED)).level is ClaimLevel.NOT_SHOWN


def test_the_last_receipt_of_a_store_counts_because_the_first_left_what_the_second_took() -> None:
    assert claim(replace(ERASED, steps=(*at_level("logically_deleted", "byte_checked"), UNDO))).notes[:1] != (
        "files_unseen",
    )
    assert claim(replace(ERASED, steps=(*at_level("byte_checked", "logically_deleted"), UNDO))).level is (
        ClaimLevel.SUPPRESSED
    )


def test_a_server_whose_files_were_out_of_reach_is_called_erased_and_that_is_said() -> None:
    made = claim(replace(ERASED, steps=(*at_level("rewritten"), UNDO)))
    assert made.level is ClaimLevel.ERASED and "files_unseen" in made.notes
    assert "files_unseen" not in claim(replace(ERASED, steps=(*at_level("byte_checked"), UNDO))).notes


def test_what_could_not_be_read_is_never_called_erased_and_is_said_where_nothing_was_found() -> None:
    assert claim(replace(ERASED, unread=True)).level is ClaimLevel.NOT_SHOWN
    untouched = claim(Evidence("s2", "archive", DATA, unread=True))
    assert (untouched.level, untouched.sentence_key) == (ClaimLevel.NOT_SHOWN, "unread")
    assert weakest([claim(ERASED), untouched]) == untouched


def test_an_approximate_route_is_never_erased_whatever_the_tests_say() -> None:
    got = claim(UNLEARNED)
    assert got.level is ClaimLevel.MITIGATED
    assert any("exact route" in reason for reason in got.reasons)


def test_mitigated_says_the_upper_bound_the_attacker_and_the_budget() -> None:
    said = sentence(claim(UNLEARNED))
    assert "At most 2.43 bits" in said and "prefill with 10,000 tries" in said
    assert "no máximo 2,43 bits" in sentence(claim(UNLEARNED), "pt-BR")
    assert any("could bring some of it back" in line for line in sentences(claim(UNLEARNED)))


def test_without_an_interval_the_sentence_does_not_say_at_most() -> None:
    bare = replace(UNLEARNED, measurements=(*UNLEARNED.measurements[:-1], replace(BITS, interval=None)))
    assert "About 1.9 bits" in sentence(claim(bare))


def test_mitigated_needs_the_bits_measured_and_below_their_limit() -> None:
    for verdict in (None, Verdict.FAILED, Verdict.INCONCLUSIVE):
        assert claim(with_verdict(UNLEARNED, "residual_bits", verdict)).level is ClaimLevel.NOT_SHOWN


def test_an_approximate_route_may_fail_the_rank_test_but_must_report_it() -> None:
    assert claim(with_verdict(UNLEARNED, "rank_test_p", Verdict.FAILED)).level is ClaimLevel.MITIGATED
    assert claim(with_verdict(UNLEARNED, "rank_test_p", None)).level is ClaimLevel.NOT_SHOWN


def test_a_rebuilt_model_that_fails_the_rank_test_is_no_longer_called_erased() -> None:
    assert claim(with_verdict(REBUILT, "rank_test_p", Verdict.FAILED)).level is ClaimLevel.MITIGATED


def test_not_enough_power_is_said() -> None:
    got = claim(with_verdict(REBUILT, "membership_auc_distance", Verdict.INCONCLUSIVE))
    assert got.level is ClaimLevel.ERASED
    assert "too little data" in sentences(got)[-1]


def test_a_new_model_that_does_not_serve_proves_nothing() -> None:
    evidence = replace(REBUILT, steps=(*done("replay_model", exact=True), UNDO))
    assert claim(evidence).level is ClaimLevel.NOT_SHOWN


def test_suppression_never_reads_as_unlearning() -> None:
    leaks = MeasurementResult("suppression_leaks", Verdict.PASSED, 0.0)
    suppressed = Evidence("m1", "support model", MODEL, done("suppress_output"), (*passed(MODEL), leaks))
    assert claim(suppressed).level is ClaimLevel.SUPPRESSED
    assert "still stored" in sentence(claim(suppressed))


def test_suppression_needs_a_probe_through_the_serving_path() -> None:
    assert claim(Evidence("m1", "support model", MODEL, done("suppress_output"))).level is ClaimLevel.NOT_SHOWN


def test_a_hidden_index_that_waits_for_its_rebuild_says_until_when() -> None:
    rebuild = StepResult("rebuild_index", StepStatus.WAITING, scheduled_for=UNDO_DAY)
    hits = MeasurementResult("retrieval_hits", Verdict.PASSED, 0.0)
    got = claim(Evidence("i1", "ticket index", INDEX, (*done("hide_from_index"), rebuild), (hits,)))
    assert (got.level, got.params["until"]) == (ClaimLevel.SUPPRESSED, "2026-12-20")
    assert "by 20 December 2026" in sentence(got)


def test_what_waits_for_its_date_is_scheduled() -> None:
    waiting = StepResult("erase_records", StepStatus.WAITING, scheduled_for=UNDO_DAY)
    got = claim(Evidence("s1", "tickets", DATA, (waiting,)))
    assert got.level is ClaimLevel.SCHEDULED
    assert sentence(got, "pt-br").endswith("20 de dezembro de 2026.")


def test_recovery_copies_are_named_with_their_day_and_lower_the_claim_without_one() -> None:
    assert "20 December 2026" in sentences(claim(ERASED))[1]
    loose = replace(ERASED, steps=(*done("erase_records"), StepResult("destroy_undo", StepStatus.PENDING)))
    assert claim(loose).level is ClaimLevel.NOT_SHOWN
    gone = replace(ERASED, steps=done("erase_records", "destroy_undo"))
    assert len(sentences(claim(gone))) == 1


def test_a_checkpoint_is_scheduled_until_it_is_destroyed_and_checked() -> None:
    kept = Evidence("k1", "checkpoint 2", ArtifactKind.CHECKPOINT, (UNDO,))
    assert claim(kept).level is ClaimLevel.SCHEDULED
    gone = replace(kept, steps=done("destroy_undo"), measurements=passed(ArtifactKind.CHECKPOINT))
    assert claim(gone).level is ClaimLevel.ERASED


def test_backups_are_said_with_their_day() -> None:
    assert "Backups may still hold" in sentences(claim(replace(ERASED, backups_until=date(2027, 2, 1))))[-1]


def test_an_exemption_is_kept_and_named_in_both_languages() -> None:
    kept = claim(replace(ERASED, exemption=Exemption.LEGAL_OBLIGATION))
    assert kept.level is ClaimLevel.KEPT
    assert "Art. 17(3)(b)" in sentence(kept) and "art. 17(3)(b)" in sentence(kept, "pt-br")


def test_a_forward_counts_once_it_was_sent() -> None:
    assert claim(replace(ERASED, steps=done("forward_to_controller"))).level is ClaimLevel.FORWARDED
    pending = StepResult("forward_to_controller", StepStatus.PENDING)
    assert claim(replace(ERASED, steps=(pending,))).level is ClaimLevel.NOT_SHOWN


def test_a_check_that_the_plan_adds_is_needed_too() -> None:
    more = replace(ERASED, expected=("challenge_probe",))
    assert claim(more).level is ClaimLevel.NOT_SHOWN
    assert claim(with_verdict(more, "challenge_probe", Verdict.PASSED)).level is ClaimLevel.ERASED


def test_a_failed_check_that_nobody_expected_lowers_all_the_same() -> None:
    assert claim(with_verdict(ERASED, "found_again", Verdict.FAILED)).level is ClaimLevel.NOT_SHOWN


def test_two_measurements_of_one_name_are_refused() -> None:
    with pytest.raises(InvalidInput, match="same name"):
        claim(replace(ERASED, measurements=ERASED.measurements * 2))


def test_a_case_is_described_by_its_weakest_artifact() -> None:
    claims = [claim(ERASED), claim(UNLEARNED), claim(replace(ERASED, steps=()))]
    assert weakest(claims) == claims[2]
    assert weakest(claims[:2]) == claims[1]
    assert weakest([]) is None


def test_all_languages_have_every_sentence_and_no_other_is_invented() -> None:
    assert set(TEXTS) == set(LANGUAGES)
    assert all(set(texts) == set(TEXTS["en"]) for texts in TEXTS.values())
    with pytest.raises(InvalidInput, match="language"):
        sentence(claim(ERASED), "ja")
    assert LANGUAGES == ("en", "pt-br", "de", "fr", "es")


ACTIONS = ["suppress_output", "hide_from_index", "erase_records", "rebuild_index", "replay_model", "unlearn_model"]
ACTIONS += ["promote_model", "destroy_undo", "purge_log"]


@st.composite
def evidences(draw: st.DrawFn) -> Evidence:
    """Any evidence whose measurements were all expected; half of them start from steps that could earn something."""
    kind = draw(st.sampled_from(list(ArtifactKind)))
    names = [*thresholds(kind), "suppression_leaks", "extra"]
    verdicts = st.sampled_from([Verdict.PASSED, Verdict.PASSED, Verdict.PASSED, Verdict.FAILED, Verdict.INCONCLUSIVE])
    rows = [MeasurementResult(name, draw(verdicts), 1.0) for name in names if draw(st.integers(0, 5))]
    step = st.builds(
        StepResult,
        action=st.sampled_from(ACTIONS),
        status=st.sampled_from([StepStatus.DONE, *StepStatus]),
        exact=st.booleans(),
        scheduled_for=st.sampled_from([None, UNDO_DAY]),
    )
    good = [(), ERASED.steps, REBUILT.steps, UNLEARNED.steps, done("suppress_output"), done("hide_from_index")]
    steps = (*draw(st.sampled_from(good)), *draw(st.lists(step, max_size=2)))
    expected = tuple(row.name for row in rows if row.name not in thresholds(kind))
    return Evidence("a", "thing", kind, steps, tuple(rows), expected)


@settings(max_examples=600, deadline=None)
@given(evidences())
def test_removing_any_measurement_that_was_expected_never_strengthens_a_claim(evidence: Evidence) -> None:
    full = claim(evidence).level
    for row in evidence.measurements:
        less = tuple(other for other in evidence.measurements if other is not row)
        assert at_least_as_strong(full, claim(replace(evidence, measurements=less)).level)


@settings(max_examples=400, deadline=None)
@given(evidences(), st.data())
def test_a_worse_verdict_never_strengthens_a_claim(evidence: Evidence, data: st.DataObject) -> None:
    if not evidence.measurements:
        return
    row = data.draw(st.sampled_from(evidence.measurements))
    worse = tuple(replace(o, verdict=Verdict.FAILED) if o is row else o for o in evidence.measurements)
    assert at_least_as_strong(claim(evidence).level, claim(replace(evidence, measurements=worse)).level)


@settings(max_examples=400, deadline=None)
@given(evidences())
def test_every_claim_can_be_said_in_every_language(evidence: Evidence) -> None:
    for language in LANGUAGES:
        for line in sentences(claim(evidence), language):
            assert line.endswith(".") and "{" not in line and "None" not in line
