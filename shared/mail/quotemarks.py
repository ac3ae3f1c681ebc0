# ruff: noqa: RUF001 (wordings in Cyrillic, Greek and Turkish look like Latin letters)
"""How mail programs announce a quote, in the languages they are sold in.

Wordings are those Gmail, Outlook, Apple Mail, Thunderbird, Yahoo and their like insert.
"""

import re

COLONS = (":", "：")

# "wrote", as it stands in an attribution line.
_WROTE = (
    r"wrote|writes|schrieb(?: am)?|geschrieben|a écrit|écrit|escribi[óo]|va escriure|escreveu|"
    r"ha scritto|scrive|schreef|geschreven|skrev|skrifaði|kirjoitti|kirjutas|rakstīja|rašė|"
    r"napisał(?:a|\(a\))?|pisze|napsal(?:a|\(a\))?|napísal(?:a|\(a\))?|napisa[ol](?:/la|/a)?|"
    r"je napisao|je napisala|írta|a scris|написал(?:а|\(а\))?|писал(?:а|\(а\))?|пишет|"
    r"написав(?:ла|\(ла\))?|пише|писав|написа|έγραψε|yazdı|şunları yazdı|menulis|đã viết|viết|"
    r"כתב(?:ה|/ה)?|كتب|เขียน(?:ว่า)?|写道|寫道|写到|のメッセージ|のメール|さんは書きました|"
    r"書きました|님이 작성|작성"
)
# How a dated attribution begins: "On 3 Mar 2016 …", "Le 3 mars …", "Am 03.02. …".
_OPENER = (
    r"On|At|Am|Le|El|Em|Il(?: giorno)?|In data|Op|Den|Den|Dne|Dňa|W dniu|Dnia|Pe|Data|La|În data|"
    r"Στις|Vào|Pada|Kl\.|ב|في|在|于|於"
)
_DATED = r"(?:\d{1,4}[./-]\d{1,2}[./-]\d{1,4}|\d{1,2}:\d{2}|(?:19|20)\d{2}|\d{1,2}\.? \w{3,})"
_EMAIL = r"[\w.+%-]+@[\w.-]+"

# An attribution may start here: an opening word and a date, or a date and more.
opens = re.compile(
    rf"[>\s*_]*(?:(?:{_OPENER})\b.{{0,80}}{_DATED}|\d{{1,4}}[./-]\d{{1,2}}[./-]\d{{1,4}}\b|"
    r"\d{1,2} \w{2,12}\.? (?:19|20)\d{2}|(?:在|于|於)? ?\d{4} ?年)",
)
wrote = re.compile(rf"(?<!\w)(?:{_WROTE})(?!\w)|のメール|写道|寫道|작성", re.I)
evidence = re.compile(rf"{_EMAIL}|mailto:|{_DATED}.{{0,60}}\d{{1,2}}[:h.]\d{{2}}|\d{{4}}年")
weak_evidence = re.compile(_DATED)

# Gmail in some languages: "2013/7/20 Sam <sam@x.org>", "2016-03-03 17:21 GMT+01:00 Sam".
dated_name = re.compile(
    rf"[\s*]*\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}},? "
    rf"(?:\d{{1,2}}:\d{{2}} (?:GMT|UTC)[+-]?[\d:]* .{{2,60}}"
    rf"|.{{0,60}}<{_EMAIL}>:?)\s*",
)

