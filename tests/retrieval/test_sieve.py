"""What a sieve for few people lets pass holds everybody whom the rules find, however the text is spelled and cut."""

import json
import random
from pathlib import Path

import numpy as np
import pytest

from retrieval.lines import Lines, _json_fields, json_lines, line_format, plain_lines
from retrieval.rare import anchors_of
from retrieval.rows import RecordsUnreadable
from retrieval.sieve import MARGIN, Sieve, sifts
from retrieval.stretches import searched
from retrieval.sweep import Sweeper, sweep
from retrieval.types import Needle

Place = tuple[str, str, int, int, str]  # record, field, start, end, needle

NEEDLES = [
    Needle("email", "ana.silva@x-gruppe.com", "dotted"),
    Needle("email", "joana6489xcastro@mail.org", "digits"),
    Needle("email", "straessle_koenig77@mail.org", "underscore"),
    Needle("phone", "0151 23456789", "phone"),
    Needle("phone", "+351 912 345 678", "abroad"),
    Needle("customer_id", "CUST-00123", "customer"),
    Needle("tax_id", "K12345678-A", "tax"),
    Needle("name", "Ana Müller-Größe", "umlaut"),
    Needle("name", "Łukasz Straße", "stroke"),
    Needle("content", "my invoice of March was charged twice, please refund", "content"),
]
SPELLED = [
    "ana.silva@x-gruppe.com", "Ana.Silva+news@X-Gruppe.com", "ana dot silva at x-gruppe dot com",
    "ana%2esilva%40x-gruppe.com",
    "joana6489xcastro@mail.org", "JOANA6489xCastro [at] mail.org", "straessle_koenig77@mail.org",
    "0151 23456789", "+49 (0)151 234-567-89", "0049 1 5 1 2 3 4 5 6 7 8 9", "+351 912345678", "912.345.678",
    "15123456789",
    "CUST-00123", "cust 0 0 1 2 3", "_CUST00123_", "K12345678-A", "k 123 456 78 a", "K-1234-5678/A",
    "Ana Müller-Größe", "ANA MUELLER GROESSE", "Größe, Ana Müller", "Straße, Łukasz", "lukasz strasse",
    "My invoice of March -- was charged twice. Please refund",
]  # fmt: skip
_ALIKE = {
    "a": "äáaª",
    "e": "éê",
    "s": "ſs",
    "u": "ùü",
    "1": "¹１",
    "0": "٠0",
    "i": "íı",
    "o": "õö",
    "c": "çｃ",
    "n": "ñ",
}
_INVISIBLE = ["\u200b", "\u00ad", "\u0301", "\u2060"]
_SIGNS = [
    "\u00a0",
    "\u2013",
    "“",
    "²",
    "½",
    "ß",
    "æ",
    "çã",
    "\U0001d7ce",
    "Я",
    "\ud83d",
    "\n",
    '"',
    "\\",
    "/",
    "\t",
    " 7",
    "é ",
]
_BROKEN = [
    b"\xc3",
    b"\xe2\x80",
    b"\xff",
    b"\xad",
    b"\x8a",
    b"\xc3\xc3\xa9",
    b"\xc4\xe9",
    b"\\u12",
    b"\\ud835",
    b"\\",
    b"\xf0\x9d",
]


def _hostile(text: str, chance: random.Random) -> str:
    out = []
    for letter in text:
        way = chance.random()
        if way < 0.03:
            letter = chance.choice(_ALIKE.get(letter.lower(), letter))
        elif way < 0.05 and "!" <= letter <= "~":
            letter = chr(ord(letter) + 0xFEE0)
        elif way < 0.07:
            letter += chance.choice(_INVISIBLE) * chance.randrange(1, 3)
        elif way < 0.08:
            letter += chance.choice(_SIGNS)
        elif way < 0.12 and letter in " -":
            letter = chance.choice(["\u00a0", "  ", "\u2009", " \u200b", "-", "\t"])
        out.append(letter)
    return "".join(out)


