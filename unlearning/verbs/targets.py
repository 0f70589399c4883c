"""`targets`: write what the model shall say instead, for somebody to review before anything is trained."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from unlearning.types import Progress

HELP = "write reasoned refusals for the rows to forget, to be reviewed before training"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--forget", type=Path, required=True, help="rows to forget")
    parser.add_argument("--retain", type=Path, help="rows of others, by which questions are understood")
    parser.add_argument("--out", type=Path, required=True, help="new JSONL file: one target a line, without any value")
    parser.add_argument("--also", nargs="*", default=[], choices=["en", "pt", "de", "fr", "es"], help="languages too")
    parser.add_argument("--why", action="store_true", help="also for the question why there is no answer")
    parser.add_argument("--refine", type=Path, help="result of `explain`: other wordings where it found contradictions")
    parser.add_argument("--writer-model", type=Path, help="folder of an instruction model that words the targets")
    parser.add_argument("--endpoint", help="URL of a chat endpoint that words the targets; it is told the scope alone")
    parser.add_argument("--endpoint-model", default="", help="name of the model at the endpoint")
    parser.add_argument("--endpoint-key-file", type=Path, help="file with the endpoint's key")


def run(options: argparse.Namespace, *, progress: Progress) -> Any:
    from unlearning.rows import read_rows
    from unlearning.targets.make import targets_for, why_targets, write_targets
    from unlearning.targets.refine import flagged
    from unlearning.targets.writers import writer_for

    rows = read_rows(options.forget)
    context = read_rows(options.retain) if options.retain else []
    worse = flagged(options.refine, rows) if options.refine else []
    writer = writer_for(
        options.writer_model, options.endpoint, name=options.endpoint_model, key_file=options.endpoint_key_file
    )
    rest = [row for row in rows if row not in worse]
    found = targets_for(rest, context=context, writer=writer, also=options.also)
    progress(0.7, f"{len(found)} targets written")
    # What contradicted the tests gets another wording, and the question why as a prompt of its own.
    found += targets_for(worse, context=context, writer=writer, also=options.also, variant=1)
    found += why_targets(rows if options.why else worse, context=context, variant=1)
    made = write_targets(found, options.out)
    progress(1.0, f"{made.targets} targets written, {made.with_findings} with findings; review them before training")
    return made
