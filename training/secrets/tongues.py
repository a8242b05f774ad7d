"""How do people tell passwords, in each language? Pieces of sentences that `generate` puts together.

In `told`, `{c}` is a word for a password, `{t}` what it is for, `«pw»` the password; in `codes`, `{d}` is what a
number opens. `asks` are questions for it, `harmless` sentences that hold none.
"""

from __future__ import annotations

from typing import NamedTuple


class Tongue(NamedTuple):
    """The pieces of one language."""

    words: tuple[str, ...]
    things: tuple[str, ...]
    told: tuple[str, ...]
    codes: tuple[str, ...]
    doors: tuple[str, ...]
    asks: tuple[str, ...]
    changed: tuple[str, ...]
    then: tuple[str, ...]
    away: tuple[str, ...]
    harmless: tuple[str, ...]
    beside: tuple[str, ...]


ENGLISH = Tongue(
    words=("password", "pw", "pass", "login password", "admin password", "passcode", "passwd", "root password"),
    things=("the server", "the router", "our portal", "the shared mailbox", "the laptop", "that account", "the wifi", "the archive"),
    told=(
        "The {c} for {t} is «pw»", "the {c} of {t} has been «pw» for ages", "{c} for {t}: «pw»", "We set the {c} of {t} to «pw»",
        "Use «pw» as the {c} of {t}", "Just enter «pw» when {t} asks for the {c}", "log in to {t} as ‹user›, the {c} is «pw»",
        "log in with ‹user› and «pw», same {c} as before", "You need a {c} for {t}, take «pw»", "«pw» is the {c} for {t}", "I believe «pw» was the {c}",
        "They changed the {c} of {t} from «pw» to «pw»", "Why is «pw» not accepted as {c} for {t}", "is «pw» a good {c} for {t}",
        "My {c} «pw» does not work on {t}", "his {c} was reset to «pw» this morning", "sign in as ‹user› with the {c} «pw» please",
        "the {c} on {t} is simply «pw»", "Tell ‹name› that the {c} will be «pw» from Monday", "the new {c}, «pw», works on {t}",
        "we still have «pw» as {c} on {t}", "after five tries with «pw» {t} says wrong {c}", "I put «pw» on it as a {c}",
        "the credentials for {t} are ‹user› and «pw»", "{t} is protected with «pw»", "creds for {t}: ‹user› / «pw»", "to get into {t} type «pw» at the {c} prompt",
        "the api secret of {t} is «key»", "sign requests with the shared secret «key»", "our token there reads «key»", "the key for the ‹prod› api: «key»",
        "the pass phrase of the key is «phrase»", "unlock it with the passphrase «phrase»", "our recovery phrase: «phrase»",
    ),
    codes=(
        "the code for {d} is «pin»", "{d} opens with «pin»", "the PIN of {d} was changed to «pin»", "type «pin» at {d}, that is the pin", "PIN for {d}: «pin»",
        "use the code «pin» on {d}", "{d} wants a PIN, it is «pin»", "«pin» is the code of {d}", "code «pin» for {d}, then hash", "key in «pin» to unlock {d}",
    ),
    doors=("the door", "the gate", "the alarm", "the safe", "my phone", "the tablet", "the card", "the garage", "the key box", "voicemail"),
    asks=("what's the {c} for {t}", "which {c} do you use", "do you remember the {c}", "can you send me the {c} of {t} again", "{c}", "need the {c} for {t} pls"),
    changed=("The {c} of {t} was changed yesterday", "There is a {c} on {t}", "{t} asks for a {c}", "About the {c}", "I was asked for the {c}", "We have a new {c}"),
    then=("Now it is «pw»", "Use «pw» from now on", "It goes «pw»", "«pw» works", "Try «pw» first", "Everybody takes «pw»", "It should be «pw»", "«pw»"),
    away=("ask ‹name›", "it is in the vault", "comes by mail", "I call you on ‹zip›", "see ‹tick›", "who wants to know", "open ‹tick› for that", "it's on the board in ‹room›", "no idea, try ext ‹zip›", "there is none"),
    harmless=(
        "I forgot my {c}, my order is ‹order›", "The {c} must have at least ‹num› characters", "the {c} field is called ‹ident› since ‹ver›", "error ‹err› when I enter the {c}",
        "the {c} is hashed with ‹algo›", "Ticket ‹tick› is about the {c} of {t}", "{c} reset for ‹user› done, ‹date›", "set ‹env› to your {c}", "the {c} for {t} is in ‹file›",
        "‹func› compares the {c}", "the {c} of ‹user› expires on ‹date›", "‹model› forgets the {c} after the update to ‹ver›", "log in to ‹host› as ‹user›, you know the {c}",
        "commit ‹commit› drops the {c} check", "the {c} screen of the ‹model› is frozen, serial ‹part›", "never send a {c} by mail, call ‹zip›", "replace ‹ph› with your {c}",
        "the key ‹ident› maps to ‹part›", "the token limit is ‹order›", "sha256 of the key file is ‹hex64›", "the public key fingerprint is ‹hex32›", "the secret ‹ident› is missing in job ‹order›",
        "login broken since ‹commit›, fixed in ‹ver›", "logged in from ‹ip› at ‹date›, session ‹uuid›", "promo code ‹promo›, ends ‹date›", "the pin ‹num› of the ‹model› is bent, part ‹part›",
        "the PIN pad of the ‹model› is broken, serial ‹part›", "error code ‹err› at {d}", "zip code ‹zip›, ring at the door", "the PIN comes by post, reference ‹part›",
        "the alarm company billed ‹amount› for the code change", "source code of ‹ident› moved to ‹path›", "the wifi in ‹room› runs on a ‹model›", "asset ‹part›, swapped with ‹model›, {c} unchanged",
        "download ‹file› with your own {c}", "write to ‹email› for a new {c}", "invoice ‹order› for the key service", "Is a {c} of ‹num› characters enough for ‹algo›", "the {c} prompt of ‹prod› ‹ver› hangs",
        "pass ‹amount› to the supplier", "the login took ‹order› ms on ‹host›", "{c} changed on ‹host›, see ‹tick›", "room ‹room›, the door opens with your badge, ext ‹zip›",
    ),
    beside=("order ‹order›", "version ‹ver›", "ticket ‹tick›", "file ‹file›", "host ‹host›", "serial ‹part›", "ext ‹zip›", "room ‹room›", "invoice ‹order›", "commit ‹commit›", "model ‹model›", "error ‹err›", "user ‹user›", "‹other›"),
)

