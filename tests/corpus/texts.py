"""What do people send? Mails, chats, tickets, tables, files, in seven languages, as templates.

`«person»`, `«email»` … are filled and marked; see `generate.SLOTS` for all of them. Law: what names
a person or a place stands in a slot, so that nothing is found that is not marked. The held-out
texts are there to measure, never to tune by: do not look at what is missed in them.
"""

from __future__ import annotations

# kind, template
DEV = [
    (
        "mail",
        "Dear «person»,\n\nthank you for your order «order». We shipped it to «address:us». If anything is missing, call «phone_us» or write to «email».\n\nKind regards,\n«person»\nCustomer care",
    ),
    (
        "mail",
        "From: «person» <«email»>\nTo: «person» <«email»>\nSubject: Travel booking\n\nHi,\nmy passport is «us_passport» (US) and my date of birth is «dob:us». Please book the early train to «city:en».\nThanks!",
    ),
    (
        "mail",
        "Sehr geehrte Frau «last:de»,\n\nIhre Bankverbindung hat sich geändert: IBAN «iban:DE». Bitte bestätigen Sie das unter «phone_de» oder per Mail an «email».\n\nMit freundlichen Grüßen\n«person:de»",
    ),
    (
        "mail",
        "Bonjour «person:fr»,\n\nvotre dossier est complet. Nous avons noté l'adresse «address:fr» et le téléphone «phone_fr».\n\nCordialement,\n«person:fr»",
    ),
    (
        "mail",
        "Hola «first:es»,\n\nte paso los datos del cliente: «person:es», DNI «es_nif», móvil «phone_es», vive en «address:es».\n\nUn saludo",
    ),
    (
        "mail",
        "Buongiorno,\n\nle invio i dati di «person:it»: codice fiscale «it_fiscal», residente in «address:it», telefono «phone_it».\n\nCordiali saluti",
    ),
    (
        "mail",
        "Olá «first:pt»,\n\no cliente «person:pt» pediu para mudar a morada para «address:pt». O telefone é «phone_pt».\n\nObrigado",
    ),
    (
        "mail",
        "Beste «first:nl»,\n\nDe nieuwe huurder is «person:nl», bereikbaar via «phone_nl» en «email». Het adres: «address:nl».\n\nGroeten",
    ),
    (
        "chat",
        'User: can you rewrite this so it sounds nicer? "«person» did not pay invoice «order», send a reminder to «email»"\nAssistant: Of course.',
    ),
    (
        "chat",
        "hey so my landlord «person» wants my ssn («us_ssn») for a background check, is that normal??",
    ),
    (
        "chat",
        "translate to german: My name is «person:en», I live at «address:en» and my phone number is «phone_uk»",
    ),
    (
        "chat",
        "i need a cover letter. name «person», mail «email», i worked at «org» in «city:en» for six years",
    ),
    (
        "chat",
        "kannst du das zusammenfassen? Der Patient «person:de», geb. «dob:de», KVNR «de_health», klagt über Kopfschmerzen.",
    ),
    (
        "ticket",
        "Ticket 88213\nReporter: «person»\nSeverity: 2\n\nCustomer cannot log in from «ipv4». Contact: «email», «phone_us». She tried three browsers.",
    ),
    (
        "ticket",
        "As support I reset the account of «email». The card on file is «card» and was charged twice.",
    ),
    (
        "ticket",
        "INC-20417: laptop of «person» (MAC «mac») has no network since the move to «city:de». Desk phone «phone_de».",
    ),
    (
        "csv",
        "name,email,phone,city\n«person:en»,«email»,«phone_us»,«city:en»\n«person:en»,«email»,«phone_us»,«city:en»\n«person:en»,«email»,«phone_us»,«city:en»",
    ),
    (
        "csv",
        "employee_id;name;iban;geburtsdatum\n4001;«person:de»;«iban:DE»;«dob:de»\n4002;«person:de»;«iban:DE»;«dob:de»",
    ),
    (
        "markdown",
        "| Patient | DOB | Insurance | Phone |\n|---|---|---|---|\n| «person:en» | «dob:us» | gold | «phone_us» |\n| «person:en» | «dob:us» | silver | «phone_us» |",
    ),
    (
        "markdown",
        "## Onboarding\n\n- [ ] create account for «person»\n- [ ] send key fob to «address:us»\n- [x] mail sent to «email»",
    ),
    (
        "json",
        '{\n  "customer": {\n    "name": "«person»",\n    "email": "«email»",\n    "phone": "«phone_us»",\n    "ssn": "«us_ssn»"\n  },\n  "items": [{"sku": "«part»", "qty": 2}],\n  "total": 81.5\n}',
    ),
    (
        "json",
        '{"users": [{"id": 1, "fullName": "«person»", "ip": "«ipv4»"}, {"id": 2, "fullName": "«person»", "ip": "«ipv4»"}]}',
    ),
    (
        "yaml",
        "contacts:\n  - name: «person»\n    email: «email»\n    mobile: «phone_uk»\n  - name: «person»\n    email: «email»\n    mobile: «phone_uk»\n",
    ),
    (
        "log",
        "«time» INFO login user=«email» ip=«ipv4» ok\n«time» WARN login user=«email» ip=«ipv4» bad password\n«time» INFO logout session=«uuid»",
    ),
    (
        "log",
        '«ipv4» - - [12/Mar/2025:10:11:12 +0000] "POST /api/login HTTP/1.1" 200 512 "-" "curl/8.4.0"\n«ipv4» - - [12/Mar/2025:10:11:13 +0000] "GET /health HTTP/1.1" 200 2 "-" "kube-probe/1.29"',
    ),
    (
        "code",
        "# TODO «person» (mail «email») owns this, ask before you change it\ndef total(rows):\n    return sum(row.amount for row in rows)\n",
    ),
    (
        "code",
        'const testUser = {\n  name: "«person»",\n  email: "«email»",\n  card: "«card»",\n};\n',
    ),
    (
        "sql",
        "INSERT INTO customers (name, email, phone, iban) VALUES\n  ('«person:de»', '«email»', '«phone_de»', '«iban:DE»'),\n  ('«person:fr»', '«email»', '«phone_fr»', '«iban:FR»');",
    ),
    (
        "html",
        '<table><tr><th>Name</th><th>Card</th></tr><tr><td>«person»</td><td>«card»</td></tr></table>\n<p>Contact: <a href="mailto:«email»">mail us</a></p>',
    ),
    (
        "form",
        "Full name: «person:en»\nDate of birth: «dob:us»\nSSN: «us_ssn»\nAddress: «address:us»\nPhone: «phone_us»\nE-mail: «email»\nSignature: ________",
    ),
    (
        "form",
        "Nom : «person:fr»\nNuméro de sécurité sociale : «fr_nir»\nAdresse : «address:fr»\nIBAN : «iban:FR»",
    ),
    (
        "health",
        "Discharge summary. Patient «person:en», born on «dob:us», Medicare MBI «us_mbi». Treated by Dr. «last:en» (NPI «us_npi»). Follow-up in two weeks.",
    ),
    (
        "hr",
        "«person» will join «org» on Monday as an engineer; salary talks go through «person». Her private mail is «email».",
    ),
    (
        "legal",
        "This agreement is made between «org» and «person:en», residing at «address:en», hereafter the tenant.",
    ),
    (
        "prose",
        "Yesterday I met «person» in «city:en». We talked about «org» and took the train to «city:en» together.",
    ),
    (
        "prose",
        "«person:in» and «person:zh» presented the results, while «person:af» took notes for «person:ar».",
    ),
    (
        "lower",
        "my name is «lperson:en» and i live in «city:en», can u write a poem for my friend «lperson:en»?",
    ),
    (
        "vcard",
        "BEGIN:VCARD\nVERSION:3.0\nFN:«person»\nTEL;TYPE=CELL:«phone_world»\nEMAIL:«email»\nEND:VCARD",
    ),
]
HELD_OUT = [
    (
        "mail",
        "Hi «first:en»,\n\ncould you wire the deposit to «iban:GB» before Friday? My mobile is «phone_uk» if the bank asks.\n\nBest,\n«person:en»\n«org»",
    ),
    (
        "mail",
        "Subject: Re: Visa papers\nFrom: «email»\n\nPlease find below what the consulate wants. Name: «person». Born «dob:en». Passport number «uk_passport» (British). Home address «address:en».",
    ),
    (
        "mail",
        "Hallo Herr «last:de»,\n\nfür die Lohnabrechnung fehlt noch die Steuer-ID. Ist «de_tax_id» richtig? Rückruf gern unter «phone_de».\n\nViele Grüße\n«person:de»",
    ),
    (
        "mail",
        "Madame «last:fr»,\n\nle virement de 1 200 € a été refusé car l'IBAN «iban:FR» est clôturé. Merci de nous rappeler au «phone_fr» ou d'écrire à «email».\n\n«person:fr»",
    ),
    (
        "mail",
        "Estimada «person:es»:\n\nsu NIE «es_nie» ha sido registrado. Para cambios llame al «phone_es» o pase por «address:es».\n\nAtentamente",
    ),
    (
        "mail",
        "Gentile «person:it»,\n\nil bonifico va fatto su «iban:IT». La sede è in «address:it».\n\nSaluti",
    ),
    (
        "mail",
        "Caro «person:pt»,\n\nconfirmo a transferência para o IBAN «iban:PT» e o envio para «address:pt».\n\nAbraço",
    ),
    (
        "mail",
        "Geachte heer «last:nl»,\n\nUw BSN «nl_bsn» staat niet in ons systeem. Kunt u bellen met «phone_nl»?\n\nMet vriendelijke groet,\n«person:nl»",
    ),
    ("chat", "my grandma «person» lost her card, number «card», what should she do first?"),
    (
        "chat",
        "Write a reference for «person», who worked under «person» at «org» and can be reached at «email».",
    ),
    (
        "chat",
        "Summarise: «person» called from «phone_us» about a parcel to «address:us». He was upset and wants a refund to «card».",
    ),
    (
        "chat",
        "peux-tu corriger ce message ? « Je m'appelle «person:fr», né le «dob:fr», et j'habite «address:fr ». »",
    ),
    (
        "chat",
        "puoi scrivere una mail a «person:it» («email») per dire che arrivo a «city:it» domani?",
    ),
    (
        "ticket",
        "Case «order»\nCaller: «person»\nCallback: «phone_world»\nNotes: wants the bill sent to «email» instead of the house at «address:us».",
    ),
    (
        "ticket",
        "[P1] VPN drops for user «email», client address «ipv4», gateway «ipv4», tunnel id «uuid»",
    ),
    (
        "tsv",
        "first\tlast\tdob\tssn\n«first:en»\t«last:en»\t«dob:us»\t«us_ssn»\n«first:en»\t«last:en»\t«dob:us»\t«us_ssn»",
    ),
    (
        "csv",
        "id,cliente,dni,telefono\n1,«person:es»,«es_nif»,«phone_es»\n2,«person:es»,«es_nif»,«phone_es»",
    ),
    (
        "markdown",
        "| Naam | IBAN | Mail |\n| --- | --- | --- |\n| «person:nl» | «iban:NL» | «email» |\n| «person:nl» | «iban:NL» | «email» |",
    ),
    (
        "markdown",
        "### Meeting notes\n* present: «person», «person», «person»\n* «person» calls the landlord («phone_us»)\n* next meeting in «city:en»",
    ),
    (
        "json",
        '{"order": {"id": 5512, "shipTo": {"fullName": "«person»", "street": "«address:us»"}, "billing": {"cardNumber": "«card»"}}}',
    ),
    (
        "json",
        '[{"contact_name": "«person:de»", "contact_phone": "«phone_de»", "date_of_birth": "«dob:iso»"}]',
    ),
    (
        "xml",
        "<employee><name>«person»</name><email>«email»</email><nino>«uk_nino»</nino></employee>",
    ),
    ("yaml", 'on_call:\n  primary: «person»\n  phone: "«phone_us»"\n  backup: «person»\n'),
    (
        "log",
        'level=info ts=«time» msg="password reset" user=«email» remote=«ipv4»\nlevel=error ts=«time» msg="mail bounced" to=«email»',
    ),
    (
        "log",
        "Mar  4 10:22:11 gw sshd[811]: Failed password for root from «ipv4» port 51122 ssh2\nMar  4 10:22:15 gw dhcpd: DHCPACK on «ipv4» to «mac» via eth1",
    ),
    (
        "code",
        '/**\n * @author «person» <«email»>\n */\npublic final class Billing {\n  private static final String HOST = "«ipv4»";\n}\n',
    ),
    (
        "code",
        'users = [\n    {"name": "«person»", "ssn": "«us_ssn»"},\n    {"name": "«person»", "ssn": "«us_ssn»"},\n]\nprint(len(users))\n',
    ),
    (
        "sql",
        "UPDATE patients SET phone = '«phone_uk»', nhs_number = '«uk_nhs»' WHERE email = '«email»';",
    ),
    (
        "html",
        "<ul><li>«person» – «phone_us»</li><li>«person» – «phone_us»</li></ul><footer>© «org»</footer>",
    ),
    (
        "form",
        "Name: «person:de»\nGeburtsdatum: «dob:de»\nAnschrift: «address:de»\nRentenversicherungsnummer: «de_social»\nKrankenkasse: AOK, KVNR «de_health»",
    ),
    ("form", "Nome completo: «person:pt»\nCPF: «br_cpf»\nTelefone: «phone_pt»\nE-mail: «email»"),
    (
        "health",
        "Referral: Mr «last:en», NHS number «uk_nhs», date of birth «dob:en», lives at «address:en». GP: Dr «person:en».",
    ),
    (
        "bank",
        "Customer «person» disputes a payment of 240.00 on card «card»; refund to account «iban:DE», BIC known. Reached on «phone_world».",
    ),
    (
        "legal",
        "«person:en», of «address:us», hereby appoints «person:en» as agent. Driver's license «us_license».",
    ),
    (
        "prose",
        "Nobody at «org» knew that «person» had moved from «city:fr» to «city:de» before the merger.",
    ),
    (
        "prose",
        "Last summer «person:sl» walked from «city:it» to «city:fr»; «person:ar» joined halfway.",
    ),
    ("lower", "hi im «lperson:en» from «city:en», my number is «phone_us», pls call me back asap"),
    (
        "ical",
        "BEGIN:VEVENT\nSUMMARY:Interview\nORGANIZER;CN=«person»:mailto:«email»\nLOCATION:«address:us»\nEND:VEVENT",
    ),
]

