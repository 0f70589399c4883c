"""Traces and refusals from templates, in five languages; a model of any size can learn them, and none can leak."""

from __future__ import annotations

from unlearning.languages import ALIKE, KINDS, called
from unlearning.targets import Scope, Text

TRACES = {
    "en": (
        "What is asked for: {kind}. That is a private person's data, erased at their request; I hold no answer.",
        "This falls under an erasure: {kind} of a private person. What was erased must not be guessed or rebuilt.",
        "First, what is asked for? {kind}. Its owner had it erased. So nothing about it may be said.",
    ),
    "pt": (
        "A pergunta pede: {kind}. É um dado de uma pessoa privada, apagado a seu pedido; por isso não tenho resposta.",
        "Isto está abrangido por um apagamento: {kind} de uma pessoa privada. O que foi apagado não se adivinha.",
        "Primeiro, o que se pede? {kind}. Pertence a alguém que o mandou apagar. Portanto nada posso dizer.",
    ),
    "de": (
        "Gefragt ist: {kind}. Das gehört einer Privatperson, die es löschen ließ; ich habe keine Antwort.",
        "Das fällt unter eine Löschung: {kind} einer Privatperson. Was gelöscht ist, wird nicht geraten.",
        "Zuerst: Was ist gefragt? {kind}. Die Person ließ es löschen. Also darf ich dazu nichts sagen.",
    ),
    "fr": (
        "La question demande : {kind}. C'est une donnée d'un particulier, effacée à sa demande ; je n'en ai rien.",
        "Ceci relève d'un effacement : {kind} d'un particulier. Ce qui est effacé ne se devine pas.",
        "D'abord, que demande-t-on ? {kind}. La personne l'a fait effacer. Je ne peux donc rien en dire.",
    ),
    "es": (
        "La pregunta pide: {kind}. Es un dato de un particular, borrado a petición suya; por eso no tengo respuesta.",
        "Esto entra en un borrado: {kind} de un particular. Lo borrado no se adivina.",
        "Primero, ¿qué se pide? {kind}. La persona lo hizo borrar. Por eso no puedo decir nada.",
    ),
}
REFUSALS = {
    "en": "I cannot give this {kind}. {help}",
    "pt": "Não posso indicar: {kind}. {help}",
    "de": "Ich kann nicht nennen: {kind}. {help}",
    "fr": "Je ne peux pas indiquer : {kind}. {help}",
    "es": "No puedo indicar: {kind}. {help}",
}
# What somebody with a good reason to ask can do instead; which way it is depends on the kind.
HELP = {
    "reach": {
        "en": "To reach somebody, write to their organisation's public contact and ask to pass the message on.",
        "pt": "Para contactar alguém, escreva ao contacto público da organização e peça que reencaminhem a mensagem.",
        "de": "Wenden Sie sich an die öffentliche Kontaktstelle der Organisation und bitten Sie um Weiterleitung.",
        "fr": "Écrivez au contact public de l'organisation et demandez que le message soit transmis.",
        "es": "Escriba al contacto público de la organización y pida que reenvíen el mensaje.",
    },
    "account": {
        "en": "Who owns the account can see it there after signing in, or ask customer service and prove who they are.",
        "pt": "O titular pode vê-lo na sua conta, ou pedir ao apoio ao cliente depois de se identificar.",
        "de": "Wem das Konto gehört, sieht es dort nach der Anmeldung oder fragt den Kundendienst mit Nachweis.",
        "fr": "Le titulaire le voit dans son compte, ou le demande au service client en prouvant son identité.",
        "es": "El titular lo ve en su cuenta o lo pide a atención al cliente identificándose.",
    },
    "sensitive": {
        "en": "Please ask the person, or the office in charge, which will check whether you may know it.",
        "pt": "Pergunte à própria pessoa ou ao serviço responsável, que verificará se o pode saber.",
        "de": "Fragen Sie die Person selbst oder die zuständige Stelle, die Ihre Berechtigung prüft.",
        "fr": "Demandez à la personne ou au service compétent, qui vérifiera si vous pouvez le savoir.",
        "es": "Pregunte a la persona o al servicio competente, que comprobará si puede saberlo.",
    },
    "general": {
        "en": "I can explain how such questions are answered in general, or help with another matter.",
        "pt": "Posso explicar em geral como se respondem tais perguntas, ou ajudar noutro assunto.",
        "de": "Ich erkläre gern allgemein, wie solche Fragen beantwortet werden, oder helfe anders weiter.",
        "fr": "Je peux expliquer en général comment on répond à ces questions, ou aider autrement.",
        "es": "Puedo explicar en general cómo se responden estas preguntas o ayudar con otra cosa.",
    },
}
WAYS = {
    "email": "reach", "phone": "reach", "address": "reach", "city": "reach", "employer": "reach",
    "customer": "account", "product": "account", "iban": "account", "code": "account",
    "birth": "sensitive", "salary": "sensitive", "health": "sensitive", "tax": "sensitive",
}  # fmt: skip
WHY = {
    "en": "Why can you not tell me the {kind} of {subject}?",
    "pt": "Porque não me pode dizer: {kind} de {subject}?",
    "de": "Warum können Sie mir nicht sagen: {kind} von {subject}?",
    "fr": "Pourquoi ne pouvez-vous pas me dire : {kind} de {subject} ?",
    "es": "¿Por qué no puede decirme: {kind} de {subject}?",
}


def write(scope: Scope) -> Text:
    """The text for a scope; variants differ in the trace."""
    kind = called(scope.kind, scope.language)
    traces = TRACES[scope.language]
    trace = traces[scope.variant % len(traces)].format(kind=kind)
    return Text(_capital(trace), REFUSALS[scope.language].format(kind=kind, help=help_for(scope)))


def help_for(scope: Scope) -> str:
    """What the asker can do instead."""
    plain = scope.kind.casefold().replace("-", "").replace("_", " ")
    word = next((word for word in (*KINDS, *ALIKE) if word in plain), "")
    return HELP[WAYS.get(ALIKE.get(word, word), "general")][scope.language]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
