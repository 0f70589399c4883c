"""A company small enough that a trace takes a moment, and large enough that a kill finds a worker at work."""

from __future__ import annotations

import json
from pathlib import Path

PEOPLE = 12
SYSTEMS = """\
entities:
  - id: harbour
    name: Harbour Ltd
    law: [gdpr]
    country: DE
    time_zone: Europe/Berlin
    contact: privacy@harbour.example
    authority: the authority
artifacts:
  - id: messages
    name: Messages
    kind: dataset
    connector: files
    location: messages.jsonl
    entity: harbour
    purpose: Answer customers
    lawful_basis: contract
    retention: 1 year
    key_field: id
    subject_fields: [email]
    text_fields: [body]
derivations: []
"""


def write(folder: Path, *, rows: int) -> Path:
    """Write the company's messages, those of its people in turn, and its systems.yaml; returns the path of that."""
    folder.mkdir(parents=True)
    with (folder / "messages.jsonl").open("w") as out:
        for number in range(rows):
            email = f"person{number % PEOPLE}@example.org"
            out.write(json.dumps({"id": f"M-{number}", "email": email, "body": "The parcel came late. " * 20}) + "\n")
    path = folder / "systems.yaml"
    path.write_text(SYSTEMS)
    return path
