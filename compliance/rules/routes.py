"""THE TABLE of treatment: kind of artifact × facts -> rows, each an action with its horizon, reason and cost.

To add a mitigation: one row here, and its action in the mitigation floor under the same name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from compliance.rules import outlook, speaking
from compliance.rules.affected import Affected, Fact, Phase, Row, always, takes, training_on_touches
from compliance.rules.terms import ArtifactKind, EntityRole, Horizon
from compliance.rules.thresholds import BY_JOB, CLASSIFIER, TABLE_MODEL


def _say(words: str) -> Callable[[Affected], str]:
    return lambda item: words.format(name=item.name, count=item.found)


def _shared(item: Affected) -> int:
    return min(item.number("shared_rows"), item.found)


def _own(item: Affected) -> int:
    return item.found - _shared(item)


def _rewrite(item: Affected) -> str:
    return "one rewrite" if item.rows_total is None else f"one rewrite of {item.rows_total:,} rows"


def _others_stay(item: Affected) -> str:
    in_place = outlook.is_in_place(item)
    said = "entries of other people stay where they are" if in_place else "rows of other people are copied unchanged"
    return said if item.rows_total is None else f"{max(item.rows_total - item.found, 0):,} {said}"


def _why_found(item: Affected) -> str:
    parts = (
        (item.exact, "by exact identifier"),
        (item.normalised, "in another spelling"),
        (item.content, "by the same content"),
        (item.lineage, "derived from the person's records"),
        (item.name_only_ticked, "by name, ticked by an officer"),
        (item.near_ticked, "by nearly the same text, ticked by an officer"),
    )
    return f"Found in {item.name}: " + ", ".join(f"{count:,} {words}" for count, words in parts if count) + "."


def _speaks(item: Affected) -> bool:
    return item.connector not in BY_JOB


def _fits(item: Affected) -> bool:
    return item.connector == TABLE_MODEL and item.holds("weights", True)


def _replayable(item: Affected) -> bool:
    return _speaks(item) and item.holds("weights", True) and item.holds("ledger")


def _unlearnable(item: Affected) -> bool:
    return _speaks(item) and item.holds("weights", True) and not item.holds("ledger")


def _trains(item: Affected) -> bool:
    return item.connector == CLASSIFIER and item.holds("weights", True) and item.holds("exact", True)


def _approximates(item: Affected) -> bool:
    return item.connector == CLASSIFIER and item.holds("weights", True) and not item.holds("exact", True)


def _classifier_parameters(item: Affected) -> Mapping[str, Fact]:
    """What the job is ordered with: the method that was chosen from the prediction, and what the prediction was."""
    wanted = ("method", "budget", "predicted", "references", "folds", "renew_folds")
    known = {name: item.facts[name] for name in wanted if name in item.facts}
    return {"method": "auto", **known, "by": "unlearning job"}


def _took(item: Affected) -> str:
    """The prediction in words, which is coarse on purpose: the same plan on another day reads the same."""
    seconds, budget = item.number("predicted"), item.number("budget")
    return f"training it again is predicted to take about {seconds:,} s, of {budget:,} s that it may" if seconds else ""


def _training_why(item: Affected) -> str:
    if shards := item.number("shards"):
        how = f"was trained in {shards} parts: an unlearning job trains those that saw the person again, without them"
    elif words := _took(item):
        how = f"is trained again without the person, by an unlearning job; {words}"
    else:
        how = "is trained again without the person, by an unlearning job; how long that takes could not be predicted"
    return f"{item.name} {how}. This route is exact, and the new model serves only when the job's gate passes."


def _approximate_why(item: Affected) -> str:
    method = item.facts.get("method", "auto")
    return (
        f"{item.name}: {_took(item)}. So an approximate method ({method}) is used, and attacks "
        "measure before and after what tells the person's rows from rows never seen. With few rows that shows nothing, "
        "and then the new model does not serve: a longer budget_seconds lets it be trained again, which is exact."
        f"{_folds_why(item)}"
    )


def _folds_why(item: Affected) -> str:
    """The out-of-fold models of before knew the person and go: what the next person's request has to work with."""
    if not (folds := item.number("folds")):
        return ""
    seconds = f"about {folds * item.number('predicted'):,} s"
    if item.holds("renew_folds"):
        return f" Its {folds} out-of-fold models are trained anew without the person before it serves: {seconds}."
    return (
        f" The new model has none of the {folds} out-of-fold models that this needs, so that the next person's request "
        "has a weaker method: train them afterwards (python -m unlearning classifier folds; "
        f"{seconds}), or write options.renew_folds: true."
    )


