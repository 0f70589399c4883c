"""A claim in words: one claim per sentence, plain language (level B1), English and Brazilian Portuguese.

Letters and reports say only what stands here. A sentence names the artifact as the entity registered it, never the
person.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from compliance.rules.errors import InvalidInput
from compliance.rules.proof import Claim, Plain
from compliance.rules.terms import Exemption, Ground

LANGUAGES = ("en", "pt-br")

_ENGLISH: Mapping[str, str] = {
    "erased": "We erased your data from {name} and checked that it is no longer there.",
    "erased_model": "We rebuilt {name} without your data and checked that it does not give your data.",
    "mitigated": "We changed {name} so that it no longer gives your data in our tests; it was not rebuilt without it. "
    "{extent} {bits} bits of exposure remained, measured against {attacker}{budget}.",
    "suppressed": "{name} no longer shows your data, but your data is still stored in it.",
    "suppressed_until": "{name} no longer shows your data, but your data is still stored in it. It is due to be erased "
    "by {until}.",
    "scheduled": "Your data is still in {name}. It is due to be erased by {until}.",
    "kept": "We keep your data in {name} because the law allows or requires it: {exemption}.",
    "forwarded": "We hold {name} for another organisation. We passed your request on to it, and it decides.",
    "not_shown": "We cannot show that your data is gone from {name}. The case stays open for it.",
    "copies_until": "A locked recovery copy remains until {copies_until} and is then destroyed.",
    "backups_until": "Backups may still hold your data until {backups_until}.",
    "may_be_undone": "Later training or compression of this model could bring some of it back.",
    "not_enough_power": "For at least one test there was too little data to say more.",
}
_PORTUGUESE: Mapping[str, str] = {
    "erased": "Apagamos os seus dados de {name} e verificamos que eles não estão mais lá.",
    "erased_model": "Reconstruímos {name} sem os seus dados e verificamos que ele não revela os seus dados.",
    "mitigated": "Alteramos {name} para que não revele mais os seus dados em nossos testes; ele não foi reconstruído "
    "sem eles. Restaram {extent} {bits} bits de exposição, medidos contra {attacker}{budget}.",
    "suppressed": "{name} não mostra mais os seus dados, mas eles continuam guardados ali.",
    "suppressed_until": "{name} não mostra mais os seus dados, mas eles continuam guardados ali. A eliminação está "
    "prevista até {until}.",
    "scheduled": "Os seus dados ainda estão em {name}. A eliminação está prevista até {until}.",
    "kept": "Mantemos os seus dados em {name} porque a lei permite ou exige: {exemption}.",
    "forwarded": "Guardamos {name} em nome de outra organização. Encaminhamos o seu pedido a ela, que decide.",
    "not_shown": "Não podemos demonstrar que os seus dados saíram de {name}. O caso continua aberto quanto a isso.",
    "copies_until": "Uma cópia de recuperação bloqueada permanece até {copies_until} e depois é destruída.",
    "backups_until": "Cópias de segurança ainda podem conter os seus dados até {backups_until}.",
    "may_be_undone": "Um treinamento ou uma compressão posterior deste modelo pode trazer parte deles de volta.",
    "not_enough_power": "Para pelo menos um teste houve poucos dados para afirmar mais.",
}
_TEXTS: Mapping[str, Mapping[str, str]] = {"en": _ENGLISH, "pt-br": _PORTUGUESE}

_MONTHS: Mapping[str, str] = {
    "en": "January February March April May June July August September October November December",
    "pt-br": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
}
_DAY: Mapping[str, str] = {"en": "{day} {month} {year}", "pt-br": "{day} de {month} de {year}"}
_ATTACKER: Mapping[str, str] = {"en": "our strongest attack", "pt-br": "nosso ataque mais forte"}
_ATTACKERS: Mapping[str, Mapping[str, str]] = {
    "probability_of_any_answer": {
        "en": "somebody who can read how likely the model finds any answer",
        "pt-br": "quem pode ler quão provável o modelo considera qualquer resposta",
    }
}
_BUDGET: Mapping[str, str] = {"en": " with {budget} tries", "pt-br": " com {budget} tentativas"}
_EXTENT: Mapping[str, Mapping[str, str]] = {
    "en": {"at_most": "At most", "about": "About"},
    "pt-br": {"at_most": "no máximo", "about": "cerca de"},
}
_EXEMPTIONS_PT: Mapping[str, str] = {
    "17-3-a": "liberdade de expressão e de informação, RGPD art. 17(3)(a)",
    "17-3-b": "obrigação legal ou tarefa pública, RGPD art. 17(3)(b)",
    "17-3-c": "saúde pública, RGPD art. 17(3)(c)",
    "17-3-d": "arquivo, pesquisa ou estatística, RGPD art. 17(3)(d)",
    "17-3-e": "ações judiciais, RGPD art. 17(3)(e)",
    "16-i": "obrigação legal ou regulatória, LGPD art. 16, I",
    "16-ii": "órgão de pesquisa, anonimizados quando possível, LGPD art. 16, II",
    "16-iii": "transferência lícita a terceiro, LGPD art. 16, III",
    "16-iv": "uso exclusivo do controlador, anonimizados, LGPD art. 16, IV",
    "1798.105-d": "exceção à eliminação, Cal. Civ. Code 1798.105(d)",
}

_GROUNDS_PT: Mapping[str, str] = {
    "17-1-a": "dados não mais necessários, RGPD art. 17(1)(a)",
    "17-1-b": "consentimento retirado, RGPD art. 17(1)(b)",
    "17-1-c": "oposição ao tratamento, RGPD art. 17(1)(c)",
    "17-1-d": "tratamento ilícito, RGPD art. 17(1)(d)",
    "17-1-e": "dever legal de eliminar, RGPD art. 17(1)(e)",
    "17-1-f": "dados de criança coletados on-line, RGPD art. 17(1)(f)",
    "18-iv": "dados desnecessários, excessivos ou ilícitos, LGPD art. 18, IV",
    "18-vi": "dados tratados com consentimento, LGPD art. 18, VI",
    "1798.105": "pedido do consumidor, Cal. Civ. Code 1798.105(a)",
}


def article(term: Ground | Exemption, language: str = "en") -> str:
    """A ground or an exemption with its article, as a letter says it."""
    words = {**_GROUNDS_PT, **_EXEMPTIONS_PT}
    return words[str(term)] if _known(language) == "pt-br" else term.label


def sentence(claim: Claim, language: str = "en") -> str:
    """The claim's own sentence in ``en`` or ``pt-br``; raises ``InvalidInput`` for another language."""
    return _write(claim.sentence_key, claim.params, language)


