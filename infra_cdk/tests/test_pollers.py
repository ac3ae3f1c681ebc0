"""Queues reach handlers as Lambda's event source mapping brings them, on a real SQS stand-in."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
import httpx
import psutil
import pytest

from infra_cdk.local.fleet import Fleet
from infra_cdk.local.ministack import Ministack
from infra_cdk.local.pollers import polling
from infra_cdk.local.provision import provision
from infra_cdk.local.stack_config import StackConfig
from infra_cdk.local.state import free_port
from infra_cdk.tests.probe import answers, config, declare, eventually, running, write_project
from shared.wiring import Declared, Function, Queue

SAMPLES = Path(__file__).parents[2] / "events/samples/aws"

# Writes down every event; fails messages whose body begins with "bad", and what follows in FIFO.
HANDLER = """
    import json, os, pathlib, time
    def handler(event, context):
        with open("events", "a") as log:
            log.write(json.dumps(event) + "\\n")
        bodies = [record["body"] for record in event["Records"]]
        if "crash" in bodies: os._exit(1)
        if "raise" in bodies: raise ValueError("no")
        if "nonsense" in bodies: return {"batchItemFailures": [{"itemIdentifier": "unknown"}]}
        if "slow" in bodies:
            while not pathlib.Path("go").exists(): time.sleep(0.01)
        failed, groups = [], set()
        for record in event["Records"]:
            group = record["attributes"].get("MessageGroupId")
            first = record["attributes"]["ApproximateReceiveCount"] == "1"
            bad = record["body"].startswith("bad") or (record["body"] == "once" and first)
            if bad or (group and group in groups):
                failed.append({"itemIdentifier": record["messageId"]})
                groups.add(group)
        return {"batchItemFailures": failed}
"""


@dataclass(frozen=True)
class Stack:
    """A queue on the stand-in, and the handler that gets its messages."""

    root: Path
    declared: Sequence[Declared]
    settings: StackConfig
    sqs: Any
    url: str
    dead_url: str

    def send(self, *bodies: str, group: str = "") -> None:
        for number, body in enumerate(bodies):
            fifo = {"MessageGroupId": group, "MessageDeduplicationId": f"{group}{number}{body}"}
            self.sqs.send_message(QueueUrl=self.url, MessageBody=body, **(fifo if group else {}))

    def events(self) -> list[list[dict[str, Any]]]:
        """The records of every event so far."""
        log = self.root / "events"
        written = log.read_text() if log.exists() else ""
        lines = written[: written.rfind("\n") + 1].splitlines()  # one may be half written
        return [json.loads(line)["Records"] for line in lines]

    def bodies(self) -> list[str]:
        return [record["body"] for records in self.events() for record in records]

    def counts(self, url: str) -> tuple[int, int]:
        """Messages waiting, and messages received but not deleted."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return int(found[names[0]]), int(found[names[1]])

    def play(self, scene: Callable[[Stack], Coroutine[Any, Any, None]]) -> None:
        """Run `scene` while the pollers run."""

        async def _play() -> None:
            fleet = Fleet(self.declared, self.settings)
            async with polling(self.declared, fleet, self.settings):
                await asyncio.wait_for(scene(self), 60)

        asyncio.run(_play())


async def until(holds: Callable[[], Any]) -> None:
    """Wait until `holds` is true; the scene's own limit ends it."""
    while not holds():
        await asyncio.sleep(0.02)


