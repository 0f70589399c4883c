"""Values in markup, codes, tables and other scripts, several disguises at once, are caught; streams say the same."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.evasions_mixed import Mixed
from retrieval.suppress import BLOCKED_MARK, Entry, Suppression

KEY = bytes(range(32))
ENTRIES = [
    Entry("email", "maria.dos.santos@mail.example", "a"),
    Entry("phone", "0160 29637123", "b"),
    Entry("customer_id", "K43843528-D", "c"),
    Entry("tax_id", "12345678909", "d"),
]


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Suppression:
    return Suppression.build(tmp_path_factory.mktemp("list") / "list.json", ENTRIES, KEY, region="DE")


def _streamed(listed: Suppression, text: str, size: int) -> str:
    stream = listed.stream()
    return "".join([*(stream.feed(text[at : at + size]) for at in range(0, len(text), size)), stream.finish()])


def _drawn(text: str, first: int) -> str:
    return "".join(chr(first + ord(part) - 97) if "a" <= part <= "z" else part for part in text)


DISGUISES = [
    "maria.dos.santos [at] mail dot example",
    "maria dos santos AT mail dot example",
    "maria.dos.santos\narr\noba mail ponto example",
    "maria.dos.santos%4\n0mail.example",
    "maria.dos.santos%2540mail%252Eexample",
    "%6d%61%72%69%61.dos.santos%40mail.example",
    "maria=2Edos=2Esantos=40mail=2Eexample",
    "mari&#97;.dos.santos&#x40;mail.ex&#x61;mple",
    "m&aacute;ria.dos.santos&commat;mail&period;example",
    "m%C3%A1ria.dos.santos@mail.example",
    "\\u006daria.dos.santos\\u0040mail.example",
    "\\\\u006Daria.dos.santos\\\\u0040mail.example",
    "\\u{6d}aria.dos.santos\\x40mail.example",
    "\\nmaria.dos.santos@mail.example",
    "\\ud835\\udc26aria.dos.santos@mail.example",
    "<b>maria</b>.<i>dos</i>.sa<wbr>ntos@<span class='x'>mail</span>.example",
    "".join(f"<td>{part}</td>" for part in "maria.dos.santos@mail.example"),
    "**m**aria.`dos`.~~santos~~@mail.example",
    " | ".join("maria.dos.santos@mail.example"),
    "maria&nbsp;dos&#8203;santos&shy;@mail.example",
    "maria.dos.santos (chiocciola) mail [bod] example",
    "maria.dos.santos+news (zavináč) mail.example",
    "m📧aria.d✨os.san🇩🇪tos@mail.example",
    _drawn("maria.dos.santos@mail.example", 0x1F170),
    _drawn("maria.dos.santos@mail.example", 0x1F1E6),
    "".join(chr(0xE0000 + ord(part)) for part in "maria.dos.santos@mail.example"),
    "ⓜⓐⓡⓘⓐ.dos.santos@mail.example",
    "m\u3164aria.dos.san\u115ftos@mail.example",
    "maria.do\nt.dos pun\nkt santos a\nt mail.example",
    "〇一六〇 二九六三七一二三",
    "0 1 VI 0 II 9 VI III 7 I II III",
    "ze\nro one si-\nx zero two nine six three seven one two three",
    "null eins sechs null neunund\nzwanzig sechs drei sieben eins zwei drei",
    "tel:+49-160-29637123",
    "०१६० २९६३७१२३",
    "K<b>4</b>3&nbsp;843 fünf zwei &#56; - D",
    "kilo 4 3 8 four three fünf two acht delta",
    "Kunde 0012345678909",
]


@pytest.mark.parametrize("spelled", DISGUISES)
def test_a_value_in_several_disguises_is_withheld(listed: Suppression, spelled: str) -> None:
    text = f"Kontakt: {spelled}, jederzeit."
    assert BLOCKED_MARK in listed.filter(text).text
    for size in (1, 3, 8):
        said = _streamed(listed, text, size)
        assert said.startswith("Kontakt: ")
        assert said.endswith(", jederzeit.") or spelled.endswith(">")
        assert BLOCKED_MARK in said


HARMLESS = [
    "for (int i=0;i<n;i++) { a[i] += x[i] % 40; } // at dot <b and c> d",
    "vector<map<int, at>> dot = {1, 2}; a<b>c; #12 &amp; &lt;p&gt; \\u0040 %40 =40",
    "a + b + c (one) [two] {three} <four> twenty one double two hundred and",
    "Anton, Berta und Emil zählen: eins, zwei, drei; Kapitel II, III und IV.",
    "maria.dos.silva [at] mail dot example, 0160 29637124, K43843529-D",
    "Nr. 2160 29637123 und 7712345678909 gehören anderen",
    "🇩🇪🇵🇹 \U0001f3f4\U000e0067\U000e0062\U000e007f 一二三 ⠓⠑⠇⠇⠕",
]


@pytest.mark.parametrize("text", HARMLESS)
def test_code_markup_and_other_peoples_details_are_said_as_they_are(listed: Suppression, text: str) -> None:
    assert listed.filter(text).text == text
    for size in (1, 4):
        assert _streamed(listed, text, size) == text


PIECES = (
    " maria.dos.santos@mail.example ", "maria.dos.santos@mail.example",
    "maria", ".dos", "santos", "@mail.", "example", " at ", "do", "t ", "<b>", "</b>",
    "<", ">", "&#64;", "&nbsp;", "%4", "0", "\\u0040", "\\n", "+tag", "(", ")", "[at]", "\n", "K43843528-D", "K438",
    "43528", "-D", " one ", "fünf", "vier", "🇩🇪", "\U000e0061", "\u200b", "e ", "x", " ", "-", ".", "é", "twenty ",
)  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=14), st.integers(1, 9))
def test_what_is_streamed_is_what_the_whole_text_gives_however_it_is_cut(
    listed: Suppression, parts: list[str], size: int
) -> None:
    """Addresses and numbers only: of a telephone number a stream may have said the country's code already."""
    text = "".join(parts)
    whole = listed.filter(text).text
    assert _streamed(listed, text, size) == whole
    assert " maria.dos.santos@mail.example " not in whole


def test_nine_of_ten_spellings_in_three_disguises_are_caught(tmp_path: Path) -> None:
    mixed = Mixed(7)
    listed = Suppression.build(tmp_path / "l.json", mixed.entries, KEY, region="DE")
    cases = mixed.cases(300)
    missed = [case.how for case in cases if BLOCKED_MARK not in listed.filter(case.before + case.spelled).text]
    assert len(missed) < len(cases) // 10, missed


@pytest.mark.parametrize("opener", ["<b>", "<a b=c ", "(", "[x", "+t", "&", "%", "\\", "one ", "at ", "🇦", "no\n"])
def test_what_only_might_become_something_is_not_held_without_end(listed: Suppression, opener: str) -> None:
    stream, fed, said = listed.stream(), 0, 0
    for part in opener * 700:
        said += len(stream.feed(part))
        fed += 1
        assert fed - said <= 700
    assert said + len(stream.finish()) == fed
