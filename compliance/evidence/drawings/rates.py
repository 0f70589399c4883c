"""Before and after, beside people who were never known: one row per test, dots with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from compliance.evidence.drawings.pen import Pen, Theme, fit
from compliance.evidence.thresholds import Quantity
from compliance.rules.figures import plain

WIDTH, LABEL, RIGHT, TOP, ROW = 680, 200, 24, 34, 46


@dataclass(frozen=True, kw_only=True)
class RateRow:
    """One test: the person before and after, the controls, and the limit that was fixed beforehand."""

    label: str
    before: Quantity | None = None
    after: Quantity | None = None
    controls: Quantity | None = None
    limit: float | None = None


def rates_svg(
    rows: Sequence[RateRow], *, theme: Theme = "light", title: str = "", top: float | None = None, who: str = "person, "
) -> str:
    """Dots with intervals on one scale from 0 to ``top`` (default: 1, or the largest number); ``who`` moved."""
    scale = top or max([1.0, *(number for row in rows for number in _numbers(row))])
    height = TOP + ROW * len(rows) + 28
    pen = Pen(width=WIDTH, height=height, title=title or f"{len(rows)} tests before and after", theme=theme)
    _legend(pen, who, full=any(row.controls or row.limit is not None for row in rows))
    _axis(pen, scale, height)
    for at, row in enumerate(rows):
        _row(pen, row, y=TOP + ROW * at + ROW / 2, scale=scale)
    return pen.svg()


def _numbers(row: RateRow) -> list[float]:
    shown = [q for q in (row.before, row.after, row.controls) if q]
    return [*(n for q in shown for n in (q.value, q.high) if n is not None), *([row.limit] if row.limit else [])]


def _x(number: float, scale: float) -> float:
    share = min(max(number / scale, 0.0), 1.0)
    return LABEL + share * (WIDTH - LABEL - RIGHT)


def _legend(pen: Pen, who: str, *, full: bool) -> None:
    entries = [(f"{who}before", "carried"), (f"{who}after", "accent")]
    if full:
        entries.append(("never known (controls)", "none"))
    x = float(LABEL)
    for words, role in entries:
        pen.add("circle", cx=x + 4, cy=13, r=4, fill=role)
        pen.label(words, x=x + 13, y=17, size=10, fill="quiet")
        x += 26 + len(words) * 5.6
    if not full:
        return
    pen.add("line", x1=x + 4, y1=7, x2=x + 4, y2=19, stroke="ink", stroke_dasharray="3 2")
    pen.label("limit", x=x + 12, y=17, size=10, fill="quiet")


def _axis(pen: Pen, scale: float, height: float) -> None:
    for step in range(5):
        number = scale * step / 4
        x = _x(number, scale)
        pen.add("line", x1=x, y1=TOP, x2=x, y2=height - 24, stroke="faint", stroke_width=0.8)
        pen.label(plain(number), x=x, y=height - 9, size=9.5, fill="quiet", text_anchor="middle")


def _row(pen: Pen, row: RateRow, *, y: float, scale: float) -> None:
    pen.label(fit(row.label, width=LABEL - 14, size=10.5), x=2, y=y + 4, size=10.5)
    for quantity, role, shift in ((row.before, "carried", -11), (row.after, "accent", 0), (row.controls, "none", 11)):
        if quantity:
            _dot(pen, quantity, role=role, y=y + shift, scale=scale)
    if row.limit is not None:
        x = _x(row.limit, scale)
        pen.add("line", x1=x, y1=y - 18, x2=x, y2=y + 18, stroke="ink", stroke_dasharray="3 2")


def _dot(pen: Pen, quantity: Quantity, *, role: str, y: float, scale: float) -> None:
    x = _x(quantity.value, scale)
    if quantity.low is not None and quantity.high is not None:
        low, high = _x(quantity.low, scale), _x(quantity.high, scale)
        pen.add("line", x1=low, y1=y, x2=high, y2=y, stroke=role, stroke_width=2, stroke_linecap="round")
        for end in (low, high):
            pen.add("line", x1=end, y1=y - 3, x2=end, y2=y + 3, stroke=role, stroke_width=1.4)
    pen.add("circle", cx=x, cy=y, r=4, fill=role, stroke="surface", stroke_width=1.2)