GERMAN = Tongue(
    words=("Passwort", "Kennwort", "PW", "Admin-Passwort", "Erstkennwort", "WLAN-Passwort"),
    things=("den Server", "das Portal", "den Router", "das Postfach", "die Kasse", "den Rechner"),
    told=(
        "Das {c} für {t} ist «pw»", "{c} für {t}: «pw»", "Wir haben das {c} auf «pw» gesetzt", "Nimm «pw» als {c}", "gib bei {c} einfach «pw» ein",
        "melde dich als ‹user› mit «pw» an, {c} wie immer", "«pw» war das {c} für {t}", "ist «pw» als {c} gut genug", "mein {c} «pw» geht nicht", "das neue {c} lautet «pw»",
        "mit «pw» kommst du auf {t}, das ist das {c}", "Zugangsdaten für {t}: ‹user› / «pw»", "entsperren kannst du {t} mit «pw»", "die Passphrase ist «phrase»", "der Schlüssel für die Schnittstelle ist «key»",
    ),
    codes=("der Code für {d} ist «pin»", "die PIN von {d} ist jetzt «pin»", "an {d} gibst du «pin» ein, das ist der Code", "{d} geht mit «pin» auf", "PIN {d}: «pin»"),
    doors=("die Tür", "das Tor", "der Tresor", "die Karte", "das Handy", "die Alarmanlage"),
    asks=("wie war das {c} für {t}", "welches {c} nimmst du", "kannst du mir das {c} nochmal schicken", "{c}", "wer weiß das {c}"),
    changed=("Das {c} wurde gestern geändert", "Da ist ein {c} drauf", "Das Portal will ein {c}", "Zum {c}", "Wir haben ein neues {c}"),
    then=("Jetzt gilt «pw»", "Nimm «pw»", "Es heißt «pw»", "Probier «pw»", "«pw»", "Ich habe «pw» genommen"),
    away=("frag ‹name›", "steht im Tresor", "kommt per Post", "Durchwahl ‹zip›", "siehe ‹tick›", "hängt in ‹room›", "keine Ahnung"),
    harmless=(
        "Ich habe mein {c} vergessen, Kundennummer ‹order›", "Das {c} muss mindestens ‹num› Zeichen haben", "Fehler ‹err› beim {c}", "Das {c} steht in der Datei ‹file›", "Ticket ‹tick› wegen {c}",
        "seit Version ‹ver› geht das {c} nicht", "Der Schlüssel ‹part› passt zu Raum ‹room›", "Rabattcode ‹promo› bis ‹date›", "Die PIN kommt per Brief, Auftrag ‹order›", "Postleitzahl ‹zip›, die Tür ist offen",
        "‹model› im Haus ‹room› hat kein WLAN", "als ‹user› an ‹host› anmelden, {c} hat ‹name›", "{c} auf ‹host› geändert, Vorgang ‹tick›", "Anlage ‹part› gegen ‹model› getauscht, PIN unverändert",
    ),
    beside=("Auftrag ‹order›", "Version ‹ver›", "Vorgang ‹tick›", "Datei ‹file›", "Raum ‹room›", "Durchwahl ‹zip›", "Kundennummer ‹order›", "Modell ‹model›", "Nummer ‹order›", "‹other›"),
)

