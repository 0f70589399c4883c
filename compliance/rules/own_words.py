"""Words of an officer's own in a letter: beside what the law asks for, never instead of it, never more than is shown.

What was erased, and how surely, is said by the evidence alone (``rules.claims``): a free paragraph of an outcome that
speaks of it is refused. The list of words catches plain sentences in the five languages; it is no judge of meaning, so
an officer still reads the letter as it goes.
"""

from __future__ import annotations

import re
import unicodedata

from compliance.rules.errors import InvalidInput
from compliance.rules.terms import Letter

LONGEST, MOST_PARAGRAPHS = 1500, 5
# Letters that go before any officer has seen the case, or that only carry a code, take no words of ours.
TAKEN_BY = tuple(
    letter for letter in Letter if letter not in (Letter.ACKNOWLEDGED, Letter.CODE, Letter.LAPSED, Letter.WITHDRAWN)
)
_CLAIMING = re.compile(  # of words as ``_plain`` has them: small, without accents
    r"\b(eras|delet|destroy|wip(?:e|ed|ing)\b|forgot|unlearn|compliant|remov|purg|scrub|anonymi"
    r"|no longer (?:hold|have|keep|store|process)"
    r"|gelosch|losch|vernicht|vergess|verlern|konform|entfern|getilgt|tilg"
    r"|effac|supprim|detrui|oublie|conforme|retire"
    r"|borra|elimin|suprim|destrui|olvid|quitad|retirad"
    r"|apag|exclui|esquec)"
)
_ADVICE = "Write about what happens next, or whom to ask; see the preview."


def paragraphs(letter: Letter, text: str) -> list[str]:
    """The text as paragraphs of one line each; InvalidInput for what may not stand in this letter."""
    if letter not in TAKEN_BY:
        raise InvalidInput(
            f"The letter '{letter.label}' takes no words of your own.", next_action="Choose another one."
        )
    found = [" ".join(part.split()) for part in re.split(r"\n\s*\n", text.replace("\r\n", "\n"))]
    kept = [part for part in found if part]
    if not kept or len(text) > LONGEST or len(kept) > MOST_PARAGRAPHS:
        raise InvalidInput(
            f"Words of your own: 1 to {MOST_PARAGRAPHS} paragraphs of together at most {LONGEST} characters.",
            next_action="Shorten them.",
        )
    if any(unicodedata.category(character) in ("Cc", "Cf", "Co", "Cs") for part in kept for character in part):
        raise InvalidInput("Words of your own hold signs that cannot be read.", next_action="Type them in again.")
    if any(_is_disguised(part) for part in kept):
        raise InvalidInput(
            "Words of your own mix letters of two alphabets in one word.", next_action="Type that word in again."
        )
    if letter is Letter.OUTCOME and any(_CLAIMING.search(_plain(part)) for part in kept):
        raise InvalidInput(
            "Words of your own speak of what was erased: in this letter only the evidence does.", next_action=_ADVICE
        )
    return kept


def _plain(text: str) -> str:
    """Small letters without accents, however they are written: what is pasted may hold an accent as its own sign."""
    parts = unicodedata.normalize("NFKD", text)
    return "".join(character for character in parts if not unicodedata.combining(character)).casefold()


def _is_disguised(text: str) -> bool:
    """Whether a word has Latin letters beside those of another alphabet: it reads as one word and is another."""
    words = re.findall(r"[^\W\d_]+", unicodedata.normalize("NFC", text))
    scripts = [{unicodedata.name(letter, "").split(" ")[0] for letter in word} for word in words]
    return any("LATIN" in found and found & {"CYRILLIC", "GREEK", "ARMENIAN", "COPTIC"} for found in scripts)
