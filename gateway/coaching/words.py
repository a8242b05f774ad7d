"""How are people spoken to? In the language that their browser asks for, of those that we have.

Law: every language says everything; what has no word in a language is told by its name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

LANGUAGES = ("en", "de")

type Words = Mapping[str, str]

_EN: Words = {
    "title": "Think before this is sent",
    "stopped": "Your request to {service} was stopped before it left. Nothing was sent.",
    "found": "What was found",
    "service": "What is known of {service}",
    "nothing_known": "Nobody has read the terms of this service for the company.",
    "terms": "Terms of the service",
    "instead": "What to use instead",
    "answer": "Your decision",
    "reason": "Why does it have to be sent?",
    "text": "In your own words",
    "text_optional": "In your own words (optional)",
    "text_hint": "At most 500 characters. Do not repeat what was found.",
    "go_on": "Give this reason",
    "cancel": "Do not send it",
    "what_follows": "Your reason is recorded. Then you can send the same content to {service} again, {span};"
    " anything more is asked about again.",
    "no_answer": "If you do not answer, nothing is sent.",
    "rule": "Rule",
    "rules": "Rules",
    "until": "This page works until {at} UTC.",
    "justified_title": "You may send it again now",
    "justified": "Your reason is recorded. Send the same content to {service} again: it passes until {at} UTC.",
    "go_back": "Go back to the page where you wrote it and send it again, or open",
    "your_reason": "Your reason",
    "cancelled_title": "It is not sent",
    "cancelled": "Nothing has left the company. You can close this page.",
    "expired_title": "This page has expired",
    "expired": "Nothing was sent. Send it again, and you are asked again.",
    "withdrawn_title": "Your leave was taken back",
    "withdrawn": "You may not send it any more on the reason that you gave. Send it again, and you are asked"
    " again.",
    "changed_title": "The rule has changed",
    "changed": "Nothing was sent. Send it again to see whether it may go now.",
    "not_yours_title": "This page is not yours",
    "not_yours": "It was made for somebody else. Only they can answer.",
    "unknown_title": "There is no such page",
    "unknown": "The link is not complete, or too old. Send your request again, and you get a new one.",
    "away_title": "Please try again in a minute",
    "away": "The page cannot be shown at the moment. Nothing was sent, and nothing is lost.",
    "bad_title": "That cannot be read",
    "bad": "Please open the link again and answer there.",
    "home_title": "Leakgate",
    "home": "Here the company's gateway to AI services tells you why it stopped something. You get here by a link"
    " that is part of such a message.",
    "choose": "Please choose a reason.",
    "write": "Please write a few words.",
    "too_long": "Please use at most 500 characters.",
    "in_text": "Your text holds something that should not be written down here ({what}). Please write it without.",
    "unchecked": "Your text could not be checked. Please try again{or_without}.",
    "or_without": ", or leave it empty",
    "unread": "something that could not be read",
    "file": "a file",
    "request": "the request itself",
    "yes": "yes",
    "no": "no",
    "minute": "for one minute",
    "minutes": "for {n} minutes",
    "hours": "for {n} hours",
    "hour": "for one hour",
    "days": "for {n} days",
    "day": "for one day",
    "reason.work": "My work needs it",
    "reason.false_alarm": "It is not what it was taken for",
    "reason.public": "It is public anyway",
    "reason.consent": "The people concerned have agreed",
    "reason.approved": "My manager or data protection has approved it",
    "fact.trains_on_input=yes": "It trains its models on what you send.",
    "fact.trains_on_input=opt_out": "It trains its models on what you send, unless somebody has switched that off.",
    "fact.trains_on_input=no": "It says that it does not train on what you send.",
    "fact.trains_on_input=opt_in": "It trains on what you send only if somebody has agreed to that.",
    "fact.trains_on_input=unknown": "Nobody knows whether it trains its models on what you send.",
    "fact.retention_days=indefinite": "It keeps what you send without an end.",
    "fact.retention_days": "It keeps what you send for {n} days.",
    "fact.human_review=yes": "People who work there may read it.",
    "fact.public_by_default=yes": "What you make there is public unless you change that.",
    "fact.licence": "With its terms you give it a licence to what you send {how}.",
    "licence_perpetual": "for ever",
    "licence_irrevocable": "that cannot be taken back",
    "licence_transferable": "that it may pass on",
    "licence_sublicensable": "that it may give to others",
    "and": "and",
    "fact.biometric=retained": "It keeps data by which a face or a voice is recognised.",
    "fact.biometric=processed": "It works out data by which a face or a voice can be recognised.",
    "fact.dpa=no": "It offers no contract for personal data.",
    "fact.dpa=yes": "It offers a contract for personal data; whether the company has one, your IT department knows.",
    "fact.jurisdiction": "It is subject to the law of: {n}.",
    "fact.tier=consumer": "This is the offer for private people.",
    "entity.PERSON": "name of a person",
    "entity.EMAIL_ADDRESS": "e-mail address",
    "entity.PHONE_NUMBER": "phone number",
    "entity.STREET_ADDRESS": "street address",
    "entity.DATE_OF_BIRTH": "date of birth",
    "entity.CREDIT_CARD": "card number",
    "entity.IBAN_CODE": "bank account (IBAN)",
    "entity.BANK_ACCOUNT": "bank account",
    "entity.US_SSN": "US social security number",
    "entity.PASSPORT_NUMBER": "passport number",
    "entity.MEDICAL_CONDITION": "illness",
    "entity.MEDICAL_RECORD_NUMBER": "number of a medical record",
    "entity.HEALTH_INSURANCE_NUMBER": "health insurance number",
    "entity.SALARY": "salary",
    "entity.PASSWORD": "password",
    "entity.PRIVATE_KEY": "private key",
    "entity.SOURCE_CODE": "program code",
    "entity.IP_ADDRESS": "IP address",
    "entity.DRIVER_LICENSE": "driving licence",
    "entity.CUSTOMER_ID": "customer number",
    "entity.EMPLOYEE_ID": "staff number",
}

_DE: Words = {
    "title": "Bitte erst nachdenken",
    "stopped": "Ihre Anfrage an {service} wurde angehalten, bevor sie das Haus verließ. Nichts wurde gesendet.",
    "found": "Was gefunden wurde",
    "service": "Was über {service} bekannt ist",
    "nothing_known": "Niemand hat die Bedingungen dieses Dienstes für das Unternehmen gelesen.",
    "terms": "Bedingungen des Dienstes",
    "instead": "Was Sie stattdessen nutzen können",
    "answer": "Ihre Entscheidung",
    "reason": "Warum muss es gesendet werden?",
    "text": "In eigenen Worten",
    "text_optional": "In eigenen Worten (freiwillig)",
    "text_hint": "Höchstens 500 Zeichen. Wiederholen Sie nicht, was gefunden wurde.",
    "go_on": "Diese Begründung abgeben",
    "cancel": "Nicht senden",
    "what_follows": "Ihre Begründung wird festgehalten. Dann können Sie denselben Inhalt {span} noch einmal an {service}"
    " senden; bei allem, was dazukommt, werden Sie wieder gefragt.",
    "no_answer": "Wenn Sie nicht antworten, wird nichts gesendet.",
    "rule": "Regel",
    "rules": "Regeln",
    "until": "Diese Seite gilt bis {at} UTC.",
    "justified_title": "Sie können es jetzt noch einmal senden",
    "justified": "Ihre Begründung ist festgehalten. Senden Sie denselben Inhalt noch einmal an {service}: Er geht bis"
    " {at} UTC durch.",
    "go_back": "Gehen Sie zurück zu der Seite, auf der Sie es geschrieben haben, und senden Sie es noch einmal, oder"
    " öffnen Sie",
    "your_reason": "Ihre Begründung",
    "cancelled_title": "Es wird nicht gesendet",
    "cancelled": "Nichts hat das Unternehmen verlassen. Sie können diese Seite schließen.",
    "expired_title": "Diese Seite ist abgelaufen",
    "expired": "Nichts wurde gesendet. Senden Sie es noch einmal, dann werden Sie wieder gefragt.",
    "withdrawn_title": "Ihre Erlaubnis wurde zurückgenommen",
    "withdrawn": "Mit der Begründung, die Sie gegeben haben, können Sie es nicht mehr senden. Senden Sie es noch"
    " einmal, dann werden Sie wieder gefragt.",
    "changed_title": "Die Regel hat sich geändert",
    "changed": "Nichts wurde gesendet. Senden Sie es noch einmal, um zu sehen, ob es jetzt gehen darf.",
    "not_yours_title": "Diese Seite ist nicht für Sie",
    "not_yours": "Sie wurde für jemand anderen gemacht. Nur diese Person kann antworten.",
    "unknown_title": "Diese Seite gibt es nicht",
    "unknown": "Der Link ist unvollständig oder zu alt. Senden Sie Ihre Anfrage noch einmal, dann bekommen Sie einen"
    " neuen.",
    "away_title": "Bitte versuchen Sie es in einer Minute noch einmal",
    "away": "Die Seite kann gerade nicht gezeigt werden. Nichts wurde gesendet, und nichts ist verloren.",
    "bad_title": "Das ist nicht lesbar",
    "bad": "Bitte öffnen Sie den Link noch einmal und antworten Sie dort.",
    "home_title": "Leakgate",
    "home": "Hier sagt Ihnen das Tor des Unternehmens zu KI-Diensten, warum es etwas angehalten hat. Hierher führt ein"
    " Link, der in einer solchen Meldung steht.",
    "choose": "Bitte wählen Sie einen Grund.",
    "write": "Bitte schreiben Sie ein paar Worte.",
    "too_long": "Bitte höchstens 500 Zeichen.",
    "in_text": "Ihr Text enthält etwas, das hier nicht stehen soll ({what}). Bitte schreiben Sie ihn ohne das.",
    "unchecked": "Ihr Text konnte nicht geprüft werden. Bitte versuchen Sie es noch einmal{or_without}.",
    "or_without": " oder lassen Sie ihn leer",
    "unread": "etwas, das nicht lesbar war",
    "file": "eine Datei",
    "request": "die Anfrage selbst",
    "yes": "ja",
    "no": "nein",
    "minute": "eine Minute lang",
    "minutes": "{n} Minuten lang",
    "hours": "{n} Stunden lang",
    "hour": "eine Stunde lang",
    "days": "{n} Tage lang",
    "day": "einen Tag lang",
    "reason.work": "Meine Arbeit braucht es",
    "reason.false_alarm": "Es ist nicht das, wofür es gehalten wurde",
    "reason.public": "Es ist ohnehin öffentlich",
    "reason.consent": "Die Betroffenen haben zugestimmt",
    "reason.approved": "Vorgesetzte oder der Datenschutz haben es freigegeben",
    "fact.trains_on_input=yes": "Er trainiert seine Modelle mit dem, was Sie senden.",
    "fact.trains_on_input=opt_out": "Er trainiert seine Modelle mit dem, was Sie senden, wenn das niemand abgeschaltet"
    " hat.",
    "fact.trains_on_input=no": "Er sagt, dass er nicht mit dem trainiert, was Sie senden.",
    "fact.trains_on_input=opt_in": "Er trainiert nur dann mit dem, was Sie senden, wenn jemand zugestimmt hat.",
    "fact.trains_on_input=unknown": "Niemand weiß, ob er seine Modelle mit dem trainiert, was Sie senden.",
    "fact.retention_days=indefinite": "Er behält ohne Ende, was Sie senden.",
    "fact.retention_days": "Er behält {n} Tage lang, was Sie senden.",
    "fact.human_review=yes": "Menschen, die dort arbeiten, können es lesen.",
    "fact.public_by_default=yes": "Was Sie dort machen, ist öffentlich, wenn Sie es nicht ändern.",
    "fact.licence": "Mit seinen Bedingungen geben Sie ihm an dem, was Sie senden, Rechte, {how}.",
    "licence_perpetual": "die für immer gelten",
    "licence_irrevocable": "die sich nicht zurücknehmen lassen",
    "licence_transferable": "die er weitergeben darf",
    "licence_sublicensable": "die er anderen einräumen darf",
    "and": "und",
    "fact.biometric=retained": "Er behält Daten, an denen sich ein Gesicht oder eine Stimme erkennen lässt.",
    "fact.biometric=processed": "Er errechnet Daten, an denen sich ein Gesicht oder eine Stimme erkennen lässt.",
    "fact.dpa=no": "Er bietet keinen Vertrag für personenbezogene Daten an.",
    "fact.dpa=yes": "Er bietet einen Vertrag für personenbezogene Daten an; ob das Unternehmen einen hat, weiß die"
    " IT-Abteilung.",
    "fact.jurisdiction": "Für ihn gilt das Recht von: {n}.",
    "fact.tier=consumer": "Dies ist das Angebot für Privatleute.",
    "entity.PERSON": "Name einer Person",
    "entity.EMAIL_ADDRESS": "E-Mail-Adresse",
    "entity.PHONE_NUMBER": "Telefonnummer",
    "entity.STREET_ADDRESS": "Anschrift",
    "entity.DATE_OF_BIRTH": "Geburtsdatum",
    "entity.CREDIT_CARD": "Kartennummer",
    "entity.IBAN_CODE": "Bankkonto (IBAN)",
    "entity.BANK_ACCOUNT": "Bankkonto",
    "entity.US_SSN": "US-Sozialversicherungsnummer",
    "entity.PASSPORT_NUMBER": "Passnummer",
    "entity.MEDICAL_CONDITION": "Krankheit",
    "entity.MEDICAL_RECORD_NUMBER": "Nummer einer Krankenakte",
    "entity.HEALTH_INSURANCE_NUMBER": "Krankenversichertennummer",
    "entity.SALARY": "Gehalt",
    "entity.PASSWORD": "Passwort",
    "entity.PRIVATE_KEY": "privater Schlüssel",
    "entity.SOURCE_CODE": "Programmcode",
    "entity.IP_ADDRESS": "IP-Adresse",
    "entity.DRIVER_LICENSE": "Führerschein",
    "entity.CUSTOMER_ID": "Kundennummer",
    "entity.EMPLOYEE_ID": "Personalnummer",
}

WORDS: Mapping[str, Words] = {"en": _EN, "de": _DE}

_RANGE = re.compile(r"([a-z]{1,8}|\*)(?:-[a-z0-9-]{1,32})?(?:;q=([01](?:\.[0-9]{0,3})?))?")


def language(accepted: str) -> str:
    """The best of our languages for an `Accept-Language` header (RFC 9110 §12.5.4)."""
    best, chosen = 0.0, LANGUAGES[0]
    for item in accepted[:500].lower().replace(" ", "").split(","):
        found = _RANGE.fullmatch(item)
        if found is None:
            continue
        sure = float(found[2] or 1)
        if sure > best and found[1] in LANGUAGES:
            best, chosen = sure, found[1]
    return chosen


def entity(words: Words, name: str) -> str:
    """An entity for people."""
    return words.get(f"entity.{name}") or name.replace("_", " ").capitalize()


def reason(words: Words, name: str) -> str:
    """A reason for people; one that the team wrote is told as it is written."""
    return words.get(f"reason.{name}", name)


def span(words: Words, seconds: int) -> str:
    """So long: minutes, hours or days, whichever is whole."""
    unit, name = next(
        (each for each in ((86_400, "day"), (3_600, "hour")) if seconds % each[0] == 0),
        (60, "minute"),
    )
    number = seconds // unit
    return words[name] if number == 1 else words[f"{name}s"].format(n=number)


_LICENCE = (
    "licence_perpetual",
    "licence_irrevocable",
    "licence_transferable",
    "licence_sublicensable",
)


def facts(words: Words, known: Mapping[str, object]) -> tuple[str, ...]:
    """What is known of a service that somebody should know before they send anything, in sentences."""
    told = []
    terms = [words[name] for name in _LICENCE if known.get(name) == "yes"]
    if terms:
        how = f" {words['and']} ".join(
            [", ".join(terms[:-1]), terms[-1]] if len(terms) > 1 else terms
        )
        told.append(words["fact.licence"].format(how=how))
    for name in (
        "trains_on_input",
        "retention_days",
        "human_review",
        "public_by_default",
        "biometric",
        "dpa",
        "tier",
        "jurisdiction",
    ):
        value = known.get(name, "unknown")
        exact = words.get(f"fact.{name}={value}")
        if exact is not None:
            told.append(exact)
        elif value != "unknown" and (general := words.get(f"fact.{name}")) is not None:
            told.append(general.format(n=value))
    return tuple(told)