@contextmanager
def stack(root: Path, ministack: Ministack, queue: Queue, **options: Any) -> Iterator[Stack]:
    """A queue of this test alone, since the stand-in outlives it."""
    name = f"{queue.name}-{root.name.replace('_', '-')[-40:]}"
    queue = replace(queue, name=name)
    write_project(root, consumers=HANDLER)
    declared = declare(Function("consumer", "consumers.handler", queue=queue, timeout=5))
    resources = provision(declared, ministack.url)
    settings = config(root, aws_url=ministack.url, resources=resources, **options)
    sqs = boto3.client(
        "sqs",
        endpoint_url=ministack.url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    urls = resources.queues
    yield Stack(root, declared, settings, sqs, urls[name], urls[f"{name}-dlq"])
    sqs.close()


def test_a_message_arrives_as_the_recorded_event_and_is_deleted(
    tmp_path: Path, ministack: Ministack
) -> None:
    recorded = json.loads((SAMPLES / "sqs.json").read_text())["Records"][0]

    async def scene(stack: Stack) -> None:
        stack.sqs.send_message(
            QueueUrl=stack.url,
            MessageBody=recorded["body"],
            MessageGroupId="workspace",
            MessageAttributes={"traceparent": {"StringValue": "00-1", "DataType": "String"}},
        )
        await until(stack.events)
        await until(lambda: stack.counts(stack.url) == (0, 0))

    with stack(tmp_path, ministack, Queue("standard")) as made:
        made.play(scene)
        ((record,),) = made.events()
    assert record.keys() == recorded.keys()
    assert record["attributes"].keys() == recorded["attributes"].keys()
    same = ("body", "md5OfBody", "eventSource", "awsRegion")
    assert {key: record[key] for key in same} == {key: recorded[key] for key in same}
    assert record["eventSourceARN"].startswith("arn:aws:sqs:us-east-1:000000000000:standard-")
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert record["attributes"]["MessageGroupId"] == "workspace"
    assert record["messageAttributes"]["traceparent"] == {
        "stringValue": "00-1",
        "stringListValues": [],
        "binaryListValues": [],
        "dataType": "String",
    }


def test_only_the_failed_message_of_a_batch_comes_again_until_the_dead_letter_queue(
    tmp_path: Path, ministack: Ministack
) -> None:
    async def scene(stack: Stack) -> None:
        await until(lambda: stack.counts(stack.dead_url) == (1, 0))
        assert stack.counts(stack.url) == (0, 0)

    with stack(tmp_path, ministack, Queue("partial", retries=3), retry_seconds=0) as made:
        made.send("good", "bad", "fine")
        made.play(scene)
        (dead,) = made.sqs.receive_message(QueueUrl=made.dead_url)["Messages"]
        assert dead["Body"] == "bad"
        bodies = made.bodies()
        assert [bodies.count(body) for body in ("good", "fine", "bad")] == [1, 1, 3]
        counts = [
            record["attributes"]["ApproximateReceiveCount"]
            for records in made.events()
            for record in records
            if record["body"] == "bad"
        ]
        assert counts == ["1", "2", "3"]


@pytest.mark.parametrize("body", ["raise", "crash", "nonsense"])
def test_a_batch_that_fails_as_a_whole_is_not_deleted(
    body: str, tmp_path: Path, ministack: Ministack
) -> None:
    async def scene(stack: Stack) -> None:
        await until(lambda: stack.counts(stack.dead_url)[0] == 2)

    with stack(tmp_path, ministack, Queue("whole", retries=2), retry_seconds=0) as made:
        made.send(body, "bystander")
        made.play(scene)
        assert made.bodies().count(body) == 2


def test_without_the_setting_a_failed_message_waits_for_its_visibility_timeout(
    tmp_path: Path, ministack: Ministack
) -> None:
    async def scene(stack: Stack) -> None:
        await until(stack.events)
        await until(lambda: stack.counts(stack.url) == (0, 1))
        stack.send("good")
        await until(lambda: "good" in stack.bodies())

    with stack(tmp_path, ministack, Queue("visible")) as made:
        made.send("bad")
        made.play(scene)
        assert made.bodies() == ["bad", "good"]


def test_a_fifo_group_stays_in_order_though_a_message_fails_at_first(
    tmp_path: Path, ministack: Ministack
) -> None:
    recorded = json.loads((SAMPLES / "sqs_fifo.json").read_text())["Records"][0]

    async def scene(stack: Stack) -> None:
        await until(lambda: stack.counts(stack.url) == (0, 0) and stack.events())

    with stack(tmp_path, ministack, Queue("order", fifo=True), retry_seconds=0) as made:
        made.send("a1", "once", "a3", group="a")
        made.send("b1", "b2", group="b")
        made.play(scene)
        records = [record for batch in made.events() for record in batch]
    succeeded: dict[str, list[str]] = {"a": [], "b": []}
    for batch in made.events():
        failed: set[str] = set()
        for record in batch:
            group = record["attributes"]["MessageGroupId"]
            first = record["attributes"]["ApproximateReceiveCount"] == "1"
            if group in failed or (record["body"] == "once" and first):
                failed.add(group)
            else:
                succeeded[group].append(record["body"])
    assert succeeded == {"a": ["a1", "once", "a3"], "b": ["b1", "b2"]}
    assert records[0]["attributes"].keys() == recorded["attributes"].keys()
    assert records[0]["messageAttributes"] == recorded["messageAttributes"]


def test_messages_too_large_for_one_event_come_in_several(
    tmp_path: Path, ministack: Ministack
) -> None:
    async def scene(stack: Stack) -> None:
        await until(lambda: len(stack.bodies()) == 5)

    with stack(tmp_path, ministack, Queue("large")) as made:
        made.send(*(str(n) * 900_000 for n in range(5)))
        made.play(scene)
        assert len(made.bodies()) == 5
        assert max(len(records) for records in made.events()) <= 3


def test_the_pollers_outlive_an_sqs_that_is_away(
    tmp_path: Path, ministack: Ministack, caplog: pytest.LogCaptureFixture
) -> None:
    """A relay in front of the stand-in is opened late."""
    port = free_port()

    async def scene(stack: Stack) -> None:
        await until(lambda: "trying again" in caplog.text)
        relay = await asyncio.start_server(relay_to(ministack.port), "127.0.0.1", port)
        await until(lambda: stack.bodies() == ["patient"])
        await until(lambda: "works again" in caplog.text)
        relay.close()

    caplog.set_level("INFO", "haste.pollers")
    with stack(tmp_path, ministack, Queue("away")) as made:
        made.send("patient")
        away = replace(made.settings, aws_url=f"http://127.0.0.1:{port}")
        replace(made, settings=away).play(scene)
    assert caplog.text.count("trying again") == 1


def relay_to(port: int) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]:
    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pump(reader, back), pump(there, writer), return_exceptions=True)

    return relay


