"""Replies as mail programs write them. The wordings are those the programs insert."""
# ruff: noqa: RUF001 (wordings in many scripts)

import pytest

from shared.mail import Address, split_reply

ATTRIBUTIONS = {
    "English": "On Mon, Mar 3, 2025 at 10:12 AM Jane Doe <jane@example.com> wrote:",
    "English, Apple": "On 3 Mar 2025, at 10:12, Jane Doe <jane@example.com> wrote:",
    "English, wrapped": "On Mon, Mar 3, 2025 at 10:12 AM Jane Doe\n<jane@example.com> wrote:",
    "German": "Am Mo., 3. März 2025 um 10:12 Uhr schrieb Jane Doe <jane@example.com>:",
    "German, Outlook": "Jane Doe <jane@example.com> schrieb am Mo., 3. März 2025,\n10:12:",
    "French": "Le lun. 3 mars 2025 à 10:12, Jane Doe <jane@example.com> a écrit :",
    "Spanish": "El lun, 3 mar 2025 a las 10:12, Jane Doe (<jane@example.com>) escribió:",
    "Portuguese": "Em seg., 3 de mar. de 2025 às 10:12, Jane Doe <jane@example.com> escreveu:",
    "Italian": "Il giorno lun 3 mar 2025 alle ore 10:12 Jane Doe <jane@example.com> ha scritto:",
    "Dutch": "Op ma 3 mrt 2025 om 10:12 schreef Jane Doe <jane@example.com>:",
    "Swedish": "Den mån 3 mars 2025 kl 10:12 skrev Jane Doe <jane@example.com>:",
    "Danish": "Den man. 3. mar. 2025 kl. 10.12 skrev Jane Doe <jane@example.com>:",
    "Norwegian": "man. 3. mars 2025 kl. 10:12 skrev Jane Doe <jane@example.com>:",
    "Finnish": "ma 3. maalisk. 2025 klo 10.12 Jane Doe (jane@example.com) kirjoitti:",
    "Polish": "pon., 3 mar 2025 o 10:12 Jane Doe <jane@example.com> napisał(a):",
    "Czech": "po 3. 3. 2025 v 10:12 odesílatel Jane Doe <jane@example.com> napsal:",
    "Hungarian": "Jane Doe <jane@example.com> ezt írta (időpont: 2025. márc. 3., H, 10:12):",
    "Romanian": "În lun., 3 mar. 2025 la 10:12, Jane Doe <jane@example.com> a scris:",
    "Russian": "пн, 3 мар. 2025 г. в 10:12, Jane Doe <jane@example.com> написал(а):",
    "Ukrainian": "пн, 3 бер. 2025 р. о 10:12 Jane Doe <jane@example.com> пише:",
    "Turkish": "Jane Doe <jane@example.com>, 3 Mar 2025 Pzt, 10:12 tarihinde şunu yazdı:",
    "Greek": "Στις Δευ 3 Μαρ 2025 στις 10:12 π.μ., ο χρήστης Jane Doe <jane@example.com> έγραψε:",
    "Indonesian": "Pada tanggal Sen, 3 Mar 2025 pukul 10.12 Jane Doe <jane@example.com> menulis:",
    "Vietnamese": "Vào Th 2, 3 thg 3, 2025 vào lúc 10:12 Jane Doe <jane@example.com> đã viết:",
    "Chinese": "Jane Doe <jane@example.com> 于2025年3月3日周一 10:12写道：",
    "Japanese": "2025年3月3日(月) 10:12 Jane Doe <jane@example.com>のメール:",
    "Korean": "2025년 3월 3일 (월) 오전 10:12, Jane Doe <jane@example.com>님이 작성:",
    "Hebrew": "‫בתאריך יום ב׳, 3 במרץ 2025 ב-10:12 מאת Jane Doe <jane@example.com> כתב:",
}
HEADER_BLOCKS = {
    "English": "From: Jane Doe <jane@example.com>\nSent: Monday, 3 March\nTo: Bob\nSubject: Offer",
    "German": "Von: Jane Doe <jane@example.com>\nGesendet: Montag\nAn: Bob\nBetreff: Angebot",
    "French": "De : Jane Doe <jane@example.com>\nEnvoyé : lundi 3 mars\nÀ : Bob\nObjet : Offre",
    "Spanish": "De: Jane Doe\nEnviado el: lunes, 3 de marzo de 2025\nPara: Bob\nAsunto: Oferta",
    "Portuguese": "De: Jane Doe\nEnviada em: segunda-feira, 3 de março\nPara: Bob\nAssunto: Oferta",
    "Italian": "Da: Jane Doe\nInviato: lunedì 3 marzo 2025\nA: Bob\nOggetto: Offerta",
    "Dutch": "Van: Jane Doe\nVerzonden: maandag 3 maart 2025\nAan: Bob\nOnderwerp: Aanbod",
    "Swedish": "Från: Jane Doe\nSkickat: den 3 mars 2025\nTill: Bob\nÄmne: Offert",
    "Danish": "Fra: Jane Doe\nSendt: 3. marts 2025\nTil: Bob\nEmne: Tilbud",
    "Finnish": "Lähettäjä: Jane Doe\nLähetetty: 3. maaliskuuta\nVastaanottaja: Bob\nAihe: Tarjous",
    "Polish": "Od: Jane Doe\nWysłano: 3 marca 2025\nDo: Bob\nTemat: Oferta",
    "Czech": "Od: Jane Doe\nOdesláno: 3. března 2025\nKomu: Bob\nPředmět: Nabídka",
    "Russian": "От: Jane Doe\nОтправлено: 3 марта 2025 г.\nКому: Bob\nТема: Предложение",
    "Turkish": "Gönderen: Jane Doe\nTarih: 3 Mart 2025\nKime: Bob\nKonu: Teklif",
    "Chinese": "发件人: Jane Doe\n发送时间: 2025年3月3日\n收件人: Bob\n主题: 报价",
    "Japanese": "差出人: Jane Doe\n送信日時: 2025年3月3日\n宛先: Bob\n件名: 見積",
    "bold": "*From:* Jane Doe\n*Sent:* Monday\n*To:* Bob\n*Subject:* Offer",
}
LAST_LINES = [
    "Sent from my iPhone",
    "Get Outlook for iOS",
    "Von meinem iPhone gesendet",
    "Envoyé de mon iPhone",
    "Enviado desde mi iPhone",
    "Inviato da iPhone",
    "Verstuurd vanaf mijn iPhone",
    "Skickat från min iPhone",
    "Отправлено с iPhone",
    "iPhoneから送信",
]
BODY = "The price is fine.\n\nWe start in May."


