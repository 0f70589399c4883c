"""What claims say, in every language of the letters; plain language, level B1."""

from __future__ import annotations

from collections.abc import Mapping

_ENGLISH: Mapping[str, str] = {
    "erased": "We erased your data from {name} and checked that it is no longer there.",
    "erased_except": "We erased your data from {name} and checked that it is no longer there, except in pictures that "
    "we left because they show other people too.",
    "erased_model": "We rebuilt {name} without your data and checked that it does not give your data.",
    "erased_trained": "We trained {name} again without your data and checked that it is what training without your "
    "data gives.",
    "erased_trained_except": "We trained {name} again without the data of yours that we erased, and checked that it is "
    "what training without that data gives. It learned from pictures that we left because they show other people too.",
    "mitigated_member_except": "We changed {name} so that our tests can hardly tell any more whether it learned from "
    "the data of yours that we erased. It still learned from pictures that we left because they show other people too.",
    "mitigated_member": "We changed {name} so that our tests can hardly tell any more whether it learned from your "
    "data; it was not trained again without it.",
    "mitigated": "We changed {name} so that it no longer gives your data in our tests; it was not rebuilt without "
    "it. {extent} {bits} bits of exposure remained, measured against {attacker}{budget}.",
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
    "marked_deleted": "We deleted your data in {name}, and no search finds it any more. The bytes may stay in its "
    "files until its server writes them anew.",
    "learned_kept": "We erased your records in {name}; its files hold none of them any more. What its index "
    "learned from all records together, yours among them, stays until it is learned anew.",
    "unread": "We could not read everything in {name}. So we cannot show that none of your data is there.",
    "files_unseen": "We could not check every file of the server behind {name}. What it gives out, we checked.",
}
_PORTUGUESE: Mapping[str, str] = {
    "erased": "Apagamos os seus dados de {name} e verificamos que eles não estão mais lá.",
    "erased_except": "Apagamos os seus dados de {name} e verificamos que eles não estão mais lá, exceto em imagens que "
    "deixamos porque também mostram outras pessoas.",
    "erased_model": "Reconstruímos {name} sem os seus dados e verificamos que ele não revela os seus dados.",
    "erased_trained": "Treinamos {name} de novo sem os seus dados e verificamos que ele é o que resulta de um "
    "treinamento sem os seus dados.",
    "erased_trained_except": "Treinamos {name} de novo sem os seus dados que apagamos e verificamos que ele é o que "
    "resulta de um treinamento sem esses dados. Ele aprendeu com imagens que deixamos porque também mostram outras "
    "pessoas.",
    "mitigated_member_except": "Alteramos {name} para que nossos testes quase não consigam mais indicar se ele "
    "aprendeu com os seus dados que apagamos. Ele ainda aprendeu com imagens que deixamos porque também mostram "
    "outras pessoas.",
    "mitigated_member": "Alteramos {name} para que nossos testes quase não consigam mais indicar se ele aprendeu com "
    "os seus dados; ele não foi treinado de novo sem eles.",
    "mitigated": "Alteramos {name} para que não revele mais os seus dados em nossos testes; ele não foi "
    "reconstruído sem eles. Restaram {extent} {bits} bits de exposição, medidos contra "
    "{attacker}{budget}.",
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
    "marked_deleted": "Apagamos os seus dados em {name}, e nenhuma busca os encontra mais. Os bytes podem ficar nos "
    "arquivos até que o servidor os reescreva.",
    "learned_kept": "Apagamos os seus registros em {name}; os arquivos já não contêm nenhum deles. O que o "
    "índice aprendeu com todos os registros juntos, inclusive os seus, permanece até ser aprendido de novo.",
    "unread": "Não conseguimos ler tudo em {name}. Por isso não podemos demonstrar que não há ali dados seus.",
    "files_unseen": "Não conseguimos verificar todos os arquivos do servidor de {name}. O que ele entrega, "
    "verificamos.",
}
_GERMAN: Mapping[str, str] = {
    "erased": "Wir haben Ihre Daten aus {name} gelöscht und geprüft, dass sie dort nicht mehr sind.",
    "erased_except": "Wir haben Ihre Daten aus {name} gelöscht und geprüft, dass sie dort nicht mehr sind, außer auf "
    "Bildern, die wir gelassen haben, weil sie auch andere Personen zeigen.",
    "erased_model": "Wir haben {name} ohne Ihre Daten neu aufgebaut und geprüft, dass Ihre Daten nicht mehr "
    "herauskommen.",
    "erased_trained": "Wir haben {name} ohne Ihre Daten neu trainiert und geprüft, dass es dem entspricht, was ein "
    "Training ohne Ihre Daten ergibt.",
    "erased_trained_except": "Wir haben {name} ohne die Daten von Ihnen, die wir gelöscht haben, neu trainiert und "
    "geprüft, dass es dem entspricht, was ein Training ohne diese Daten ergibt. Es hat aus Bildern gelernt, die wir "
    "gelassen haben, weil sie auch andere Personen zeigen.",
    "mitigated_member_except": "Wir haben {name} so geändert, dass unsere Tests kaum noch erkennen, ob es aus den "
    "Daten von Ihnen gelernt hat, die wir gelöscht haben. Es hat weiterhin aus Bildern gelernt, die wir gelassen "
    "haben, weil sie auch andere Personen zeigen.",
    "mitigated_member": "Wir haben {name} so geändert, dass unsere Tests kaum noch erkennen, ob es aus Ihren Daten "
    "gelernt hat; es wurde nicht ohne sie neu trainiert.",
    "mitigated": "Wir haben {name} so geändert, dass Ihre Daten in unseren Tests nicht mehr herauskommen; es "
    "wurde nicht ohne sie neu aufgebaut. {extent} {bits} Bit Reststärke blieben, gemessen gegen "
    "{attacker}{budget}.",
    "suppressed": "{name} zeigt Ihre Daten nicht mehr, aber sie sind dort noch gespeichert.",
    "suppressed_until": "{name} zeigt Ihre Daten nicht mehr, aber sie sind dort noch gespeichert. Sie sollen bis zum "
    "{until} gelöscht werden.",
    "scheduled": "Ihre Daten sind noch in {name}. Sie sollen bis zum {until} gelöscht werden.",
    "kept": "Wir behalten Ihre Daten in {name}, weil das Gesetz es erlaubt oder verlangt: {exemption}.",
    "forwarded": "Wir bewahren {name} für eine andere Organisation auf. Wir haben Ihre Anfrage an sie "
    "weitergegeben, und sie entscheidet.",
    "not_shown": "Wir können nicht nachweisen, dass Ihre Daten aus {name} weg sind. Der Fall bleibt dafür offen.",
    "copies_until": "Eine gesperrte Sicherungskopie bleibt bis zum {copies_until} und wird dann vernichtet.",
    "backups_until": "Backups können Ihre Daten noch bis zum {backups_until} enthalten.",
    "may_be_undone": "Späteres Training oder Verkleinern dieses Modells könnte einen Teil davon zurückbringen.",
    "not_enough_power": "Für mindestens einen Test gab es zu wenig Daten, um mehr zu sagen.",
    "marked_deleted": "Wir haben Ihre Daten in {name} gelöscht, und keine Suche findet sie mehr. Die Bytes können in "
    "den Dateien bleiben, bis der Server sie neu schreibt.",
    "learned_kept": "Wir haben Ihre Einträge in {name} gelöscht; in den Dateien steht keiner mehr. Was der "
    "Index aus allen Einträgen zusammen gelernt hat, auch aus Ihren, bleibt, bis er neu lernt.",
    "unread": "Wir konnten in {name} nicht alles lesen. Darum können wir nicht nachweisen, dass dort keine Daten von "
    "Ihnen sind.",
    "files_unseen": "Wir konnten nicht jede Datei des Servers hinter {name} prüfen. Was er herausgibt, "
    "haben wir geprüft.",
}
_FRENCH: Mapping[str, str] = {
    "erased": "Nous avons effacé vos données de {name} et vérifié qu’elles n’y sont plus.",
    "erased_except": "Nous avons effacé vos données de {name} et vérifié qu’elles n’y sont plus, sauf sur des images "
    "que nous avons laissées parce qu’elles montrent aussi d’autres personnes.",
    "erased_model": "Nous avons reconstruit {name} sans vos données et vérifié qu’il ne donne pas vos données.",
    "erased_trained": "Nous avons entraîné {name} à nouveau sans vos données et vérifié qu’il est ce que donne un "
    "entraînement sans vos données.",
    "erased_trained_except": "Nous avons entraîné {name} à nouveau sans celles de vos données que nous avons effacées "
    "et vérifié qu’il est ce que donne un entraînement sans ces données. Il a appris d’images que nous avons laissées "
    "parce qu’elles montrent aussi d’autres personnes.",
    "mitigated_member_except": "Nous avons modifié {name} pour que nos tests ne permettent presque plus de voir s’il a "
    "appris de celles de vos données que nous avons effacées. Il a toujours appris d’images que nous avons laissées "
    "parce qu’elles montrent aussi d’autres personnes.",
    "mitigated_member": "Nous avons modifié {name} pour que nos tests ne permettent presque plus de voir s’il a appris "
    "de vos données ; il n’a pas été entraîné à nouveau sans elles.",
    "mitigated": "Nous avons modifié {name} pour qu’il ne donne plus vos données dans nos tests ; il n’a pas été "
    "reconstruit sans elles. {extent} {bits} bits d’exposition sont restés, mesurés contre "
    "{attacker}{budget}.",
    "suppressed": "{name} ne montre plus vos données, mais elles y sont encore enregistrées.",
    "suppressed_until": "{name} ne montre plus vos données, mais elles y sont encore enregistrées. Leur effacement est "
    "prévu au plus tard le {until}.",
    "scheduled": "Vos données sont encore dans {name}. Leur effacement est prévu au plus tard le {until}.",
    "kept": "Nous gardons vos données dans {name} parce que la loi le permet ou l’exige : {exemption}.",
    "forwarded": "Nous gardons {name} pour une autre organisation. Nous lui avons transmis votre demande, et "
    "c’est elle qui décide.",
    "not_shown": "Nous ne pouvons pas montrer que vos données ont disparu de {name}. Le dossier reste ouvert sur "
    "ce point.",
    "copies_until": "Une copie de secours verrouillée reste jusqu’au {copies_until}, puis elle est détruite.",
    "backups_until": "Des sauvegardes peuvent encore contenir vos données jusqu’au {backups_until}.",
    "may_be_undone": "Un nouvel entraînement ou une compression de ce modèle pourrait en ramener une partie.",
    "not_enough_power": "Pour au moins un test, il y avait trop peu de données pour en dire plus.",
    "marked_deleted": "Nous avons supprimé vos données dans {name}, et aucune recherche ne les trouve plus. Les "
    "octets peuvent rester dans les fichiers jusqu’à ce que le serveur les réécrive.",
    "learned_kept": "Nous avons effacé vos enregistrements dans {name} ; ses fichiers n’en contiennent plus "
    "aucun. Ce que l’index a appris de tous les enregistrements ensemble, dont les vôtres, reste jusqu’à ce qu’il "
    "apprenne à nouveau.",
    "unread": "Nous n’avons pas pu tout lire dans {name}. Nous ne pouvons donc pas montrer qu’il n’y a aucune donnée "
    "de vous.",
    "files_unseen": "Nous n’avons pas pu vérifier tous les fichiers du serveur de {name}. Ce qu’il "
    "donne, nous l’avons vérifié.",
}
_SPANISH: Mapping[str, str] = {
    "erased": "Borramos sus datos de {name} y comprobamos que ya no están allí.",
    "erased_except": "Borramos sus datos de {name} y comprobamos que ya no están allí, salvo en imágenes que dejamos "
    "porque muestran también a otras personas.",
    "erased_model": "Reconstruimos {name} sin sus datos y comprobamos que no da sus datos.",
    "erased_trained": "Entrenamos {name} de nuevo sin sus datos y comprobamos que es lo que da un entrenamiento sin "
    "sus datos.",
    "erased_trained_except": "Entrenamos {name} de nuevo sin los datos suyos que borramos y comprobamos que es lo que "
    "da un entrenamiento sin esos datos. Aprendió de imágenes que dejamos porque muestran también a otras personas.",
    "mitigated_member_except": "Cambiamos {name} para que nuestras pruebas apenas puedan distinguir ya si aprendió de "
    "los datos suyos que borramos. Sigue habiendo aprendido de imágenes que dejamos porque muestran también a otras "
    "personas.",
    "mitigated_member": "Cambiamos {name} para que nuestras pruebas apenas puedan distinguir ya si aprendió de sus "
    "datos; no se entrenó de nuevo sin ellos.",
    "mitigated": "Cambiamos {name} para que ya no dé sus datos en nuestras pruebas; no se reconstruyó sin ellos. "
    "{extent} {bits} bits de exposición quedaron, medidos contra {attacker}{budget}.",
    "suppressed": "{name} ya no muestra sus datos, pero todavía están guardados allí.",
    "suppressed_until": "{name} ya no muestra sus datos, pero todavía están guardados allí. Está previsto borrarlos a "
    "más tardar el {until}.",
    "scheduled": "Sus datos todavía están en {name}. Está previsto borrarlos a más tardar el {until}.",
    "kept": "Guardamos sus datos en {name} porque la ley lo permite o lo exige: {exemption}.",
    "forwarded": "Guardamos {name} para otra organización. Le pasamos su solicitud, y decide ella.",
    "not_shown": "No podemos demostrar que sus datos ya no estén en {name}. El caso sigue abierto en ese punto.",
    "copies_until": "Queda una copia de seguridad bloqueada hasta el {copies_until}; después se destruye.",
    "backups_until": "Las copias de seguridad pueden contener sus datos todavía hasta el {backups_until}.",
    "may_be_undone": "Un entrenamiento o una compresión posterior de este modelo podría traer de vuelta una parte.",
    "not_enough_power": "Para al menos una prueba hubo pocos datos para decir más.",
    "marked_deleted": "Borramos sus datos en {name}, y ninguna búsqueda los encuentra ya. Los bytes pueden quedar en "
    "los archivos hasta que el servidor los escriba de nuevo.",
    "learned_kept": "Borramos sus registros en {name}; sus archivos ya no contienen ninguno. Lo que el índice "
    "aprendió de todos los registros juntos, también de los suyos, permanece hasta que aprenda de nuevo.",
    "unread": "No pudimos leer todo en {name}. Por eso no podemos demostrar que no haya allí datos suyos.",
    "files_unseen": "No pudimos comprobar todos los archivos del servidor de {name}. Lo que entrega, lo comprobamos.",
}
TEXTS: Mapping[str, Mapping[str, str]] = {
    "en": _ENGLISH,
    "pt-br": _PORTUGUESE,
    "de": _GERMAN,
    "fr": _FRENCH,
    "es": _SPANISH,
}
MONTHS: Mapping[str, str] = {
    "en": "January February March April May June July August September October November December",
    "pt-br": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
}
DAY: Mapping[str, str] = {
    "en": "{day} {month} {year}",
    "pt-br": "{day} de {month} de {year}",
    "de": "{day}. {month} {year}",
    "fr": "{day} {month} {year}",
    "es": "{day} de {month} de {year}",
}
ATTACKER: Mapping[str, str] = {
    "en": "our strongest attack",
    "pt-br": "nosso ataque mais forte",
    "de": "unseren stärksten Angriff",
    "fr": "notre attaque la plus forte",
    "es": "nuestro ataque más fuerte",
}
ATTACKERS: Mapping[str, Mapping[str, str]] = {
    "probability_of_any_answer": {
        "en": "somebody who can read how likely the model finds any answer",
        "pt-br": "quem pode ler quão provável o modelo considera qualquer resposta",
        "de": "jemanden, der ablesen kann, für wie wahrscheinlich das Modell jede Antwort hält",
        "fr": "quelqu’un qui peut lire quelle probabilité le modèle donne à chaque réponse",
        "es": "alguien que puede leer qué probabilidad da el modelo a cada respuesta",
    },
}
BUDGET: Mapping[str, str] = {
    "en": " with {budget} tries",
    "pt-br": " com {budget} tentativas",
    "de": " mit {budget} Versuchen",
    "fr": " avec {budget} essais",
    "es": " con {budget} intentos",
}
EXTENT: Mapping[str, Mapping[str, str]] = {
    "en": {
        "at_most": "At most",
        "about": "About",
    },
    "pt-br": {
        "at_most": "no máximo",
        "about": "cerca de",
    },
    "de": {
        "at_most": "Höchstens",
        "about": "Etwa",
    },
    "fr": {
        "at_most": "Au plus",
        "about": "Environ",
    },
    "es": {
        "at_most": "Como máximo",
        "about": "Unos",
    },
}
