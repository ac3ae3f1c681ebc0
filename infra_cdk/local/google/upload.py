"""Gmail's upload forms as the plain JSON call: `emulate` takes an upload's body for UTF-8 text.

Source: Google APIs "Uploading attachments": `uploadType=media` (the message is the body) and
`uploadType=multipart` (multipart/related: a JSON part, then the message).
"""

import base64
import json
from email.message import Message
from typing import Any


def to_json(content_type: str, body: bytes, *, draft: bool) -> bytes:
    """The JSON body with `raw` in its place; ValueError when the parts cannot be told apart."""
    header = Message()
    header["content-type"] = content_type
    metadata: dict[str, Any] = {}
    if header.get_content_maintype() == "multipart":
        boundary = header.get_boundary()
        if not boundary:
            raise ValueError("multipart upload without boundary")
        metadata, body = _two_parts(body, boundary.encode())
    message = metadata.setdefault("message", {}) if draft else metadata
    message["raw"] = base64.urlsafe_b64encode(body).decode()
    return json.dumps(metadata).encode()


def _two_parts(body: bytes, boundary: bytes) -> tuple[dict[str, Any], bytes]:
    """Split by hand: a MIME parser would not keep the second part's bytes as they are."""
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary)
    if len(pieces) != 4 or not pieces[3].startswith(b"--"):
        raise ValueError("a multipart upload has two parts")
    contents = [piece.partition(b"\r\n\r\n")[2] for piece in pieces[1:3]]
    match json.loads(contents[0] or b"{}"):
        case dict(metadata):
            return metadata, contents[1]
        case _:
            raise ValueError("the first part must be a JSON object")
