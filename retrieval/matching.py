"""One needle as an anchor to search for and a rule that checks what stands around it.

The anchor is a run of letters and digits, looked for in text squeezed to letters and digits, so that one pass over a
text finds every needle in any separators; the rule then decides on the folded text, with its boundaries.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache

import phonenumbers

from retrieval.text import normalise, squeeze
from retrieval.transliteration import transliterated
from retrieval.types import Needle, Support
from retrieval.unspaced import GAP, NO_MORE_OF_A_SYLLABLE, is_unspaced

_OPEN, _CLOSE = r"[(\[{<]\s?", r"\s?[)\]}>]"
_AT = rf"(?:\s?@\s?|%40|&#64;|&commat;|\s?{_OPEN}(?:at|arroba|@){_CLOSE}\s?|\s(?:at|arroba)\s)"
_DOT = rf"(?:\.|%2e|\s?{_OPEN}(?:dot|punkt|ponto|\.){_CLOSE}\s?|\s(?:dot|punkt|ponto)\s)"
_GAP = r"[\s\-_./#:()]{0,3}"
_ALONE_LEFT = r"(?<![^\W_])"
_ALONE_RIGHT = r"(?![^\W_])"
_NO_OTHER_COUNTRY = r"(?<!\d)" + "".join(rf"(?<!\+{digits}[\s\-.])" for digits in (r"\d", r"\d\d", r"\d\d\d"))
_CONTENT_ANCHOR = 48
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Rule:
    """Where to look (``anchor``) and what must stand there (``pattern``, over folded text, within ``reach``)."""

    needle: Needle = field(repr=False)
    anchor: str = field(repr=False)
    spelled: str = field(repr=False)
    reach: int
    support: Support

    @property
    def pattern(self) -> re.Pattern[str]:
        """What must stand there, compiled when it is first needed: most of a hundred thousand never are."""
        return _compiled(self.spelled)

    def support_of(self, original: str) -> Support:
        """Say how well the original spelling supports the find."""
        return "exact" if self.support == "normalised" and original == self.needle.value.strip() else self.support


@lru_cache(maxsize=8192)
def _compiled(spelled: str) -> re.Pattern[str]:
    return re.compile(spelled)


def rules_of(needle: Needle, region: str | None = None) -> tuple[Rule, ...]:
    """Return the rules that find one needle; a name has two, for both orders."""
    canonical = normalise(needle.kind, needle.value, region)
    if needle.kind == "email":
        return (_email_rule(needle, canonical),)
    if needle.kind == "phone":
        return (_phone_rule(needle, canonical),)
    if needle.kind == "name":
        return _name_rules(needle, canonical)
    if needle.kind == "content":
        return (_content_rule(needle, canonical),)
    return (_code_rule(needle, canonical),)


def _email_rule(needle: Needle, canonical: str) -> Rule:
    local, _, domain = canonical.partition("@")
    parts = re.split(r"([^\w]+|_+)", local)
    anchor = squeeze(max(parts, key=len))
    spelled = "".join(_DOT if part == "." else re.escape(part) for part in parts)
    tag = r"(?:\+[\w.\-]{0,64})?"
    domain_spelled = _DOT.join(re.escape(label) for label in domain.split("."))
    pattern = rf"{_ALONE_LEFT}(?<![^\W_][.+\-_']){spelled}{tag}{_AT}{domain_spelled}{_ALONE_RIGHT}(?![.\-][^\W_])"
    return Rule(needle, anchor, pattern, _reach(canonical) + 64, "normalised")


def _phone_rule(needle: Needle, canonical: str) -> Rule:
    code, rest = phone_parts(canonical)
    spelled = _GAP.join(rest)
    country = rf"(?:(?:\+|00)?{_GAP}{_GAP.join(code)}{_GAP}(?:\(0\)|0)?{_GAP})?" if code else ""
    pattern = rf"{_NO_OTHER_COUNTRY}(?:{country}|0{_GAP}){spelled}(?!\d)" if code else rf"(?<!\d)\+?{spelled}(?!\d)"
    return Rule(needle, rest, pattern, 5 * len(rest) + 24, "normalised")


def phone_parts(canonical: str) -> tuple[str, str]:
    """Return (country code or nothing, national digits) of a canonical phone number."""
    if not canonical.startswith("+"):
        return "", canonical
    for size in (1, 2, 3):  # no country's code begins another's
        if int(canonical[1 : 1 + size] or 0) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            return canonical[1 : 1 + size], canonical[1 + size :]
    return "", canonical.removeprefix("+")


def _code_rule(needle: Needle, canonical: str) -> Rule:
    parts = re.findall(r"\d|[^\W\d_]+", canonical)
    pattern = _ALONE_LEFT + _GAP.join(re.escape(part) for part in parts) + _ALONE_RIGHT
    return Rule(needle, canonical, pattern, 4 * len(canonical) + 8, "normalised")


def _name_rules(needle: Needle, canonical: str) -> tuple[Rule, ...]:
    return tuple(_name_rule(needle, words) for words in orders_of(needle.value, canonical))


def orders_of(value: str, canonical: str) -> list[tuple[str, ...]]:
    """Return a name's words as they may follow each other: as given, in Latin letters, what is last first.

    How many of the last words are the surname nobody can tell ("Müller-Größe, Ana", "von der Leyen, Ursula").
    """
    spellings = (canonical,) if value.isascii() else (canonical, *transliterated(value))
    orders = {tuple(words_of(spelling)) for spelling in spellings}
    return sorted(
        {
            words[at:] + words[:at]
            for words in orders
            for at in range(len(words))
            if at in (0, len(words) - 1) or at <= 4
        }
    )


def _name_rule(needle: Needle, words: tuple[str, ...]) -> Rule:
    if is_unspaced(needle.kind, needle.value):
        spelled = GAP.join(re.escape(letter) for word in words for letter in word) + NO_MORE_OF_A_SYLLABLE
        return Rule(needle, "".join(words), spelled, _reach("".join(words)), "name")
    spelled = r"[\s\-_.,']{1,3}".join(re.escape(word) for word in words)
    pattern = _ALONE_LEFT + spelled + _ALONE_RIGHT
    return Rule(needle, "".join(words), pattern, _reach("".join(words)), "name")


def words_of(text: str) -> list[str]:
    """Return the runs of letters and digits of a folded text."""
    return _WORD.findall(text)


def _content_rule(needle: Needle, canonical: str) -> Rule:
    words = words_of(canonical)
    pattern = _ALONE_LEFT + r"[\W_]{1,8}".join(re.escape(word) for word in words) + _ALONE_RIGHT
    return Rule(needle, "".join(words)[:_CONTENT_ANCHOR], pattern, 2 * len(canonical) + 64, "content")


def _reach(text: str) -> int:
    return 4 * len(text) + 16