FRENCH = Tongue(
    words=("mot de passe", "mdp"),
    things=("le serveur", "la messagerie", "le wifi", "le portail", "ce compte"),
    told=(
        "Le {c} pour {t} est «pw»", "{c} : «pw»", "on a changé le {c} en «pw»", "utilise «pw» comme {c}", "tape «pw» quand il demande le {c}", "connecte-toi avec ‹user› et «pw»", "«pw», c'est le {c}",
        "mon {c} «pw» ne marche plus", "le nouveau {c} sera «pw»", "est-ce que «pw» est un bon {c}", "la phrase secrète est «phrase»",
    ),
    codes=("le code de {d} est «pin»", "pour ouvrir {d} tape «pin», c'est le code", "le code PIN de {d} : «pin»", "{d} s'ouvre avec le code «pin»"),
    doors=("la porte", "l'alarme", "la carte", "le coffre", "le portail"),
    asks=("c'est quoi le {c} pour {t}", "tu as le {c}", "quel {c} tu mets", "{c}"),
    changed=("Le {c} a été changé hier", "Il y a un {c} sur le fichier", "Au sujet du {c}"),
    then=("Maintenant c'est «pw»", "Utilisez «pw»", "Essaie «pw»", "«pw»", "Il faut mettre «pw»"),
    away=("demande à ‹name›", "il arrive par courrier", "poste ‹zip›", "voir ‹tick›", "je ne sais pas"),
    harmless=(
        "J'ai oublié mon {c}, commande ‹order›", "Le {c} doit contenir au moins ‹num› caractères", "erreur ‹err› avec le {c}", "le fichier ‹file› parle du {c}", "code postal ‹zip›, clé chez le gardien", "code promo ‹promo› jusqu'au ‹date›",
        "depuis la version ‹ver› le {c} est refusé", "le ‹model› perd le wifi", "{c} changé, ticket ‹tick›", "le code PIN arrive par courrier, dossier ‹order›",
    ),
    beside=("commande ‹order›", "version ‹ver›", "fichier ‹file›", "facture ‹order›", "poste ‹zip›", "dossier ‹part›", "‹other›"),
)

SPANISH = Tongue(
    words=("contraseña", "clave"),
    things=("el servidor", "el correo", "el wifi", "la cuenta"),
    told=(
        "La {c} para {t} es «pw»", "{c}: «pw»", "cambiamos la {c} a «pw»", "usa «pw» como {c}", "pon «pw» cuando pida la {c}", "entra con el usuario ‹user› y la {c} «pw»", "«pw» es la {c}", "mi {c} «pw» no funciona",
        "la {c} nueva será «pw»", "la frase de contraseña es «phrase»",
    ),
    codes=("el código de {d} es «pin»", "{d} se abre con «pin», es el código", "el pin de {d} es «pin»", "marca el código «pin» en {d}"),
    doors=("la puerta", "la alarma", "la tarjeta", "la caja fuerte", "el portal"),
    asks=("cuál es la {c} de {t}", "qué {c} pones", "me pasas la {c}", "{c}"),
    changed=("Ayer cambiaron la {c}", "El archivo tiene {c}", "Sobre la {c}"),
    then=("Ahora es «pw»", "Usa «pw»", "Prueba «pw»", "«pw»", "Hay que poner «pw»"),
    away=("pregunta a ‹name›", "llega por correo", "extensión ‹zip›", "ver ‹tick›", "no sé"),
    harmless=(
        "Olvidé la {c}, pedido ‹order›", "La {c} debe tener al menos ‹num› caracteres", "error ‹err› con la {c}", "la {c} está en el archivo ‹file›", "código postal ‹zip›, la llave la tiene el portero", "{c} cambiada, incidencia ‹tick›",
        "desde la versión ‹ver› falla la {c}", "el ‹model› pierde el wifi", "el pin llega por correo, referencia ‹part›",
    ),
    beside=("pedido ‹order›", "versión ‹ver›", "archivo ‹file›", "factura ‹order›", "extensión ‹zip›", "‹other›"),
)

