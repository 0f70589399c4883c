"""A result in words, for whoever typed the command: figures and reasons, never a row, a value or an answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

_SHORT, _WIDE = 8, 46
_ASIDE = ("versions",)
_FIRST = ("verdict", "claim", "reasons", "gate", "route")
_QUOTED = ("answers", "targets", "rows", "said", "text", "prompt", "response")  # they may hold what a person said


def told(result: Any) -> Iterator[str]:
    """Yield the lines of a verb's result: what was found first, then figures, then where it came from."""
    content = asdict(result)
    names = [name for name in _FIRST if name in content] + [name for name in content if name not in (*_FIRST, *_ASIDE)]
    for name in names:
        yield from _told(name, content[name])


def _told(name: str, value: Any) -> Iterator[str]:
    if value in ("", None) or (isinstance(value, (list, tuple, dict)) and not value):
        return
    words = name.replace("_", " ")
    if isinstance(value, (list, tuple)):
        yield from _listed(words, value)
    elif isinstance(value, Mapping):
        plain = {key: one for key, one in value.items() if not isinstance(one, (list, tuple, dict))}
        yield (
            f"{words}: " + ", ".join(f"{key} {_plain(str(key), one)}" for key, one in plain.items()) if plain else words
        )
        for key, one in value.items():
            if key not in plain:
                yield from _told(f"{name} {key}", one)
    else:
        yield f"{words}: {_plain(name, value)}"


def _listed(words: str, values: Sequence[Any]) -> Iterator[str]:
    measured = [one for one in values if isinstance(one, Mapping) and {"name", "scope", "value"} <= one.keys()]
    if measured:
        yield f"{words}:"
        yield from (_measured(one) for one in measured)
    elif all(isinstance(one, (int, float)) for one in values):
        shown = ", ".join(_plain("", one) for one in values[:_SHORT])
        yield f"{words}: {shown}{', …' if len(values) > _SHORT else ''}"
    elif words in ("reasons", "why") or words.endswith("not applicable"):
        yield f"{words}:"
        yield from (f"  - {one}" for one in values)
    else:
        yield f"{words}: {len(values)} (whole in the file of --json)"


def _measured(one: Mapping[str, Any]) -> str:
    span = (
        f"  [{one['low']:.3g}, {one['high']:.3g}]" if one.get("low") is not None and one.get("high") is not None else ""
    )
    verdict = f"  {one['verdict']}" if one.get("verdict") else ""
    named = f"{one['name']} · {one['scope']}".replace("_", " ")
    return f"  {named:<{_WIDE}} {_plain('', one['value']):>9}  of {one.get('n', '?')}{span}{verdict}"


def _plain(name: str, value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "(in the file of --json)" if name in _QUOTED and isinstance(value, str) else str(value)
