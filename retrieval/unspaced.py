"""Names in scripts that put no space between words: Han, kana, Hangul, Thai, Lao, Khmer, Burmese, Tibetan.

Such a name may begin and end in the middle of a run of letters, so that nothing is known by where words begin: pairs of
its letters are looked for in the bytes themselves, as UTF-8 and as JSON's escapes. A space may stand in it once.
"""

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import ahocorasick_rs

from retrieval.letters import Bytes
from retrieval.types import Needle

_HAN: Final = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_KANA: Final = "\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9d"
_HANGUL: Final = "\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff"
_OTHERS: Final = "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff"
_LETTERS: Final = re.compile(f"[{_HAN}{_KANA}{_HANGUL}{_OTHERS}]+")
_EACH_HAN, _EACH_KANA = re.compile(f"[{_HAN}]"), re.compile(f"[{_KANA}]")
_SEPARATORS: Final = (" ", "\u3000", "\u00b7", "\u30fb")
GAP: Final = r"[\s\-_.,'\u00b7\u30fb]{0,2}"
NO_MORE_OF_A_SYLLABLE: Final = "(?![\u11a8-\u11ff])"  # Hangul is folded to letters: a syllable may go on
_BETWEEN: Final = re.compile(r"[\s\-_.,'\u00b7\u30fb]+")


def is_unspaced(kind: str, value: str) -> bool:
    """Whether a needle is a name all letters of which are of such a script."""
    letters = "".join(_BETWEEN.split(value))
    return kind == "name" and bool(_LETTERS.fullmatch(letters))


def weight(letters: str) -> float:
    """Return how many letters of an alphabet letters are worth: a Chinese one tells more than a Latin one."""
    return len(letters) + 1.5 * len(_EACH_HAN.findall(letters)) + 0.5 * len(_EACH_KANA.findall(letters))


def _pairs(value: str) -> set[str]:
    """Return pairs of letters of which one stands wherever a name does, with at most one space put in."""
    letters = "".join(_BETWEEN.split(value))
    if len(letters) == 2:
        return {separator.join(letters) for separator in ("", *_SEPARATORS)}
    words = [word for word in _BETWEEN.split(value) if len(word) > 2] or [letters]
    return {"".join(pair) for pair in list(pairwise(words[0]))[:2]}


class Pairs:
    """Needles in such scripts made ready once; ``hits`` says where one may stand in a block."""

    def __init__(self, needles: Sequence[tuple[int, Needle]]) -> None:
        patterns: dict[bytes, list[int]] = {}
        for number, needle in needles:
            for form in ("NFC", "NFD"):
                for pair in _pairs(unicodedata.normalize(form, needle.value.strip())):
                    for pattern in _spelled(pair):
                        patterns.setdefault(pattern, []).append(number)
        self._owners = list(patterns.values())
        self._automaton = ahocorasick_rs.BytesAhoCorasick(list(patterns)) if patterns else None

    def hits(self, content: Bytes) -> list[tuple[int, list[int]]]:
        """Return (byte, needles) of every place worth a look."""
        if self._automaton is None:
            return []
        found = self._automaton.find_matches_as_indexes(content.tobytes(), overlapping=True)
        return [(start, self._owners[pattern]) for pattern, start, _ in found]


def _spelled(pair: str) -> set[bytes]:
    units = pair.encode("utf-16-be").hex()
    escaped = "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
    upper = escaped.upper().replace("\\U", "\\u")
    return {pair.encode(), escaped.encode(), upper.encode()} | ({_with_space(escaped)} if " " in pair else set())


def _with_space(escaped: str) -> bytes:
    return escaped.replace("\\u0020", " ").encode()
