"""What mail addresses say about who is behind them."""

from contextlib import suppress

from shared.mail.charsets import storable

_ROLES = (
    "abuse admin administrator alert alerts autoreply billing bounce bounces contact contacto "
    "contato daemon do-not-reply donotreply hello help helpdesk hostmaster info jobs kontakt "
    "mailer mailer-daemon marketing news newsletter no-reply nobody noreply notification "
    "notifications notify office postmaster privacy root sales security service support sysadmin "
    "system team updates webmaster"
)
_FREE = (
    "126.com 163.com aol.com att.net bellsouth.net bigpond.com bk.ru bluewin.ch bol.com.br "
    "btinternet.com comcast.net cox.net daum.net docomo.ne.jp excite.com ezweb.ne.jp fastmail.com "
    "foxmail.com free.fr freenet.de gmail.com gmx.at gmx.ch gmx.com gmx.de gmx.net googlemail.com "
    "hanmail.net hey.com hotmail.be hotmail.ca hotmail.co.uk hotmail.com hotmail.de hotmail.es "
    "hotmail.fr hotmail.it hotmail.se hushmail.com icloud.com inbox.ru interia.pl kpnmail.nl "
    "laposte.net libero.it list.ru live.be live.ca live.co.uk live.com live.fr live.it live.nl "
    "live.se mac.com mail.com mail.ru me.com msn.com naver.com o2.pl onet.pl orange.fr outlook.be "
    "outlook.com outlook.com.br outlook.de outlook.es outlook.fr outlook.it outlook.pt pm.me "
    "posteo.de posteo.net proton.me protonmail.com qq.com rediffmail.com rocketmail.com "
    "rogers.com sapo.pt sbcglobal.net seznam.cz sfr.fr shaw.ca sina.com sky.com skynet.be "
    "softbank.ne.jp t-online.de telenet.be terra.com.br tiscali.it tuta.io tutanota.com ukr.net "
    "uol.com.br verizon.net virgilio.it virginmedia.com wanadoo.fr web.de wp.pl yahoo.ca "
    "yahoo.co.id yahoo.co.in yahoo.co.jp yahoo.co.uk yahoo.com yahoo.com.ar yahoo.com.au "
    "yahoo.com.br yahoo.com.mx yahoo.de yahoo.es yahoo.fr yahoo.gr yahoo.ie yahoo.in yahoo.it "
    "yahoo.pl yahoo.se yandex.by yandex.com yandex.kz yandex.ru yandex.ua ymail.com ziggo.nl "
    "zoho.com"
)
ROLE_LOCAL_PARTS = frozenset(_ROLES.split())
FREE_MAIL_DOMAINS = frozenset(_FREE.split())  # a shared domain says nothing about a company


def normalize_email(text: str) -> str:
    """The key form of an address: lower case, its domain in ASCII (IDNA), no white space."""
    address = storable("".join(text.split())).lower().rstrip(".")
    if address.isascii():
        return address
    local, at, domain = address.rpartition("@")
    if not at or domain.isascii() or len(domain) > 253:
        return address
    import idna

    with suppress(UnicodeError):  # not a name DNS could carry: kept as written
        domain = idna.encode(domain, uts46=True).decode("ascii")
    return f"{local}@{domain}"


def is_role_address(email: str) -> bool:
    """Whether the address is a function (`sales@`, `no-reply@`), not a person."""
    local = email.lower().partition("@")[0].partition("+")[0]
    return local in ROLE_LOCAL_PARTS or local.startswith(("no-reply", "noreply", "donotreply"))
