"""Valkey: one node with all slots, on loopback, and back with all of them after a kill."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil
import pytest
import redis

from infra_cdk.local import valkey as launcher
from infra_cdk.local.state import State
from infra_cdk.local.valkey import Valkey


def test_it_behaves_as_a_cluster(valkey: Valkey) -> None:
    with redis.RedisCluster.from_url(valkey.url) as client:
        client.set("{w1}:a", "1", ex=60)
        assert client.get("{w1}:a") == b"1"
    with redis.Redis.from_url(valkey.url) as client, pytest.raises(redis.ResponseError):
        client.execute_command("MSET", "{w1}:a", "1", "{w2}:a", "2")  # two slots


def test_it_listens_on_loopback_only(valkey: Valkey) -> None:
    sockets = psutil.Process(valkey.process.pid).net_connections("inet")
    assert {s.laddr.ip for s in sockets if s.status == psutil.CONN_LISTEN} == {"127.0.0.1"}


def test_it_comes_back_empty_and_with_all_slots_after_a_kill(tmp_path: Path) -> None:
    state = State(tmp_path)
    first = launcher.launch(state)
    with redis.RedisCluster.from_url(first.url) as client:
        client.set("a", "1")
    os.kill(first.process.pid, signal.SIGKILL)
    first.process.popen.wait()

    second = launcher.launch(state, port=first.port)
    try:
        assert second.url == first.url
        with redis.RedisCluster.from_url(second.url) as client:
            assert client.get("a") is None
            client.set("b", "1")
            assert client.get("b") == b"1"
    finally:
        second.stop()
    assert not second.process.alive()


def test_a_port_that_is_taken_is_reported(valkey: Valkey, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="is in use"):
        launcher.launch(State(tmp_path), port=valkey.port)
