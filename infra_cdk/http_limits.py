"""What the API gateway does to requests, the same on AWS and on a laptop."""

TIMEOUT_SECONDS = 29
"""How long the gateway waits for a function."""

COMPRESSED_BYTES = 1024
"""Answers from this size on are compressed for whoever accepts it (`minimumCompressionSize`)."""

BINARY_MEDIA_TYPES = (
    "application/gzip",
    "application/octet-stream",
    "application/pdf",
    "application/zip",
    "audio/*",
    "font/*",
    "image/*",
    "message/rfc822",
    "multipart/form-data",
    "video/*",
)
"""Bodies of these types reach the function base64-encoded (`binaryMediaTypes`)."""
