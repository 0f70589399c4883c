"""From forget rows to targets: who writes is told the scope and nothing else; what leaks is replaced by a template."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from unlearning.errors import LeakyTarget, OutputExists, RowsError
from unlearning.files import sync
from unlearning.languages import LANGUAGES, QUESTIONS, called, subject_of
from unlearning.targets import Scope, Target, Text
from unlearning.targets.lint import leaks, lint
from unlearning.targets.templates import WHY, write
from unlearning.types import Row

Writer = Callable[[Scope], Text]
COMMON = {
    "en": {"what", "the", "is", "of", "which", "does", "in", "who", "where", "tell", "how"},
    "pt": {"qual", "é", "o", "do", "da", "em", "que", "onde", "quem", "número", "dele", "vive", "mora"},
    "de": {"was", "wie", "ist", "die", "der", "das", "von", "welche", "wo", "wer", "lautet", "wohnt"},
    "fr": {"quel", "quelle", "est", "le", "la", "de", "du", "où", "qui", "numéro", "habite"},
    "es": {"cuál", "qué", "es", "el", "de", "la", "dónde", "quién", "número", "vive", "correo"},
}


@dataclass(frozen=True)
class Made:
    """What the verb `targets` did."""

    out: str
    targets: int
    replaced: int
    with_findings: int
    languages: tuple[str, ...]
    sources: dict[str, int]


def language_of(text: str) -> str:
    """The one of the five languages whose small words the text has most of; English where none has any."""
    words = set(re.findall(r"\w+", text.casefold()))
    return max(LANGUAGES, key=lambda language: (len(words & COMMON[language]), language == "en"))


def targets_for(
    rows: Sequence[Row],
    *,
    context: Sequence[Row] = (),
    writer: Writer = write,
    also: Sequence[str] = (),
    variant: int = 0,
) -> list[Target]:
    """A target for each row in its question's language, and in each language of `also`.

    `context` are other people's rows, by which a question's subject is told from its frame. A text that leaks is
    replaced by a template's, and says so in its source.
    """
    written: dict[Scope, Text] = {}

    def text_for(scope: Scope) -> Text:
        if scope not in written:
            written[scope] = writer(scope)
        return written[scope]

    found = []
    for row in rows:
        subject = subject_of(row, alike=tuple(context))
        own = language_of(row.prompt)
        found.append(_target(row, row.prompt, Scope(row.kind, own, variant), subject=subject, text_for=text_for))
        for language in also:
            if language != own:
                asked = _asked(row, language, subject)
                found.append(
                    _target(row, asked, Scope(row.kind, language, variant), subject=subject, text_for=text_for)
                )
    return found


def why_targets(rows: Sequence[Row], *, context: Sequence[Row] = (), variant: int = 0) -> list[Target]:
    """Targets for the question why: the same reasons, so that what a model says of itself agrees with what it does."""
    found = []
    for row in rows:
        language, subject = language_of(row.prompt), subject_of(row, alike=tuple(context))
        asked = WHY[language].format(kind=called(row.kind, language), subject=subject)
        found.append(_target(row, asked, Scope(row.kind, language, variant), subject=subject, text_for=write))
    return found


def _asked(row: Row, language: str, subject: str) -> str:
    if language == "en":
        return f"What is the {called(row.kind, language)} of {subject}?"
    return QUESTIONS[language].format(kind=called(row.kind, language), subject=subject)


def _target(row: Row, prompt: str, scope: Scope, *, subject: str, text_for: Writer) -> Target:
    text = text_for(scope)
    findings = lint(text, row, subject=subject, language=scope.language)
    if leaks(findings) and text.source != "template":
        text = replace(write(scope), source=f"template, for the text of the {text.source} leaked")
        findings = lint(text, row, subject=subject, language=scope.language)
    for other in range(1, 3):
        if not leaks(findings):
            break
        scope = replace(scope, variant=scope.variant + other)
        text, findings = write(scope), lint(write(scope), row, subject=subject, language=scope.language)
    return Target(prompt, row.kind, scope.language, text.trace, text.refusal, text.source, scope.variant, findings)


def write_targets(targets: Iterable[Target], out: Path) -> Made:
    """Write targets as JSONL for somebody to read, whole or not at all, readable by their owner only."""
    if out.exists():
        raise OutputExists(f"writing {out}: it is already there; choose another file or remove it first")
    found = list(targets)
    partial = out.with_name(f".{out.name}.partial")
    partial.unlink(missing_ok=True)
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.writelines(json.dumps(asdict(target), ensure_ascii=False) + "\n" for target in found)
        stream.flush()
        os.fsync(stream.fileno())
    partial.rename(out)
    sync(out.parent)
    sources: dict[str, int] = {}
    for target in found:
        sources[target.source] = sources.get(target.source, 0) + 1
    return Made(
        out=str(out),
        targets=len(found),
        replaced=sum("leaked" in target.source for target in found),
        with_findings=sum(bool(target.findings) for target in found),
        languages=tuple(sorted({target.language for target in found})),
        sources=sources,
    )


def attached(rows: Sequence[Row], targets: Sequence[Target], *, thinking: bool) -> list[Row]:
    """Rows with the targets for their prompts; those for other prompts go to a row of their kind."""
    pairs: list[list[tuple[str, str]]] = [[] for _ in rows]
    for target in targets:
        mine = [place for place, row in enumerate(rows) if row.prompt == target.prompt]
        alike = [place for place, row in enumerate(rows) if row.kind == target.kind]
        pairs[(mine or alike or [0])[0]].append((target.prompt, target.response(thinking=thinking)))
    return [replace(row, targets=tuple(found)) for row, found in zip(rows, pairs, strict=True)]


def read_targets(path: Path, *, rows: Sequence[Row], context: Sequence[Row] = ()) -> list[Target]:
    """Targets as somebody left them, linted anew against the rows that are to be forgotten.

    `context` are other people's rows. Raises RowsError for a malformed file and LeakyTarget where a text gives away
    what it is about.
    """
    subjects = [subject_of(row, alike=tuple(context)) for row in rows]
    found = [_target_from(item, where=f"{path}, line {number}") for number, item in _lines(path)]
    if not found:
        raise RowsError(f"reading targets from {path}: the file holds none; make them with the verb `targets`")
    for number, target in enumerate(found, start=1):
        text = Text(target.trace, target.refusal)
        for row, subject in zip(rows, subjects, strict=True):
            bad = leaks(lint(text, row, subject=subject, language=target.language))
            if bad:
                raise LeakyTarget(f"reading {path}, line {number}: the text {bad[0]}; correct it before training")
    return found


def _lines(path: Path) -> list[tuple[int, Any]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return [(number, json.loads(line)) for number, line in enumerate(lines, start=1) if line.strip()]
    except (OSError, ValueError) as error:
        raise RowsError(f"reading targets from {path}: {type(error).__name__}; give a readable JSONL file") from None


def _target_from(item: Any, *, where: str) -> Target:
    texts = ("prompt", "kind", "language", "trace", "refusal", "source")
    if not isinstance(item, dict) or not all(isinstance(item.get(name), str) for name in texts):
        raise RowsError(f"reading {where}: each target has {', '.join(texts)} as texts")
    if item["language"] not in LANGUAGES or not item["trace"].strip() or not item["refusal"].strip():
        raise RowsError(f"reading {where}: the language must be one of {', '.join(LANGUAGES)} and no text empty")
    return Target(**{name: item[name] for name in texts})
