"""What happened against the clocks: one line of days, dots for what happened, flags for the dates that bind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from xml.sax.saxutils import escape

from compliance.evidence.drawings.pen import Pen, Theme, fit

WIDTH, SIDE, NEAR = 680, 70, 22


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A moment and what it is called."""

    at: datetime
    label: str


def timeline_svg(
    events: Sequence[Mark], deadlines: Sequence[tuple[date, str]], *, theme: Theme = "light", title: str = ""
) -> str:
    """Events above the line (near ones in one dot with their number), deadlines below; nothing when both are empty."""
    flags = sorted((_noon(day), words) for day, words in deadlines)
    marks = sorted(events, key=lambda mark: mark.at)
    times = [mark.at for mark in marks] + [at for at, _ in flags]
    name = title or f"{len(marks)} events and {len(flags)} deadlines"
    pen = Pen(width=WIDTH, height=86 + 15 * max(len(flags) - 1, 0), title=name, theme=theme)
    if not times:
        return pen.svg()
    start, span = min(times), max(max(times) - min(times), timedelta(hours=1))
    pen.add("line", x1=SIDE, y1=46, x2=WIDTH - SIDE, y2=46, stroke="faint", stroke_width=3, stroke_linecap="round")
    for row, (at, words) in enumerate(flags):
        _flag(pen, x=_x(at, start, span), words=f"{words}, {at:%Y-%m-%d}", y=70 + 15 * row)
    last_end = 0.0
    for x, group in _groups(marks, start, span):
        last_end = _dot(pen, x=x, group=group, free_from=last_end)
    return pen.svg()


def _noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def _x(at: datetime, start: datetime, span: timedelta) -> float:
    return SIDE + (at - start) / span * (WIDTH - 2 * SIDE)


def _groups(marks: Sequence[Mark], start: datetime, span: timedelta) -> list[tuple[float, list[Mark]]]:
    groups: list[tuple[float, list[Mark]]] = []
    for mark in marks:
        x = _x(mark.at, start, span)
        if groups and x - groups[-1][0] < NEAR:
            groups[-1][1].append(mark)
        else:
            groups.append((x, [mark]))
    return groups


def _dot(pen: Pen, *, x: float, group: Sequence[Mark], free_from: float) -> float:
    words = group[0].label if len(group) == 1 else f"{group[0].label} … {group[-1].label}"
    pen.parts.append(f"<g><title>{escape('; '.join(mark.label for mark in group))}</title>")
    pen.add("circle", cx=x, cy=46, r=9 if len(group) > 1 else 5, fill="accent", stroke="surface", stroke_width=2)
    if len(group) > 1:
        pen.label(str(len(group)), x=x, y=49.5, size=9.5, fill="surface", text_anchor="middle", font_weight="bold")
    text = fit(words, width=190, size=10)
    half = len(text) * 2.7
    middle = min(max(x, half + 2), WIDTH - half - 2)
    if middle - half >= free_from:
        pen.label(text, x=middle, y=16, size=10, text_anchor="middle")
        pen.label(f"{group[0].at:%Y-%m-%d}", x=middle, y=30, size=9, fill="quiet", text_anchor="middle")
        free_from = middle + half + 8
    pen.parts.append("</g>")
    return free_from


def _flag(pen: Pen, *, x: float, words: str, y: float) -> None:
    pen.add("line", x1=x, y1=36, x2=x, y2=y - 9, stroke="carried", stroke_width=1.6)
    anchor, shift = ("end", -6) if x > WIDTH / 2 else ("start", 6)
    pen.label(words, x=x + shift, y=y, size=10, fill="carried", text_anchor=anchor)
