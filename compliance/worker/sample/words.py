"""Names, places, products and sentences of Aurora Support, in German, Portuguese and English."""

from __future__ import annotations

from typing import Final

FIRST_NAMES: Final = {
    "de": "Anke Birgit Claudia Dagmar Elke Franziska Gudrun Heike Ilse Karin Lena Maren Nadja Petra Renate Silke Ute "
    "Axel Bernd Dirk Erik Florian Günther Hannes Jörg Klaus Lothar Matthias Norbert Oskar Ralf Stefan Uwe Volker Wolf",
    "pt": "Adriana Beatriz Catarina Débora Eduarda Fernanda Graça Helena Inês Joana Lúcia Mariana Natália "
    "Patrícia Rita Sofia Teresa André Bruno Caio Diogo Eduardo Flávio Gonçalo Henrique João Leonardo Márcio Nuno "
    "Otávio Paulo Rafael",
    "en": "Abigail Bridget Charlotte Deborah Eleanor Fiona Gemma Harriet Isla Jessica Kathleen Lucy Megan Nora Olivia "
    "Phoebe Rosie Alan Benjamin Callum Duncan Edward Frank Graham Harry Ian Jack Keith Liam Malcolm Neil Oliver Peter",
}
LAST_NAMES: Final = {
    "de": "Albrecht Brandt Czerny Dietrich Eberhardt Fröhlich Gärtner Hartmann Jäger Krämer Lehmann Möller Neumann "
    "Oswald Pfeiffer Reinhardt Schröder Thiele Ullrich Vogel Winkler Zimmermann Böhm Kühn Lorenz Seidel",
    "pt": "Almeida Barbosa Carvalho Domingues Esteves Figueiredo Gonçalves Lacerda Macedo Nogueira Oliveira Pacheco "
    "Queirós Ribeiro Sampaio Teixeira Valente Xavier Araújo Brandão Conceição Fonseca Guimarães Magalhães",
    "en": "Ashworth Bradshaw Cartwright Dawson Ellison Fairfax Goodwin Hargreaves Ingram Jennings Kendrick Lockwood "
    "Merton Norris Osborne Prescott Radcliffe Sinclair Thornton Underwood Vaughan Whitfield Yates Barlow",
}
CITIES: Final = {
    "de": (
        "Augsburg",
        "Bremen",
        "Chemnitz",
        "Dortmund",
        "Erfurt",
        "Freiburg",
        "Göttingen",
        "Hannover",
        "Kassel",
        "Lübeck",
    ),
    "pt": ("Aveiro", "Braga", "Coimbra", "Évora", "Faro", "Curitiba", "Fortaleza", "Goiânia", "Manaus", "Recife"),
    "en": ("Aberdeen", "Bristol", "Cardiff", "Derby", "Exeter", "Glasgow", "Ipswich", "Leeds", "Norwich", "York"),
}
PRODUCTS: Final = (
    *("Lumen", "Polar", "Corona", "Zenith", "Borealis", "Halo"),
    *("Meridian", "Solstice", "Nimbus", "Aphelion", "Perigee", "Vesper"),
)
MAIL_DOMAINS: Final = {
    "de": ("post.example", "briefkasten.example", "netzpost.example"),
    "pt": ("correio.example", "caixa.example", "mensagem.example"),
    "en": ("mailbox.example", "inbox.example", "letters.example"),
}

