"""How a command's result is printed: words for a terminal, or JSON; whatever a file or a text is called or holds."""

import json
import sys
from collections.abc import Iterator, Mapping


def show(result: object, *, as_json: bool) -> None:
    """Print a row or a list of rows to standard output, and leave quietly when nobody reads on (``| head``)."""
    try:
        print(_json(result) if as_json else "\n".join(_lines(result)) or "nothing", flush=True)
    except BrokenPipeError:
        sys.stdout = open("/dev/null", "w", encoding="utf-8")  # noqa: SIM115 - else Python tries to print once more at its end


def _json(result: object) -> str:
    """Names of files that are no text are escaped: a line must stay JSON, and be writable anywhere."""
    text = json.dumps(result, ensure_ascii=False)
    return text if _is_writable(text) else json.dumps(result)


def _lines(result: object) -> Iterator[str]:
    """A row is one line a field, as a person reads; several rows are one line each, as ``grep`` does."""
    if isinstance(result, Mapping):
        width = max(map(len, result), default=0)
        for name, value in result.items():
            if _are_rows(value):
                yield f"{name}:"
                yield from (f"  {line}" for line in _lines(value))
            else:
                yield f"{name:{width}}  {_said(value)}"
    elif isinstance(result, (list, tuple)):
        for row in result:
            yield (
                "  ".join(f"{name}={_said(value)}" for name, value in row.items())
                if isinstance(row, Mapping)
                else _said(row)
            )


def _are_rows(value: object) -> bool:
    return isinstance(value, (list, tuple)) and bool(value) and all(isinstance(row, Mapping) for row in value)


def _said(value: object) -> str:
    """A value on one line: what would end it, or stand for nothing on a terminal, is escaped."""
    if isinstance(value, Mapping):
        return ", ".join(f"{_said(name)}: {_said(part)}" for name, part in value.items()) or "nothing"
    if value is None:
        return "not known"
    text = str(round(value, 4)) if isinstance(value, float) else str(value)
    return "".join(letter if letter.isprintable() and _is_writable(letter) else repr(letter)[1:-1] for letter in text)


def _is_writable(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True
