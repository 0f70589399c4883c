"""What letters say of the work that was done, in the languages that letters have; plain language, level B1.

Claims are not here: they come from ``rules.sentences`` alone.
"""

from __future__ import annotations

from collections.abc import Mapping

_ENGLISH: Mapping[str, str] = {
    "court": "the courts of the country where you live, or where we are established",
    "verification": "You show that you control the address this letter was sent to.",
    "nothing_else": "nothing else was asked",
    "no_other_use": "it is kept for this purpose only",
    "erase_records": "We erased your records from {name}: {count}.",
    "redact_records": "We blanked your data in records of other people in {name}: {count}.",
    "rebuild_index": "We took your entries out of {name} and wrote it anew: {count}.",
    "purge_cache": "We removed stored answers from {name}: {count}.",
    "purge_log": "We removed or blanked your entries in {name}: {count}.",
    "replay_model": "We trained {name} again from its recorded run, without your data.",
    "unlearn_model": "We trained {name} further to make it forget your data; what we measured stands below.",
    "suppress_output": "We keep your data out of the answers of {name}.",
    "hide_from_index": "We took your entries in {name} out of every search at once.",
    "forward_to_controller": "We passed your request on to the organisation for which we hold {name}.",
    "decided": "We looked in every registered place; what we decided about each stands below.",
    "kept_because": "{name}: {reason}",
    "kept_until": "{name}: {reason} We look at this again on {day}.",
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
    "prevention": "We keep fingerprints of what was erased, from which nobody can read your data, so that our systems "
    "can recognise it and leave it out. We also search again after 7, 30 and 90 days.",
    "no_risk": "We know of no risk beyond what is listed above.",
}
_PORTUGUESE: Mapping[str, str] = {
    "court": "os tribunais do país onde você mora, ou onde estamos estabelecidos",
    "verification": "Você mostra que controla o endereço para o qual esta carta foi enviada.",
    "nothing_else": "nada mais foi pedido",
    "no_other_use": "é mantido somente para esta finalidade",
    "erase_records": "Eliminamos os seus registros de {name}: {count}.",
    "redact_records": "Apagamos os seus dados em registros de outras pessoas em {name}: {count}.",
    "rebuild_index": "Retiramos as suas entradas de {name} e o gravamos de novo: {count}.",
    "purge_cache": "Removemos respostas guardadas em {name}: {count}.",
    "purge_log": "Removemos ou apagamos as suas entradas em {name}: {count}.",
    "replay_model": "Treinamos {name} de novo a partir da execução registrada, sem os seus dados.",
    "unlearn_model": "Treinamos {name} mais um pouco para que esqueça os seus dados; o que medimos está abaixo.",
    "suppress_output": "Mantemos os seus dados fora das respostas de {name}.",
    "hide_from_index": "Retiramos imediatamente as suas entradas em {name} de todas as buscas.",
    "forward_to_controller": "Encaminhamos o seu pedido à organização em nome da qual guardamos {name}.",
    "decided": "Procuramos em todos os lugares registrados; o que decidimos sobre cada um está abaixo.",
    "kept_because": "{name}: {reason}",
    "kept_until": "{name}: {reason} Vamos rever isso em {day}.",
    "search_again": "Procuramos de novo após 7, 30 e 90 dias.",
    "exclude_from_training": "Gravamos impressões digitais do que foi eliminado, para reconhecê-lo se voltar.",
    "searched": "Procuramos em todos os lugares registrados e não encontramos nada para eliminar.",
    "no_claim": "Nenhum lugar guarda dados que pudéssemos ligar a você.",
    "undo": "uma cópia de segurança cifrada do que foi removido de {name}, até {day}",
    "superseded": "a versão substituída de {name}, fora de serviço, até {day}",
    "open": "ainda não concluído: {step} ({name})",
    "open:notify_recipients": "avisar quem recebeu dados",
    "open:forward_to_controller": "encaminhar o seu pedido",
    "told": "{name} (pedimos a eliminação; a resposta ainda não chegou)",
    "prevention": "Guardamos impressões digitais do que foi eliminado, nas quais ninguém pode ler os seus dados, para "
    "que nossos sistemas o reconheçam e o deixem de fora. Também procuramos de novo após 7, 30 e 90 dias.",
    "no_risk": "Não conhecemos outro risco além do que está listado acima.",
}
_TABLES: Mapping[str, Mapping[str, str]] = {"en": _ENGLISH, "pt-br": _PORTUGUESE}


def phrase(key: str, language: str, **values: object) -> str:
    """The phrase in the language, English where there is none; KeyError for an unknown phrase."""
    return _TABLES.get(language.lower(), _ENGLISH)[key].format(**values)


def known(key: str) -> bool:
    """Whether there is such a phrase."""
    return key in _ENGLISH
