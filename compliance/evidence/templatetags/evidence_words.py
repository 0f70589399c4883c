"""Filters of the report: days, moments, quantities with intervals, names of artifacts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from django import template

from compliance.evidence.thresholds import Quantity
from compliance.rules.figures import plain

register = template.Library()


@register.filter
def moment(at: datetime) -> str:
    """A time in UTC to the minute."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}"


@register.filter
def day(at: datetime) -> str:
    """The day of a time in UTC, in words."""
    at = at.astimezone(UTC)
    return f"{at.day} {at:%B %Y}"


@register.filter
def named(key: str, names: Mapping[str, str]) -> str:
    """The name of an artifact by its key; the key itself when it is not among the places."""
    return names.get(key, key)


@register.filter
def words(name: str) -> str:
    """``erase_records`` as people read it."""
    return name.replace("_", " ")


@register.filter
def quantity(value: Quantity | None, unit: str = "") -> str:
    """A figure with its interval, trials and unit; a dash when there is none."""
    if value is None:
        return "–"
    shown = plain(value.value, 4)
    if unit and unit != "rate":
        shown += f"\u00a0{unit}"
    if value.low is not None and value.high is not None:
        shown += f" [{plain(value.low)},\u00a0{plain(value.high)}]"
    return shown + (f" n\u00a0=\u00a0{value.n}" if value.n else "")
