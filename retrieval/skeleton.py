"""Letters that look alike as one letter, and words that are said for signs and digits.

English, German and Portuguese; digits and signs in French, Spanish, Polish and Turkish too; Roman numerals, the radio
alphabet and the German telephone alphabet, and what accents are called in an entity.

Look-alikes: a selection of Unicode's confusables (UTS #39) that fall on Latin letters, and the digits that are read as
letters (0 o, 1 i l, 3 e, 4 a, 5 s, 7 t). Applied to what is listed and to what is said alike, so nothing is lost.
"""

from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from retrieval.hashing import SLOTS
from retrieval.letters import SEPARATOR, letters

_LOOKS: Final = """
aаαɑᴀ bвƅʙ cсϲᴄσ dԁᴅ eеєҽᴇε fғꜰ gɡցɢ hһհнʜ iіιɩıɪӏlʟ1 jјϳᴊ kкκᴋ mмᴍ nոηɴ oоοօᴏ0 pрρᴘ qԛ rгʀ sѕꜱ5 tтτᴛ7 uսυᴜ vνѵᴠ wԝωᴡ
xхχ yуүγʏ zᴢ
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
_ROMAN: Final = "ii iii iv v vi vii viii ix"
_RADIO: Final = """
alfa alpha bravo charlie delta echo foxtrot golf hotel india juliett juliet kilo lima mike november oscar papa quebec
romeo sierra tango uniform victor whiskey whisky xray yankee zulu
anton berta casar caesar dora emil friedrich gustav heinrich ida julius kaufmann konrad ludwig martha nordpol otto paula
quelle richard samuel siegfried theodor ulrich viktor wilhelm xanthippe ypsilon zacharias
"""
_SIGNS: Final = """
at commat dot arroba arobase arobas punkt ponto point punto malpa kropka et nokta dash hyphen minus hifen period
bindestrich underscore unterstrich klammeraffe sign symbol zeichen traco tiret guion
"""
_ACCENTS: Final = "acute grave circ tilde uml ring cedil caron slash ogon breve dot"
_BRAILLE: Final = "⠁⠃⠉⠙⠑⠋⠛⠓⠊⠚⠅⠇⠍⠝⠕⠏⠟⠗⠎⠞⠥⠧⠺⠭⠽⠵", "abcdefghijklmnopqrstuvwxyz"
FILLERS: Final = (0x115F, 0x1160, 0x3164, 0xFFA0)  # letters that nobody sees
_ALPHABETS: Final = (0x1F150, 0x1F170, 0x1F1E6)  # white on black, and flags: Unicode calls them symbols
DROP, TENS, TWICE, THRICE, AND, NUMBER, ROMAN, ACCENT = 1, 2, 3, 4, 5, 6, 7, 8
PREFIX: Final = 128  # longer words that are said for something begin so
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


HAN: Final = {
    ord(digit): ord(skeleton(said)) for digit, said in zip("〇零一二三四五六七八九", "00123456789", strict=True)
}


@lru_cache(maxsize=1)
def looks() -> npt.NDArray[np.uint32]:
    """Return, as one array, what words are said for, and the folding tables with look-alikes joined.

    ``SLOTS`` of (hash, meaning), by open addressing; then offsets, letters, and letters as they were.
    """
    tables = letters()
    pool, plain = tables.pool.copy(), tables.pool.copy()
    for code, letter in LOOKS.items():
        pool[tables.pool == code] = letter
    for code, letter in _drawn().items():
        pool[tables.starts[code]], plain[tables.starts[code]] = ord(skeleton(chr(letter))), letter
    for code in FILLERS:
        pool[tables.starts[code]] = SEPARATOR
    return np.concatenate((_spoken(), tables.starts.astype(np.uint32), pool, plain))


def _drawn() -> dict[int, int]:
    """Return letters that are drawn as symbols, and so are separators elsewhere."""
    drawn = {ord(dots): ord(letter) for dots, letter in zip(*_BRAILLE, strict=True)}
    return drawn | {first + place: ord("a") + place for first in _ALPHABETS for place in range(26)}


def _hashed(word: str) -> int:
    """FNV-1a over the letters of a word, as ``retrieval.keyed`` reads it."""
    value = 0xCBF29CE484222325
    for letter in skeleton(word):
        value = ((value ^ ord(letter)) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def _spoken() -> npt.NDArray[np.uint32]:
    table = np.zeros((SLOTS, 2), np.uint32)
    said = _meanings()
    every = {word[:size]: 0 for word in said for size in range(1, len(word))} | said
    begins = {word[:size] for word in said for size in range(1, len(word))}
    for word, meaning in every.items():
        value = _hashed(word)
        slot, key = (value >> 32) & (SLOTS - 1), value & 0xFFFFFFFF
        while table[slot, 1] and int(table[slot, 0]) != key:
            slot = (slot + 1) & (SLOTS - 1)
        table[slot] = key, int(table[slot, 1]) | meaning | (PREFIX if word in begins else 0)
    return table.reshape(-1)


def _meanings() -> dict[str, int]:
    """Meaning in the lowest byte; above it how many digits, and the digits themselves."""
    said = dict.fromkeys(_ACCENTS.split(), ACCENT) | {word: _number(word[0], NUMBER) for word in _RADIO.split()}
    said |= {word: _number(str(digit), ROMAN) for digit, word in enumerate(_ROMAN.split(), start=2)}
    said |= dict.fromkeys(_SIGNS.split(), DROP) | dict.fromkeys(_AND.split(), AND)
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
