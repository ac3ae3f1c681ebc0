"""Real mails nobody here wrote. The floors are what was measured, a little lowered."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from functions.ai.local.names import folded
from functions.ai.local.provider import analyze
from functions.ai.models import MailText
from shared.mail import Address, split_reply

pytestmark = pytest.mark.corpora
SENDER = re.compile(r'\s*"?([^"<\[]*?)"?\s*(?:[<\[](?:mailto:)?([^>\]]+)[>\]])?\s*$')


def signed_mails(corpora: Path) -> Iterator[tuple[MailText, str]]:
    """Mails as they are stored, each with those of its lines that are labelled a signature."""
    for body in sorted((corpora / "signatures" / "P").glob("*_body")):
        header = body.with_name(body.name.replace("_body", "_sender")).read_text(errors="replace")
        found = SENDER.match(header.strip().split("\n")[0])
        assert found
        name, address = found[1].strip(), found[2] or ""
        lines = body.read_text(errors="replace").split("\n")
        whole = "\n".join(line.removeprefix("#sig#") for line in lines)
        text, signature = split_reply(whole, Address(name, address))
        mail = MailText(text=text, signature=signature, sender_name=name, sender_email=address)
        yield mail, "\n".join(line for line in lines if line.startswith("#sig#"))


def test_full_names_in_signatures_are_found_without_the_header(corpora: Path) -> None:
    expected = found = 0
    for mail, signed in signed_mails(corpora):
        gold = {folded(word) for word in re.split(r"[\s,.]+", mail.sender_name) if len(word) > 2}
        if len(gold) < 2 or len(gold & {folded(w) for w in re.split(r"[\s,.#]+", signed)}) < 2:
            continue
        expected += 1
        nameless = mail.model_copy(update={"sender_name": "", "sender_email": ""})
        people = [entity.value for entity in analyze(nameless).entities]
        found += any(len({folded(w) for w in value.split()} & gold) > 1 for value in people)
    assert expected >= 9
    assert found / expected >= 0.85  # measured 9 of 9


def test_phones_in_signatures_are_found(corpora: Path) -> None:
    expected = found = 0
    written = re.compile(r"\(?\d{3}\)?[-. ]+\d{3}[-.]\d{4}")
    for mail, signed in signed_mails(corpora):
        numbers = {re.sub(r"\D", "", number)[-10:] for number in written.findall(signed)}
        read = {e.value[-10:] for e in analyze(mail).entities if e.kind == "phone"}
        expected += len(numbers)
        found += len(numbers & read)
    assert expected >= 14
    assert found / expected >= 0.92  # measured 14 of 14