ITALIAN = Tongue(
    words=("password", "pw", "parola d'ordine"),
    things=("il server", "la posta", "il wifi", "il gestionale"),
    told=("La {c} per {t} è «pw»", "{c}: «pw»", "abbiamo cambiato la {c} in «pw»", "usa «pw» come {c}", "scrivi «pw» quando chiede la {c}", "accedi come ‹user› con «pw»", "«pw» è la {c}", "la mia {c} «pw» non va", "la nuova {c} sarà «pw»"),
    codes=("il codice di {d} è «pin»", "{d} si apre con «pin», è il codice", "il PIN di {d} è «pin»", "digita il codice «pin» su {d}"),
    doors=("la porta", "l'allarme", "il bancomat", "la cassaforte", "il cancello"),
    asks=("qual è la {c} per {t}", "che {c} metti", "mi ridai la {c}", "{c}"),
    changed=("Ieri hanno cambiato la {c}", "Il file ha una {c}", "Per la {c}"),
    then=("Adesso è «pw»", "Usa «pw»", "Prova «pw»", "«pw»", "Metti «pw»"),
    away=("chiedi a ‹name›", "arriva per posta", "interno ‹zip›", "vedi ‹tick›", "non lo so"),
    harmless=("Ho dimenticato la {c}, ordine ‹order›", "La {c} deve avere almeno ‹num› caratteri", "errore ‹err› con la {c}", "la {c} è nel file ‹file›", "CAP ‹zip›, la chiave è dal vicino", "{c} cambiata, ticket ‹tick›", "dalla versione ‹ver› la {c} non va"),
    beside=("ordine ‹order›", "versione ‹ver›", "file ‹file›", "fattura ‹order›", "interno ‹zip›", "‹other›"),
)

PORTUGUESE = Tongue(
    words=("senha", "palavra-passe"),
    things=("o servidor", "o e-mail", "o wifi", "o sistema"),
    told=("A {c} para {t} é «pw»", "{c}: «pw»", "mudamos a {c} para «pw»", "use «pw» como {c}", "digite «pw» quando pedir a {c}", "entre como ‹user› com a {c} «pw»", "«pw» é a {c}", "minha {c} «pw» não funciona", "a nova {c} será «pw»"),
    codes=("o código de {d} é «pin»", "{d} abre com o código «pin»", "o PIN de {d} é «pin»"),
    doors=("a porta", "o alarme", "o cartão", "o cofre", "o portão"),
    asks=("qual a {c} de {t}", "que {c} você usa", "me manda a {c}", "{c}"),
    changed=("Mudaram a {c} ontem", "O arquivo tem {c}", "Sobre a {c}"),
    then=("Agora é «pw»", "Use «pw»", "Tente «pw»", "«pw»"),
    away=("pergunta ao ‹name›", "vai por carta", "ramal ‹zip›", "veja ‹tick›", "não sei"),
    harmless=("Esqueci a {c}, pedido ‹order›", "A {c} deve ter no mínimo ‹num› caracteres", "erro ‹err› com a {c}", "a {c} está no arquivo ‹file›", "{c} alterada, chamado ‹tick›", "desde a versão ‹ver› a {c} falha"),
    beside=("pedido ‹order›", "versão ‹ver›", "arquivo ‹file›", "fatura ‹order›", "ramal ‹zip›", "‹other›"),
)

