"""What a workspace has in the bucket: everything under its id."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any
from uuid import UUID

from shared.aws import client
from shared.settings import setting

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import ObjectIdentifierTypeDef

_AT_ONCE = 1000
"""As many as one call deletes.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
"""


class NotDeleted(RuntimeError):
    """S3 did not delete some of the objects."""


def delete_objects(workspace_id: UUID) -> Iterator[int]:
    """Delete the workspace's objects in portions, each in all its versions, for the bucket keeps
    those; how many were in each portion.

    Raises:
        NotDeleted: S3 refused some.
    """
    s3, bucket = client("s3"), setting("BUCKET")
    while True:
        page: Any = s3.list_object_versions(
            Bucket=bucket, Prefix=f"{workspace_id}/", MaxKeys=_AT_ONCE
        )
        found: list[ObjectIdentifierTypeDef] = [
            {"Key": one["Key"], "VersionId": one["VersionId"]}
            for one in chain(page.get("Versions", ()), page.get("DeleteMarkers", ()))
        ]
        if not found:
            return
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": found, "Quiet": True})
        if errors := answer.get("Errors"):
            raise NotDeleted(f"{len(errors)} of {len(found)}: {errors[0].get('Code')}")
        yield len(found)
