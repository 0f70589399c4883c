"""The vendored fonts (Noto Sans, SIL Open Font License 1.1) and whether they cover a text.

A PDF/A must not show an empty box for a character that no embedded font has, nor borrow a font from the machine.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from compliance.evidence.errors import UncoveredText

FOLDER = Path(__file__).parent / "fonts"
FILES = ("NotoSans-Regular.ttf", "NotoSans-Bold.ttf", "NotoSans-Italic.ttf")
_SPELLED = {"≤": "at most ", "≥": "at least ", "→": "to", "≈": "about ", "✓": "yes", "✗": "no", "≠": "not "}
_CONTROLS = frozenset("\n\r\t")


@cache
def covered() -> frozenset[int]:
    """The code points that all three faces have."""
    from fontTools.ttLib import TTFont

    faces = [frozenset(TTFont(FOLDER / name, lazy=True).getBestCmap()) for name in FILES]
    return frozenset.intersection(*faces)


def uncovered(text: str) -> set[str]:
    """The characters of ``text`` that cannot be drawn."""
    return {letter for letter in set(text) - _CONTROLS if ord(letter) not in covered()}


def with_names_for_uncovered(text: str) -> str:
    """The text with each character that cannot be drawn spelled out, or given as its code point: ``[U+5F20]``."""
    return text.translate({ord(letter): _SPELLED.get(letter, f"[U+{ord(letter):04X}]") for letter in uncovered(text)})


def require_covered(text: str) -> None:
    """Raise UncoveredText, naming code points only, when something cannot be drawn."""
    if missing := uncovered(text):
        points = ", ".join(f"U+{ord(letter):04X}" for letter in sorted(missing)[:8])
        raise UncoveredText(f"rendering the report: no vendored font has {points}.")
