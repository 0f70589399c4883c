"""What does: an action per kind of step. It promises; the check that proves it lives elsewhere and never meets it.

An action looks first at what is already done, so that it may run twice, also after a kill in the middle.
"""

from __future__ import annotations

from pkgutil import resolve_name
from typing import Protocol, cast

from compliance.mitigation.tasks import Outcome, Task
from compliance.rules.errors import NotFoundHere


class Action(Protocol):
    """One way to mitigate."""

    def carry_out(self, task: Task) -> Outcome:
        """Do the step, once, however often it is called; the outcome holds no personal data."""


_HERE = "compliance.mitigation.actions"
TABLE: dict[str, str] = {
    "suppress_output": f"{_HERE}.suppress_output",
    "hide_from_index": f"{_HERE}.hide_from_index",
    "exclude_from_training": f"{_HERE}.exclude_from_training",
    "erase_records": f"{_HERE}.erase_records",
    "redact_records": f"{_HERE}.redact_records",
    "rebuild_index": f"{_HERE}.rewrite",
    "purge_cache": f"{_HERE}.rewrite",
    "purge_log": f"{_HERE}.rewrite",
    "replay_model": f"{_HERE}.replay_model",
    "unlearn_model": f"{_HERE}.unlearn_model",
    "promote_model": f"{_HERE}.promote_model",
    "notify_recipients": f"{_HERE}.notify",
    "forward_to_controller": f"{_HERE}.notify",
    "keep": f"{_HERE}.keep",
    "destroy_undo": f"{_HERE}.destroy_undo",
}


def load(name: str) -> Action:
    """The action of that name, imported on first use."""
    if name not in TABLE:
        raise NotFoundHere(f"No action is called {name!r}.")
    return cast(Action, resolve_name(TABLE[name]))