@pytest.mark.parametrize("language", ATTRIBUTIONS)
def test_a_reply_above_its_quote_loses_quote_and_attribution(language: str) -> None:
    text = f"{BODY}\n\n{ATTRIBUTIONS[language]}\n\n> Dear Bob,\n> here is our offer.\n>\n> Jane\n"
    assert split_reply(text) == (BODY, "")


@pytest.mark.parametrize("language", ATTRIBUTIONS)
def test_a_reply_above_an_unmarked_quote_loses_it_too(language: str) -> None:
    text = f"{BODY}\n\n{ATTRIBUTIONS[language]}\n\nDear Bob,\nhere is our offer.\n\nJane\n"
    assert split_reply(text) == (BODY, "")


@pytest.mark.parametrize("language", ATTRIBUTIONS)
def test_a_reply_below_its_quote_is_kept_alone(language: str) -> None:
    text = f"{ATTRIBUTIONS[language]}\n> Dear Bob,\n> here is our offer.\n\n{BODY}\n"
    assert split_reply(text) == (BODY, "")


@pytest.mark.parametrize("language", HEADER_BLOCKS)
def test_an_outlook_copy_is_cut_at_its_headers(language: str) -> None:
    rule = "________________________________"
    text = f"{BODY}\n\n{rule}\n{HEADER_BLOCKS[language]}\n\nDear Bob,\nhere is our offer.\n"
    assert split_reply(text) == (BODY, "")


