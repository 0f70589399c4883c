"""The serving filter at a thousand and a million entries: time a word, bytes an entry, plaintext in the process,
evasions caught, harmless sentences blocked.

    python benchmarks/suppress.py [--quick] [--json FILE]

Times are processor time of the streaming thread, one word a call, the two sizes in turn, best of seven.
"""

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import ahocorasick_rs  # noqa: E402

from benchmarks.evasions import Case, Evasions  # noqa: E402
from benchmarks.evasions_elsewhere import Elsewhere  # noqa: E402
from benchmarks.evasions_mixed import Mixed  # noqa: E402
from benchmarks.harmless import Harmless  # noqa: E402
from benchmarks.people import FIRST, LAST, People  # noqa: E402
from retrieval.suppress import BLOCKED_MARK, Entry, Suppression  # noqa: E402

KEY = bytes(range(32))
MIXED_SEED = 424_242  # drawn when the filter was done: nobody had looked at this list
TAG = re.compile(r"<[^<>]{1,20}>|&#?\w+;")
CITIES = [
    "Berlin",
    "Hamburg",
    "Lisboa",
    "Porto",
    "Coimbra",
    "Leipzig",
    "Recife",
    "Manaus",
    "London",
    "Leeds",
    "Boston",
    "Madrid",
]
HARMLESS = (
    "{first} {last} scored twice and {other} once, said the radio.",
    "My neighbour {first} moved to {city} with {other}.",
    "{last} is a common family name in {city}; {first} is not.",
    "A Sra. {first} {last} ligou ontem sobre a fatura de {city}.",
    "Frau {last} aus {city} fragt, ob {other} noch kommt.",
    "Please write to {first}.{last}@company.example or call 0800 {number}.",
    "Order {number} was sent to {city}; the invoice is from {first}.",
    "O pedido {number} de {other} saiu de {city} no dia {day}.",
    "Am {day}. rief {first} {last} an und bestellte {number} Stück.",
    "{other}, {first} and {last} met at ten; twenty people came on day {day}.",
)