def _changeable(item: Affected) -> bool:
    return item.holds("weights", True)


def _hides(item: Affected) -> bool:
    """Only an index folder of ours has a list of entries that every search leaves out at once."""
    return item.connector in ("", "vector_index")


def _has_recipients(item: Affected) -> bool:
    return item.number("recipients") > 0 or not item.holds("weights", True) or item.role is EntityRole.JOINT


KEEP = Row(
    "keep",
    Horizon.IMMEDIATE,
    Phase.TELL,
    lambda item: f"Kept: {item.exemption.label if item.exemption else ''}. Reviewed on its date.",
)
RESTRICT = Row(
    "keep",
    Horizon.IMMEDIATE,
    Phase.TELL,
    _say("{name} is restricted instead of erased, as the person chose: stored, and used for nothing (GDPR Art. 18)."),
)
FORWARD = Row(
    "forward_to_controller",
    Horizon.IMMEDIATE,
    Phase.SUPPRESS,
    _say("The entity is processor for {name}: the controller decides (GDPR Art. 28(3)(e); LGPD Art. 18 §4)."),
)

_ERASE = Row(
    "erase_records",
    Horizon.SHORT_TERM,
    Phase.DATA,
    _why_found,
    when=lambda item: _own(item) > 0,
    count=_own,
    cost=_rewrite,
    also_touched=_others_stay,
    judged=True,
)
_REDACT = Row(
    "redact_records",
    Horizon.SHORT_TERM,
    Phase.DATA,
    _say("Rows of other people in {name} quote the person: the person is redacted, the rest is kept."),
    when=lambda item: _shared(item) > 0,
    count=_shared,
    cost=_rewrite,
    also_touched=lambda item: f"{_shared(item):,} rows of other people lose the quoted passage",
    judged=True,
)
_EXCLUDE = Row(
    "exclude_from_training",
    Horizon.IMMEDIATE,
    Phase.EXCLUDE,
    _say("Keyed hashes of what was found in {name} keep it out of later training, ingest and restores."),
    cost=lambda item: f"{item.found:,} keyed hashes",
    reversible=True,
)
_TELL = Row(
    "notify_recipients",
    Horizon.SHORT_TERM,
    Phase.TELL,
    _say("Those who were given data from {name} are told (GDPR Art. 19, 17(2); LGPD Art. 18 §6)."),
    when=_has_recipients,
    count=lambda item: max(item.number("recipients"), 1),
)


def _undo(words: str, when: Callable[[Affected], bool] = always) -> Row:
    return Row(
        "destroy_undo",
        Horizon.LONG_TERM,
        Phase.UNDO,
        _say(words),
        when=when,
        count=lambda _: 1,
        also_touched=lambda _: "after this day the steps on it cannot be undone",
    )


_SOURCE = (_EXCLUDE, _ERASE, _REDACT, _TELL, _undo("The undo copy of {name} is destroyed."))
_PURGE_UNDO = _undo("The undo copy of {name}, if the purge made one, is destroyed.")

