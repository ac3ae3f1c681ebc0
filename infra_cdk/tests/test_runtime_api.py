"""The real `awslambdaric` under our Runtime API: what a function sees, and what its caller gets."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil

from infra_cdk.local.environment import REQUEST_TOO_LARGE, Environment
from infra_cdk.local.runtime_api import Invocation, RuntimeApi, Signal
from infra_cdk.tests.probe import one

ECHO = """
    import os
    STARTED = []
    def handler(event, context):
        STARTED.append(1)
        return {
            "event": event, "pid": os.getpid(), "nth": len(STARTED),
            "remaining": context.get_remaining_time_in_millis(), "id": context.aws_request_id,
            "arn": context.invoked_function_arn, "name": context.function_name,
            "memory": context.memory_limit_in_mb, "trace": os.environ["_X_AMZN_TRACE_ID"],
            "cwd": os.getcwd(), "root": os.environ["LAMBDA_TASK_ROOT"],
        }
"""


def play(environment: Environment, scene: Callable[[Environment], Awaitable[None]]) -> None:
    """Run `scene`, and end the environment's processes whatever happens."""

    async def _play() -> None:
        try:
            await asyncio.wait_for(scene(environment), 60)
        finally:
            await environment.close()

    asyncio.run(_play())


def test_the_handler_gets_the_event_and_a_lambda_context(tmp_path: Path) -> None:
    async def scene(environment: Environment) -> None:
        result = await environment.invoke({"é": [1, None]}, trace_id="Root=1-2-3;Sampled=1")
        answer = result.json()
        assert result.error is None
        assert answer["event"] == {"é": [1, None]}
        assert answer["id"] == result.request_id
        assert answer["arn"] == "arn:aws:lambda:us-east-1:000000000000:function:probe-api"
        assert (answer["name"], answer["memory"]) == ("probe-api", "512")
        assert answer["trace"] == "Root=1-2-3;Sampled=1"
        assert 3_000 < answer["remaining"] <= 9_000
        assert answer["cwd"] == answer["root"] == str(tmp_path)

    play(one(tmp_path, ECHO, timeout=9), scene)


def test_the_process_is_started_at_the_first_event_and_kept(tmp_path: Path) -> None:
    async def scene(environment: Environment) -> None:
        assert environment.describe()["pid"] is None
        first, second = await environment.invoke({}), await environment.invoke({})
        assert (first.cold, second.cold) == (True, False)
        assert first.json()["pid"] == second.json()["pid"] == environment.describe()["pid"]
        assert second.json()["nth"] == 2
        assert environment.describe()["cold_starts"] == 1

    play(one(tmp_path, ECHO), scene)


def test_events_wait_their_turn_in_order_of_arrival(tmp_path: Path) -> None:
    async def scene(environment: Environment) -> None:
        results = await asyncio.gather(*(environment.invoke(n) for n in range(20)))
        assert [(r.json()["event"], r.json()["nth"]) for r in results] == [
            (n, n + 1) for n in range(20)
        ]

    play(one(tmp_path, ECHO), scene)


def test_more_environments_run_events_at_the_same_time(tmp_path: Path) -> None:
    async def scene(environment: Environment) -> None:
        results = await asyncio.gather(*(environment.invoke(n) for n in range(2)))
        assert len({r.json()["pid"] for r in results}) == 2

    play(one(tmp_path, ECHO, concurrency=2), scene)


def test_what_the_handler_raises_is_the_error_the_caller_gets(tmp_path: Path) -> None:
    async def scene(environment: Environment) -> None:
        first = await environment.invoke({})
        assert first.error is not None
        assert (first.error["errorType"], first.error["errorMessage"]) == ("KeyError", "'wanted'")
        assert "api.py" in first.error["stackTrace"][0]
        again = await environment.invoke({"wanted": 1})
        assert (again.json(), again.cold) == (1, False)
        assert environment.describe()["errors"] == 1

    play(one(tmp_path, "def handler(event, context): return event['wanted']"), scene)


def test_a_timeout_kills_the_process_and_the_next_event_starts_anew(tmp_path: Path) -> None:
    source = """
        import time
        def handler(event, context):
            while event.get("stuck"):
                time.sleep(0.01)
            return "fine"
    """

    async def scene(environment: Environment) -> None:
        warm = await environment.invoke({})
        pid = environment.describe()["pid"]
        stuck = await environment.invoke({"stuck": True})
        assert stuck.timed_out
        assert stuck.error is not None
        assert stuck.error["errorMessage"].endswith("Task timed out after 1.00 seconds")
        assert not psutil.pid_exists(pid)
        after = await environment.invoke({})
        assert (warm.cold, after.cold, after.json()) == (True, True, "fine")

    play(one(tmp_path, source, timeout=1), scene)
    assert "Task timed out" in (tmp_path / ".haste/logs/probe-api.log").read_text()


