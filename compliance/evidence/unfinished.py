"""Steps that are still to be done, as letters name them: "not finished yet: …", in every language of letters."""

from __future__ import annotations

from collections.abc import Mapping

_ERASE = {
    "en": "erasing your records",
    "de": "Ihre Einträge löschen",
    "fr": "effacer vos enregistrements",
    "es": "borrar sus registros",
    "pt-br": "eliminar os seus registros",
}
_MODEL = {
    "en": "making it without your data",
    "de": "es ohne Ihre Daten neu machen",
    "fr": "le refaire sans vos données",
    "es": "hacerlo de nuevo sin sus datos",
    "pt-br": "refazê-lo sem os seus dados",
}
_KEEP_OUT = {
    "en": "keeping your data out of answers",
    "de": "Ihre Daten aus Antworten heraushalten",
    "fr": "tenir vos données hors des réponses",
    "es": "mantener sus datos fuera de las respuestas",
    "pt-br": "manter os seus dados fora das respostas",
}
STEPS: Mapping[str, Mapping[str, str]] = {
    "erase_records": _ERASE,
    "purge_log": _ERASE,
    "redact_records": {
        "en": "blanking your data in records of other people",
        "de": "Ihre Daten in Einträgen anderer Menschen unkenntlich machen",
        "fr": "masquer vos données dans les enregistrements d’autres personnes",
        "es": "tachar sus datos en registros de otras personas",
        "pt-br": "apagar os seus dados em registros de outras pessoas",
    },
    "rebuild_index": {
        "en": "writing it anew without your entries",
        "de": "es ohne Ihre Einträge neu schreiben",
        "fr": "le réécrire sans vos entrées",
        "es": "escribirlo de nuevo sin sus entradas",
        "pt-br": "gravá-lo de novo sem as suas entradas",
    },
    "purge_cache": {
        "en": "removing stored answers",
        "de": "gespeicherte Antworten entfernen",
        "fr": "supprimer les réponses enregistrées",
        "es": "quitar respuestas guardadas",
        "pt-br": "remover respostas guardadas",
    },
    "replay_model": _MODEL,
    "unlearn_model": {
        "en": "making it forget your data",
        "de": "es Ihre Daten vergessen lassen",
        "fr": "lui faire oublier vos données",
        "es": "hacer que olvide sus datos",
        "pt-br": "fazer com que esqueça os seus dados",
    },
    "promote_model": {
        "en": "putting the new version into service",
        "de": "die neue Fassung in Betrieb nehmen",
        "fr": "mettre la nouvelle version en service",
        "es": "poner en servicio la nueva versión",
        "pt-br": "colocar a nova versão em serviço",
    },
    "suppress_output": _KEEP_OUT,
    "hide_from_index": {
        "en": "taking your entries out of every search",
        "de": "Ihre Einträge aus jeder Suche nehmen",
        "fr": "retirer vos entrées de toute recherche",
        "es": "quitar sus entradas de toda búsqueda",
        "pt-br": "retirar as suas entradas de toda busca",
    },
    "exclude_from_training": {
        "en": "writing fingerprints of what was erased",
        "de": "Fingerabdrücke des Gelöschten aufschreiben",
        "fr": "noter les empreintes de ce qui a été effacé",
        "es": "anotar huellas de lo borrado",
        "pt-br": "anotar impressões digitais do que foi eliminado",
    },
    "destroy_undo": {
        "en": "destroying the safety copy",
        "de": "die Sicherungskopie vernichten",
        "fr": "détruire la copie de sécurité",
        "es": "destruir la copia de seguridad",
        "pt-br": "destruir a cópia de segurança",
    },
}
_OTHER = {
    "en": "one more step",
    "de": "ein weiterer Schritt",
    "fr": "une étape",
    "es": "un paso más",
    "pt-br": "mais um passo",
}


def in_words(action: str, language: str) -> str:
    """The step as a letter names it; never the action's own name, which is English and of the trade."""
    said = STEPS.get(action, _OTHER)
    return said.get(language, said["en"])
