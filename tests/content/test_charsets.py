"""Which character set: real sentences in each, rows of a table, and what must not be taken for one."""

from __future__ import annotations

import base64
import email
import quopri
import random

import pytest

from gateway.content import charsets, open_blob, text_encoding, write_blob
from gateway.model import BlobPart, Edit, Locator, Step

SAID = {
    "Dobrý den, paní Novotná, posílám Vám číslo účtu a příští týden přijedu do Plzně."
    " Žádost o úvěr byla schválena.": ("cp1250", "iso8859-2"),
    "Szanowny Panie, proszę o przesłanie umowy na adres: ulica Źródlana 5, Łódź."
    " Dziękuję, Małgorzata Wiśniewska.": ("cp1250", "iso8859-2"),
    "Tisztelt Uram! Kérjük, küldje el a szerződést a következő címre: Győr, Fő utca 12."
    " Üdvözlettel, Szűcs Ágnes.": ("cp1250", "iso8859-2"),
    "Bună ziua, vă rog să trimiteţi contractul la adresa din Bucureşti şi să îmi scrieţi."
    " Cu stimă, Ştefan Ţăranu": ("cp1250",),
    "Sayın Ayşe Yılmaz, sözleşmeyi İstanbul'daki adrese gönderiyorum. Teşekkürler,"
    " Çağrı Öztürk, şirket müdürü": ("cp1254",),
    "Здравствуйте, Анна Петровна! Отправляю вам номер счёта и паспортные данные Ивана Смирнова"
    " из Москвы.": ("cp1251", "koi8-r", "iso8859-5", "cp866"),
    "Здравейте, господин Иванов, изпращам ви договора и номера на сметката."
    " Поздрави, Мария Георгиева": ("cp1251", "iso8859-5"),
    "Доброго дня, пане Шевченко! Надсилаю вам договір і номер рахунку."
    " З повагою, Олена Коваленко": ("cp1251", "koi8-u"),
    "Καλημέρα κυρία Παπαδοπούλου, σας στέλνω τον αριθμό του λογαριασμού και το συμβόλαιο."
    " Με εκτίμηση, Νίκος": ("cp1253", "iso8859-7"),
    "Gerbiamas pone Jonaiti, siunčiu sutartį ir sąskaitos numerį į Šiaulių gatvę, ačiū.": (
        "cp1257",
        "iso8859-13",
    ),
    "Cienījamā Bērziņa kundze, sūtu līgumu uz Rīgu, Ķekavas ielā, lūdzu parakstīt.": ("cp1257",),
    "ПРОШУ ВАС ПРИСЛАТЬ ДОГОВОР И НОМЕР СЧЁТА": ("cp1251", "iso8859-5"),
    "שלום לכולם, אני שולח לכם את החוזה ואת מספר החשבון של משה כהן": ("cp1255",),
    "نرجو إرسال العقد ورقم الحساب إلى السيد محمد أحمد في القاهرة": ("cp1256",),
    "田中様、お世話になっております。口座番号と契約書をお送りします。佐藤花子より。": (
        "shift_jis",
        "euc_jp",
    ),
    "王小明先生您好，请将合同和银行账号发送到上海市浦东新区。谢谢，李丽华": ("gbk",),
    "王小明先生您好，請將合約和銀行帳號寄到臺北市信義區。謝謝，陳麗華敬上": ("big5",),
    "김민수 고객님 안녕하세요. 계약서와 계좌번호를 서울특별시 강남구로 보내 드립니다.": ("euc_kr",),
}
CASES = [(text, codec) for text, codecs in SAID.items() for codec in codecs]
IDS = [f"{number}-{codec}" for number, (_, codec) in enumerate(CASES)]
WESTERN = (
    "Sehr geehrte Frau Müller, anbei die Kündigung für Jürgen Groß aus Köln.",
    "Chère Madame Lefèvre, voici le numéro de compte à Orléans. Le coût élevé nous a déçus.",
    "Señora Muñoz, adjunto el número de la cuenta de José Ibáñez en Málaga. ¿Cuándo?",
    "Hej Åsa Sjöström, här är numret till kontot för Göran Öberg i Malmö.",
    "Così è più facile perché la città è già lì, Niccolò disse di sì",
    "Não há razão para não ir à reunião amanhã, João e Inês estão lá",
    "Kære Søren Ærø, vi ses på mandag i Ålborg, når du kører forbi",
    "Íslensk þýðing á því sem þú sagðir við Þórð í gær",
)


def read_as(data):
    return data.decode(text_encoding(data))


@pytest.mark.parametrize(("text", "codec"), CASES, ids=IDS)
def test_a_letter_is_read_as_it_was_written(text, codec):
    assert read_as(text.encode(codec)) == text


