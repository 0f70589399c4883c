"""What letters say of the work that was done, in Portuguese, French and Spanish."""

from __future__ import annotations

from collections.abc import Mapping

PORTUGUESE: Mapping[str, str] = {
    "verification": "Você mostra que controla o endereço para o qual esta carta foi enviada.",
    "nothing_else": "nada mais foi pedido",
    "no_other_use": "é mantido somente para esta finalidade",
    "erase_records": "Eliminamos os seus registros de {name}: {count}.",
    "redact_records": "Apagamos os seus dados em registros de outras pessoas em {name}: {count}.",
    "rebuild_index": "Retiramos as suas entradas de {name} e o gravamos de novo: {count}.",
    "purge_cache": "Removemos respostas guardadas em {name}: {count}.",
    "purge_log": "Removemos ou apagamos as suas entradas em {name}: {count}.",
    "replay_model": "Treinamos {name} de novo a partir da execução registrada, sem os seus dados.",
    "replay_model:job": "Treinamos {name} de novo, sem os seus dados.",
    "unlearn_model": "Treinamos {name} mais um pouco para que esqueça os seus dados; o que medimos está abaixo.",
    "suppress_output": "Mantemos os seus dados fora das respostas de {name}.",
    "hide_from_index": "Retiramos imediatamente as suas entradas em {name} de todas as buscas.",
    "forward_to_controller": "Encaminhamos o seu pedido à organização em nome da qual guardamos {name}.",
    "decided": "Procuramos em todos os lugares registrados; o que decidimos sobre cada um está abaixo.",
    "kept_because": "{name}: {reason}",
    "kept_until": "{name}: {reason} Vamos rever isso em {day}.",
    "declined_lines": "{name}: linhas da nossa lista de quem está em cada imagem que citam também outras pessoas "
    "({count}). Nós as examinamos e as deixamos como estão; elas ainda podem citar você.",
    "declined_pictures": "{name}: imagens que também mostram outras pessoas, ou que apenas se parecem com as suas "
    "({count}). Nós as examinamos e as deixamos como estão; nossa lista de quem está nelas não cita mais você.",
    "declined_text": "{name}: registros de outras pessoas com o mesmo texto que um seu, ou quase ({count}). Nós os "
    "examinamos; não são seus, e ficaram como estão.",
    "left_alone": "Registros que têm somente o seu nome, ou um dado que não foi comprovado como seu, ficam quando "
    "não são seus. Não dizemos se existem: eles falam de outras pessoas.",
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
    "prevention": "Guardamos impressões digitais do que foi eliminado, nas quais ninguém pode ler os seus "
    "dados, para que nossos sistemas o reconheçam e o deixem de fora. Também procuramos de novo "
    "após 7, 30 e 90 dias.",
    "kind:email": "o seu e-mail",
    "kind:phone": "o seu telefone",
    "kind:customer_id": "o seu número de cliente",
    "kind:username": "o seu nome de usuário",
    "kind:name": "o seu nome",
    "kind:tax_id": "o seu número fiscal",
    "looked": "Procuramos {kinds}, em todas as formas usuais de escrever.",
    "looked_without_name": "Não tínhamos um nome para procurar. Um texto com o seu nome e sem nenhum desses "
    "dados não foi encontrado; se você conhece algum, avise-nos.",
    "looked_by_name": "Quando um texto tem o seu nome e nenhum dos outros dados, uma pessoa da nossa equipe o "
    "olhou, porque outras pessoas podem ter o mesmo nome.",
    "case_file": "O que você escreveu, e o que foi encontrado e onde, cifrado com uma chave própria, somente para "
    "executar, comprovar e manter a eliminação. A chave é destruída {days} dias após o encerramento do pedido; "
    "depois disso ninguém pode ler.",
    "no_risk": "Não conhecemos outro risco além do que está listado acima.",
    "destroyed": "O que você nos enviar para isto é visto uma vez e destruído depois da decisão.",
    "pause_counts": "Até a sua resposta chegar, o prazo da nossa resposta fica parado. Ele terminava em {day}.",
    "pause_does_not_count": "A data da nossa resposta não muda: {day}.",
    "every_place": "em todos os lugares",
    "excessive_article": "manifestamente infundado ou excessivo, RGPD art. 12(5)",
    "unidentified_article": "não é possível identificar a pessoa, RGPD art. 11(2), 12(2)",
    "forward_article": "agimos em nome do controlador, RGPD art. 28(3)(e)",
    "forward_article_lgpd": "não somos o agente que decide, LGPD art. 18, §4º, I",
    "excessive_article_lgpd": "razões de fato, LGPD art. 18, §4º, II",
    "unidentified_article_lgpd": "razões de fato, LGPD art. 18, §4º, II",
    "excessive_article_ccpa": "manifestamente infundado ou excessivo, Cal. Civ. Code 1798.145(h)(3)",
    "unidentified_article_ccpa": "o pedido não pode ser verificado, Cal. Civ. Code 1798.130(a)(2)",
    "told_acknowledged": "{name} (pedimos a eliminação; receberam a mensagem e ainda não disseram que está feita)",
    "told_confirmed": "{name} (dizem que foi eliminado em {day}; não verificamos)",
    "told_verified": "{name} (eliminado, e verificado por nós em {day})",
}
FRENCH: Mapping[str, str] = {
    "verification": "Vous montrez que l’adresse à laquelle cette lettre est partie est la vôtre.",
    "nothing_else": "rien d’autre n’a été demandé",
    "no_other_use": "c’est gardé pour ce seul but",
    "erase_records": "Nous avons effacé vos enregistrements de {name} : {count}.",
    "redact_records": "Nous avons masqué vos données dans des enregistrements d’autres personnes dans {name} : "
    "{count}.",
    "rebuild_index": "Nous avons retiré vos entrées de {name} et l’avons réécrit : {count}.",
    "purge_cache": "Nous avons retiré des réponses gardées dans {name} : {count}.",
    "purge_log": "Nous avons retiré ou masqué vos entrées dans {name} : {count}.",
    "replay_model": "Nous avons entraîné {name} de nouveau d’après son déroulé enregistré, sans vos données.",
    "replay_model:job": "Nous avons entraîné {name} de nouveau, sans vos données.",
    "unlearn_model": "Nous avons entraîné {name} encore pour qu’il oublie vos données ; ce que nous avons mesuré "
    "figure plus bas.",
    "suppress_output": "Nous tenons vos données hors des réponses de {name}.",
    "hide_from_index": "Nous avons aussitôt retiré vos entrées dans {name} de toute recherche.",
    "forward_to_controller": "Nous avons transmis votre demande à l’organisation pour laquelle nous gardons {name}.",
    "decided": "Nous avons cherché dans chaque endroit inscrit ; ce que nous avons décidé pour chacun figure plus bas.",
    "kept_because": "{name} : {reason}",
    "kept_until": "{name} : {reason} Nous réexaminons cela le {day}.",
    "declined_lines": "{name} : des lignes de notre liste de qui figure sur quelle image qui nomment aussi d’autres "
    "personnes ({count}). Nous les avons regardées et laissées telles quelles ; elles peuvent encore vous nommer.",
    "declined_pictures": "{name} : des images qui montrent aussi d’autres personnes, ou qui ressemblent seulement aux "
    "vôtres ({count}). Nous les avons regardées et laissées telles quelles ; notre liste de qui y figure ne vous nomme "
    "plus.",
    "declined_text": "{name} : enregistrements d’autres personnes dont le texte est le même, ou presque, qu’un des "
    "vôtres ({count}). Nous les avons examinés ; ils ne sont pas les vôtres et restent tels quels.",
    "left_alone": "Les enregistrements où ne figure que votre nom, ou une donnée dont il n’est pas prouvé qu’elle est "
    "la vôtre, restent s’ils ne sont pas les vôtres. Nous ne disons pas s’il y en a : ils parlent d’autres personnes.",
    "search_again": "Nous cherchons de nouveau après 7, 30 et 90 jours.",
    "exclude_from_training": "Nous avons noté des empreintes de ce qui a été effacé, pour le reconnaître si cela "
    "revient.",
    "searched": "Nous avons cherché dans chaque endroit inscrit et n’avons rien trouvé à effacer.",
    "no_claim": "Aucun endroit ne garde de données que nous puissions vous rattacher.",
    "undo": "une copie de secours chiffrée de ce qui a été retiré de {name}, jusqu’au {day}",
    "superseded": "l’ancienne version de {name}, hors service, jusqu’au {day}",
    "open": "pas encore terminé : {step} ({name})",
    "open:notify_recipients": "prévenir ceux qui ont reçu des données",
    "open:forward_to_controller": "transmettre votre demande",
    "told": "{name} (prié d’effacer ; la réponse n’est pas encore là)",
    "prevention": "Nous gardons des empreintes de ce qui a été effacé, où personne ne peut lire vos données, "
    "pour que nos systèmes le reconnaissent et l’écartent. Nous cherchons aussi de nouveau "
    "après 7, 30 et 90 jours.",
    "kind:email": "votre adresse électronique",
    "kind:phone": "votre numéro de téléphone",
    "kind:customer_id": "votre numéro de client",
    "kind:username": "votre nom d’utilisateur",
    "kind:name": "votre nom",
    "kind:tax_id": "votre numéro fiscal",
    "looked": "Nous avons cherché {kinds}, sous toutes les formes courantes.",
    "looked_without_name": "Nous n’avions pas de nom à chercher. Un texte qui dit votre nom et rien de cela n’a "
    "pas été trouvé ; si vous en connaissez un, dites-le-nous.",
    "looked_by_name": "Quand un texte dit votre nom et rien d’autre de cela, l’un de nous l’a regardé, car "
    "d’autres personnes peuvent porter le même nom.",
    "case_file": "Ce que vous avez écrit, ce qui a été trouvé et où, chiffré avec une clé à part, seulement pour "
    "exécuter, prouver et maintenir l’effacement. La clé est détruite {days} jours après la clôture de la demande ; "
    "ensuite personne ne peut plus le lire.",
    "no_risk": "Nous ne connaissons pas de risque autre que ce qui figure ci-dessus.",
    "destroyed": "Ce que vous nous envoyez pour cela est regardé une fois et détruit après la décision.",
    "pause_counts": "Jusqu’à votre réponse, le délai de notre réponse est arrêté. Il finissait le {day}.",
    "pause_does_not_count": "La date de notre réponse ne change pas : {day}.",
    "every_place": "à tous les endroits",
    "excessive_article": "manifestement infondé ou excessif, RGPD art. 12(5)",
    "unidentified_article": "la personne ne peut pas être identifiée, RGPD art. 11(2), 12(2)",
    "forward_article": "nous agissons pour le responsable, RGPD art. 28(3)(e)",
    "forward_article_lgpd": "nous ne sommes pas l’agent qui décide, LGPD art. 18, §4, I",
    "excessive_article_lgpd": "raisons de fait, LGPD art. 18, §4, II",
    "unidentified_article_lgpd": "raisons de fait, LGPD art. 18, §4, II",
    "excessive_article_ccpa": "manifestement infondé ou excessif, Cal. Civ. Code 1798.145(h)(3)",
    "unidentified_article_ccpa": "la demande ne peut pas être vérifiée, Cal. Civ. Code 1798.130(a)(2)",
    "told_acknowledged": "{name} (prié d’effacer ; le message est arrivé, rien ne dit que c’est fait)",
    "told_confirmed": "{name} (dit l’avoir effacé le {day} ; nous ne l’avons pas vérifié)",
    "told_verified": "{name} (effacé, et vérifié par nous le {day})",
}
SPANISH: Mapping[str, str] = {
    "verification": "Usted muestra que la dirección a la que fue esta carta es suya.",
    "nothing_else": "no se pidió nada más",
    "no_other_use": "se guarda solo para este fin",
    "erase_records": "Borramos sus registros de {name}: {count}.",
    "redact_records": "Tachamos sus datos en registros de otras personas en {name}: {count}.",
    "rebuild_index": "Quitamos sus entradas de {name} y lo escribimos de nuevo: {count}.",
    "purge_cache": "Quitamos respuestas guardadas de {name}: {count}.",
    "purge_log": "Quitamos o tachamos sus entradas en {name}: {count}.",
    "replay_model": "Entrenamos {name} otra vez según su proceso registrado, sin sus datos.",
    "replay_model:job": "Entrenamos {name} otra vez, sin sus datos.",
    "unlearn_model": "Entrenamos {name} más para que olvide sus datos; lo que medimos está abajo.",
    "suppress_output": "Mantenemos sus datos fuera de las respuestas de {name}.",
    "hide_from_index": "Quitamos al momento sus entradas en {name} de toda búsqueda.",
    "forward_to_controller": "Pasamos su solicitud a la organización para la que guardamos {name}.",
    "decided": "Buscamos en cada lugar registrado; lo que decidimos sobre cada uno está abajo.",
    "kept_because": "{name}: {reason}",
    "kept_until": "{name}: {reason} Lo revisamos otra vez el {day}.",
    "declined_lines": "{name}: líneas de nuestra lista de quién está en cada imagen que nombran también a otras "
    "personas ({count}). Las miramos y las dejamos como están; todavía pueden nombrarle.",
    "declined_pictures": "{name}: imágenes que muestran también a otras personas, o que solo se parecen a las suyas "
    "({count}). Las miramos y las dejamos como están; nuestra lista de quién está en ellas ya no le nombra.",
    "declined_text": "{name}: registros de otras personas con el mismo texto que uno suyo, o casi ({count}). Los hemos "
    "examinado; no son suyos y quedan como están.",
    "left_alone": "Los registros en los que solo está su nombre, o un dato que no se probó que sea suyo, se quedan si "
    "no son suyos. No decimos si los hay: tratan de otras personas.",
    "search_again": "Buscamos otra vez después de 7, 30 y 90 días.",
    "exclude_from_training": "Anotamos huellas de lo borrado, para reconocerlo si vuelve.",
    "searched": "Buscamos en cada lugar registrado y no encontramos nada que borrar.",
    "no_claim": "Ningún lugar guarda datos que pudiéramos relacionar con usted.",
    "undo": "una copia de seguridad cifrada de lo que se quitó de {name}, hasta el {day}",
    "superseded": "la versión sustituida de {name}, fuera de servicio, hasta el {day}",
    "open": "aún sin terminar: {step} ({name})",
    "open:notify_recipients": "avisar a quienes recibieron datos",
    "open:forward_to_controller": "pasar su solicitud",
    "told": "{name} (le pedimos borrar; su respuesta aún no ha llegado)",
    "prevention": "Guardamos huellas de lo borrado, en las que nadie puede leer sus datos, para que nuestros "
    "sistemas lo reconozcan y lo dejen fuera. También buscamos otra vez después de 7, 30 y 90 "
    "días.",
    "kind:email": "su correo electrónico",
    "kind:phone": "su teléfono",
    "kind:customer_id": "su número de cliente",
    "kind:username": "su nombre de usuario",
    "kind:name": "su nombre",
    "kind:tax_id": "su número fiscal",
    "looked": "Buscamos {kinds}, en todas las formas usuales de escribirlo.",
    "looked_without_name": "No teníamos un nombre que buscar. Un texto con su nombre y sin ninguno de estos "
    "datos no se encontró; si conoce alguno, díganoslo.",
    "looked_by_name": "Donde un texto dice su nombre y nada más de esto, una persona de nuestro equipo lo miró, "
    "porque otras personas pueden llamarse igual.",
    "case_file": "Lo que usted escribió, y lo que se encontró y dónde, cifrado con una clave propia, solo para "
    "ejecutar, demostrar y mantener el borrado. La clave se destruye {days} días después de cerrar la solicitud; "
    "entonces nadie puede leerlo.",
    "no_risk": "No conocemos otro riesgo que lo que está arriba.",
    "destroyed": "Lo que nos envíe para esto se mira una vez y se destruye después de la decisión.",
    "pause_counts": "Hasta que llegue su respuesta, el plazo de la nuestra queda parado. Terminaba el {day}.",
    "pause_does_not_count": "La fecha de nuestra respuesta no cambia: {day}.",
    "every_place": "en todos los lugares",
    "excessive_article": "manifiestamente infundada o excesiva, RGPD art. 12(5)",
    "unidentified_article": "no se puede identificar a la persona, RGPD art. 11(2), 12(2)",
    "forward_article": "actuamos para el responsable, RGPD art. 28(3)(e)",
    "forward_article_lgpd": "no somos el agente que decide, LGPD art. 18, §4, I",
    "excessive_article_lgpd": "razones de hecho, LGPD art. 18, §4, II",
    "unidentified_article_lgpd": "razones de hecho, LGPD art. 18, §4, II",
    "excessive_article_ccpa": "manifiestamente infundada o excesiva, Cal. Civ. Code 1798.145(h)(3)",
    "unidentified_article_ccpa": "la solicitud no se puede verificar, Cal. Civ. Code 1798.130(a)(2)",
    "told_acknowledged": "{name} (le pedimos borrar; tiene nuestro mensaje, no ha dicho que esté hecho)",
    "told_confirmed": "{name} (dice que lo borró el {day}; no lo hemos comprobado)",
    "told_verified": "{name} (borrado, y comprobado por nosotros el {day})",
}
