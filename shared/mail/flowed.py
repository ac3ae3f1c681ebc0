"""format=flowed (RFC 3676): lines a mailer broke softly, joined again."""


def unflow(text: str, delete_space: bool) -> str:
    """Joins lines that end in a space with the next one of the same quote depth."""
    out: list[str] = []
    open_depth = -1  # quote depth of a paragraph that goes on, or -1
    for line in text.split("\n"):
        body = line.lstrip(">")
        depth = len(line) - len(body)
        body = body.removeprefix(" ")  # space-stuffing
        soft = body.endswith(" ") and body != "-- "
        if soft and delete_space:
            body = body[:-1]
        if depth == open_depth and body != "-- ":
            out[-1] += body
        else:
            out.append(">" * depth + (" " + body if depth and body else body))
        open_depth = depth if soft else -1
    return "\n".join(out)