def main() -> int:
    """Run, print figures beside goals, and say by the exit code whether all were met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="20,000 entries for the million, 10,000 sentences")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        large = 20_000 if given.quick else 1_000_000
        small, big, plain = _lists(Path(folder), large)
        figures |= _times(small, big, 10_000 if given.quick else 50_000)
        rows, size = big.size
        mapped = f"{rows:,} rows of {large:,} identifiers, {size / 1e6:.1f} MB mapped"
        figures |= _say(
            {
                "bytes a row": _figure(size / rows, 32, mapped),
                "bytes an identifier": _figure(size / large, 32, "a name is two rows"),
            }
        )
        figures["plaintext in the process"] = _figure(
            _dump(Path(folder) / "big.bin", plain), 0, f"{len(plain)} values looked for"
        )
    figures |= _evaded(5_000)
    figures |= _elsewhere(1_000)
    figures |= _mixed(1_000 if given.quick else 5_000)
    figures["false blocks"] = _false_blocks(10_000 if given.quick else 100_000)
    figures["false blocks elsewhere"] = _false_blocks_elsewhere(10_000 if given.quick else 100_000)
    if given.json:
        given.json.write_text(json.dumps(figures, indent=2))
    short = [name for name, figure in figures.items() if not figure["met"]]
    goals = sum(figure["goal"] is not None for figure in figures.values())
    print(f"suppress: {goals - len(short)} of {goals} goals met" + (f"; short: {', '.join(short)}" if short else ""))
    return 1 if short else 0


def _figure(value: float, goal: float, what: str, name: str = "") -> dict[str, Any]:
    return {"value": value, "goal": goal, "met": value <= goal, "what": what}


def _say(figures: dict[str, Any]) -> dict[str, Any]:
    for name, figure in figures.items():
        print(f"{name}: {figure['value']:.4g} (goal ≤ {figure['goal']:g}) · {figure['what']}")
    return figures


def _lists(folder: Path, large: int) -> tuple[Suppression, Suppression, list[str]]:
    people = People(random.Random(6))
    needles = people.needles(large)
    entries = [Entry(needle.kind, needle.value, f"c{number // 4:06x}") for number, needle in enumerate(needles)]
    began = time.perf_counter()
    big = Suppression.build(folder / "big.bin", entries, KEY, region="DE")
    print(f"built {large:,} entries in {time.perf_counter() - began:.0f} s")
    small = Suppression.build(folder / "small.bin", entries[:1_000], KEY, region="DE")
    sample = [needle.value.lower() for needle in random.Random(7).sample(needles, 300) if needle.kind != "name"]
    return small, big, sample


def _times(small: Suppression, big: Suppression, count: int) -> dict[str, Any]:
    words = [f"{word} " for word in People(random.Random(8)).sentence(count).split(" ")]
    best = {"small": 9.0, "big": 9.0}
    for _ in range(7):
        for name, listed in (("small", small), ("big", big)):
            best[name] = min(best[name], _streamed(listed, words) / count * 1e6)
    what = f"{best['small']:.2f} µs at a thousand entries; wall time is longer on a busy machine"
    return _say(
        {
            "µs a word": _figure(best["big"], 2.0, what),
            "times the time at a thousand": _figure(best["big"] / best["small"], 1.3, "same words, in turn"),
        }
    )


def _streamed(listed: Suppression, words: list[str]) -> float:
    stream = listed.stream()
    feed = stream.feed
    began = time.thread_time()
    for word in words:
        feed(word)
    stream.finish()
    return time.thread_time() - began


SERVER = """
import sys
from pathlib import Path
from retrieval.suppress import Suppression
listed = Suppression(Path(sys.argv[1]), bytes(range(32)))
listed.filter("a harmless answer that nobody is in, with some words and 12345")
print("ready", flush=True)
sys.stdin.read()
"""


def _dump(path: Path, plain: list[str]) -> int:
    """Count how many listed values stand anywhere in the memory of a process that serves the list."""
    command = [sys.executable, "-c", SERVER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        assert server.stdout.readline() == b"ready\n"
        wanted = [b"a harmless answer", *(form for value in plain for form in _forms(value))]
        searched, seen = _search(server.pid, ahocorasick_rs.BytesAhoCorasick(wanted))
        server.stdin.close()
    assert 0 in seen, "the dump must show what is there, or it shows nothing"
    what = f"{searched / 1e6:.0f} MB of memory searched for {len(plain)} values"
    _say({"plaintext in the process": _figure(len(seen) - 1, 0, what)})
    return len(seen) - 1


def _forms(value: str) -> set[bytes]:
    squeezed = "".join(character for character in value if character.isalnum())
    return {
        form
        for text in (value, squeezed)
        for form in (text.encode(), text.encode("utf-16-le"), text.encode("utf-32-le"))
    }


def _search(pid: int, automaton: Any) -> tuple[int, set[int]]:
    """Search every readable page of a process; returns bytes and which patterns stand there."""
    searched, seen = 0, set()
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            place, rights, *_ = line.split()
            if "r" not in rights or "[v" in line:
                continue
            start, end = (int(at, 16) for at in place.split("-"))
            try:
                memory.seek(start)
                part = memory.read(end - start)
            except OSError:
                continue
            searched += len(part)
            seen |= {index for index, _, _ in automaton.find_matches_as_indexes(part.lower())}
    return searched, seen


def _evaded(count: int) -> dict[str, Any]:
    share, what = _missed(Evasions(9), count)
    return _say({"evasions missed": _figure(share, 0.0, what)})


def _elsewhere(count: int) -> dict[str, Any]:
    """Report evasions of other makers and languages, which nothing was fitted to: printed, without a goal."""
    share, what = _missed(Elsewhere(77), count)
    print(f"evasions in other languages missed: {share:.4g} (no goal) · {what}")
    return {"evasions elsewhere missed": {"value": share, "goal": None, "met": True, "what": what}}


def _mixed(count: int) -> dict[str, Any]:
    """Report evasions in up to three disguises at once: printed, without a goal; those with one disguise beside."""
    evasions = Mixed(MIXED_SEED)
    with tempfile.TemporaryDirectory() as folder:
        listed = Suppression.build(Path(folder) / "list.json", evasions.entries, KEY, region="DE")
        cases = evasions.cases(count)
        missed = [case for case in cases if not _caught(listed, case)]
    disguises = Counter(case.how.count(" + ") + 1 for case in cases)
    through = Counter(case.how.count(" + ") + 1 for case in missed)
    for how, number in Counter(case.how for case in missed).most_common(25):
        print(f"  missed {number}: {how}")
    each = ", ".join(f"{through[n]} of {disguises[n]:,} in {n}" for n in sorted(disguises))
    what = f"{count - len(missed):,} of {count:,} caught; missed by disguises at once: {each}"
    print(f"evasions in up to three disguises missed: {len(missed) / count:.4g} (no goal) · {what}")
    return {"evasions mixed missed": {"value": len(missed) / count, "goal": None, "met": True, "what": what}}


def _missed(evasions: Evasions | Elsewhere, count: int) -> tuple[float, str]:
    with tempfile.TemporaryDirectory() as folder:
        listed = Suppression.build(Path(folder) / "list.json", evasions.entries, KEY, region="DE")
        missed = [case for case in evasions.cases(count) if not _caught(listed, case)]
    ways = Counter(case.how for case in missed)
    for how, number in ways.most_common():
        example = next(case.spelled for case in missed if case.how == how)
        print(f"  missed {number}: {how}, for instance {example!r}")
    return len(missed) / count, f"{count - len(missed):,} of {count:,} caught, streamed in tokens of a few characters"


def _caught(listed: Suppression, case: Case) -> bool:
    """Whether the answer goes on as before, with a mark where the spelling stood and at most a country's code left."""
    stream = listed.stream()
    said = "".join([*(stream.feed(token) for token in case.tokens), stream.finish()])
    inside = said.removeprefix(case.before).removesuffix(case.after)
    left = sum(character.isalnum() for character in TAG.sub("", inside.replace(BLOCKED_MARK, "")))
    return BLOCKED_MARK in inside and (left <= (20 if "said" in case.how else 5))