def _row(chance: random.Random, number: int) -> bytes:
    words = [
        "Ana",
        "schön",
        "größe",
        "x" * chance.randrange(70),
        "1,5",
        "€",
        "2024-03-12",
        "ação",
        "silv",
        "m²",
        "invoic",
    ]
    around = " ".join(chance.choices(words, k=chance.randrange(6)))
    spelled = _hostile(chance.choice(SPELLED), chance) if chance.random() < 0.8 else ""
    glue = chance.choice([" ", ", ", "\n", "(", "é", "1", "\u00a0", "\t"])
    row = json.dumps(
        {"id": number, "text": f"{around}{glue}{spelled}{glue}{around}"}, ensure_ascii=chance.random() < 0.5
    )
    escaped = "".join(
        f"\\u{ord(letter):04X}" if letter.isalnum() and letter.isascii() and chance.random() < 0.02 else letter
        for letter in row[row.index("text") + 8 : -2]
    )
    raw = f"{row[: row.index('text') + 8]}{escaped}{row[-2:]}".encode("utf-8", "surrogatepass")
    if chance.random() < 0.1:
        at = chance.randrange(1, len(raw))
        raw = raw[:at] + chance.choice(_BROKEN) + raw[at:]
    return raw.replace(b"\n", b" ")


def _parsable(raw: bytes) -> bool:
    try:
        _json_fields(raw.decode("utf-8"))
    except ValueError:
        return False
    return True


def _finds(path: Path, monkeypatch: pytest.MonkeyPatch, *, sieve: bool, threads: int = 1) -> list[Place]:
    with monkeypatch.context() as patched:
        if not sieve:
            patched.setattr("retrieval.sieve.sifts", lambda: False)
        sweeper = Sweeper(NEEDLES, region="DE")
        layout = line_format(path, json_lines if path.suffix == ".jsonl" else plain_lines)
        assert layout is not None
        stretches = searched(path, layout, sweeper, threads)
        return [
            (row.record, *found[:3], found[3].needle.key)
            for _, rows in stretches
            for row, wanted in rows
            for found in sweeper.fields(row.fields, sorted(wanted))
        ]


def _corpus(rows: int, seed: int, *, json_: bool) -> bytes:
    chance = random.Random(seed)
    made = (_row(chance, number) for number in range(rows))
    filler = json.dumps({"text": "nothing to see here " * 40}).encode()
    return b"".join(raw + b"\n" + (filler + b"\n") * 6 for raw in made if not json_ or _parsable(raw))


