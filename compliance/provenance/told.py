"""Lineage that a company has already written down elsewhere, as the events that ``openlineage.take_in`` reads.

1. ``events``: a file of OpenLineage RunEvents, one a line (its file transport, or ``pipeline_client.py``).
2. ``dvc``: a folder with ``dvc.lock`` or ``*.dvc`` (https://dvc.org/doc/user-guide/project-structure/dvcyaml-files):
   a stage made its outs from its deps, each in the version of its md5; a data set added by hand is a version.
3. ``mlflow``: a file store (``mlruns``): a run read its data set inputs and the artifacts named in the tag
   ``oubli.inputs``, and made those in ``oubli.outputs``: ``NAME[@VERSION][#STEP]``, with commas.

Nothing of a company is run or imported for it: these are files, read with a cap.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit
from uuid import NAMESPACE_URL, UUID, uuid5

import yaml

from compliance.provenance.openlineage import OURS, DataSet, Event, dataset_of
from compliance.rules.errors import DamagedArtifact, SourceUnreachable

LARGEST: Final = 16 * 1024 * 1024  # bytes of one file that describes runs
ENDED: Final = {3: "COMPLETE", 4: "FAIL", 5: "ABORT"}


def events(file: Path) -> Iterator[Event]:
    """Each RunEvent of a file of JSON lines; DamagedArtifact names the line that is none."""
    with _opened(file) as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield _event(line, f"{file.name}, line {number}")


def _event(line: str, where: str) -> Event:
    try:
        said = json.loads(line)
        return Event(
            run=UUID(said["run"]["runId"]),
            job=f"{said['job']['namespace']}/{said['job']['name']}",
            state=str(said.get("eventType", "OTHER"))[:10],
            at=_aware(datetime.fromisoformat(said["eventTime"])),
            inputs=[_named_in_words(each) for each in said.get("inputs", [])],
            outputs=[_named_in_words(each) for each in said.get("outputs", [])],
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise DamagedArtifact(f"{where}: it is no RunEvent.", next_action="Mend or remove the line.") from None


def _named_in_words(given: Mapping[str, Any]) -> DataSet:
    if not isinstance(given["namespace"], str) or not isinstance(given["name"], str):
        raise TypeError
    return dataset_of(given)


def dvc(folder: Path) -> Iterator[Event]:
    """Each stage of every ``dvc.lock`` and each ``*.dvc`` file below a folder."""
    files = sorted([*folder.rglob("dvc.lock"), *folder.rglob("*.dvc")])
    for file in (file for file in files if file.is_file() and not file.is_symlink()):
        content = _yaml(file)
        if file.name == "dvc.lock":
            for name, stage in _mapping(content.get("stages")).items():
                yield _stage(file, str(name), _mapping(stage))
        else:
            yield _stage(file, file.stem, content)


def _stage(file: Path, name: str, stage: Mapping[str, Any]) -> Event:
    inputs = [_dvc_data(file, each) for each in _rows(stage.get("deps"))]
    outputs = [_dvc_data(file, each) for each in _rows(stage.get("outs"))]
    # The same stage with the same versions is the same run, however often the files are read.
    run = uuid5(NAMESPACE_URL, f"dvc {file.resolve()} {name} {inputs} {outputs}")
    at = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    return Event(run, f"dvc/{name}", "COMPLETE", at, inputs, outputs)


def _dvc_data(file: Path, row: Mapping[str, Any]) -> DataSet:
    path, kind = _word(row.get("path")), _word(row.get("hash")) or "md5"
    version = f"{kind}:{_word(row[kind])}" if row.get(kind) else ""
    if "://" in path:
        return _address(path, version)
    return DataSet("file", os.path.normpath(file.resolve().parent / path), version, None)


def mlflow(store: Path) -> Iterator[Event]:
    """Each run of a file store that names what it read or made."""
    found = [path for path in sorted(store.glob("*/*/meta.yaml")) if (path.parent / "tags").is_dir()]
    for meta in found:
        event = _mlflow_run(meta)
        if event.inputs or event.outputs:
            yield event


def _mlflow_run(meta: Path) -> Event:
    said, folder = _yaml(meta), meta.parent
    inputs = [*_named(folder / "tags" / "oubli.inputs"), *_mlflow_inputs(folder)]
    moment = said.get("end_time") or said.get("start_time") or 0
    try:
        run, at = UUID(_word(said["run_id"])), datetime.fromtimestamp(int(moment) / 1000, UTC)
    except (KeyError, ValueError, TypeError, OverflowError, OSError):
        raise DamagedArtifact(f"{folder.name}/meta.yaml: it describes no run of MLflow.") from None
    state = ENDED.get(said["status"], "RUNNING") if isinstance(said.get("status"), int) else "OTHER"
    job = f"mlflow/{_word(said.get('run_name')) or run}"
    return Event(run, job, state, at, inputs, _named(folder / "tags" / "oubli.outputs"))


def _mlflow_inputs(folder: Path) -> Iterator[DataSet]:
    for link in sorted(folder.glob("inputs/*/meta.yaml")):
        data = folder.parent / "datasets" / _word(_yaml(link).get("source_id")) / "meta.yaml"
        if data.parent.parent != folder.parent / "datasets" or not data.is_file():
            continue
        said = _yaml(data)
        yield _mlflow_data(said, _word(said.get("digest")))


def _mlflow_data(said: Mapping[str, Any], version: str) -> DataSet:
    try:
        source = json.loads(_word(said.get("source")) or "{}")
    except (ValueError, RecursionError):
        source = {}
    place = _word(source.get("uri") or source.get("url")) if isinstance(source, dict) else ""
    if not place:
        return DataSet(OURS, _word(said.get("name")), version, None)
    return _address(place, version) if "://" in place else DataSet("file", place, version, None)


def _address(place: str, version: str) -> DataSet:
    parts = urlsplit(place)
    if parts.scheme == "file":
        return DataSet("file", unquote(parts.path), version, None)
    return DataSet(f"{parts.scheme}://{parts.netloc}", parts.path.lstrip("/"), version, None)


def _named(tag: Path) -> list[DataSet]:
    """``NAME[@VERSION][#STEP]``, with commas."""
    if not tag.is_file():
        return []
    found = []
    for part in (part.strip() for part in _text(tag).split(",")):
        rest, _, step = part.partition("#")
        name, _, version = rest.partition("@")
        if name:
            found.append(DataSet(OURS, name, version, int(step) if step.isascii() and step.isdigit() else None))
    return found


def _yaml(file: Path) -> dict[str, Any]:
    try:
        return _mapping(yaml.load(_text(file), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))  # noqa: S506
    except (yaml.YAMLError, RecursionError, ValueError):
        raise DamagedArtifact(f"{file.parent.name}/{file.name}: it is no YAML.") from None


def _word(value: Any) -> str:
    """A value as text; anything but a word or number is none: written out, a few nested aliases fill the memory."""
    if isinstance(value, int) and abs(value) >= 1 << 64:
        return ""  # Python refuses to write out thousands of digits
    return str(value) if isinstance(value, str | int | float) else ""


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _rows(value: Any) -> Sequence[Mapping[str, Any]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _text(file: Path) -> str:
    with _opened(file) as stream:
        return str(stream.read())


def _opened(file: Path) -> Any:
    try:
        if file.stat().st_size > LARGEST:
            raise DamagedArtifact(f"{file.name}: too large for a description of runs ({LARGEST} bytes at most).")
        return file.open(encoding="utf-8", errors="replace")
    except OSError:
        raise SourceUnreachable(f"{file.name}: it cannot be read.") from None


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