@pytest.mark.parametrize("line", LAST_LINES)
def test_a_phones_last_line_is_a_signature(line: str) -> None:
    assert split_reply(f"{BODY}\n\n{line}\n") == (BODY, line)


@pytest.mark.parametrize(
    "marker",
    [
        "-----Original Message-----",
        "-------- Original-Nachricht --------",
        "-----Message d'origine-----",
        "-----Mensaje original-----",
        "---------- Forwarded message ---------",
        "-------- Исходное сообщение --------",
        "-----原始邮件-----",
    ],
)
def test_what_follows_an_original_message_line_is_cut(marker: str) -> None:
    assert split_reply(f"{BODY}\n\n{marker}\nFrom: Jane\n\nHello\n")[0] == BODY


@pytest.mark.parametrize(
    "text",
    [
        "In 2015 Kim wrote:\n\nWe will not move.\n\nI still think so.",
        "On Monday I wrote:\n\nLet us meet. Nobody came.",
        "Two points:\n\n- From: the first of May\n- To: the last\n\nAgreed?",
        "The result was p>0.05, so\nx > y holds.\n\nCosts:\n| a | 1 |\n| b | 2 |",
        "First part\n---\nSecond part, which matters.",
        "Date: Monday\nwe could meet then. From: you I expect the slides.",
        "Please forward this:\nhttps://example.com/a\nThank you!",
        "Sent from my desk you will receive three boxes tomorrow: make room, please.",
    ],
)
def test_what_only_looks_like_a_quote_stays(text: str) -> None:
    assert split_reply(text) == (text, "")


def test_answers_between_quotes_stay_with_their_quotes() -> None:
    text = (
        "Hi Jane,\n\nOn 3 Mar 2025, at 10:12, Jane Doe <jane@example.com> wrote:\n> Price?\n\n"
        "Ten thousand.\n\n> Date?\n\nThe first of May.\n"
    )
    reply, _ = split_reply(text)
    assert "Ten thousand." in reply
    assert "> Date?" in reply
    assert "The first of May." in reply
    assert "wrote:" not in reply


def test_a_mail_that_is_only_quoted_text_is_given_whole() -> None:
    assert split_reply("> only\n> this") == ("> only\n> this", "")
    forward = "---------- Forwarded message ---------\nFrom: A <a@x.org>\nDate: now\nTo: b\n\nHi"
    assert split_reply(forward)[0] == forward


@pytest.mark.parametrize(
    ("sender", "signature"),
    [
        (
            Address("Jane Doe", "jane@example.com"),
            "Best regards,\nJane Doe\nHead of Sales\nAcme Inc.",
        ),
        (Address("Doe, Jane", "jd@example.com"), "Jane\n+49 30 1234567\nwww.example.com"),
        (Address("", "jane.doe@example.com"), "Mit freundlichen Grüßen\n\nJane Doe"),
        (Address("Jane Doe", "jane@example.com"), "Cheers,\nJ. Doe"),
        (Address("Jane Doe", "jane@example.com"), "Jane Doe\nProjektleiterin\nKunst e.V."),
        (Address("Jana Nováková", "jana@example.cz"), "Jana Nováková\nAlfa a Beta s.r.o."),
        (Address("Jane Doe", "jane@example.com"), "Thanks. JD"),
    ],
)
def test_a_signature_is_known_by_its_senders_name(sender: Address, signature: str) -> None:
    assert split_reply(f"{BODY}\n\n{signature}\n", sender) == (BODY, signature)


def test_a_signature_after_a_delimiter_needs_no_name() -> None:
    assert split_reply(f"{BODY}\n-- \nJane\n+1 555 0100") == (BODY, "Jane\n+1 555 0100")


def test_a_disclaimer_is_not_what_the_person_wrote() -> None:
    notice = "This e-mail is confidential and intended only for its recipient."
    assert split_reply(f"{BODY}\n\n{notice}") == (BODY, notice)


def test_a_mail_that_is_a_name_only_keeps_it() -> None:
    assert split_reply("Jane", Address("Jane", "jane@x.org")) == ("Jane", "")
    assert split_reply("Thanks,\nJane", Address("Jane", "jane@x.org"))[0] == "Thanks,\nJane"
