"""Columns that hold secrets: AES-256-GCM under a data key of the workspace, wrapped by KMS.

The encryption context (workspace, table, column) is authenticated, so a ciphertext moved to another
row's column or another workspace does not open. Data keys live in memory for five minutes.
"""

from __future__ import annotations

import hmac
import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from shared.aws import client
from shared.db import transaction
from shared.settings import setting

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_KEY_LIFE_S = 300
_NONCE_BYTES = 12
_VERSION = b"\x01"

_keys: dict[UUID, tuple[float, DataKey]] = {}


class Undecryptable(Exception):
    """The ciphertext is damaged, or belongs to another workspace, table or column."""


@dataclass(frozen=True, slots=True)
class DataKey:
    """The key of one workspace."""

    workspace_id: UUID
    plaintext: bytes = field(repr=False)

    def seal(self, secret: str, *, column: str) -> bytes:
        """Encrypt for `column`, as in `mailboxes.credentials`: version, nonce, ciphertext."""
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher().encrypt(nonce, secret.encode(), self._aad(column))

    def unseal(self, sealed: bytes, *, column: str) -> str:
        """Decrypt what `seal` made for the same column.

        Raises:
            Undecryptable: it is damaged or was made for somewhere else.
        """
        from cryptography.exceptions import InvalidTag

        nonce, ciphertext = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        if sealed[:1] != _VERSION:
            raise Undecryptable(f"unknown version in {column}")
        try:
            return self._cipher().decrypt(nonce, ciphertext, self._aad(column)).decode()
        except (InvalidTag, ValueError) as error:
            raise Undecryptable(column) from error

    def fingerprint(self, text: str, *, column: str) -> bytes:
        """What a text is found by in `column` without being there: HMAC-SHA-256 under a key derived
        from this one, so that nobody without it can try texts out.
        """
        own = hmac.digest(self.plaintext, b"fingerprint", "sha256")
        return hmac.digest(own, self._aad(column) + b"\0" + text.encode(), "sha256")

    def _cipher(self) -> AESGCM:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(self.plaintext)

    def _aad(self, column: str) -> bytes:
        return f"{self.workspace_id}/{column}".encode()


def data_key(workspace_id: UUID) -> DataKey:
    """The workspace's data key, made at first use. Calls KMS: never inside a transaction."""
    held = _keys.get(workspace_id)
    if held and time.monotonic() - held[0] < _KEY_LIFE_S:
        return held[1]
    wrapped = _stored(workspace_id) or _made(workspace_id)
    answer = client("kms").decrypt(
        CiphertextBlob=wrapped, EncryptionContext=_context(workspace_id), KeyId=setting("KMS_KEY")
    )
    key = DataKey(workspace_id, answer["Plaintext"])
    _keys[workspace_id] = (time.monotonic(), key)
    return key


def forget_keys() -> None:
    """Ask KMS again at the next use."""
    _keys.clear()


def _stored(workspace_id: UUID) -> bytes | None:
    with transaction(workspace_id) as tx:
        return tx.one(
            bytes,
            "select wrapped from workspace_keys where workspace_id = %(workspace_id)s",
        )


def _made(workspace_id: UUID) -> bytes:
    """A new wrapped key, or the one that another function stored first."""
    answer = client("kms").generate_data_key_without_plaintext(
        KeyId=setting("KMS_KEY"), KeySpec="AES_256", EncryptionContext=_context(workspace_id)
    )
    # A key is no change of what is in a workspace, so one that is to be deleted gets one, too.
    with transaction(workspace_id, even_closing=True) as tx:
        tx.run(
            """
            insert into workspace_keys (workspace_id, wrapped)
            values (%(workspace_id)s, %(wrapped)s) on conflict do nothing
            """,
            wrapped=answer["CiphertextBlob"],
        )
    stored = _stored(workspace_id)
    if stored is None:
        raise RuntimeError("the data key that was just stored is not there")
    return stored


def _context(workspace_id: UUID) -> dict[str, str]:
    return {"workspace_id": str(workspace_id)}