@pytest.mark.parametrize(("text", "codec"), CASES, ids=IDS)
def test_a_table_of_words_and_numbers_is_read_as_it_was_written(text, codec):
    words = text.split() if " " in text else [text[at : at + 4] for at in range(0, len(text), 4)]
    rows = "\r\n".join(f"{number};4111 1111;{word}" for number, word in enumerate(words * 3))
    assert read_as(rows.encode(codec)) == rows


@pytest.mark.parametrize("text", WESTERN)
def test_western_text_stays_western(text):
    assert read_as(text.encode("cp1252")) == text


def test_western_languages_side_by_side_stay_western():
    words = " ".join(WESTERN).split()
    random.Random(7).shuffle(words)
    for at in range(0, len(words), 12):
        text = " ".join(words[at : at + 40])
        assert read_as(text.encode("cp1252")) == text


@pytest.mark.parametrize(("text", "codec"), CASES, ids=IDS)
def test_what_is_taken_out_leaves_the_rest_as_it_was(text, codec):
    data = f"{text}\n4111 1111 1111 1111\n{text}\n".encode(codec)
    blob = BlobPart(Locator("body.file", (Step("body", 0, 0),)), data)
    opened = open_blob(blob, max_bytes=1 << 20)
    (part,) = opened.parts
    assert opened.unread == ()
    start = part.text.index("4111")
    edit = Edit(part.locator, start, start + 19, "[CREDIT_CARD]")
    new = write_blob(blob, opened, [edit], (), key=b"k" * 32)
    assert new == data.replace(b"4111 1111 1111 1111", b"[CREDIT_CARD]")


@pytest.mark.parametrize(
    ("head", "codec"),
    [
        ('<html><head><meta charset="{}"></head><body>', "iso8859-13"),
        ('<html><meta http-equiv="Content-Type" content="text/html; charset={}">', "cp1255"),
        ('<?xml version="1.0" encoding="{}"?><a>', "koi8-r"),
    ],
)
def test_what_a_page_says_of_itself_counts_first(head, codec):
    name = codec.replace("iso8859", "iso-8859").replace("cp125", "windows-125")
    text = head.format(name) + {"iso8859-13": "Ąžuolė", "cp1255": "שלום", "koi8-r": "да"}[codec]
    assert read_as(text.encode(codec)) == text


def test_a_declared_set_that_the_bytes_are_not_in_does_not_count():
    data = b'<html><meta charset="shift_jis"><p>' + "Müller, Köln, Grüße".encode("cp1252") + b"\xfe"
    assert charsets.declared(data) is None


@pytest.mark.parametrize("coding", ["8bit", "base64", "quoted-printable"])
def test_a_mail_that_names_no_character_set_is_read_and_written_back_in_its_own(coding):
    text, number = (
        "Здравствуйте, Анна Петровна! Номер счёта Ивана Смирнова из Москвы: ",
        "4111 1111",
    )
    body = f"{text}{number}\n".encode("cp1251")
    coded = {
        "8bit": body,
        "base64": base64.encodebytes(body),
        "quoted-printable": quopri.encodestring(body),
    }[coding]
    head = "From: a@example.com\nTo: b@example.com\nSubject: x\nMIME-Version: 1.0\n"
    head += f"Content-Type: text/plain\nContent-Transfer-Encoding: {coding}\n\n"
    data = head.encode() + coded
    blob = BlobPart(Locator("body.file", (Step("body", 0, 0),)), data)
    opened = open_blob(blob, max_bytes=1 << 20)
    places = [part for part in opened.parts if text in part.text]
    assert places
    assert opened.unread == ()
    edits = [
        Edit(part.locator, start, start + len(number), "[N]")
        for part in opened.parts
        if (start := part.text.find(number)) >= 0
    ]
    new = write_blob(blob, opened, edits, (), key=b"k" * 32)
    message = email.message_from_bytes(new)
    assert message.get_payload(decode=True).rstrip() == f"{text}[N]".encode("cp1251")


def test_a_page_is_written_back_in_the_set_that_it_names():
    text = (
        '<html><head><meta charset="windows-1251"></head><body><p>Иван 4111 1111</p></body></html>'
    )
    blob = BlobPart(Locator("body.file", (Step("body", 0, 0),)), text.encode("cp1251"))
    opened = open_blob(blob, max_bytes=1 << 20)
    edits = [
        Edit(part.locator, start, start + 9, "[N]")
        for part in opened.parts
        if (start := part.text.find("4111 1111")) >= 0
    ]
    new = write_blob(blob, opened, edits, (), key=b"k" * 32)
    assert new == text.replace("4111 1111", "[N]").encode("cp1251")