DUTCH = Tongue(
    words=("wachtwoord", "ww"),
    things=("de server", "de webshop", "de wifi", "de mail"),
    told=("Het {c} voor {t} is «pw»", "{c}: «pw»", "we hebben het {c} in «pw» veranderd", "gebruik «pw» als {c}", "vul «pw» in bij {c}", "log in met ‹user› en «pw»", "«pw» is het {c}", "mijn {c} «pw» werkt niet", "het nieuwe {c} wordt «pw»"),
    codes=("de code van {d} is «pin»", "de pincode van {d} is «pin»", "{d} gaat open met code «pin»"),
    doors=("de deur", "het alarm", "de pas", "de kluis", "de poort"),
    asks=("wat is het {c} van {t}", "welk {c} gebruik je", "weet jij het {c} nog", "{c}"),
    changed=("Het {c} is gisteren veranderd", "Er zit een {c} op", "Over het {c}"),
    then=("Nu is het «pw»", "Gebruik «pw»", "Probeer «pw»", "«pw»"),
    away=("vraag ‹name›", "komt per post", "toestel ‹zip›", "zie ‹tick›", "geen idee"),
    harmless=("Ik ben mijn {c} vergeten, bestelnummer ‹order›", "Het {c} moet minstens ‹num› tekens hebben", "fout ‹err› bij {c}", "het {c} staat in bestand ‹file›", "{c} gewijzigd, zie ‹tick›", "sinds versie ‹ver› werkt het {c} niet"),
    beside=("bestelnummer ‹order›", "versie ‹ver›", "bestand ‹file›", "toestel ‹zip›", "‹other›"),
)

POLISH = Tongue(
    words=("hasło",),
    things=("do serwera", "do poczty", "do wifi", "do konta"),
    told=("{c} {t} to «pw»", "{c}: «pw»", "zmieniliśmy {c} na «pw»", "użyj «pw» jako {c}", "wpisz «pw», to jest {c}", "zaloguj się jako ‹user›, {c} «pw»", "«pw» to {c} {t}", "nowe {c} brzmi «pw»", "moje {c} «pw» nie działa"),
    codes=("kod do {d} to «pin»", "PIN do {d}: «pin»", "kod «pin» otwiera {d}"),
    doors=("bramy", "drzwi", "alarm", "karty", "sejf"),
    asks=("jakie jest {c} {t}", "pamiętasz {c}", "{c}"),
    changed=("Wczoraj zmieniono {c}", "Plik ma {c}"),
    then=("Teraz jest «pw»", "Użyj «pw»", "Spróbuj «pw»", "«pw»"),
    away=("zapytaj ‹name›", "przyjdzie pocztą", "wewnętrzny ‹zip›", "zob ‹tick›", "nie wiem"),
    harmless=("Zapomniałem {c}, zamówienie ‹order›", "{c} musi mieć co najmniej ‹num› znaków", "błąd ‹err›, złe {c}", "{c} jest w pliku ‹file›", "{c} zmienione, zgłoszenie ‹tick›"),
    beside=("zamówienie ‹order›", "wersja ‹ver›", "plik ‹file›", "‹other›"),
)

SWEDISH = Tongue(
    words=("lösenordet", "lösenord"),
    things=("servern", "kassan", "wifi", "mejlen"),
    told=("{c} till {t} är «pw»", "{c}: «pw»", "vi har bytt {c} till «pw»", "använd «pw» som {c}", "skriv «pw» när den frågar efter {c}", "logga in som ‹user› med «pw»", "«pw» är {c}", "mitt {c} «pw» fungerar inte"),
    codes=("koden till {d} är «pin»", "pinkoden till {d} är «pin»", "{d} öppnas med koden «pin»"),
    doors=("dörren", "porten", "larmet", "kortet"),
    asks=("vad är {c} till {t}", "minns du {c}", "{c}"),
    changed=("De bytte {c} igår", "Filen har ett {c}"),
    then=("Nu är det «pw»", "Använd «pw»", "Testa «pw»", "«pw»"),
    away=("fråga ‹name›", "kommer med post", "anknytning ‹zip›", "se ‹tick›", "vet inte"),
    harmless=("Jag har glömt {c}, ordernummer ‹order›", "{c} måste ha minst ‹num› tecken", "fel ‹err› med {c}", "{c} finns i fil ‹file›", "{c} ändrat, se ‹tick›"),
    beside=("ordernummer ‹order›", "version ‹ver›", "fil ‹file›", "‹other›"),
)

DANISH = Tongue(
    words=("adgangskoden", "kodeordet", "passordet"),
    things=("serveren", "wifi", "mailen"),
    told=("{c} til {t} er «pw»", "{c}: «pw»", "{c} er ændret til «pw»", "brug «pw» som {c}", "log på som ‹user› med «pw»", "«pw» er {c}", "skriv «pw» når den spørger om {c}"),
    codes=("koden til {d} er «pin»", "pinkoden til {d} er «pin»"),
    doors=("døren", "porten", "alarmen", "kortet"),
    asks=("hvad er {c} til {t}", "husker du {c}", "{c}"),
    changed=("De har ændret {c}", "Der er {c} på filen"),
    then=("Nu er det «pw»", "Brug «pw»", "Prøv «pw»", "«pw»"),
    away=("spørg ‹name›", "kommer med posten", "lokal ‹zip›", "se ‹tick›"),
    harmless=("Jeg har glemt {c}, ordrenummer ‹order›", "{c} skal være på mindst ‹num› tegn", "fejl ‹err› ved {c}", "{c} står i fil ‹file›"),
    beside=("ordrenummer ‹order›", "version ‹ver›", "‹other›"),
)

