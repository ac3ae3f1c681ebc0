"""Objects of the bucket: where exports are, and how what is to be gone is gone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import UUID

from shared.aws import client
from shared.settings import setting

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import ObjectIdentifierTypeDef

_AT_ONCE = 1000
"""https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html"""


class NotDeleted(RuntimeError):
    """S3 did not delete some of the objects; doing so again is harmless."""


def key_of(workspace_id: UUID, request_id: UUID) -> str:
    """Where an export is: always the same, so that it can be deleted whatever became of it."""
    return f"{workspace_id}/exports/{request_id}.zip"


def delete_objects(keys: Iterable[str]) -> None:
    """Delete objects with every version of theirs: the bucket keeps older ones for a while.

    Raises:
        NotDeleted: some are left.
    """
    versions = [version for key in keys for version in _versions(key)]
    for start in range(0, len(versions), _AT_ONCE):
        answer = client("s3").delete_objects(
            Bucket=setting("BUCKET"),
            Delete={"Objects": versions[start : start + _AT_ONCE], "Quiet": True},
        )
        if failed := answer.get("Errors"):
            raise NotDeleted(f"{len(failed)} objects: {failed[0].get('Code')}")


def _versions(key: str) -> list[ObjectIdentifierTypeDef]:
    """Every version of an object, deletion marks included."""
    pages = client("s3").get_paginator("list_object_versions")
    return [
        {"Key": key, "VersionId": one["VersionId"]}  # pyright: ignore[reportTypedDictNotRequiredAccess] -- always there
        for page in pages.paginate(Bucket=setting("BUCKET"), Prefix=key)
        for one in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
        if one.get("Key") == key
    ]
