"""A name in Latin letters as registries write it: German umlauts spelled out, Cyrillic and Greek letter by letter.

Cyrillic: ICAO Doc 9303-3 (passports); Greek: ELOT 743 / ISO 843, without its digraphs' exceptions.
"""

from typing import Final

from retrieval.folding import fold

UMLAUTS: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
_CYRILLIC: Final = """
а a б b в v г g д d е e ё e ж zh з z и i й i к k л l м m н n о o п p р r с s т t у u ф f х kh ц ts ч ch ш sh щ shch
ъ ie ы y э e ю iu я ia і i ї i є ie ґ g ў u ј j љ lj њ nj ћ c џ dz ђ dj ѓ g ќ k ѕ dz
"""
_GREEK: Final = """
α a β v γ g δ d ε e ζ z η i θ th ι i κ k λ l μ m ν n ξ x ο o π p ρ r σ s ς s τ t υ y φ f χ ch ψ ps ω o
ά a έ e ή i ί i ό o ύ y ώ o ϊ i ϋ y ΐ i ΰ y
"""
_PAIRS: Final = f"{_CYRILLIC} {_GREEK}".split()
_TABLE: Final = str.maketrans(dict(zip(_PAIRS[::2], _PAIRS[1::2], strict=True)) | {"ь": ""})


def transliterated(value: str) -> tuple[str, ...]:
    """Return the folded Latin spellings of a name, each once; the name itself when it has no other letters."""
    plain = value.translate(UMLAUTS)
    return tuple(dict.fromkeys((fold(plain).text, fold(plain.lower().translate(_TABLE)).text)))