_ORIGINAL = (
    r"original (?:message|mail|email|appointment)|forwarded (?:message|by.{0,60})|"
    r"begin forwarded message|reply message|ursprüngliche (?:nachricht|mail|e-mail)|"
    r"original(?:-| )?nachricht|weitergeleitete (?:nachricht|mail)|"
    r"message d'origine|message original|message transféré|courriel original|e-mail d'origine|"
    r"mensaje original|mensaje reenviado|mensagem original|mensagem encaminhada|"
    r"messaggio originale|messaggio inoltrato|oorspronkelijk(?:e)? bericht|origineel bericht|"
    r"doorgestuurd bericht|oprindelig (?:meddelelse|besked)|videresendt (?:meddelelse|melding)|"
    r"ursprungligt meddelande|originalmeddelande|vidarebefordrat meddelande|"
    r"opprinnelig melding|original melding|alkuperäinen viesti|välitetty viesti|"
    r"wiadomość oryginalna|oryginalna wiadomość|przekazana wiadomość|původní (?:zpráva|e-mail)|"
    r"přeposlaná zpráva|pôvodná správa|eredeti üzenet|továbbított üzenet|mesaj original|"
    r"mesajul original|orijinal (?:mesaj|ileti)|özgün (?:mesaj|ileti)|izvorna poruka|"
    r"исходное (?:сообщение|письмо)|оригинальное сообщение|пересылаемое сообщение|"
    r"пересланное сообщение|вихідне повідомлення|оригінальне повідомлення|αρχικό μήνυμα|"
    r"pesan asli|thư gốc|tin nhắn gốc|原始邮件|原始郵件|邮件原件|转发的邮件|転送メッセージ|"
    r"元のメッセージ|오리지널 메시지|원본 메(?:시지|일)|הודעה מקורית|الرسالة الأصلية"
)
# "-----Original Message-----", and Apple's bare "Begin forwarded message:"
original = re.compile(
    rf"[\s>*]*(?:[-_=]{{2,}}[\s*]*(?:{_ORIGINAL})[\s*:]*[-_=]*|"
    rf"(?:{_ORIGINAL})\s*[-_=]{{2,}}|begin forwarded message:|"
    r"début du message (?:réexpédié|transféré) :|"
    r"anfang der weitergeleiteten (?:nachricht|e-mail):|inizio messaggio inoltrato:|"
    r"inicio del mensaje reenviado:|início da mensagem (?:encaminhada|reencaminhada):)[\s*]*",
    re.I,
)

_FIELDS = {
    "from": "from|von|de|da|van|från|fra|lähettäjä|od|nadawca|feladó|от|від|gönderen|kimden|发件人|"
    "寄件者|寄件人|差出人|보낸사람|보낸 사람|de la|από|dari|מאת|من|expéditeur|"
    "remitente|mittente|từ",
    "date": "sent|date|gesendet|datum|envoyé|enviado el|enviado|enviada em|enviado em|fecha|data|"
    "inviato|verzonden|skickat|sendt|dato|lähetetty|päivämäärä|wysłano|odesláno|odoslané|küldve|"
    "dátum|отправлено|дата|надіслано|gönderildi|gönderilme|tarih|trimis|发送时间|日期|寄件日期|"
    "寄件時間|送信日時|日付|보낸날짜|보낸 날짜|날짜|ημερομηνία|tanggal|dikirim|נשלח|تاريخ|ngày",
    "to": "to|an|à|para|a|aan|till|til|vastaanottaja|do|komu|címzett|кому|kime|către|收件人|收件者|"
    "宛先|받는사람|받는 사람|προς|kepada|אל|إلى|destinataire|destinatario|đến",
    "subject": "subject|betreff|objet|asunto|assunto|oggetto|onderwerp|ämne|emne|aihe|temat|"
    "předmět|predmet|tárgy|тема|konu|subiect|主题|主旨|主題|件名|제목|θέμα|subjek|נושא|"
    "الموضوع|chủ đề",
    "other": "cc|bcc|reply-to|importance|priority|attachments|kopie|cci|antwort an|répondre à|"
    "risposta|rispondi a|responder a|anlagen|wichtigkeit|dw|копия|копія|抄送|副本|참조",
}
_KINDS = {name: kind for kind, names in _FIELDS.items() for name in names.split("|")}


def field_kind(line: str) -> str | None:
    """Which header field a quoted header line shows: from, date, to, subject, other or None."""
    name, colon, value = line[:60].replace("：", ":", 1).partition(":")
    if not colon or value.startswith("//"):
        return None
    return _KINDS.get(" ".join(name.strip(" \t>*_|").lower().split()))
