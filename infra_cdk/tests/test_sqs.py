"""The pollers' own SQS client, against servers that misbehave."""

from __future__ import annotations

import asyncio

import pytest

from infra_cdk.local.sqs import Sqs, SqsError


def test_a_connection_closed_while_unused_is_opened_again() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}")
        writer.write(answer)
        writer.close()

    async def scene() -> None:
        server = await asyncio.start_server(once, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        sqs = Sqs(f"http://127.0.0.1:{port}", "us-east-1")
        for _ in range(3):
            assert await sqs.receive("url", 10) == []
            await asyncio.sleep(0)
        server.close()
        await sqs.close()

    asyncio.run(scene())


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", b"nonsense\r\n\r\n", b""]
)
def test_an_answer_that_is_not_one_is_an_error(answer: bytes) -> None:
    async def wrong(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}")
        writer.write(answer)
        writer.close()

    async def scene() -> None:
        server = await asyncio.start_server(wrong, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        sqs = Sqs(f"http://127.0.0.1:{port}", "us-east-1")
        with pytest.raises(SqsError):
            await sqs.receive("url", 10)
        server.close()
        await sqs.close()

    asyncio.run(scene())
