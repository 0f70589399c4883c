"""Where somebody may go beside the authority, by law and language: whole sentences, because no two laws say the same.

GDPR Art. 79(2); UK GDPR Art. 79, Data Protection Act 2018 s. 180; LGPD Art. 18 §8, Art. 22; Swiss FADP Art. 32(2) with
Civil Code Art. 28 ff.; California gives no right of action here (Cal. Civ. Code 1798.150(c)), but an Attorney General.
"""

from __future__ import annotations

from collections.abc import Mapping

from compliance.rules.terms import Law

_GDPR: Mapping[str, str] = {
    "en": "You may also go to court: to the courts of the country where you live, or where we are established.",
    "de": "Sie können auch vor Gericht gehen: in dem Land, in dem Sie wohnen, oder in dem Land, in dem wir sitzen.",
    "fr": "Vous pouvez aussi saisir la justice : les tribunaux du pays où vous habitez, ou de celui où nous sommes "
    "établis.",
    "es": "También puede acudir a los tribunales: los del país donde usted vive, o los del país donde estamos "
    "establecidos.",
    "pt-br": "Você também pode ir à Justiça: aos tribunais do país onde você mora, ou onde estamos estabelecidos.",
}
_UK: Mapping[str, str] = {
    "en": "You may also go to court in the United Kingdom.",
    "de": "Sie können auch im Vereinigten Königreich vor Gericht gehen.",
    "fr": "Vous pouvez aussi saisir la justice au Royaume-Uni.",
    "es": "También puede acudir a los tribunales del Reino Unido.",
    "pt-br": "Você também pode ir à Justiça do Reino Unido.",
}
_SWISS: Mapping[str, str] = {
    "en": "You may also bring a civil action in Switzerland.",
    "de": "Sie können auch in der Schweiz vor dem Zivilgericht klagen.",
    "fr": "Vous pouvez aussi saisir le juge civil en Suisse.",
    "es": "También puede acudir al juez civil en Suiza.",
    "pt-br": "Você também pode mover uma ação civil na Suíça.",
}
_LGPD: Mapping[str, str] = {
    "en": "You may also turn to the consumer protection bodies in Brazil, and go to court there.",
    "de": "Sie können sich auch an die Stellen für Verbraucherschutz in Brasilien wenden und dort vor Gericht gehen.",
    "fr": "Vous pouvez aussi vous adresser aux organismes de défense des consommateurs au Brésil, et y saisir la "
    "justice.",
    "es": "También puede dirigirse a los organismos de defensa del consumidor en Brasil y acudir allí a los "
    "tribunales.",
    "pt-br": "Você também pode procurar os órgãos de defesa do consumidor e ir à Justiça.",
}
_CCPA: Mapping[str, str] = {
    "en": "You may also complain to the Attorney General of California.",
    "de": "Sie können sich auch beim Attorney General von Kalifornien beschweren.",
    "fr": "Vous pouvez aussi déposer une plainte auprès du procureur général de Californie.",
    "es": "También puede presentar una queja ante el fiscal general de California.",
    "pt-br": "Você também pode apresentar uma reclamação ao procurador-geral da Califórnia.",
}
REMEDIES: Mapping[Law, Mapping[str, str]] = {
    Law.GDPR: _GDPR,
    Law.UK_GDPR: _UK,
    Law.SWISS_FADP: _SWISS,
    Law.LGPD: _LGPD,
    Law.CCPA: _CCPA,
}


def court(law: Law, language: str) -> str:
    """The sentence; in English where the language is unknown."""
    said = REMEDIES[law]
    return said.get(language, said["en"])