@pytest.mark.parametrize(("suffix", "seed"), [(".jsonl", 1), (".txt", 2)])
def test_with_a_sieve_the_same_is_found_as_without(
    suffix: str, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"rows{suffix}"
    path.write_bytes(_corpus(1_500, seed, json_=suffix == ".jsonl"))
    without = _finds(path, monkeypatch, sieve=False)
    assert _finds(path, monkeypatch, sieve=True) == without
    assert {needle for *_, needle in without} == {one.key for one in NEEDLES}
    assert len(without) > 250


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3, 9))
def test_forty_thousand_hostile_rows_hide_nobody(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / ("rows.jsonl" if seed % 2 else "rows.txt")
    path.write_bytes(_corpus(7_000, seed, json_=bool(seed % 2)))
    assert _finds(path, monkeypatch, sieve=True, threads=2) == _finds(path, monkeypatch, sieve=False)


def _sifted(raw: bytes, needles: list[Needle], *, margin: bytes = b"\xff") -> tuple[list[bytes], int]:
    """Return (what stands at the places worth a look, line ends); without wide lanes, what the test expects of them."""
    sieve = Sieve.of(needles, "DE")
    assert sieve is not None
    sifted = sieve.sift(np.frombuffer(bytearray(raw + margin * MARGIN), np.uint8), len(raw), json=True)
    assert sifted is not None
    return [raw[at : at + 12] for at in sorted(sifted[0].tolist())], sifted[1]


@pytest.mark.parametrize("count", [1, 10, 40])
def test_few_people_have_a_sieve_where_the_processor_can_and_many_have_none(count: int) -> None:
    people = [Needle("email", f"person{number}x{number * 7919}@mail.org", str(number)) for number in range(count)]
    assert (Sieve.of(people, "DE") is not None) == (sifts() and count <= 32)


def test_a_spelling_without_a_plain_letter_has_no_anchor_and_so_no_sieve() -> None:
    assert anchors_of(Needle("name", "Анна Иванова", "n")) is None
    assert anchors_of(Needle("customer_id", "AB12CD34", "c")) is None
    assert Sieve.of([*NEEDLES, Needle("name", "Анна Иванова", "n")], "DE") is None


@pytest.mark.parametrize("needle", NEEDLES, ids=lambda needle: needle.key)
def test_every_way_to_spell_somebody_has_an_anchor_of_letters_that_stand_together(needle: Needle) -> None:
    anchors = anchors_of(needle, "DE")
    assert anchors
    assert all(3 <= len(one.window) <= 8 and one.window.isascii() for one in anchors)


def test_text_about_others_is_not_worth_a_look_and_its_lines_are_counted() -> None:
    if sifts():
        raw = json.dumps({"a": "Grüße, 12.03.2024, für 15 m\u00b3 – não! " * 50}, ensure_ascii=False).encode() + b"\n"
        mails = [needle for needle in NEEDLES if needle.kind == "email"]
        assert _sifted(raw * 20, mails) == ([], 20)


@pytest.mark.parametrize("cut", range(0, 140, 7))
def test_what_stands_behind_the_end_is_not_looked_at(cut: int) -> None:
    if sifts():
        raw = (b"." * 130 + b"joana6489xcastro@mail.org\n")[cut:]
        seen, lines = _sifted(raw, NEEDLES[1:2])
        assert (len(seen), lines) == (1, 1)
        assert _sifted(raw[:-18], NEEDLES[1:2], margin=b"6489") == ([], 0)


def test_text_that_must_all_be_decoded_is_left_to_the_loop_over_letters() -> None:
    if sifts():
        sieve, raw = (
            Sieve.of(NEEDLES, "DE"),
            np.frombuffer(bytearray("Иванов написал письмо.\n".encode() * 4_000), np.uint8),
        )
        assert sieve is not None
        assert sieve.sift(raw, len(raw) - MARGIN, json=False) is None


def test_a_line_longer_than_any_piece_and_a_file_without_a_last_line_end(tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_bytes(b"x\n" + b"y " * 1_500_000 + b"cust-00123 " + b"z " * 700_000 + b"\nlast: 0151 23456789")
    found = [(one.record, one.needle) for one in sweep([path], NEEDLES, region="DE", threads=2)]
    assert found == [("2", "customer"), ("3", "phone")]


def test_rows_of_a_stretch_keep_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "many.jsonl"
    plain = json.dumps({"text": "nobody at all " * 30}).encode() + b"\n"
    named = json.dumps({"text": "größe: K12345678-A"}).encode() + b"\n"
    rows = [named if number % 4_001 == 0 else plain for number in range(60_000)]
    path.write_bytes(b"\ufeff".decode("unicode_escape").encode() + b"".join(rows))
    assert path.stat().st_size > 16 << 20
    expected = [str(number + 1) for number in range(0, 60_000, 4_001)]
    for threads in (1, 2):
        assert [one.record for one in sweep([path], NEEDLES, region="DE", threads=threads)] == expected


def test_a_row_in_question_that_is_no_json_is_named_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a": 1}\n' * 5 + b'{"a": "CUST-00123\n' + b'{"a": 1}\n')
    with pytest.raises(RecordsUnreadable, match="line 6: it cannot be parsed"):
        list(sweep([path], NEEDLES, region="DE"))


def test_lines_give_the_same_rows_as_a_sieve_leaves_out(tmp_path: Path) -> None:
    raw = b'{"a": "CUST-00123"}\n{"a": 2}\n'
    lines = Lines(tmp_path, raw, 1, len(raw), _json_fields, json=True)
    assert Sweeper(NEEDLES, region="DE").rows(lines) == [(0, {5})]
    assert (lines.line(0), lines.line(1)) == (raw[:20], raw[20:])