TABLE: Mapping[ArtifactKind, tuple[Row, ...]] = {
    ArtifactKind.DATASET: _SOURCE,
    ArtifactKind.DATABASE: _SOURCE,
    ArtifactKind.DERIVED_DATASET: _SOURCE,
    ArtifactKind.EVALUATION_SET: (_ERASE, _REDACT, _TELL, _undo("The undo copy of {name} is destroyed.")),
    ArtifactKind.INDEX: (
        Row(
            "hide_from_index",
            Horizon.IMMEDIATE,
            Phase.SUPPRESS,
            _say("Searches in {name} leave {count} entries out at once; they are still stored until they are erased."),
            when=lambda item: _hides(item) and outlook.goes(item),
            cost=lambda _: "milliseconds",
            reversible=True,
        ),
        Row(
            "hide_from_index",
            Horizon.IMMEDIATE,
            Phase.SUPPRESS,
            outlook.hidden_alone_why,
            when=lambda item: _hides(item) and not outlook.goes(item),
            cost=lambda _: "milliseconds",
            reversible=True,
            judged=True,  # it is all that is done: that nothing is found must be shown
        ),
        Row(
            "rebuild_index",
            Horizon.SHORT_TERM,
            Phase.COPIES,
            lambda item: f"{_why_found(item)}{outlook.how(item)}",
            when=outlook.goes,
            cost=lambda item: "a few bytes for each entry" if outlook.is_in_place(item) else _rewrite(item),
            also_touched=_others_stay,
            parameters=lambda item: {"foreseen": outlook.level(item)} if outlook.level(item) else {},
            judged=True,
        ),
        _undo("The superseded generation of {name} is destroyed.", when=outlook.goes),
    ),
    ArtifactKind.CACHE: (
        Row(
            "purge_cache",
            Horizon.IMMEDIATE,
            Phase.SUPPRESS,
            _say("Cached answers in {name} would go on naming the person; they are made again when asked for."),
            cost=lambda _: "the next such question is answered more slowly",
            judged=True,
        ),
        _PURGE_UNDO,
    ),
    ArtifactKind.LOG: (
        Row(
            "purge_log",
            Horizon.SHORT_TERM,
            Phase.COPIES,
            _why_found,
            cost=_rewrite,
            also_touched=_others_stay,
            judged=True,
        ),
        _PURGE_UNDO,
    ),
    ArtifactKind.MODEL: (
        Row(
            "suppress_output",
            Horizon.IMMEDIATE,
            Phase.SUPPRESS,
            _say("{name} does not say the person's details from now on; its weights still hold them."),
            when=_speaks,
            cost=lambda _: "microseconds per word",
            also_touched=lambda _: "a bare name is never blocked, so namesakes are not silenced",
            reversible=True,
        ),
        Row(
            "replay_model",
            Horizon.SHORT_TERM,
            Phase.MODEL,
            speaking.replay_why,
            when=_replayable,
            cost=speaking.replay_cost,
            also_touched=lambda _: "answers about others may change in wording",
            parameters=speaking.replay_parameters,
            exact=True,
            judged=True,
        ),
        # Before the table's own rows go: the job checks the table against what the model was fitted on.
        Row(
            "replay_model",
            Horizon.SHORT_TERM,
            Phase.EXCLUDE,
            _say(
                "{name} is a model of a table: an unlearning job fits it anew from its recipe, without the person's "
                "rows. This route is exact, and the new model serves only when the job's gate passes."
            ),
            when=_fits,
            cost=lambda _: "one fit",
            also_touched=lambda _: "predictions about others may change slightly, as after any fit",
            parameters=lambda _: {"method": "auto", "by": "unlearning job"},
            exact=True,
            judged=True,
        ),
        Row(
            "replay_model",
            Horizon.SHORT_TERM,
            Phase.EXCLUDE,
            _training_why,
            when=_trains,
            cost=lambda item: "some parts of one training" if item.number("shards") else "one training",
            also_touched=lambda _: "answers about others may change slightly, as after any training",
            parameters=_classifier_parameters,
            exact=True,
            judged=True,
        ),
        Row(
            "unlearn_model",
            Horizon.SHORT_TERM,
            Phase.EXCLUDE,
            _approximate_why,
            when=_approximates,
            cost=lambda item: f"a fraction of one training, and {item.number('references')} small ones for the audit",
            also_touched=lambda _: "answers about others may suffer; measured, and limited before promotion",
            parameters=_classifier_parameters,
            exact=False,
            judged=True,
        ),
        Row(
            "unlearn_model",
            Horizon.SHORT_TERM,
            Phase.MODEL,
            speaking.unlearning_why,
            when=_unlearnable,
            cost=lambda item: f"a fraction of one training{takes(item)}",
            also_touched=training_on_touches,
            parameters=lambda _: {"method": "alternating_wga"},
            exact=False,
            judged=True,
        ),
        Row(
            "promote_model",
            Horizon.SHORT_TERM,
            Phase.PROMOTE,
            _say("The new model takes the place of {name}, by its digest."),
            when=_changeable,
            count=lambda _: 1,
            cost=lambda _: "one switch",
        ),
        _TELL,
        _undo("The superseded weights of {name} are destroyed.", when=_changeable),
    ),
    ArtifactKind.CHECKPOINT: (_undo("{name} was saved after the person was seen; it goes with the superseded model."),),
}
