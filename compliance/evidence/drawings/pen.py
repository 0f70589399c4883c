"""Writing SVG: escaped attributes, the palette, and text that fits its box."""

from __future__ import annotations

from typing import Literal
from xml.sax.saxutils import escape, quoteattr

Theme = Literal["light", "css"]
Value = str | float

# role -> colour on white paper; each has at least 4.5:1 against white where it is used for text
PALETTE = {
    "ink": "#1f2937",
    "quiet": "#5b6675",
    "faint": "#cfd5de",
    "surface": "#ffffff",
    "plane": "#f4f6f9",
    "accent": "#2f4ad6",
    "carried": "#c8501e",
    "good": "#1a7f43",
    "busy": "#2563eb",
    "warn": "#b45309",
    "bad": "#b42318",
    "none": "#98a2b3",
}
FONT = "Noto Sans, Inter, system-ui, sans-serif"


class Pen:
    """Collects the elements of one drawing; ``fill`` and ``stroke`` are roles of the palette."""

    def __init__(self, *, width: float, height: float, title: str, theme: Theme) -> None:
        self.width, self.height, self.title, self.theme = width, height, title, theme
        self.parts: list[str] = []

    def add(self, tag: str, *, fill: str = "", stroke: str = "", text: str | None = None, **more: Value) -> None:
        """One element; attribute names are written with ``_`` for ``-``, numbers to one decimal."""
        self.parts.append(self.element(tag, fill=fill, stroke=stroke, text=text, **more))

    def element(self, tag: str, *, fill: str = "", stroke: str = "", text: str | None = None, **more: Value) -> str:
        """The same as text."""
        paint = {"fill": PALETTE.get(fill, fill) or "none", "stroke": PALETTE.get(stroke, stroke)}
        classes = [f"dr-{kind}-{role}" for kind, role in (("fill", fill), ("stroke", stroke)) if role in PALETTE]
        attributes = {**paint, **{name.replace("_", "-"): value for name, value in more.items()}}
        if self.theme == "css" and classes:
            attributes["class"] = " ".join(classes)
        written = "".join(f" {name}={quoteattr(_number(value))}" for name, value in attributes.items() if value != "")
        return f"<{tag}{written}/>" if text is None else f"<{tag}{written}>{escape(text)}</{tag}>"

    def label(self, text: str, *, x: float, y: float, size: float = 11, fill: str = "ink", **more: str) -> None:
        """A line of text with its baseline at ``y``."""
        self.add("text", x=x, y=y, font_size=size, font_family=FONT, fill=fill, text=text, **more)

    def svg(self) -> str:
        """The whole drawing; ``title`` is its accessible name."""
        size = f'viewBox="0 0 {_number(self.width)} {_number(self.height)}"'
        size += f' width="{_number(self.width)}" height="{_number(self.height)}"'
        role = "group" if any(part.startswith("<a ") for part in self.parts) else "img"  # an image hides its links
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="{role}" aria-label={quoteattr(self.title)}'
        kind = ' class="drawing"' if self.theme == "css" else ""
        return f"{head}{kind}><title>{escape(self.title)}</title>{''.join(self.parts)}</svg>"


def _number(value: Value) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def fit(text: str, *, width: float, size: float, bold: bool = False) -> str:
    """The text cut with an ellipsis to about ``width`` pixels; no font is measured, an average letter is assumed."""
    room = int(width / (size * (0.58 if bold else 0.54)))
    return text if len(text) <= room else text[: max(room - 1, 1)].rstrip() + "…"
