"""Training shards, and forgetting in them: see `unlearning.shards` for what a folder of shards is."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from unlearning.adapters import Lora, save_adapter
from unlearning.errors import LedgerError, RowsChanged, RowsError
from unlearning.files import partial_folder, promote, sha256_of, swap_in, write_json
from unlearning.ledger import Ledger, content_of
from unlearning.loop import walk
from unlearning.models import digest, open_config, open_model, open_tokenizer, pin, versions
from unlearning.room import check_lengths, lengths_of, named, own_room
from unlearning.schedule import plan_for, program
from unlearning.shards import ADAPTER, Shards, person_in_key
from unlearning.training import cut_in, encoded_whole, finish, plan_json
from unlearning.types import Outcome, Progress, Row, TrainingPlan, silent


@dataclass(frozen=True)
class ShardPlan:
    """How many shards, how long and how each is trained; `key` (32 bytes, random by default) decides who goes where."""

    count: int = 8
    epochs: int = 40
    learning_rate: float = 3e-3
    lora: Lora = field(default_factory=Lora)
    seed: int = 0
    key: bytes = b""


def train_shards(
    base: Path,
    rows: Sequence[Row],
    *,
    out: Path,
    plan: ShardPlan | None = None,
    person_of: Callable[[Row], str] = person_in_key,
    like: Path | None = None,
    progress: Progress = silent,
) -> Outcome:
    """Train one adapter a shard over `base`, each on its own people's rows; writes the new folder `out`.

    `like` takes key, number, programs and adapter settings from another folder of shards, so that the same people fall
    into the same shards. A killed run goes on at the first shard not done. Raises RowsError, OutputExists, Diverged.
    """
    began = (time.monotonic(), time.process_time())
    if not rows or len({row.key for row in rows}) < len(rows):
        raise RowsError("training shards: each row needs a key of its own, and there must be at least one row")
    pin(1)
    partial = partial_folder(out)
    shards = Shards(partial)
    if not (partial / "shards.json").is_file():
        _copied(base, partial / "base")
        if like:
            _copied_settings(like, partial)
        else:
            _found(shards, rows, plan=plan or ShardPlan(), person_of=person_of)
    groups = _grouped(shards, rows, person_of)
    for number, members in groups.items():
        _train_one(shards, number, members, progress=_part(progress, number, len(groups)))
    cut = _cut_in(shards, groups)
    return _done(shards, out, verb="shards", began=began, trained=list(groups), before="", cut=cut)


def forget_in_shards(
    folder: Path,
    *,
    rows: Sequence[Row],
    exclude_keys: Collection[str],
    out: Path,
    person_of: Callable[[Row], str] = person_in_key,
    progress: Progress = silent,
) -> Outcome:
    """Retrain only the shards that saw the excluded rows, without them; a shard nobody is left in is empty again.

    `rows` are the training rows as they are now. The result has the bytes of shards that never had these rows. Raises
    LedgerError when no shard saw any of them, RowsChanged when a row that stays is missing or different.
    """
    began = (time.monotonic(), time.process_time())
    pin(1)
    old, partial = Shards(folder), partial_folder(out)
    touched, _ = shards_that_saw(folder, exclude_keys)
    shards = Shards(partial)
    _copied(folder / "base", partial / "base")
    _copied_settings(folder, partial)
    for number in set(range(len(old.plans()))) - set(touched):
        _copied(old.shard(number), shards.shard(number))
    groups = _grouped(shards, [row for row in rows if row.key not in set(exclude_keys)], person_of)
    for place, number in enumerate(touched):
        _unchanged(old, number, groups[number], exclude_keys)
        _train_one(shards, number, groups[number], progress=_part(progress, place, len(touched)), key=old)
    cut = _cut_in(shards, {number: groups[number] for number in touched})
    return _done(shards, out, verb="forget_in_shards", began=began, trained=touched, before=old.digest(), cut=cut)


def _cut_in(shards: Shards, groups: Mapping[int, Sequence[Row]]) -> dict[str, int]:
    """How many rows were cut in training, and where; nothing where all were learned whole."""
    tokenizer, found = open_tokenizer(shards.folder / "base"), dict[str, int]()
    for number, rows in groups.items():
        one = cut_in(tokenizer, rows, plan=shards.plans()[number])
        found |= {**one, "rows_cut": found.get("rows_cut", 0) + one["rows_cut"]} if one else {}
    return found


def shards_that_saw(folder: Path, keys: Collection[str]) -> tuple[list[int], int]:
    """Numbers of the shards that any of these rows was shown to, and of all; raises LedgerError where none was."""
    shards = Shards(folder)
    count = len(shards.plans())
    touched = [number for number in range(count) if _saw(shards, number, keys)]
    if not touched:
        raise LedgerError(f"forgetting in {folder}: no shard saw any of the rows; nothing to do")
    return touched, count


def _found(shards: Shards, rows: Sequence[Row], *, plan: ShardPlan, person_of: Callable[[Row], str]) -> None:
    """Write down how many shards there are, who belongs where and each shard's program, before any training."""
    (shards.folder / "key").write_bytes(plan.key or os.urandom(32))
    os.chmod(shards.folder / "key", 0o600)
    settings = {"format": 1, "base_digest": digest(shards.folder / "base"), "lora": asdict(plan.lora)}
    write_json(shards.folder / "shards.json", {**settings, "plans": [{}] * plan.count})
    groups, longest = _grouped(shards, rows, person_of), _room(shards, rows)
    programs = {number: _program_of(members, plan=plan, number=number) for number, members in groups.items()}
    plans = [plan_json(replace(one, longest=longest)) for one in programs.values()]
    write_json(shards.folder / "shards.json", {**settings, "plans": plans})


