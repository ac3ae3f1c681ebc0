"""`haste dev`."""

from __future__ import annotations

from typing import IO

import httpx
import pytest

from infra_cdk.local.google.settings import access_token
from infra_cdk.tests.demos import empty_home, interrupt, started

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]


def test_the_empty_stack_serves_and_keeps_what_it_was_given_over_a_restart() -> None:
    """An account made in the first run signs in to the second."""
    person = {"email": "kim@initech.example", "password": "correct horse battery"}
    with empty_home() as home:
        with started("dev", "--mailbox", "kim@initech.example", home=home) as process:
            api, shown = _where(process.stdout)
            assert access_token("kim@initech.example") in shown
            assert httpx.get(f"{api}/health/ready", timeout=60, trust_env=False).is_success
            new = person | {"name": "Kim", "workspace_name": "Initech"}
            made = httpx.post(f"{api}/api/v1/auth/sign-up", json=new, timeout=60, trust_env=False)
            assert made.status_code == 201, made.text
            assert interrupt(process) == 0
        with started("dev", "--mailbox", "kim@initech.example", home=home) as process:
            api, _ = _where(process.stdout)
            url = f"{api}/api/v1/auth/sign-in"
            back = httpx.post(url, json=person, timeout=60, trust_env=False)
            assert back.status_code == 200, back.text
            assert interrupt(process) == 0


def _where(stdout: IO[str] | None) -> tuple[str, str]:
    """The API's address and all that was shown, once the token of the mailbox was."""
    assert stdout is not None
    shown = ""
    for line in stdout:
        shown += line
        if "access token" in line:
            break
    words = next(line for line in shown.splitlines() if "/api/v1" in line).split()
    return words[1].removesuffix("/api/v1"), shown
