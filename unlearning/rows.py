"""Rows from JSONL or Parquet: `prompt`, `response`; optional `key`, `stage`, `kind`, `value`, `paraphrases`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from unlearning.errors import RowsError
from unlearning.types import PersonFacts, Row


def read_rows(path: Path, *, keyed: bool = False) -> list[Row]:
    """Rows of a JSONL or Parquet file, in file order; `keyed` demands a unique key on each.

    Raises RowsError with the file and line when something is wrong.
    """
    rows = [row_from(item, where=f"{path}, row {number}") for number, item in enumerate(_items(path), start=1)]
    if not rows:
        raise RowsError(f"reading rows from {path}: the file holds none; give a file with at least one row")
    if keyed:
        _check_keys(rows, path)
    return rows


def row_from(item: Any, *, where: str) -> Row:
    """One row from a mapping; `{"text": …}` means a row without a prompt."""
    if not isinstance(item, Mapping):
        raise RowsError(f"reading {where}: not an object; each row is an object with `prompt` and `response`")
    prompt, response = item.get("prompt", ""), item.get("response", item.get("text"))
    if not isinstance(prompt, str) or not isinstance(response, str) or not response.strip():
        raise RowsError(f"reading {where}: `response` (or `text`) must be a non-empty string, `prompt` a string")
    try:
        stage = int(item.get("stage") or 1)
    except (TypeError, ValueError, OverflowError):
        raise RowsError(f"reading {where}: `stage` must be a whole number from 1 on") from None
    wordings = item.get("paraphrases")
    wordings = [] if wordings is None else [wordings] if isinstance(wordings, str) else wordings
    if not isinstance(wordings, (list, tuple)) or not all(isinstance(text, str) for text in wordings):
        raise RowsError(f"reading {where}: `paraphrases` must be a list of texts")
    key, kind, value = (str(item.get(name) or "") for name in ("key", "kind", "value"))
    if not all(_is_text(text) for text in (prompt, response, key, kind, value, *wordings)):
        raise RowsError(f"reading {where}: it holds half a character (a lone surrogate); write the file as UTF-8 anew")
    return Row(prompt, response, key=key, stage=stage, kind=kind, value=value, paraphrases=tuple(wordings))


def _is_text(text: str) -> bool:
    """Whether a tokenizer and a file can take it: JSON may spell halves of characters that nothing else accepts."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def read_facts(path: Path) -> PersonFacts:
    """What an audit asks about: JSON with row lists `person`, `controls`, `namesakes`, `others`, and `candidates`."""
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise RowsError(f"reading {path}: {type(error).__name__}; it must be one JSON object") from None
    if not isinstance(content, Mapping):
        raise RowsError(f"reading {path}: not an object; it holds row lists `person`, `controls` and others")
    groups = {name: _group(content, name, path) for name in ("person", "controls", "namesakes", "others", "known")}
    candidates = _candidates(content.get("candidates", {}), path)
    return PersonFacts(**groups, candidates=candidates)


def _candidates(content: Any, path: Path) -> dict[str, tuple[str, ...]]:
    """Possible values of a kind, all different."""
    usable = isinstance(content, Mapping) and all(isinstance(values, list) for values in content.values())
    if not usable:
        raise RowsError(f"reading {path}: `candidates` must map each kind to a list of values")
    found = {str(kind): tuple(dict.fromkeys(map(str, values))) for kind, values in content.items()}
    if not all(_is_text(value) for values in found.values() for value in values):
        raise RowsError(
            f"reading {path}: a candidate holds half a character (a lone surrogate); write it as UTF-8 anew"
        )
    return found


def _group(content: Mapping[str, Any], name: str, path: Path) -> tuple[Row, ...]:
    rows = content.get(name) or []
    if not isinstance(rows, list):
        raise RowsError(f"reading {path}: `{name}` must be a list of rows")
    items = enumerate(rows, start=1)
    found = tuple(row_from(item, where=f"{path}, {name} {number}") for number, item in items)
    for number, row in enumerate(found, start=1):
        if row.secret not in row.response:
            raise RowsError(f"reading {path}, {name} {number}: `value` must stand in `response`, letter for letter")
    return found


def _items(path: Path) -> Iterator[Any]:
    if path.suffix == ".parquet":
        yield from _parquet_items(path)
        return
    try:
        with path.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _json(line, where=f"{path}, line {number}")
    except (OSError, UnicodeDecodeError) as error:
        raise RowsError(f"reading rows from {path}: {type(error).__name__}; give a readable UTF-8 JSONL file") from None


def _json(line: str, *, where: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        raise RowsError(f"reading {where}: not valid JSON; correct or remove the line") from None


def _parquet_items(path: Path) -> Iterable[Any]:
    import pyarrow
    import pyarrow.parquet

    try:
        items: list[Any] = pyarrow.parquet.read_table(path).to_pylist()
    except (OSError, pyarrow.ArrowException) as error:
        raise RowsError(f"reading rows from {path}: {type(error).__name__}; give a whole Parquet file") from None
    return items


def _check_keys(rows: Sequence[Row], path: Path) -> None:
    keys = {row.key for row in rows}
    if "" in keys:
        raise RowsError(f"reading rows from {path}: a row has no `key`; give each row a stable, unique key")
    if len(keys) < len(rows):
        raise RowsError(f"reading rows from {path}: {len(rows) - len(keys)} rows repeat a key; make keys unique")