def test_a_crash_in_the_middle_is_an_error_and_the_next_event_starts_anew(tmp_path: Path) -> None:
    source = """
        import os
        def handler(event, context):
            if event == "exit": os._exit(3)
            if event == "kill": os.kill(os.getpid(), 9)
            return "fine"
    """

    async def scene(environment: Environment) -> None:
        left, killed = await environment.invoke("exit"), await environment.invoke("kill")
        assert left.error is not None
        assert killed.error is not None
        assert left.error["errorType"] == killed.error["errorType"] == "Runtime.ExitError"
        assert left.error["errorMessage"].endswith("exit status 3")
        assert killed.error["errorMessage"].endswith("signal: SIGKILL")
        assert (await environment.invoke("")).json() == "fine"
        assert environment.describe()["cold_starts"] == 3

    play(one(tmp_path, source), scene)


def test_a_process_that_died_while_idle_is_not_the_next_events_error(tmp_path: Path) -> None:
    async def scene(environment: Environment) -> None:
        os.kill((await environment.invoke({})).json()["pid"], signal.SIGKILL)
        async with asyncio.timeout(10):
            while environment.describe()["pid"] is not None:  # the kernel tells us a little later
                await asyncio.sleep(0.01)
        after = await environment.invoke({})
        assert after.error is None
        assert after.cold

    play(one(tmp_path, ECHO), scene)


def test_an_error_at_import_is_told_for_each_event_and_heals(tmp_path: Path) -> None:
    async def scene(environment: Environment) -> None:
        broken = await environment.invoke({})
        assert broken.error is not None
        assert broken.error["errorType"] == "Runtime.ImportModuleError"
        assert "no_such_module" in broken.error["errorMessage"]
        assert (await environment.invoke({})).error is not None
        (tmp_path / "functions/probe/api.py").write_text("def handler(e, c): return 'healed'\n")
        assert (await environment.invoke({})).json() == "healed"

    play(one(tmp_path, "import no_such_module\ndef handler(e, c): ..."), scene)


def test_an_event_over_six_megabytes_never_reaches_the_handler(tmp_path: Path) -> None:
    async def scene(environment: Environment) -> None:
        result = await environment.invoke("x" * 6_291_455)
        assert result.error is not None
        assert result.error["errorType"] == REQUEST_TOO_LARGE
        assert environment.describe()["invocations"] == 0
        largest = await environment.invoke("x" * 6_291_454)
        assert largest.json() == 6_291_454

    play(one(tmp_path, "def handler(event, context): return len(event)"), scene)


def test_a_response_over_six_megabytes_is_an_error(tmp_path: Path) -> None:
    async def scene(environment: Environment) -> None:
        result = await environment.invoke(6_291_555)
        assert result.error == {
            "errorType": "Function.ResponseSizeTooLarge",
            "errorMessage": "Response payload size exceeded maximum allowed payload size "
            "(6291556 bytes).",
        }
        largest = await environment.invoke(6_291_554)
        assert largest.error is None
        assert len(largest.payload) == 6_291_556

    play(one(tmp_path, "def handler(event, context): return 'x' * event"), scene)


def test_a_restart_ends_idle_processes_and_lets_an_event_finish(tmp_path: Path) -> None:
    source = """
        import os, pathlib, time
        def handler(event, context):
            if event:
                pathlib.Path("began").touch()
                while not pathlib.Path("go").exists(): time.sleep(0.01)
            return os.getpid()
    """

    async def scene(environment: Environment) -> None:
        idle = await environment.invoke("")
        await environment.restart()
        assert not psutil.pid_exists(idle.json())
        working = asyncio.create_task(environment.invoke("wait"))
        while not (tmp_path / "began").exists():
            await asyncio.sleep(0.01)
        await environment.restart()
        (tmp_path / "go").touch()
        finished = await working
        after = await environment.invoke("")
        assert finished.error is None
        assert after.json() != finished.json()
        assert environment.describe()["cold_starts"] == 3

    play(one(tmp_path, source), scene)


