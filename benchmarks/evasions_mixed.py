"""A third list of ways to write an identifier: up to three disguises at once, in markup, codes and other scripts.

Made by rules of their own: tags and entities between letters, escapes of URLs, JSON (also inside a string of JSON) and
mail, signs in brackets in languages that the filter has no words for, other alphabets and digits, pictures and flags
between letters, a character a cell, said words cut by line ends.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from benchmarks.evasions import DIGITS, SIGNS, Case
from benchmarks.people import People
from retrieval.suppress import Entry

CARRIERS = (
    ("You can reach them at ", ", any time."),
    ("Die Adresse lautet: ", " (Stand heute)."),
    ("O contacto é ", ", segundo a ficha."),
    ("```\ncontact = ", "\n```\n"),
    ("| field | value |\n|---|---|\n| contact | ", " | ok |\n"),
    ('{"contact": "', '", "ok": true}'),
    ("<p>Contact: ", "</p>"),
)
ELSEWHERE = (" [ät] ", " (chiocciola) ", " [apestaartje] ", " (zavináč) ", " {sobaka} ", "[at]", " (AT) ", " <at> ")
DOTS = (" (dot) ", "[.]", " (bod) ", " [punto] ", "(.)", " {tochka} ")
TAGS = ("<b>", "</b>", "<i>", "</i>", '<span class="x">', "</span>", "<wbr>", "<br/>", "<!-- . -->")
ENTITIES = ("&nbsp;", "&#8203;", "&shy;", "&zwnj;", "&#x200B;", "&ZeroWidthSpace;")
PICTURES = ("📧", "✨", "🔥", "⭐️", "❤️", "👉🏽", "🇩🇪", "🏴\U000e0067\U000e0062\U000e007f")  # fmt: skip
MARKS = ("**", "_", "`", "~~", "*", "||")
SELECTORS = "\ufe00\ufe0f\U000e0100\u034f\u180e\u3164\u115f\u2061"
GREEK = str.maketrans("aeiopxtukvn", "αειορχτυκνη")
CYRILLIC = str.maketrans("aceopxyijsktmbh", "асеорхуіјѕктмвһ")
CHEROKEE = str.maketrans("abcdefghijklmnopqrstuvwxyz", "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘǫʀꜱᴛᴜᴠᴡxʏᴢ")
ALPHABETS = (0x1D400, 0x1D434, 0x1D468, 0x1D4D0, 0x1D504, 0x1D56C, 0x1D5A0, 0x1D5D4, 0x1D608, 0x1D63C, 0x1D670)
ZEROS = (0x660, 0x6F0, 0x966, 0x9E6, 0xA66, 0xE50, 0xED0, 0x1040, 0x17E0, 0xFF10, 0x1D7CE, 0x1D7D8, 0x1D7EC, 0x1FBF0)
CHINESE = "〇一二三四五六七八九"
BRAILLE = dict(zip("abcdefghijklmnopqrstuvwxyz", "⠁⠃⠉⠙⠑⠋⠛⠓⠊⠚⠅⠇⠍⠝⠕⠏⠟⠗⠎⠞⠥⠧⠺⠭⠽⠵", strict=True))
CODED = {"percent", "percent twice", "entities", "json", "json in json", "of mail", "hexadecimal", "pieces of code"}
UNIT = re.compile(r"&#?\w+;|%25\w\w|%\w\w|=\w\w|\\\\?u\w{4}|\\x\w\w|\\n|.", re.DOTALL)  # what cut is a code no more
Way = Callable[[str], str]


class Mixed:
    """Makes cases about some people."""

    def __init__(self, seed: int, people: int = 150) -> None:
        self._chance = random.Random(seed)
        source = People(self._chance)
        kinds = ("email", "phone", "customer_id")
        self.entries = [Entry(kind, source.value(kind), f"m{n}") for n in range(people) for kind in kinds]

    def cases(self, count: int) -> list[Case]:
        """Return so many cases."""
        return [self._case() for _ in range(count)]

    def _case(self) -> Case:
        chance = self._chance
        entry, (before, after) = chance.choice(self.entries), chance.choice(CARRIERS)
        rewritten, alphabets, between = self._rewritten(entry.kind), self._alphabets(), self._between()
        layers = [layer for layer in (rewritten, alphabets, between) if chance.random() < 0.6] or [between]
        spelled, names = entry.value, list[str]()
        for layer in layers:  # words first, then letters, then what stands between them
            if layer is alphabets and CODED & set(names):
                continue  # in other letters a code is none
            name = chance.choice(sorted(layer))
            spelled = layer[name](spelled)
            names.append(name)
        text, tokens, at = before + spelled + after, list[str](), 0
        while at < len(text):
            size = chance.choice((1, 2, 3, 5, 8))
            tokens.append(text[at : at + size])
            at += size
        return Case(before, spelled, after, f"{entry.kind}: {' + '.join(names)}", "", tuple(tokens))

    def _rewritten(self, kind: str) -> dict[str, Way]:
        """What stands for signs and digits: words, codes, brackets."""
        chance = self._chance
        language = chance.choice(sorted(DIGITS))
        at, dot = SIGNS[language]
        if kind == "email":
            return {
                "said signs": lambda text: text.replace(".", dot).replace("@", at),
                "shouted signs": lambda text: text.replace(".", dot.upper()).replace("@", at.upper()),
                "signs cut by a line": lambda text: self._cut(text.replace("@", at), at.strip()),
                "signs in brackets": lambda text: text.replace("@", chance.choice(ELSEWHERE)).replace(
                    ".", chance.choice(DOTS)
                ),
                "percent": lambda text: "".join(
                    f"%{ord(part):02x}" if chance.random() < 0.3 or part == "@" else part for part in text
                ),
                "percent twice": lambda text: text.replace("@", "%2540").replace(".", "%252E"),
                "entities": lambda text: "".join(
                    chance.choice((f"&#{ord(part)};", f"&#x{ord(part):x};"))
                    if chance.random() < 0.3 or part == "@"
                    else part
                    for part in text
                ),
                "json": lambda text: "".join(
                    f"\\u{ord(part):04x}" if chance.random() < 0.3 or part == "@" else part for part in text
                ),
                "json in json": lambda text: "".join(
                    f"\\\\u{ord(part):04X}" if chance.random() < 0.3 or part == "@" else part for part in text
                ),
                "after a written line end": lambda text: f"x\\n{text}\\n",
                "of mail": lambda text: text.replace("@", "=40").replace(".", "=2E"),
                "hexadecimal": lambda text: text.replace("@", "\\x40").replace(".", "\\x2e"),
                "tag": lambda text: text.replace("@", "+a.b-c2@"),
                "pieces of code": lambda text: text.replace(".", '" + "."  + "').replace("@", "' + '@' + '"),
            }
        digits = DIGITS[language]
        ways: dict[str, Way] = {
            "said digits": lambda text: "".join(f" {digits[int(p)]} " if p in "0123456789" else p for p in text),
            "some said": lambda text: "".join(
                f" {digits[int(p)]} " if p in "0123456789" and chance.random() < 0.4 else p for p in text
            ),
            "said, cut by lines": lambda text: "".join(
                f" {self._cut(digits[int(p)], digits[int(p)])} " if p in "0123456789" else p for p in text
            ),
            "chinese": lambda text: "".join(CHINESE[int(p)] if p in "0123456789" else p for p in text),
            "entities": lambda text: "".join(f"&#{ord(p)};" if p in "0123456789" else p for p in text),
            "percent": lambda text: "".join(f"%{ord(p):02X}" if p in "0123456789" else p for p in text),
            "roman": lambda text: "".join(
                f" {('0', 'I', 'II', 'III', 'IV', 'V', 'VI', 'VII', 'VIII', 'IX')[int(p)]} " if p in "23468" else p
                for p in text
            ),
        }
        if kind == "phone":
            ways["abroad"] = lambda text: chance.choice(("+49", "0049 ", "+49 (0)", "(+49) ")) + text.lstrip("0")
            ways["extension"] = lambda text: f"{text}{chance.choice((' ext. 12', '-0', ' x7'))}"
            ways["uri"] = lambda text: "tel:+49-" + text.lstrip("0").replace(" ", "-")
        return ways

    def _alphabets(self) -> dict[str, Way]:
        chance = self._chance
        capital, zero = chance.choice(ALPHABETS), chance.choice(ZEROS)

        def letters(first: int) -> Way:
            return lambda text: "".join(
                chr(first + 26 + ord(p) - 97) if "a" <= p <= "z" and p.isascii() else p for p in text
            )

        return {
            "mathematical": letters(capital),
            "digits of a script": lambda text: "".join(chr(zero + int(p)) if p in "0123456789" else p for p in text),
            "wide": lambda text: "".join(chr(ord(p) + 0xFEE0) if "!" <= p <= "~" else p for p in text),
            "greek": lambda text: text.translate(GREEK),
            "cyrillic": lambda text: text.translate(CYRILLIC),
            "small capitals": lambda text: text.translate(CHEROKEE),
            "squared": lambda text: "".join(chr(0x1F130 + ord(p) - 97) if "a" <= p <= "z" else p for p in text),
            "squared dark": lambda text: "".join(chr(0x1F170 + ord(p) - 97) if "a" <= p <= "z" else p for p in text),
            "bubbles dark": lambda text: "".join(chr(0x1F150 + ord(p) - 97) if "a" <= p <= "z" else p for p in text),
            "flags": lambda text: "".join(chr(0x1F1E6 + ord(p) - 97) if "a" <= p <= "z" else p for p in text),
            "hidden tags": lambda text: "".join(chr(0xE0000 + ord(p)) if "!" <= p <= "~" else p for p in text),
            "braille": lambda text: "".join(BRAILLE.get(p, p) for p in text),
            "keycaps": lambda text: "".join(f"{p}\ufe0f\u20e3" if p in "0123456789" else p for p in text),
            "case": lambda text: "".join(chance.choice((p.upper(), p.lower())) for p in text),
        }

    def _between(self) -> dict[str, Way]:
        chance = self._chance

        def sprinkled(marks: tuple[str, ...], share: float) -> Way:
            def way(text: str) -> str:
                return "".join(
                    p + (chance.choice(marks) if chance.random() < share else "") for p in UNIT.findall(text)
                )

            return way

        return {
            "tags": sprinkled(TAGS, 0.35),
            "a tag a letter": lambda text: "".join(f"<b>{p}</b>" for p in UNIT.findall(text)),
            "entities between": sprinkled(ENTITIES, 0.35),
            "marks": sprinkled(MARKS, 0.35),
            "pictures": sprinkled(PICTURES, 0.3),
            "selectors": sprinkled(tuple(SELECTORS), 0.5),
            "stacks": sprinkled(("\u0336\u0489", "\u0301\u0330\u033d", "\u20dd"), 0.6),
            "cells": lambda text: " | ".join(UNIT.findall(text)),
            "cells of a page": lambda text: "".join(f"<td>{p}</td>" for p in UNIT.findall(text)),
            "lines": lambda text: "\n".join(UNIT.findall(text)),
            "quoted lines": lambda text: "".join(p + (chance.random() < 0.2) * "\n> " for p in UNIT.findall(text)),
            "commas": lambda text: ", ".join(f"'{p}'" for p in UNIT.findall(text)),
            "line ends": sprinkled(("\n", "\r\n", "\u2028"), 0.15),
        }

    def _cut(self, text: str, word: str) -> str:
        """Cut every such word somewhere by a line end or a sign."""
        parts = text.split(word)
        made = parts[0]
        for part in parts[1:]:
            at = self._chance.randrange(1, len(word)) if len(word) > 1 else 1
            made += word[:at] + self._chance.choice(("\n", " ", "-\n", "·", "\r\n")) + word[at:] + part
        return made