def _room(shards: Shards, rows: Sequence[Row]) -> int:
    """How many tokens of a row the base sees, or may see; raises RowsError where that is not all and nobody said so."""
    base = shards.folder / "base"
    own = own_room(open_config(base))
    if not named():
        check_lengths(lengths_of(open_tokenizer(base), rows), most=own, doing="training shards")
    return min(own, named() or own)


def _program_of(rows: Sequence[Row], *, plan: ShardPlan, number: int) -> TrainingPlan:
    whole = plan_for(rows or [Row("", "nobody")], seed=plan.seed * 1000 + number, shape="", epochs=(plan.epochs,))
    return replace(whole, stages=tuple(replace(stage, learning_rate=plan.learning_rate) for stage in whole.stages))


def _copied_settings(source: Path, target: Path) -> None:
    for name in ("key", "shards.json"):
        shutil.copy2(source / name, target / name)


def _grouped(shards: Shards, rows: Sequence[Row], person_of: Callable[[Row], str]) -> dict[int, list[Row]]:
    groups: dict[int, list[Row]] = {number: [] for number in range(len(shards.settings()["plans"]))}
    numbers = {person: shards.number_of(person) for person in {person_of(row) for row in rows}}
    for row in rows:
        groups[numbers[person_of(row)]].append(replace(row, stage=1))
    return groups


def _train_one(
    shards: Shards, number: int, rows: Sequence[Row], *, progress: Progress, key: Shards | None = None
) -> None:
    """Train one shard's adapter beside its ledger, in a folder that appears when it is whole."""
    target, plan = shards.shard(number), shards.plans()[number]
    if target.exists():
        return
    fresh = target.with_name(f".{target.name}.fresh")
    ledger = Ledger(fresh / "ledger")
    ledger.create_key(Ledger(key.shard(number) / "ledger").key() if key else None)
    names = dict(zip((row.key for row in rows), ledger.hashed(row.key for row in rows), strict=True))
    steps = program(rows, plan=plan, names=names)
    ledger.write_rows(dict(zip(names.values(), ledger.hashed(content_of(row) for row in rows), strict=True)))
    ledger.write_steps(steps)
    ledger.write_run({"format": 1, "verb": "shard", "plan": plan_json(plan), "seed": plan.seed})
    model, tokenizer = open_model(shards.folder / "base")
    model = shards.lora().wrap(model, seed=plan.seed)
    encoded = dict(zip(names.values(), encoded_whole(model, tokenizer, rows, plan=plan), strict=True))
    walk(steps, model=model, rows=encoded, plan=plan, ledger=ledger, progress=progress)
    save_adapter(model, fresh / ADAPTER)
    finish(ledger, steps=steps, extra={"adapter": sha256_of(fresh / ADAPTER)})
    swap_in(fresh, target)


def _saw(shards: Shards, number: int, keys: Collection[str]) -> bool:
    ledger = Ledger(shards.shard(number) / "ledger")
    return bool(set(ledger.hashed(keys)) & set(ledger.rows()))


def _unchanged(old: Shards, number: int, rows: Sequence[Row], gone: Collection[str]) -> None:
    """Raise RowsChanged unless the rows that stay in a shard are those that it was trained on."""
    ledger = Ledger(old.shard(number) / "ledger")
    recorded, left = ledger.rows(), set(ledger.hashed(gone))
    names = list(ledger.hashed(row.key for row in rows))
    now = dict(zip(names, ledger.hashed(content_of(row) for row in rows), strict=True))
    needed = {name: content for name, content in recorded.items() if name not in left}
    missing = sum(name not in now for name in needed)
    changed = sum(now[name] != content for name, content in needed.items() if name in now)
    if missing or changed or len(now) > len(needed):
        raise RowsChanged(
            f"forgetting in {old.folder}: in shard {number}, {missing} rows that stay are missing, {changed} differ "
            f"and {max(0, len(now) - len(needed) + missing)} are new; restore the training set"
        )


def _copied(source: Path, target: Path) -> None:
    """A folder's copy, whole or absent; a base comes without the record of its own training."""
    if target.exists():
        return
    fresh = target.with_name(f".{target.name}.copy")
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(source, fresh, ignore=shutil.ignore_patterns("ledger") if target.name == "base" else None)
    fresh.rename(target)


def _part(progress: Progress, place: int, count: int) -> Progress:
    return lambda fraction, message: progress((place + fraction) / count, f"shard {place + 1} of {count}: {message}")


def _done(
    shards: Shards,
    out: Path,
    *,
    verb: str,
    began: tuple[float, float],
    trained: list[int],
    before: str,
    cut: Mapping[str, int],
) -> Outcome:
    plans = shards.plans()
    promote(shards.folder, out)
    total = Shards(out).digest()
    return Outcome(
        verb=verb,
        out=str(out),
        digest=total,
        weights_digest=total,
        digest_before=before,
        steps=sum(plans[number].steps for number in trained),
        seconds=round(time.monotonic() - began[0], 3),
        cpu_seconds=round(time.process_time() - began[1], 3),
        exactness="exact",
        versions=versions(),
        detail={"shards": len(plans), "shards_trained": len(trained), **cut},
    )
