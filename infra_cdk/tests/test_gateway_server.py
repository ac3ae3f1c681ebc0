"""The gateway as it runs: a process of its own, real HTTP and WebSocket clients."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
import psutil
import pytest
from botocore.config import Config
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from infra_cdk.local.processes import ServiceFailed
from infra_cdk.local.stack import start_runner
from infra_cdk.local.stack_config import save
from infra_cdk.local.state import free_port
from infra_cdk.tests.probe import config, eventually, running, write_project

CAPABILITY = """
    from shared.wiring import Capability, Function, Http
    CAPABILITY = Capability("probe", (
        Function("api", "api.handler", http=(Http("/open", public=True), Http("/private"))),
        Function("sockets", "sockets.handler",
                 sockets=("$connect", "$default", "$disconnect", "say", "break")),
    ))
"""
API = """
    import json, os
    def handler(event, context):
        return {"statusCode": 200, "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"]},
                "body": json.dumps({"event": event, "pid": os.getpid()})}
"""
SOCKETS = """
    import json, pathlib
    def handler(event, context):
        key = event["requestContext"]["routeKey"]
        with open("events", "a") as log:
            log.write(json.dumps(event) + "\\n")
        if key == "break":
            raise ValueError
        refused = (event.get("queryStringParameters") or {}).get("ticket") == "bad"
        return {"statusCode": 401 if refused else 200}
"""
TOKEN = {"x-haste-token": "t0k3n"}


@dataclass(frozen=True)
class Server:
    root: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, **options: Any) -> httpx.Response:
        return httpx.get(self.url + path, timeout=30, **options)

    def socket(self, query: str = "") -> ClientConnection:
        return connect(f"ws://127.0.0.1:{self.port}/ws{query}")

    def events(self) -> list[dict[str, Any]]:
        log = self.root / "events"
        written = log.read_text() if log.exists() else ""
        whole = written[: written.rfind("\n") + 1]  # a line may be half written
        return [json.loads(line) for line in whole.splitlines()]

    def raw(self, request: str) -> bytes:
        """Send bytes as they are; returns all that comes back until the connection closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(request.encode())
            received = b""
            while part := connection.recv(65536):
                received += part
            return received


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    write_project(tmp_path, capability=CAPABILITY, api=API, sockets=SOCKETS)
    port = free_port()
    settings = config(tmp_path, gateway_port=port)
    with running(tmp_path, "infra_cdk.local.gateway", settings) as process:
        yield Server(tmp_path, port, process)


def test_http_reaches_the_handler_over_one_kept_connection(server: Server) -> None:
    with httpx.Client(base_url=server.url) as client:
        first = client.get("/open/a%2Fb?q=%C3%A9", headers={"X-Forwarded-For": "6.6.6.6"})
        again = client.post("/open", json={"a": 1})
        unknown = client.options("/nowhere")
    event = first.json()["event"]
    assert event["path"] == "/open/a%2Fb"
    assert event["queryStringParameters"] == {"q": "é"}
    assert event["requestContext"]["identity"]["sourceIp"] == "127.0.0.1"
    assert again.json()["event"]["body"] == '{"a":1}'
    assert again.json()["pid"] == first.json()["pid"]
    assert first.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert first.headers["x-amzn-requestid"] == event["requestContext"]["requestId"]
    assert unknown.headers["content-type"] == "application/problem+json"
    assert "connection" not in first.headers


def test_head_and_options_reach_the_handler(server: Server) -> None:
    head = httpx.head(f"{server.url}/open")
    options = httpx.options(f"{server.url}/open")
    assert (head.status_code, head.content) == (200, b"")
    assert options.json()["event"]["httpMethod"] == "OPTIONS"