def sentences(claim: Claim, language: str = "en") -> tuple[str, ...]:
    """The claim's sentence, then what is limited about it: copies, backups, later training, tests without power."""
    return tuple(_write(key, claim.params, language) for key in (claim.sentence_key, *claim.notes))


def day_in_words(day: date, language: str = "en") -> str:
    """A day as people write it: 7 April 2026, 7 de abril de 2026."""
    month = _MONTHS[_known(language)].split()[day.month - 1]
    return _DAY[_known(language)].format(day=day.day, month=month, year=day.year)


def _known(language: str) -> str:
    short = language.lower().replace("_", "-")
    short = "pt-br" if short == "pt" else short.split("-")[0] if short.startswith("en") else short
    if short in LANGUAGES:
        return short
    raise InvalidInput(f"Writing a claim: no sentences in language {language!r}.", next_action="Use en or pt-br.")


def _write(key: str, params: Mapping[str, Plain], language: str) -> str:
    known = _known(language)
    return _TEXTS[known][key].format_map({name: _in_words(name, value, known) for name, value in params.items()})


def _in_words(name: str, value: Plain, language: str) -> str:
    if name == "budget":
        return "" if value is None else _BUDGET[language].format(budget=_number(value, language))
    if name == "attacker":
        return _ATTACKERS.get(str(value), {}).get(language) or str(value or _ATTACKER[language])
    if name == "extent":
        return _EXTENT[language][str(value)]
    if name == "bits":
        return f"{value}" if language == "en" else f"{value}".replace(".", ",")
    if name == "exemption":
        return article(Exemption(str(value)), language)
    if name.endswith("until") and isinstance(value, str):
        return day_in_words(date.fromisoformat(value), language)
    return "" if value is None else str(value)


def _number(value: Plain, language: str) -> str:
    text = f"{value:,}" if isinstance(value, int) else str(value)
    return text if language == "en" else text.replace(",", ".")