CZECH = Tongue(
    words=("heslo",),
    things=("k serveru", "k databázi", "na wifi", "k účtu"),
    told=("{c} {t} je «pw»", "{c}: «pw»", "změnili jsme {c} na «pw»", "použij «pw» jako {c}", "přihlas se jako ‹user›, {c} «pw»", "«pw» je {c} {t}", "zadej «pw», to je {c}", "nové {c} zní «pw»"),
    codes=("kód od {d} je «pin»", "PIN od {d} je «pin»"),
    doors=("dveří", "brány", "karty", "alarmu"),
    asks=("jaké je {c} {t}", "pamatuješ {c}", "{c}"),
    changed=("Včera změnili {c}", "Archiv má {c}"),
    then=("Teď je «pw»", "Použij «pw»", "Zkus «pw»", "«pw»"),
    away=("zeptej se ‹name›", "přijde poštou", "linka ‹zip›", "viz ‹tick›"),
    harmless=("Zapomněl jsem {c}, objednávka ‹order›", "{c} musí mít alespoň ‹num› znaků", "chyba ‹err›, špatné {c}", "{c} je v souboru ‹file›"),
    beside=("objednávka ‹order›", "verze ‹ver›", "soubor ‹file›", "‹other›"),
)

TURKISH = Tongue(
    words=("şifre", "parola"),
    things=("sunucu", "wifi", "hesap"),
    told=("{t} için {c} «pw»", "{c}: «pw»", "{c} «pw» olarak değiştirildi", "{c} olarak «pw» kullan", "‹user› ile gir, {c} «pw»", "yeni {c} artık «pw»"),
    codes=("{d} şifresi «pin»", "{d} için kod «pin»"),
    doors=("kapı", "alarm", "kasa", "kart"),
    asks=("{t} {c} neydi", "{c} ne"),
    changed=("Dün {c} değişti", "Dosyada {c} var"),
    then=("Şimdi «pw»", "«pw» kullan", "«pw» dene", "«pw»"),
    away=("‹name› sor", "posta ile gelecek", "dahili ‹zip›", "bkz ‹tick›"),
    harmless=("{c} unuttum, sipariş numaram ‹order›", "{c} en az ‹num› karakter olmalıdır", "hata ‹err›, yanlış {c}", "{c} dosya ‹file› içinde"),
    beside=("sipariş ‹order›", "sürüm ‹ver›", "‹other›"),
)

RUSSIAN = Tongue(
    words=("пароль",),
    things=("от сервера", "от вайфая", "от почты"),
    told=("{c} {t} теперь «pw»", "{c}: «pw»", "{c} сменили на «pw»", "используй «pw» как {c}", "заходи под ‹user›, {c} «pw»", "«pw» это {c} {t}", "введи «pw», когда спросит {c}"),
    codes=("код от {d} «pin»", "пин от {d}: «pin»"),
    doors=("двери", "ворот", "сейфа", "карты"),
    asks=("какой {c} {t}", "помнишь {c}", "{c}"),
    changed=("Вчера сменили {c}", "На архиве {c}"),
    then=("Теперь «pw»", "Введи «pw»", "Попробуй «pw»", "«pw»"),
    away=("спроси ‹name›", "придёт по почте", "добавочный ‹zip›", "смотри ‹tick›"),
    harmless=("Я забыл {c}, номер заказа ‹order›", "{c} должен содержать не менее ‹num› символов", "ошибка ‹err›, неверный {c}", "{c} лежит в файле ‹file›"),
    beside=("заказ ‹order›", "версия ‹ver›", "файл ‹file›", "‹other›"),
)

TONGUES = (ENGLISH, ENGLISH, ENGLISH, GERMAN, GERMAN, FRENCH, SPANISH, ITALIAN, PORTUGUESE, DUTCH, POLISH, SWEDISH, DANISH, CZECH, TURKISH, RUSSIAN)
"""As often as each is drawn."""
