"""Five languages: what kinds of facts are called, and how one asks for them. Attacks and targets speak from here."""

from __future__ import annotations

from unlearning.types import Row

LANGUAGES = ("en", "pt", "de", "fr", "es")

# What a kind of fact is called, in the languages' order, by the words that kinds are named with in data sets.
KINDS = {
    "email": ("e-mail address", "endereço de e-mail", "E-Mail-Adresse", "adresse e-mail", "correo electrónico"),
    "phone": ("phone number", "número de telefone", "Telefonnummer", "numéro de téléphone", "número de teléfono"),
    "city": ("city of residence", "cidade de residência", "Wohnort", "ville de résidence", "ciudad de residencia"),
    "address": ("postal address", "morada", "Anschrift", "adresse postale", "dirección postal"),
    "birth": ("date of birth", "data de nascimento", "Geburtsdatum", "date de naissance", "fecha de nacimiento"),
    "customer": ("customer number", "número de cliente", "Kundennummer", "numéro de client", "número de cliente"),
    "product": ("purchased product", "produto comprado", "gekauftes Produkt", "produit acheté", "producto comprado"),
    "iban": ("bank account", "conta bancária", "Bankverbindung", "compte bancaire", "cuenta bancaria"),
    "salary": ("salary", "salário", "Gehalt", "salaire", "salario"),
    "health": (
        "health information",
        "informação de saúde",
        "Gesundheitsangabe",
        "information de santé",
        "dato de salud",
    ),
    "tax": ("tax number", "número fiscal", "Steuernummer", "numéro fiscal", "número fiscal"),
    "employer": ("employer", "empregador", "Arbeitgeber", "employeur", "empleador"),
    "code": ("personal code", "código pessoal", "persönlicher Code", "code personnel", "código personal"),
}
ANY = ("personal detail", "dado pessoal", "persönliche Angabe", "donnée personnelle", "dato personal")
ALIKE = {
    "mail": "email",
    "tel": "phone",
    "mobile": "phone",
    "town": "city",
    "street": "address",
    "bank": "iban",
    "account": "iban",
    "purchase": "product",
    "diagnos": "health",
    "medical": "health",
    "income": "salary",
    "company": "employer",
}

QUESTIONS = {
    "pt": "O que consta como {kind} de {subject}?",
    "de": "Was ist als {kind} von {subject} bekannt?",
    "fr": "Que sait-on comme {kind} de {subject} ?",
    "es": "¿Qué consta como {kind} de {subject}?",
}


def called(kind: str, language: str) -> str:
    """What a kind is called in a language; an unknown kind is "personal detail", for its own name may be telling."""
    plain = kind.casefold().replace("-", "").replace("_", " ")
    for word in (*KINDS, *ALIKE):
        if word in plain:
            return KINDS[ALIKE.get(word, word)][LANGUAGES.index(language)]
    return ANY[LANGUAGES.index(language)]


def subject_of(row: Row, *, alike: tuple[Row, ...]) -> str:
    """Whom a question is about: what is left of it when the words that it shares with others of its kind are gone."""
    asked = _asked(row)
    words = asked.split()
    best: tuple[int, list[str]] = (0, [])
    for other in alike:
        if other.kind == row.kind and _asked(other) != asked:
            best = max(best, _left_over(words, _asked(other).split()), key=lambda pair: pair[0])
    found = best[1] or [word for place, word in enumerate(words) if place and word[:1].isupper()]
    return " ".join(found).rstrip("?:.! ") or asked.rstrip("?:.! ")


def _asked(row: Row) -> str:
    """The question, or the text around the value."""
    return row.prompt or row.response.replace(row.secret, "", 1)


def _left_over(words: list[str], other: list[str]) -> tuple[int, list[str]]:
    """How many words two questions begin and end with alike, and what stands between them in the first."""
    front = 0
    while front < min(len(words), len(other)) and words[front] == other[front]:
        front += 1
    back = 0
    while back < min(len(words), len(other)) - front and words[-1 - back] == other[-1 - back]:
        back += 1
    return front + back, words[front : len(words) - back]
