"""Who words the targets: templates, an instruction model in a folder, or an endpoint; all are told the scope alone."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from unlearning.answering import answers
from unlearning.errors import InputError
from unlearning.languages import called
from unlearning.models import open_model
from unlearning.targets import Scope, Text
from unlearning.targets.templates import help_for, write

NAMES = {"en": "English", "pt": "Portuguese", "de": "German", "fr": "French", "es": "Spanish"}
SECONDS = 60.0  # an endpoint may take
LONGEST = 160  # tokens of a model's text
TRACE, ANSWER = "REASONING:", "ANSWER:"


def instruction(scope: Scope) -> str:
    """What a writer is asked; it holds the kind of fact and the language, and could not hold more."""
    return (
        f"In {NAMES[scope.language]}, write what an assistant says when asked for the {called(scope.kind, 'en')} "
        f"({called(scope.kind, scope.language)}) of a private person who had it erased. First a line that begins "
        f"with {TRACE} and in one or two sentences names what kind of data is asked for and why it must not be given. "
        f"Then a line that begins with {ANSWER}, refuses politely and offers this way instead: {help_for(scope)} "
        "Use no names, no numbers and no examples."
    )


def writer_for(
    folder: Path | None, endpoint: str | None, *, name: str = "", key_file: Path | None = None
) -> Callable[[Scope], Text]:
    """The writer that was configured; templates where none was. Raises InputError for both at once."""
    if folder and endpoint:
        raise InputError("making targets: give either a model folder or an endpoint, not both")
    if folder:
        return from_model(folder)
    if endpoint:
        return Endpoint(endpoint, name=name, key=_key(key_file))
    return write


def from_model(folder: Path) -> Callable[[Scope], Text]:
    """A writer that asks an instruction model on this machine; raises ModelError."""
    model, tokenizer = open_model(folder)

    def ask(scope: Scope) -> Text:
        told = answers(model, tokenizer, [instruction(scope)], longest=LONGEST)[0]
        return parsed(told, scope, source=f"model {folder.name}")

    return ask


@dataclass(frozen=True)
class Endpoint:
    """A chat endpoint of the common form (`POST …/chat/completions`); never without https except on this machine."""

    url: str
    name: str = ""
    key: str = ""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        here = parts.hostname in ("localhost", "127.0.0.1", "::1")
        if parts.scheme != "https" and not (parts.scheme == "http" and here):
            raise InputError("making targets: the endpoint must be an https address, or on this machine")

    def body(self, scope: Scope) -> bytes:
        """All that leaves this machine."""
        asked = [{"role": "user", "content": instruction(scope)}]
        return json.dumps({"model": self.name, "messages": asked, "temperature": 0}).encode()

    def __call__(self, scope: Scope) -> Text:
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {self.key}"} if self.key else {})}
        where = f"{self.url.rstrip('/')}/chat/completions"
        request = urllib.request.Request(where, data=self.body(scope), headers=headers)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as reply:  # noqa: S310
                content: Any = json.load(reply)
            told = str(content["choices"][0]["message"]["content"])
        except (urllib.error.URLError, OSError, ValueError, KeyError, IndexError, TypeError) as error:
            raise InputError(
                f"making targets: the endpoint sent nothing usable ({type(error).__name__}); try again or use templates"
            ) from None
        return parsed(told, scope, source="endpoint")


def parsed(told: str, scope: Scope, *, source: str) -> Text:
    """Trace and refusal from a writer's words; a template's where they are not to be found there."""
    _, mark, rest = told.partition(TRACE)
    trace, second, refusal = rest.partition(ANSWER)
    trace, refusal = " ".join(trace.split()), " ".join(refusal.split())
    if not (mark and second and trace and refusal):
        text = write(scope)
        return Text(text.trace, text.refusal, f"template, for the {source} gave no trace and answer")
    return Text(trace, refusal, source)


def _key(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"reading the endpoint's key from {path}: {type(error).__name__}; correct the path") from None