CAPABILITY = """
    from shared.wiring import Capability, Function, Queue
    CAPABILITY = Capability("probe", (
        Function("consumer", "consumers.handler", queue=Queue({name!r}), timeout=5),))
"""


@contextmanager
def process(made: Stack) -> Iterator[tuple[Any, Callable[[str], httpx.Response], int]]:
    """The pollers as they run, a way to ask their `/_haste/` pages, and their port."""
    (one,) = made.declared
    assert one.function.queue is not None
    write_project(made.root, capability=CAPABILITY.format(name=one.function.queue.name))
    settings = replace(made.settings, pollers_port=free_port())

    def ask(path: str) -> httpx.Response:
        url = f"http://127.0.0.1:{settings.pollers_port}{path}"
        return httpx.get(url, headers={"x-haste-token": "t0k3n"})

    with running(made.root, "infra_cdk.local.pollers", settings) as server:
        yield server, ask, settings.pollers_port


def test_sigterm_lets_the_batch_at_hand_finish(tmp_path: Path, ministack: Ministack) -> None:
    with stack(tmp_path, ministack, Queue("ending")) as made, process(made) as (server, ask, port):
        made.send("slow")
        eventually(made.events)
        assert ask("/_haste/functions").json()[0]["invocations"] == 1
        server.terminate()
        eventually(lambda: not answers(port))  # it has seen the signal
        assert server.poll() is None
        (tmp_path / "go").touch()
        server.wait(30)
        assert made.counts(made.url) == (0, 0)


def test_a_kill_leaves_no_function_process(tmp_path: Path, ministack: Ministack) -> None:
    with stack(tmp_path, ministack, Queue("killed")) as made, process(made) as (server, ask, _):
        made.send("good")
        eventually(made.events)
        pid = ask("/_haste/functions").json()[0]["pid"]
        os.kill(server.pid, signal.SIGKILL)
        server.wait(30)
        eventually(lambda: not psutil.pid_exists(pid))