def test_dots_in_a_path_stay_where_they_are(server: Server) -> None:
    answer = server.raw(
        "GET /open/../private HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    assert b" 200 " in answer.splitlines()[0]
    event = json.loads(answer.partition(b"\r\n\r\n")[2])["event"]
    assert event["path"] == "/open/../private"
    assert event["pathParameters"] == {"proxy": "../private"}


def test_a_large_body_is_refused_without_being_read(server: Server) -> None:
    answer = server.raw(
        "POST /open HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10485761\r\n"
        "Connection: close\r\n\r\n"
    )
    assert b" 413 " in answer.splitlines()[0]
    assert b"application/problem+json" in answer


def test_a_large_chunked_body_is_refused(server: Server) -> None:
    response = httpx.post(f"{server.url}/open", content=(b"x" * 1_000_000 for _ in range(11)))
    assert (response.status_code, response.json()["code"]) == (413, "too_large")


def test_the_admin_pages_need_this_machines_name_and_this_runs_token(server: Server) -> None:
    health = server.get("/_haste/health").json()
    assert health == {"status": "ok", "pid": server.process.pid}
    assert server.get("/_haste/functions").status_code == 403
    assert server.get("/_haste/functions", headers={"x-haste-token": "wrong"}).status_code == 403
    rebound = TOKEN | {"host": f"rebound.example:{server.port}"}
    assert server.get("/_haste/functions", headers=rebound).status_code == 403
    assert server.get("/_haste/functions", headers=TOKEN).json() == []
    assert server.get("/_haste/nowhere", headers=TOKEN).status_code == 404


def test_any_function_can_be_invoked_and_is_counted(server: Server) -> None:
    url = f"{server.url}/_haste/invoke/probe-api"
    result = httpx.post(url, json={"n": 1}, headers=TOKEN, timeout=30).json()
    assert json.loads(result["payload"]["body"])["event"] == {"n": 1}
    assert (result["error"], result["cold"]) == (None, True)
    (counted,) = server.get("/_haste/functions", headers=TOKEN).json()
    assert counted["name"] == "probe-api"
    assert (counted["invocations"], counted["cold_starts"], counted["errors"]) == (1, 1, 0)
    assert counted["cpu_s"] > 0
    assert counted["rss"] > 1_000_000
    unknown = httpx.post(f"{server.url}/_haste/invoke/nobody", json={}, headers=TOKEN)
    assert unknown.status_code == 404
    assert "probe-api" in unknown.json()["detail"]
    assert httpx.post(url, content=b"{", headers=TOKEN).status_code == 400


def test_a_change_of_code_is_served_at_the_next_request(server: Server) -> None:
    def answer() -> str:
        return server.get("/open").text

    assert "event" in answer()
    changed = "def handler(event, context): return {'statusCode': 200, 'body': 'changed'}\n"
    (server.root / "functions/probe/api.py").write_text(changed)
    eventually(lambda: answer() == "changed")


def test_a_socket_connects_speaks_and_disconnects(server: Server) -> None:
    with server.socket("?ticket=good") as client:
        client.send('{"action": "say", "text": "hi"}')
        client.send('{"action": "unknown"}')
        client.send("not json")
        client.send('{"action": "$connect"}')
        client.send('{"action": "break"}')
        error = json.loads(client.recv(timeout=30))
        client.close(4001, "done")
    eventually(lambda: len(server.events()) == 7)
    contexts = [event["requestContext"] for event in server.events()]
    assert [c["routeKey"] for c in contexts] == [
        "$connect",
        "say",
        "$default",
        "$default",
        "$default",
        "break",
        "$disconnect",
    ]
    assert {c["connectionId"] for c in contexts} == {error["connectionId"]}
    assert error["message"] == "Internal server error"
    assert server.events()[0]["queryStringParameters"] == {"ticket": "good"}
    assert contexts[-1]["disconnectStatusCode"] == 4001


def test_a_connecting_socket_has_the_recorded_events_shape(server: Server) -> None:
    path = Path(__file__).parents[2] / "events/samples/aws/websocket_connect.json"
    recorded = json.loads(path.read_text())
    with server.socket("?ticket=good"):
        (event,) = server.events()
    assert event.keys() == recorded.keys()
    assert event["requestContext"].keys() == recorded["requestContext"].keys()
    assert recorded["headers"].keys() - event["headers"].keys() == {"Origin"}
    fixed = ("routeKey", "eventType", "messageDirection")
    for key in fixed:
        assert event["requestContext"][key] == recorded["requestContext"][key]


def test_a_refused_socket_is_never_opened(server: Server) -> None:
    with pytest.raises(InvalidStatus) as refused, server.socket("?ticket=bad"):
        pass
    assert refused.value.response.status_code == 401


def test_functions_post_to_a_socket_by_its_connection_id(server: Server) -> None:
    api = boto3.client(
        "apigatewaymanagementapi",
        endpoint_url=f"{server.url}/_aws",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 0}),
    )
    with server.socket() as client:
        identifier = server.events()[0]["requestContext"]["connectionId"]
        api.post_to_connection(ConnectionId=identifier, Data=b'{"type": "ping"}')
        assert client.recv(timeout=30) == '{"type": "ping"}'
        assert api.get_connection(ConnectionId=identifier)["Identity"]["SourceIp"] == "127.0.0.1"
        api.delete_connection(ConnectionId=identifier)
        with pytest.raises(ConnectionClosed):
            client.recv(timeout=30)
    eventually(lambda: server.events()[-1]["requestContext"]["routeKey"] == "$disconnect")
    with pytest.raises(api.exceptions.GoneException):
        api.post_to_connection(ConnectionId=identifier, Data=b"x")
    api.close()


def test_a_socket_message_over_128_kilobytes_closes_the_connection(server: Server) -> None:
    with server.socket() as client:
        client.send("x" * 131_073)
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(timeout=30)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_however_the_gateway_ends_no_function_process_is_left(
    server: Server, number: signal.Signals
) -> None:
    pid = server.get("/open").json()["pid"]
    assert psutil.pid_exists(pid)
    os.kill(server.process.pid, number)
    server.process.wait(30)
    eventually(lambda: not psutil.pid_exists(pid))


def test_another_stack_on_its_port_is_not_taken_for_it(server: Server, tmp_path: Path) -> None:
    """Two that start at once may choose one port, and people's data would go to the other's."""
    settings = config(tmp_path / "second", gateway_port=server.port)
    save(settings)
    with pytest.raises(ServiceFailed, match="address already in use"):
        start_runner(settings.state, settings, "gateway", server.port)
