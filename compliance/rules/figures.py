"""How a figure is written for people: three significant digits, never a power of ten."""

from __future__ import annotations

SMALLEST = 1e-6


def plain(value: float, digits: int = 3) -> str:
    """``value`` in at most ``digits`` significant digits; what is nearer to nothing than a millionth is said so."""
    if 0 < abs(value) < SMALLEST:
        return "< 0.000001" if value > 0 else "> -0.000001"
    if abs(value) < 10**digits:
        shown = f"{value:.{digits}g}"
        return f"{float(shown):.{6 + digits}f}".rstrip("0").rstrip(".") if "e" in shown else shown
    return f"{value:.0f}"
