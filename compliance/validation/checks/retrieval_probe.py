"""Try to get it back from the index: by the erased texts, paraphrases, vectors and ids.

Another store than our index folder is read whole, by its own library: what it does not give out, no question finds.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from compliance.intake import vault
from compliance.provenance import services as provenance
from compliance.provenance.connectors import Place, index_folder
from compliance.provenance.places import connector_of, place_of
from compliance.rules.errors import DamagedArtifact
from compliance.validation import plainsight
from compliance.validation.checks import challenged
from compliance.validation.readings import Reading, Subject, judged

MOST_QUERIES = 40
_OWN = "as the index says"
_DECLARED = {"all-MiniLM-L6-v2": "minilm"}
_OURS_BY_NAME = {**_DECLARED, "hashed-words": _OWN}
OURS = "vector_index"


def measure(subject: Subject) -> Iterator[Reading]:
    """How many questions brought an erased chunk or its very text back."""
    subject.progress(0.3, f"Asking {subject.artifact.name} for what was erased")
    own, _ = provenance.records_of(subject.request, subject.artifact)
    contents = [n.value for n in subject.search.needles if n.kind == "content"]
    given = challenged.texts(vault.opened(subject.request))
    texts = [*given, *(n.value for n in subject.search.identifiers), *contents][:MOST_QUERIES]
    model = _model(place_of(subject.artifact)) if subject.artifact.connector == OURS else ""
    if not own or not texts or not model:
        yield judged(subject, _by_reading(subject, own))
        return
    report = _probe(Path(place_of(subject.artifact).location), own, texts, model)
    asked = sum(line["asked"] for line in report["lines"])
    detail = {"ways": {line["how"]: line["asked"] for line in report["lines"]}, "digest": report["digest"]}
    yield judged(
        subject, Reading("retrieval_probe", "retrieval_hits", float(report["returned"]), n=asked, detail=detail)
    )


def _model(place: Place) -> str:
    """What makes vectors of questions as it made those of the index; nothing where that model is not here.

    Another model's vectors, even of the same size, would meet strangers: such a probe would always pass.
    """
    own = str(index_folder.about(place).get("embedder", ""))
    return _OURS_BY_NAME.get(own, "") if own else _DECLARED.get(str(place.options.get("embedder", "")), "")


def _by_reading(subject: Subject, own: list[str]) -> Reading:
    """Entries that still name the person, and erased ids that are still answered; nothing is asked by vector."""
    place, connector = place_of(subject.artifact), connector_of(subject.artifact)
    wanted = {form for n in subject.search.identifiers for form in plainsight.forms(n.kind, n.value)}
    if subject.artifact.connector == OURS:
        hidden = index_folder.hidden(place)  # stored, and given to no search: the claim says so by itself
        rows = [row for row in connector.records(place, None) if row.key not in hidden]
        entries = (plainsight.plain(" ".join(row.fields.values())) for row in rows)
        found = sum(any(form in entry for form in wanted) for entry in entries)
        answered = sum(row.key in own for row in rows)
    else:
        found = plainsight.rows_with(place, wanted)
        answered = sum(1 for _ in connector.records(place, set(own))) if own else 0
    unasked = "; nothing was asked by text, because the model that made its vectors is not here"
    how = "every entry that the store gives out was read, and each erased id was asked for"
    detail = {"how": how + (unasked if subject.artifact.connector == OURS and own else "")}
    asked = len(wanted) + len(own)
    return Reading("retrieval_probe", "retrieval_hits", float(max(found, answered)), n=asked, detail=detail)


def _probe(folder: Path, ids: list[str], texts: list[str], model: str) -> dict[str, Any]:
    """The probe runs in a process of its own: it loads the embedding model; texts travel by file, not argument."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".txt") as queries:
        queries.write("\n".join(" ".join(text.split()) for text in texts))
        queries.flush()
        command = [sys.executable, "-m", "retrieval", "probe", str(folder), "--queries", queries.name, "--json"]
        command += ["--embedder", model] if model != _OWN else []
        done = subprocess.run([*command, "--ids", *ids], capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise DamagedArtifact(f"Probing the index in {folder.name}: {done.stderr.strip()[-300:]}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report
