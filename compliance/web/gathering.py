"""Pages that gather a list, one item at a time: identifiers, clues, files."""

from __future__ import annotations

import uuid
from typing import Any

from compliance.intake import attachments
from compliance.intake.form import Upload
from compliance.web import questions
from compliance.web.forms import Question
from compliance.web.steps import Step


def keep(question: Step, form: Question, values: dict[str, Any]) -> None:
    """Add what the form holds, if anything; the same twice counts once. A file that is not taken is an error."""
    gathered = values.setdefault(question.gathers, [])
    if len(gathered) >= question.most:
        return
    if question.gathers == "files":
        _receive(form, gathered)
        return
    item = {"kind": form.cleaned_data.get("kind", ""), "value": form.cleaned_data.get("value", "")}
    if item["value"] and item not in gathered:
        gathered.append(item)


def _receive(form: Question, gathered: list[dict[str, str]]) -> None:
    file = form.cleaned_data.get("file")
    if not file:
        return
    try:
        row, upload = attachments.receive(file.name, file.read())
    except attachments.NotTaken as refused:
        form.add_error("file", questions.TROUBLE[refused.why])
        return
    gathered.append({"name": file.name[:120], "pk": str(row.pk), "key": upload.key.decode()})


def drop(question: Step, values: dict[str, Any], *, place: str) -> None:
    """Take the item at ``place`` off the list; anything that is no place changes nothing."""
    gathered = values.get(question.gathers, [])
    if not (place.isascii() and place.isdigit() and int(place[:4]) < len(gathered)):
        return
    gone = gathered.pop(int(place[:4]))
    if question.gathers == "files":
        attachments.remove(Upload(**upload(gone)))


def upload(item: dict[str, str]) -> dict[str, Any]:
    """An item of the list of files as the intake floor takes it."""
    return {"pk": uuid.UUID(item["pk"]), "key": item["key"].encode()}