# Shapes that are none: nothing may be found in them but what is marked.
NEGATIVE_DEV = [
    (
        "order",
        "Order «order_» left the warehouse, tracking «digits:12», weight 4.2 kg, part «part».",
    ),
    (
        "version",
        "We upgraded from «version» to «version» and then to «version»; the build «digits:9» failed.",
    ),
    ("hash", "commit «hex:40»\nMerge: «hex:7» «hex:7»\n\n    Fix the off-by-one in pagination\n"),
    ("hash", "sha256:«hex:64»  dist/app.tar.gz\nmd5: «hex:32»"),
    ("book", "ISBN «isbn» is out of print, the new edition is ISBN «isbn»."),
    ("time", "ts=«epoch» took=«digits:4»ms rows=«digits:7» bytes=«digits:9»"),
    ("card", "Invoice reference «not_card», please quote it when you pay."),
    ("ssn", "Serial «not_ssn» is engraved on the back plate."),
    ("iban", "The check digits of «not_iban» are wrong on purpose."),
    (
        "table",
        "id,qty,price,code\n1,12,«digits:3».99,«part»\n2,7,«digits:3».50,«part»\n3,1,«digits:2».00,«part»",
    ),
    (
        "code",
        "def chunk(items, size=64):\n    for i in range(0, len(items), size):\n        yield items[i:i + size]\n\nassert list(chunk(list(range(10)), 4))[0] == [0, 1, 2, 3]\n",
    ),
    (
        "code",
        "token = lexer.next_token()\npassword_field = form.get('password')\nif not api_key:\n    raise ValueError('api_key is required')\n",
    ),
    (
        "config",
        "max_tokens: 4096\nsecret_name: db-credentials\npassword_min_length: 12\ntoken_ttl: 3600\n",
    ),
    (
        "cloud",
        "Copy the file from S3 to EFS, then restart the EKS node group and the RDS replica in us-east-1.",
    ),
    (
        "lorem",
        "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore.",
    ),
    (
        "maths",
        "A train travels 480 km in 3.5 hours and then 220 km in 2 hours. What is its average speed over the 700 km?",
    ),
    ("list", "Dimensions: 120-45-6789 mm? No, the drawing says 1204 x 567 x 89 mm."),
    ("color", ":root { --brand: #3a7bd5; --accent: #ff6b6b; --ink: #1f2933; --z: 9999; }"),
    (
        "prose",
        "The committee agreed on the budget, but asked for a second reading of chapter 4.3.2 and of annex B.",
    ),
    ("ip", "Chapter 10.4.2.1 describes the protocol; firmware 3.14.159.26 fixes it."),
]
NEGATIVE_HELD_OUT = [
    ("order", "RMA «order_» refers to lot «digits:8» and pallet «part»; reorder point 250."),
    ("version", "pip install 'demo==«version»' resolves, «version» does not, build id «digits:10»."),
    ("hash", "integrity sha512-«b64:86»==\nresolved «hex:40»"),
    ("hash", "docker pull registry.local/app@sha256:«hex:64»"),
    ("book", "See «isbn», pages 214-229, and the errata of the third printing."),
    ("time", '{"created": «epoch», "expires_in": 86400, "seq": «digits:8»}'),
    ("card", "Meter reading «not_card» kWh? That cannot be right."),
    ("ssn", "Bin «not_ssn», shelf 4, row 12."),
    ("iban", "Try a wrong one such as «not_iban» in the unit test."),
    ("table", "| run | loss | lr |\n|---|---|---|\n| 1 | 0.«digits:9» | 3e-4 |\n| 2 | 0.«digits:9» | 1e-4 |"),
    ("code", "for (let i = 0; i < keys.length; i++) {\n  const key = keys[i];\n  if (map.has(key)) continue;\n  map.set(key, values[i] ?? null);\n}\n"),
    ("code", "const token = await getToken();\nconst secret = process.env.SESSION_SECRET;\nuser.password = await bcrypt.hash(req.body.password, 12);\n"),
    ("config", "[auth]\npassword_policy = strict\ntoken_endpoint = /oauth/token\napi_key_header = X-Api-Key\n"),
    ("cloud", "The ALB sends traffic to ECS; IAM and KMS are set up by Terraform in eu-west-3."),
    ("lorem", "Ut enim ad minim veniam, quis nostrud exercitation ullamco laboris nisi ut aliquip ex ea commodo."),
    ("maths", "If 3 pencils cost 2.10, how much do 17 pencils cost? Round to the nearest cent."),
    ("list", "Use the 5/16-18 UNC bolts, 24-per-box, torque 18 to 22 Nm, class 8.8."),
    ("data", "0.1184 0.2776 0.3001 0.1471 0.2419 0.07871 1.095 0.9053 8.589 153.4 0.006399 0.04904"),
    ("prose", "Rain is expected in the afternoon; the harvest will be later than usual, and prices may rise by 3 to 5 percent."),
    ("ip", "OID 1.3.6.1.4.1 and section 12.1.10.4 are not addresses of hosts."),
]  # fmt: skip
