"""What letters say of the work that was done, in the languages that letters have; plain language, level B1.

Claims are not here: they come from ``rules.sentences`` alone.
"""

from __future__ import annotations

from collections.abc import Mapping

from compliance.evidence.phrases_latin import FRENCH, PORTUGUESE, SPANISH

_ENGLISH: Mapping[str, str] = {
    "verification": "You show that you control the address this letter was sent to.",
    "nothing_else": "nothing else was asked",
    "no_other_use": "it is kept for this purpose only",
    "erase_records": "We erased your records from {name}: {count}.",
    "redact_records": "We blanked your data in records of other people in {name}: {count}.",
    "rebuild_index": "We took your entries out of {name} and wrote it anew: {count}.",
    "purge_cache": "We removed stored answers from {name}: {count}.",
    "purge_log": "We removed or blanked your entries in {name}: {count}.",
    "replay_model": "We trained {name} again from its recorded run, without your data.",
    "replay_model:job": "We trained {name} again, without your data.",
    "unlearn_model": "We trained {name} further to make it forget your data; what we measured stands below.",
    "suppress_output": "We keep your data out of the answers of {name}.",
    "hide_from_index": "We took your entries in {name} out of every search at once.",
    "forward_to_controller": "We passed your request on to the organisation for which we hold {name}.",
    "decided": "We looked in every registered place; what we decided about each stands below.",
    "kept_because": "{name}: {reason}",
    "kept_until": "{name}: {reason} We look at this again on {day}.",
    "declined_lines": "{name}: lines in our list of who is on which picture that name other people as well ({count}). "
    "We looked at them and left them as they are; they may still name you.",
    "declined_pictures": "{name}: pictures that show other people as well, or that only look like yours ({count}). We "
    "looked at them and left them as they are; our list of who is on them no longer names you.",
    "declined_text": "{name}: records of other people with the same text as one of yours, or nearly ({count}). We "
    "looked at them, found that they are not yours, and left them as they are.",
    "left_alone": "Records with only your name, or with a detail that is not proven to be yours, stay if they are not "
    "yours. We do not say whether there are any: they are about other people.",
    "search_again": "We search again after 7, 30 and 90 days.",
    "exclude_from_training": "We wrote fingerprints of what was erased, so that it can be recognised if it comes back.",
    "searched": "We looked in every registered place and found nothing to erase.",
    "no_claim": "No place holds data that we could tie to you.",
    "undo": "an encrypted safety copy of what was removed from {name}, until {day}",
    "superseded": "the replaced version of {name}, out of service, until {day}",
    "open": "not finished yet: {step} ({name})",
    "open:notify_recipients": "telling those who received data",
    "open:forward_to_controller": "passing your request on",
    "told": "{name} (asked to erase; their answer is not here yet)",
    "prevention": "We keep fingerprints of what was erased, from which nobody can read your data, so that our "
    "systems can recognise it and leave it out. We also search again after 7, 30 and 90 days.",
    "kind:email": "your e-mail address",
    "kind:phone": "your telephone number",
    "kind:customer_id": "your customer number",
    "kind:username": "your user name",
    "kind:name": "your name",
    "kind:tax_id": "your tax number",
    "looked": "We looked for {kinds}, in every usual spelling.",
    "looked_without_name": "We had no name to look for. A text that says your name and none of these was not "
    "found; if you know of one, tell us.",
    "looked_by_name": "Where a text says your name and none of the others, one of us looked at it, because "
    "other people may have the same name.",
    "case_file": "What you wrote, and what was found and where, encrypted under a key of its own, only to carry "
    "out, show and keep up the erasure. The key is destroyed {days} days after the request is closed; then nobody "
    "can read it.",
    "no_risk": "We know of no risk beyond what is listed above.",
    "destroyed": "What you send us for this is looked at once and destroyed after the decision.",
    "pause_counts": "Until your answer is here, the time for our own answer stands still. It was due by {day}.",
    "pause_does_not_count": "The date of our answer does not change: {day}.",
    "every_place": "in every place",
    "excessive_article": "manifestly unfounded or excessive: GDPR Art. 12(5)",
    "unidentified_article": "the person cannot be identified: GDPR Art. 11(2), 12(2)",
    "forward_article": "we act for the controller: GDPR Art. 28(3)(e)",
    "forward_article_lgpd": "we are not the agent who decides: LGPD Art. 18 §4 I",
    "excessive_article_lgpd": "reasons of fact: LGPD Art. 18 §4 II",
    "unidentified_article_lgpd": "reasons of fact: LGPD Art. 18 §4 II",
    "excessive_article_ccpa": "manifestly unfounded or excessive: Cal. Civ. Code 1798.145(h)(3)",
    "unidentified_article_ccpa": "the request cannot be verified: Cal. Civ. Code 1798.130(a)(2)",
    "told_acknowledged": "{name} (asked to erase; they have our message, and have not said that it is done)",
    "told_confirmed": "{name} (they say that it was erased, on {day}; we have not checked it)",
    "told_verified": "{name} (erased, and checked by us on {day})",
}
_GERMAN: Mapping[str, str] = {
    "verification": "Sie zeigen, dass die Adresse, an die dieser Brief ging, Ihre ist.",
    "nothing_else": "mehr wurde nicht angefragt",
    "no_other_use": "es wird nur für diesen Zweck behalten",
    "erase_records": "Wir haben Ihre Einträge in {name} gelöscht: {count}.",
    "redact_records": "Wir haben Ihre Daten in Einträgen anderer Menschen in {name} unkenntlich gemacht: {count}.",
    "rebuild_index": "Wir haben Ihre Einträge aus {name} genommen und es neu geschrieben: {count}.",
    "purge_cache": "Wir haben gespeicherte Antworten aus {name} entfernt: {count}.",
    "purge_log": "Wir haben Ihre Einträge in {name} entfernt oder unkenntlich gemacht: {count}.",
    "replay_model": "Wir haben {name} nach dem aufgezeichneten Ablauf neu trainiert, ohne Ihre Daten.",
    "replay_model:job": "Wir haben {name} neu trainiert, ohne Ihre Daten.",
    "unlearn_model": "Wir haben {name} weiter trainiert, damit es Ihre Daten vergisst; was wir gemessen haben, "
    "steht unten.",
    "suppress_output": "Wir halten Ihre Daten aus den Antworten von {name} heraus.",
    "hide_from_index": "Wir haben Ihre Einträge in {name} sofort aus jeder Suche genommen.",
    "forward_to_controller": "Wir haben Ihre Anfrage weitergegeben an die Organisation, für die wir {name} halten.",
    "decided": "Wir haben an jedem eingetragenen Ort gesucht; was wir zu jedem entschieden haben, steht unten.",
    "kept_because": "{name}: {reason}",
    "kept_until": "{name}: {reason} Wir prüfen das wieder am {day}.",
    "declined_lines": "{name}: Zeilen unserer Liste, wer auf welchem Bild ist, die auch andere Personen nennen "
    "({count}). Wir haben sie angesehen und so gelassen; sie können Sie noch nennen.",
    "declined_pictures": "{name}: Bilder, auf denen auch andere Personen sind oder die Ihren nur ähneln ({count}). Wir "
    "haben sie angesehen und so gelassen; unsere Liste, wer darauf ist, nennt Sie nicht mehr.",
    "declined_text": "{name}: Einträge anderer Personen mit demselben oder fast demselben Text wie einer von Ihnen "
    "({count}). Wir haben sie angesehen; sie sind nicht Ihre, und wir haben sie so gelassen.",
    "left_alone": "Einträge, in denen nur Ihr Name steht oder eine Angabe, die nicht als Ihre nachgewiesen ist, "
    "bleiben, wenn sie nicht Ihre sind. Ob es solche gibt, sagen wir nicht: Sie handeln von anderen Personen.",
    "search_again": "Wir suchen nach 7, 30 und 90 Tagen noch einmal.",
    "exclude_from_training": "Wir haben Fingerabdrücke des Gelöschten aufgeschrieben, um es zu erkennen, falls es "
    "zurückkommt.",
    "searched": "Wir haben an jedem eingetragenen Ort gesucht und nichts gefunden, was zu löschen wäre.",
    "no_claim": "An keinem Ort sind Daten, die wir Ihnen zuordnen konnten.",
    "undo": "eine verschlüsselte Sicherungskopie dessen, was aus {name} entfernt wurde, bis zum {day}",
    "superseded": "die ersetzte Fassung von {name}, außer Betrieb, bis zum {day}",
    "open": "noch nicht fertig: {step} ({name})",
    "open:notify_recipients": "denen Bescheid sagen, die Daten bekommen haben",
    "open:forward_to_controller": "Ihre Anfrage weitergeben",
    "told": "{name} (um Löschung gebeten; die Antwort ist noch nicht da)",
    "prevention": "Wir behalten Fingerabdrücke des Gelöschten, aus denen niemand Ihre Daten lesen kann, damit "
    "unsere Systeme es erkennen und weglassen. Wir suchen auch nach 7, 30 und 90 Tagen noch "
    "einmal.",
    "kind:email": "Ihrer E-Mail-Adresse",
    "kind:phone": "Ihrer Telefonnummer",
    "kind:customer_id": "Ihrer Kundennummer",
    "kind:username": "Ihrem Benutzernamen",
    "kind:name": "Ihrem Namen",
    "kind:tax_id": "Ihrer Steuernummer",
    "looked": "Wir haben nach {kinds} gesucht, in jeder üblichen Schreibweise.",
    "looked_without_name": "Wir hatten keinen Namen, nach dem wir suchen konnten. Ein Text mit Ihrem Namen und "
    "ohne eine dieser Angaben wurde nicht gefunden; wenn Sie einen kennen, sagen Sie es uns.",
    "looked_by_name": "Wo ein Text Ihren Namen nennt und sonst nichts davon, hat ihn jemand von uns angesehen, "
    "weil andere genauso heißen können.",
    "case_file": "Was Sie geschrieben haben und was wo gefunden wurde, verschlüsselt mit einem eigenen Schlüssel, "
    "nur um die Löschung auszuführen, zu belegen und aufrechtzuerhalten. Der Schlüssel wird {days} Tage nach "
    "Abschluss der Anfrage vernichtet; dann kann es niemand mehr lesen.",
    "no_risk": "Wir kennen kein Risiko außer dem, was oben steht.",
    "destroyed": "Was Sie uns dafür schicken, sehen wir einmal an und vernichten es nach der Entscheidung.",
    "pause_counts": "Bis Ihre Antwort da ist, steht die Frist für unsere Antwort still. Sie endete am {day}.",
    "pause_does_not_count": "Das Datum unserer Antwort ändert sich nicht: {day}.",
    "every_place": "an allen Orten",
    "excessive_article": "offenkundig unbegründet oder exzessiv, Art. 12 Abs. 5 DSGVO",
    "unidentified_article": "die Person ist nicht identifizierbar, Art. 11 Abs. 2, Art. 12 Abs. 2 DSGVO",
    "forward_article": "wir handeln für den Verantwortlichen, Art. 28 Abs. 3 lit. e DSGVO",
    "forward_article_lgpd": "wir sind nicht die Stelle, die entscheidet, Art. 18 §4 I LGPD",
    "excessive_article_lgpd": "Gründe der Tatsache, Art. 18 §4 II LGPD",
    "unidentified_article_lgpd": "Gründe der Tatsache, Art. 18 §4 II LGPD",
    "excessive_article_ccpa": "offenkundig unbegründet oder exzessiv, Cal. Civ. Code 1798.145(h)(3)",
    "unidentified_article_ccpa": "die Anfrage lässt sich nicht prüfen, Cal. Civ. Code 1798.130(a)(2)",
    "told_acknowledged": "{name} (um Löschung gebeten; die Nachricht ist angekommen, erledigt gemeldet ist sie nicht)",
    "told_confirmed": "{name} (sagt, es wurde am {day} gelöscht; wir haben es nicht geprüft)",
    "told_verified": "{name} (gelöscht, und von uns geprüft am {day})",
}
TABLES: Mapping[str, Mapping[str, str]] = {
    "en": _ENGLISH,
    "pt-br": PORTUGUESE,
    "de": _GERMAN,
    "fr": FRENCH,
    "es": SPANISH,
}


def phrase(key: str, language: str, **values: object) -> str:
    """The phrase in the language, English where there is none; KeyError for an unknown phrase."""
    return TABLES.get(language.lower(), _ENGLISH)[key].format(**values)


def known(key: str) -> bool:
    """Whether there is such a phrase."""
    return key in _ENGLISH
