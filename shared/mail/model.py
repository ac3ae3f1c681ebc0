"""What a parsed mail is. Plain frozen dataclasses: validation would cost more than the parsing.

Every string here can be stored in a Postgres text column: no NUL, no lone surrogate.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Kind = Literal["human", "list", "auto_reply", "auto_generated", "bounce", "calendar"]


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox. `email` is the key form (see `normalize_email`).

    It has no "@" where a system wrote a bare local name, as in `MAILER-DAEMON`.
    """

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A leaf that is not body text. `part` is its IMAP section number, as in "1.2".

    `size` and `sha256` are of the decoded bytes; `parts.content(raw, part)` gives them.
    """

    part: str
    filename: str
    content_type: str
    size: int
    sha256: str
    inline: bool
    content_id: str


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail.

    `reply` is what the person newly wrote: `text` without quotes and signature.
    `html` is sanitised, its remote images parked in `data-src` so that nothing loads by itself.
    `message_id`, `in_reply_to` and `references` are without angle brackets.
    `defects` are short machine words; "truncated" says a limit cut something.
    """

    message_id: str | None = None
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    subject: str = ""
    date: datetime | None = None
    sender: Address | None = None
    reply_to: tuple[Address, ...] = ()
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    text: str = ""
    html: str | None = None
    reply: str = ""
    signature: str = ""
    attachments: tuple[Attachment, ...] = ()
    kind: Kind = "human"
    list_id: str | None = None
    defects: tuple[str, ...] = ()

    @property
    def truncated(self) -> bool:
        """Whether a limit cut something; the raw mail has the rest."""
        return "truncated" in self.defects
