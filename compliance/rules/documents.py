"""The pages under ``docs/`` that are made from code: pure functions from the tables to Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from compliance.rules import asking, lifecycle, terms, thresholds
from compliance.rules.jurisdictions import TABLE, Rule, load
from compliance.rules.terms import ArtifactKind, ClaimLevel, Law, Term
from compliance.rules.wording import WORDS

MADE = "<!-- Made by `manage.py generate_docs` from `compliance/rules`; change the code, not this page. -->"
DISCLAIMER = (
    "This page is **not legal advice**. It shows the rules that the software applies, with where each was read. Rules "
    'marked "~ have counsel confirm" come from secondary sources.'
)
_ENUMS: Sequence[type[Term]] = (
    terms.Law,
    terms.EntityRole,
    terms.Ground,
    terms.Exemption,
    terms.Requester,
    terms.IdentifierKind,
    terms.State,
    terms.Turn,
    terms.Work,
    terms.Letter,
    terms.ArtifactKind,
    terms.Support,
    terms.Horizon,
    terms.StepStatus,
    terms.JobStatus,
    terms.Told,
    terms.Channel,
    terms.Verdict,
    terms.ClaimLevel,
    terms.Role,
    asking.Wish,
    asking.Clue,
    asking.Why,
    asking.ProvenBy,
    asking.Checked,
)


def lifecycle_markdown() -> str:
    """``docs/lifecycle.md``: the table of states and its diagram."""
    head = ("State", "Whose turn", "Work that starts", "Letter", "May become", "Meaning")
    rows = [
        (
            f"`{row.state}`",
            row.turn.label,
            f"`{row.work}`" if row.work else "–",
            row.letter.label if row.letter else "–",
            " · ".join(f"`{after}`" for after in row.may_become) or "–",
            row.note + (" Reversible steps of the immediate horizon may run." if row.immediate_steps else ""),
        )
        for row in lifecycle.TABLE.values()
    ]
    sweeps = ", ".join(str(days) for days in lifecycle.SWEEP_DAYS)
    return _page(
        "The life of a case",
        "A state is a fact. A failed job is no state: the case stays where it is and the job says why. An extension is "
        f"a decision that moves a date. Sweeps run {sweeps} days after the answer.",
        _table(head, rows),
        f"```mermaid\n{lifecycle.mermaid()}```",
    )


def glossary_markdown() -> str:
    """``docs/glossary.md``: the field's words, one name each, and every term that is stored."""
    words = _table(("Word", "Meaning"), [(f"**{word}**", meaning) for word, meaning in WORDS.items()])
    stored = [_enum(enum) for enum in _ENUMS]
    avoid = (
        "We avoid: ticket; entity (for anything but a legal entity); record (for anything but a row of a source); task "
        "(except Celery's); status (except a job's); user (for a data subject); delete (for a case); “compliant”."
    )
    return _page("Glossary", "Each thing has one name, everywhere.", words, avoid, "## Stored terms", *stored)


def law_markdown() -> str:
    """``docs/law.md``: clocks, duties, grounds and exemptions of each law, then thresholds and claims."""
    laws = [_law(law) for law in TABLE]
    return _page(
        "The law as the software applies it",
        DISCLAIMER,
        "Every clock gives three dates: *nominal* (the text), *conservative* (the earlier reading where readings "
        "differ, with no pause counted) and *promised* (what a letter says: a working day not after the earlier "
        "reading). Days are the controller's local days. With several laws on one case the earliest promised "
        "date leads.",
        *laws,
        "## Limits that a check must meet",
        "They are fixed here, before any test, and are part of what the second person approves.",
        _thresholds(),
        "## What may be said, strongest first",
        _table(("Claim", "Meaning"), [(f"`{level}`", level.label) for level in ClaimLevel]),
    )


def _page(title: str, *parts: str) -> str:
    return "\n\n".join((f"# {title}", MADE, *parts)) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _enum(enum: type[Term]) -> str:
    meaning = (enum.__doc__ or "").strip().splitlines()[0]
    rows = [(f"`{value}`", label) for value, label in enum.choices()]
    return f"### {enum.__name__}\n\n{meaning}\n\n{_table(('Stored as', 'Read as'), rows)}"


def _law(law: Law) -> str:
    rules = load(law)
    clocks = [(rule.text, rule.article, rule.source, rule.since.isoformat(), _standing(rule)) for rule in rules.RULES]
    return "\n\n".join(
        (
            f"## {law.label}",
            _table(("Rule", "Where", "Source", "Holds from", "Standing"), clocks),
            "Grounds: " + " · ".join(ground.label for ground in rules.GROUNDS) + ".",
            "Kept all the same for: " + " · ".join(exemption.label for exemption in rules.EXEMPTIONS) + ".",
            f"How a person may complain: {rules.AUTHORITY_REMEDY}",
        )
    )


def _standing(rule: Rule) -> str:
    read = "from its primary source" if rule.reviewed else "~ have counsel confirm"
    return f"our own target, {read}" if rule.ours else read


def _thresholds() -> str:
    signs = {"at_most": "≤", "at_least": "≥"}
    rows = [
        (
            kind.label,
            f"`{limit.measurement}`",
            f"{signs[limit.comparison]} {limit.limit:g} {limit.unit}"
            + (", or the controls' level" if limit.or_controls else ""),
            limit.why,
        )
        for kind in ArtifactKind
        for limit in thresholds.thresholds(kind).values()
    ]
    return _table(("Kind", "Measurement", "Limit", "Why"), rows)
