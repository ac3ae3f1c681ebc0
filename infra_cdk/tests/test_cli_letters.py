"""The mails of a demo: how they are read, made and spread."""

from __future__ import annotations

from email import message_from_bytes
from pathlib import Path

import pytest

from infra_cdk.local.commands.failure import CannotDo
from infra_cdk.local.commands.mailrun.letters import (
    SAMPLES,
    Letter,
    generate,
    read_folder,
    sender,
    spread,
)


def letter(number: int, answers: int | None = None) -> Letter:
    head = f"Message-ID: <{number}@initech.example>\r\n"
    if answers is not None:
        head += f"References: <{answers}@initech.example>\r\n"
    return Letter(str(number), f"{head}\r\nHello {number}\r\n".encode())


def test_every_eml_and_txt_below_a_folder_is_a_mail(tmp_path: Path) -> None:
    (tmp_path / "b" / "c").mkdir(parents=True)
    (tmp_path / "b" / "c" / "deep.EML").write_bytes(b"1")
    (tmp_path / "a.txt").write_bytes(b"2")
    (tmp_path / "notes.json").write_bytes(b"3")
    assert [one.name for one in read_folder(tmp_path)] == ["a.txt", "b/c/deep.EML"]


@pytest.mark.parametrize(
    ("on_disk", "delivered"),
    [
        (b"From kim@x Tue Jul  1 10:52:37 2003\nSubject: a\n\nb", b"Subject: a\n\nb"),
        (b"From kim@x Tue Jul  1 10:52:37 2003\r\nSubject: a\r\n\r\nb", b"Subject: a\r\n\r\nb"),
        (b"From: kim@x\n\nFrom here on it is text\n", b"From: kim@x\n\nFrom here on it is text\n"),
        (b"From nobody", b""),
        (b"", b""),
    ],
)
def test_only_an_mbox_line_in_front_is_left_out(
    tmp_path: Path, on_disk: bytes, delivered: bytes
) -> None:
    (tmp_path / "mail.txt").write_bytes(on_disk)
    assert read_folder(tmp_path)[0].raw == delivered


def test_a_folder_without_mail_says_what_is_looked_for(tmp_path: Path) -> None:
    with pytest.raises(CannotDo, match=r"no \.eml and no \.txt"):
        read_folder(tmp_path)
    with pytest.raises(CannotDo, match="is not a folder"):
        read_folder(tmp_path / "missing")


def test_a_conversation_stays_in_one_mailbox_in_order() -> None:
    letters = [letter(n) for n in range(20)]
    letters += [letter(100 + n, answers=n % 5) for n in range(20)]
    letters += [letter(200, answers=104)]
    mailboxes = spread(letters, most=15)
    assert len(mailboxes) == 3
    assert sorted(one.name for box in mailboxes for one in box) == sorted(
        one.name for one in letters
    )
    where = {one.name: number for number, box in enumerate(mailboxes) for one in box}
    assert where["200"] == where["104"] == where["4"]
    assert all(where[str(100 + n)] == where[str(n % 5)] for n in range(20))
    order = [one.name for one in letters]
    for box in mailboxes:
        assert [order.index(one.name) for one in box] == sorted(
            order.index(one.name) for one in box
        )


def test_mailboxes_are_as_many_as_the_quota_needs_and_evenly_filled() -> None:
    assert [len(box) for box in spread([letter(n) for n in range(10)], most=4)] == [4, 3, 3]
    assert len(spread([letter(n) for n in range(8)], most=4)) == 2
    assert len(spread([Letter("empty", b"")] * 3, most=1)) == 3


def test_generated_mails_are_all_different_and_answer_their_own_round() -> None:
    count = len(list(SAMPLES.glob("*.eml")))
    made = generate(2 * count + 3)
    assert len({one.raw for one in made}) == len(made) == 2 * count + 3
    parsed = [message_from_bytes(one.raw) for one in made]
    ids = [str(mail["Message-ID"]) for mail in parsed if mail["Message-ID"]]
    assert len(set(ids)) == len(ids)
    second_round = parsed[count : 2 * count]
    answered = {str(mail["In-Reply-To"]) for mail in second_round if mail["In-Reply-To"]}
    own = {str(mail["Message-ID"]) for mail in second_round}
    assert answered & own
    assert not answered & {str(mail["Message-ID"]) for mail in parsed[:count]}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"From: Kim Lee <Kim@Initech.example>", ("Kim Lee", "kim@initech.example")),
        (b"From: kim@initech.example", ("", "kim@initech.example")),
        (b"Subject: nobody", ("", "")),
        (b"From: \xff\xfe", ("", "")),
    ],
)
def test_a_sender_is_read_as_far_as_possible(line: bytes, expected: tuple[str, str]) -> None:
    name, address = sender(Letter("one", line + b"\r\n\r\nText"))
    assert (name, address) == expected or (not expected[1] and "@" not in address)