def test_an_unused_process_is_stopped(tmp_path: Path) -> None:
    async def scene(environment: Environment) -> None:
        pid = (await environment.invoke({})).json()["pid"]
        await environment.stop_idle(3600)
        assert psutil.pid_exists(pid)
        await environment.stop_idle(0)
        assert not psutil.pid_exists(pid)

    play(one(tmp_path, ECHO), scene)


def test_processor_time_is_counted_over_all_incarnations(tmp_path: Path) -> None:
    source = """
        import time
        def handler(event, context):
            while time.process_time() < event: pass
            return time.process_time()
    """

    async def scene(environment: Environment) -> None:
        spent = (await environment.invoke(0.4)).json()
        await environment.restart()
        dead = environment.cpu_seconds()
        assert dead >= spent
        spent += (await environment.invoke(0.4)).json()
        assert environment.cpu_seconds() >= spent - 0.03  # the kernel counts a live one in 10 ms

    play(one(tmp_path, source), scene)


def test_output_and_log_records_go_to_the_functions_log(tmp_path: Path) -> None:
    source = """
        import logging
        print("at import")
        def handler(event, context):
            logging.getLogger("probe").warning("from the handler")
    """

    async def scene(environment: Environment) -> None:
        await environment.invoke({})

    play(one(tmp_path, source), scene)
    log = (tmp_path / ".haste/logs/probe-api.log").read_text()
    assert "at import" in log
    assert '"message": "from the handler"' in log


def test_a_browser_or_another_host_name_cannot_use_the_runtime_api(tmp_path: Path) -> None:
    async def ask(address: str, headers: str) -> bytes:
        request = f"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n{headers}\r\n\r\n"
        return await exchange(address, request.encode())

    async def scene(environment: Environment) -> None:
        await environment.invoke({})
        address = next(slot.api_address for slot in environment.slots)
        assert b"403" in await ask(address, f"Host: {address}\r\nSec-Fetch-Site: cross-site")
        assert b"403" in await ask(address, "Host: rebound.example")
        assert (await environment.invoke({})).error is None

    play(one(tmp_path, ECHO), scene)


async def exchange(address: str, *parts: bytes) -> bytes:
    """Send the parts of a request one by one; returns the answer's status line."""
    reader, writer = await asyncio.open_connection(*address.split(":"))
    for part in parts:
        writer.write(part)
        await writer.drain()
    status = await asyncio.wait_for(reader.readline(), 5)
    writer.close()
    return status


def test_a_chunked_answer_is_put_together() -> None:
    async def scene() -> None:
        signals: list[Signal] = []
        api = RuntimeApi(signals.append)
        await api.start()
        host = f"Host: {api.address}\r\n".encode()
        asking = asyncio.create_task(
            exchange(
                api.address, b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n", host, b"\r\n"
            )
        )
        while not api.idle:
            await asyncio.sleep(0)
        api.give(Invocation("r1", b"{}", "arn", "trace"), 0)
        assert b"200" in await asking
        head = b"POST /2018-06-01/runtime/invocation/r1/response HTTP/1.1\r\n" + host
        chunks = (b'Transfer-Encoding: chunked\r\n\r\n3\r\n"ab\r\n', b'2\r\nc"\r\n0\r\n\r\n')
        assert b"202" in await exchange(api.address, head, *chunks)
        assert signals == [Signal("idle"), Signal("response", b'"abc"')]
        again = await exchange(api.address, head, b"Content-Length: 0\r\n\r\n")
        assert b"400" in again  # it has been answered
        await api.close()

    asyncio.run(scene())


def test_a_client_that_expects_to_be_asked_for_its_body_is_asked() -> None:
    async def scene() -> None:
        api = RuntimeApi(lambda signal: None)
        await api.start()
        head = f"POST /2018-06-01/runtime/init/error HTTP/1.1\r\nHost: {api.address}\r\n"
        expecting = f"{head}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"
        assert b"100 Continue" in await exchange(api.address, expecting.encode())
        await api.close()

    asyncio.run(scene())


def test_no_function_process_outlives_the_killed_process_that_ran_it(tmp_path: Path) -> None:
    script = f"""
import asyncio, sys
from pathlib import Path
from infra_cdk.local.runtime_api import Invocation, RuntimeApi, Signal
from infra_cdk.tests.probe import one
async def main():
    environment = one(Path({str(tmp_path)!r}), {ECHO!r})
    print((await environment.invoke({{}})).json()["pid"], flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""
    runner = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert runner.stdout is not None
    pid = int(runner.stdout.readline())
    assert psutil.pid_exists(pid)
    runner.kill()
    runner.wait()
    runner.stdout.close()
    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not psutil.pid_exists(pid)
