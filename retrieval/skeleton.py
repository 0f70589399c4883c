"""Letters that look alike as one letter, and words that are said for signs and digits.

English, German and Portuguese; digits and signs in French, Spanish, Polish and Turkish too.

Look-alikes: a selection of Unicode's confusables (UTS #39) that fall on Latin letters, and the digits that are read as
letters (0 o, 1 i l, 3 e, 4 a, 5 s, 7 t). Applied to what is listed and to what is said alike, so nothing is lost.
"""

from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

from retrieval.letters import letters

_LOOKS: Final = """
aаαɑᴀ bвƅʙ cсϲᴄσ dԁᴅ eеєҽᴇε fғꜰ gɡցɢ hһհнʜ iіιɩıɪӏl1 jјϳᴊ kкκᴋ mмᴍ nոηɴ oоοօᴏ0 pрρᴘ qԛ rгʀ sѕꜱ5 tтτᴛ7 uսυᴜ vνѵᴠ wԝωᴡ xхχ
yуүγʏ zᴢ
"""
_DIGITS: Final = {
    "0": "zero oh null nought nulo cero sifir",
    "1": "one eins ein um uma un une uno jeden bir",
    "2": "two zwei zwo dois duas deux dos dwa iki",
    "3": "three drei tres trois trzy uc",
    "4": "four vier quatro quatre cuatro cztery dort",
    "5": "five funf fuenf cinco cinq piec bes",
    "6": "six sechs seis meia szesc alti",
    "7": "seven sieben sete sept siete siedem yedi",
    "8": "eight acht oito huit ocho osiem sekiz",
    "9": "nine neun nove neuf nueve dziewiec dokuz",
    "10": "ten zehn dez",
    "11": "eleven elf onze",
    "12": "twelve zwolf zwoelf doze",
    "13": "thirteen dreizehn treze",
    "14": "fourteen vierzehn quatorze catorze",
    "15": "fifteen funfzehn fuenfzehn quinze",
    "16": "sixteen sechzehn dezesseis dezasseis",
    "17": "seventeen siebzehn dezessete dezassete",
    "18": "eighteen achtzehn dezoito",
    "19": "nineteen neunzehn dezenove dezanove",
}
_TENS: Final = "twenty thirty forty fifty sixty seventy eighty ninety"
_DEZENAS: Final = "vinte trinta quarenta cinquenta sessenta setenta oitenta noventa"
_ZIG: Final = "zwanzig dreissig vierzig funfzig sechzig siebzig achtzig neunzig"
_EINER: Final = "ein zwei drei vier funf sechs sieben acht neun"
_SIGNS: Final = """
at commat dot arroba arobase punkt ponto point punto malpa kropka et nokta dash hyphen minus hifen
bindestrich underscore unterstrich
"""
DROP, TENS, TWICE, THRICE, AND, NUMBER = 1, 2, 3, 4, 5, 6
_TWICE, _THRICE, _AND = "double doppel dobro", "triple dreifach triplo", "e and und"


def _table() -> dict[int, int]:
    table: dict[int, int] = {}
    for group in _LOOKS.split():
        table |= {ord(letter): ord(group[0]) for letter in group[1:]}
    return table | {ord("3"): ord("e"), ord("4"): ord("a")}


LOOKS: Final = _table()


def skeleton(squeezed: str) -> str:
    """Return folded letters with look-alikes as one; it keeps the length."""
    return squeezed.translate(LOOKS)


@lru_cache(maxsize=1)
def looks() -> npt.NDArray[np.uint32]:
    """Return the folding tables with look-alikes joined, as one array: offsets, then letters."""
    tables = letters()
    pool = tables.pool.copy()
    for code, letter in LOOKS.items():
        pool[tables.pool == code] = letter
    return np.concatenate((tables.starts.astype(np.uint32), pool, tables.pool))


@njit(cache=True, inline="always")
def word_hash(letters_: Any, size: Any) -> Any:
    """FNV-1a over the letters of a word."""
    value = np.uint64(0xCBF29CE484222325)
    for place in range(size):
        value = (value ^ np.uint64(letters_[place])) * np.uint64(0x100000001B3)
    return value


@lru_cache(maxsize=1)
def spoken() -> npt.NDArray[np.uint64]:
    """Return what words are said for: 1,024 slots of (hash, meaning), by open addressing."""
    table = np.zeros((1024, 2), np.uint64)
    for word, meaning in _meanings().items():
        codes = np.array([ord(letter) for letter in skeleton(word)], np.uint32)
        value = int(word_hash(codes, len(codes)))
        slot = value & 1023
        while table[slot, 1] and int(table[slot, 0]) != value:
            slot = (slot + 1) & 1023
        table[slot] = value, meaning
    return table.reshape(-1)


def _meanings() -> dict[str, int]:
    """Meaning in the lowest byte; above it how many digits, and the digits themselves."""
    said = dict.fromkeys(_SIGNS.split(), DROP) | dict.fromkeys(_AND.split(), AND)
    said |= dict.fromkeys(_TWICE.split(), TWICE) | dict.fromkeys(_THRICE.split(), THRICE)
    for digits, words in _DIGITS.items():
        said |= {word: _number(digits, NUMBER) for word in words.split()}
    for row in (_TENS, _DEZENAS):
        said |= {word: _number(str(tens), TENS) for tens, word in enumerate(row.split(), start=2)}
    for tens, zig in enumerate(_ZIG.split(), start=2):
        said[zig] = _number(f"{tens}0", NUMBER)
        said |= {f"{unit}und{zig}": _number(f"{tens}{at}", NUMBER) for at, unit in enumerate(_EINER.split(), start=1)}
    return said


def _number(digits: str, meaning: int) -> int:
    codes = [ord(skeleton(digit)) for digit in digits]
    return meaning | len(codes) << 8 | sum(code << (16 + 8 * place) for place, code in enumerate(codes))