def _false_blocks(count: int) -> dict[str, Any]:
    """Filter harmless sentences full of the listed people's names, with cities and numbers listed as attributes too."""
    chance, people = random.Random(10), People(random.Random(11))
    entries = []
    for number in range(2_000):
        first, last = people.name()
        group = f"g{number}"
        entries += [Entry("name", f"{first} {last}", group), Entry("email", people.email(), group)]
        entries += [Entry("phone", people.phone(), group), Entry("customer_id", people.customer(), group)]
        entries += [
            Entry("address", f"{chance.choice(LAST)}strasse {number % 90 + 10}, {chance.choice(CITIES)}", group)
        ]
    with tempfile.TemporaryDirectory() as folder:
        listed = Suppression.build(Path(folder) / "list.json", entries, KEY, region="DE")
        blocked, weak = [], 0
        for _ in range(count):
            said = listed.filter(_harmless(chance))
            weak += said.weak
            blocked += [span.kind for span in said.blocked]
    what = f"{len(blocked)} spans in {count:,} sentences, {weak:,} bare names passed" + (
        f": {Counter(blocked)}" if blocked else ""
    )
    figure = _figure(len(blocked) / count, 0.0001, what)
    _say({"false blocks": figure})
    return figure


def _false_blocks_elsewhere(count: int) -> dict[str, Any]:
    """Filter harmless text of other kinds (``benchmarks/harmless.py``), beside values that differ in one character."""
    people = People(random.Random(12))
    entries = [
        Entry(kind, people.value(kind), f"h{number}")
        for number in range(2_000)
        for kind in ("name", "email", "phone", "customer_id")
    ]
    harmless = Harmless(13, [entry.value for entry in entries if entry.kind != "name"])
    with tempfile.TemporaryDirectory() as folder:
        listed = Suppression.build(Path(folder) / "list.json", entries, KEY, region="DE")
        blocked: list[tuple[str, str, str]] = []
        for _ in range(count):
            kind, text = harmless.text()
            blocked += [(kind, span.kind, text[span.start : span.end]) for span in listed.filter(text).blocked]
    for kind, what, text in blocked[:20]:
        print(f"  blocked in {kind}: {what}, {text!r}")
    figure = _figure(len(blocked) / count, 0.0001, f"{len(blocked)} spans in {count:,} texts in seven languages")
    _say({"false blocks elsewhere": figure})
    return figure


def _harmless(chance: random.Random) -> str:
    return chance.choice(HARMLESS).format(
        first=chance.choice(FIRST).title(),
        last=chance.choice(LAST).title(),
        other=chance.choice(FIRST).title(),
        city=chance.choice(CITIES),
        number=chance.randrange(10**6),
        day=chance.randrange(1, 29),
    )


if __name__ == "__main__":
    sys.exit(main())