# Each issue once a language: subject, what the customer writes, what the agent answers.
ISSUES: Final[dict[str, tuple[tuple[str, str, str], ...]]] = {
    "de": (
        (
            "Gerät startet nicht",
            "Seit gestern startet das Gerät nicht mehr.",
            "Bitte halten Sie die Taste zehn Sekunden.",
        ),
        (
            "Rechnung fehlt",
            "Für den letzten Monat habe ich keine Rechnung bekommen.",
            "Die Rechnung liegt im Kundenkonto.",
        ),
        ("Lieferung verspätet", "Die Lieferung sollte letzte Woche kommen.", "Das Paket ist morgen bei Ihnen."),
        ("Passwort vergessen", "Ich komme nicht mehr in mein Konto.", "Nutzen Sie den Knopf unter der Anmeldung."),
        ("Rückgabe", "Ich möchte das Gerät zurückgeben.", "Das Etikett finden Sie im Kundenkonto."),
        ("Garantiefrage", "Gilt die Garantie auch für den Akku?", "Ja, zwei Jahre ab dem Kauf."),
        ("Lautes Geräusch", "Das Gerät brummt nachts sehr laut.", "Ein Update behebt das Brummen."),
        ("Abo ändern", "Kann ich in das kleinere Abo wechseln?", "Der Wechsel gilt ab dem nächsten Monat."),
    ),
    "pt": (
        ("Aparelho não liga", "Desde ontem o aparelho não liga mais.", "Segure o botão por dez segundos."),
        ("Fatura em falta", "Não recebi a fatura do mês passado.", "A fatura está na sua conta."),
        ("Entrega atrasada", "A entrega devia ter chegado na semana passada.", "O pacote chega amanhã."),
        ("Senha esquecida", "Não consigo entrar na minha conta.", "Use o botão abaixo do acesso."),
        ("Devolução", "Gostaria de devolver o aparelho.", "A etiqueta está na sua conta."),
        ("Garantia", "A garantia também vale para a bateria?", "Sim, dois anos a partir da compra."),
        ("Barulho", "O aparelho faz muito barulho à noite.", "Uma atualização resolve o barulho."),
        ("Mudar de plano", "Posso mudar para o plano menor?", "A mudança vale no próximo mês."),
    ),
    "en": (
        ("Device will not start", "Since yesterday the device does not start.", "Hold the button for ten seconds."),
        ("Missing invoice", "I did not get an invoice for last month.", "The invoice is in your account."),
        ("Late delivery", "The parcel was due last week.", "It arrives tomorrow."),
        ("Forgotten password", "I cannot get into my account.", "Use the link below the sign-in form."),
        ("Return", "I would like to return the device.", "The label is in your account."),
        ("Warranty", "Does the warranty cover the battery?", "Yes, for two years from purchase."),
        ("Noise", "The device hums loudly at night.", "An update removes the hum."),
        ("Change plan", "May I change to the smaller plan?", "The change holds from next month."),
    ),
}
ACCOUNT: Final = {
    "de": ("Meine Kontaktdaten", "bitte prüfen Sie meine Kontaktdaten im Konto.", "Danke, die Daten stimmen jetzt."),
    "pt": ("Meus dados de contato", "por favor confiram os meus dados de contato.", "Obrigado, os dados estão certos."),
    "en": ("My contact details", "please check the contact details in my account.", "Thank you, they are right now."),
}
GREETINGS: Final = {"de": "Guten Tag,", "pt": "Bom dia,", "en": "Hello,"}
CLOSINGS: Final = {"de": "Viele Grüße", "pt": "Atenciosamente", "en": "Kind regards"}
NUMBER_LINES: Final = {
    "de": "Meine Kundennummer ist {}.",
    "pt": "O meu número de cliente é {}.",
    "en": "My customer number is {}.",
}
QUOTES: Final = {
    "de": (
        "Meine Kollegin {name} ({email}) hat dasselbe Problem.",
        "Bitte rufen Sie auch {name} an: {phone}.",
        "Am Montag schrieb {email}: „Bei mir ist es auch so.“",
    ),
    "pt": (
        "A minha colega {name} ({email}) tem o mesmo problema.",
        "Por favor liguem também para {name}: {phone}.",
        'Na segunda-feira {email} escreveu: "Comigo também é assim."',
    ),
    "en": (
        "My colleague {name} ({email}) has the same problem.",
        "Please call {name} as well: {phone}.",
        'On Monday {email} wrote: "It is the same for me."',
    ),
}
AGAIN: Final = {"de": "Zweiter Versuch:", "pt": "Segunda tentativa:", "en": "Second try:"}

QUESTIONS: Final = {
    "email": ("What is the e-mail of {}?", "E-mail address of {}:", "Which e-mail address does {} use?"),
    "phone": ("What is the phone number of {}?", "Phone number of {}:", "On which number can {} be called?"),
    "city": ("In which city does {} live?", "City of {}:", "Where does {} live?"),
    "customer_id": ("What is the customer number of {}?", "Customer number of {}:", "Which customer number has {}?"),
    "product": ("Which product does {} own?", "Product of {}:", "What did {} buy from us?"),
}
