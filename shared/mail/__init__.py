"""Mail parsing: raw RFC 5322 bytes to one frozen result. Pure: no network, no database."""

from shared.mail.matching import FREE_MAIL_DOMAINS, is_role_address, normalize_email
from shared.mail.model import Address, Attachment, Kind, Mail
from shared.mail.parser import parse
from shared.mail.parts import content
from shared.mail.replies import split_reply

__all__ = [
    "FREE_MAIL_DOMAINS",
    "Address",
    "Attachment",
    "Kind",
    "Mail",
    "content",
    "is_role_address",
    "normalize_email",
    "parse",
    "split_reply",
]
