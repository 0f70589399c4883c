"""How a model that answers with words is treated, in words: replayed from its recorded run, or trained on."""

from __future__ import annotations

from collections.abc import Mapping

from compliance.rules.affected import Affected, Fact, foreseen, takes


def stages_of(item: Affected) -> tuple[int, int]:
    """(stage from which to replay, number of stages), from 1; without a usable checkpoint the replay starts at 1."""
    stages = max(item.number("stages", 1), 1)
    first = min(max(item.number("first_exposure_stage", 1), 1), stages)
    return (first if item.holds("checkpoint") else 1), stages


def replay_why(item: Affected) -> str:
    """Why a model is replayed, and from where."""
    start, stages = stages_of(item)
    where = f"from stage {start} of {stages}, the first that saw the person" if start > 1 else "from its beginning"
    how = f"{item.name} has a recorded training run: it is replayed {where}, without the person. This route is exact."
    return how + foreseen(item)


def replay_cost(item: Affected) -> str:
    """What a replay takes."""
    start, stages = stages_of(item)
    return f"{stages - start + 1} of {stages} training stages{takes(item)}"


def unlearning_why(item: Affected) -> str:
    """Why a model is trained on instead of rebuilt."""
    how = (
        f"{item.name} has no recorded run that can be replayed, so it is not rebuilt exactly; an approximate method "
        "is used and what remains is measured in bits."
    )
    return how + foreseen(item)


def replay_parameters(item: Affected) -> Mapping[str, Fact]:
    """From where the action replays."""
    start, stages = stages_of(item)
    return {"from_stage": start, "stages": stages, "from_checkpoint": start > 1}
