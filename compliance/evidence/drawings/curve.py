"""What a piece of work said in numbers on its way: one line a figure, over the share done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from compliance.evidence.drawings.pen import Pen, Theme
from compliance.rules.figures import plain

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 680, 220, 52, 16, 30, 34
ROLES = ("accent", "carried", "good")


def curve_svg(points: Sequence[tuple[float, Mapping[str, float]]], *, theme: Theme = "light") -> str:
    """Each figure's line from 0 to 100 % of the work; the scale is from nought to the largest value, and said."""
    names = sorted({name for _, figures in points for name in figures})[: len(ROLES)]
    title = f"{', '.join(names).capitalize()} over the work" if names else "No figures yet"
    pen = Pen(width=WIDTH, height=HEIGHT, title=title, theme=theme)
    top = max([1e-9, *(figures[name] for _, figures in points for name in names if name in figures)])
    _axes(pen, top if names else 1.0)
    for at, name in enumerate(names):
        held = [(fraction, figures[name]) for fraction, figures in points if name in figures]
        _line(pen, held, top, role=ROLES[at])
        pen.add("circle", cx=LEFT + 8 + 110 * at, cy=14, r=4, fill=ROLES[at])
        pen.label(f"{name}, now {plain(held[-1][1])}", x=LEFT + 17 + 110 * at, y=18, size=10, fill="quiet")
    if not names:
        pen.label("The curve appears with the first figures.", x=LEFT + 8, y=18, size=10, fill="quiet")
    return pen.svg()


def _axes(pen: Pen, top: float) -> None:
    base = HEIGHT - BOTTOM
    for step in range(5):
        x, y = LEFT + (WIDTH - LEFT - RIGHT) * step / 4, base - (base - TOP) * step / 4
        pen.add("line", x1=LEFT, y1=y, x2=WIDTH - RIGHT, y2=y, stroke="faint")
        pen.label(f"{25 * step} %", x=x, y=base + 16, size=10, fill="quiet", text_anchor="middle")
        pen.label(f"{top * step / 4:.2g}", x=LEFT - 6, y=y + 4, size=10, fill="quiet", text_anchor="end")


def _line(pen: Pen, held: Sequence[tuple[float, float]], top: float, *, role: str) -> None:
    base = HEIGHT - BOTTOM
    places = [
        (LEFT + (WIDTH - LEFT - RIGHT) * min(max(f, 0.0), 1.0), base - (base - TOP) * min(max(v / top, 0.0), 1.0))
        for f, v in held
    ]
    path = " ".join(f"{'M' if n == 0 else 'L'}{x:.1f} {y:.1f}" for n, (x, y) in enumerate(places))
    pen.add("path", d=path, stroke=role, stroke_width=2)
    pen.add("circle", cx=places[-1][0], cy=places[-1][1], r=3, fill=role)
