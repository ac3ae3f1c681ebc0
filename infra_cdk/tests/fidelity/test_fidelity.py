"""The synthesised templates, deployed by the CDK's command line to a stand-in of AWS, and the main
job done by what came of them: its API, its queues, its rules, its functions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from infra_cdk.local.commands.mailrun import api
from infra_cdk.local.commands.mailrun.api import Account
from infra_cdk.local.google import mailbox as gmail
from infra_cdk.local.google.settings import access_token
from infra_cdk.local.processes import Process, stop
from infra_cdk.registry import declared
from infra_cdk.tests.fidelity.deployed import MAILBOXES, Deployment, deployed
from infra_cdk.tests.fidelity.listening import Bus, listen, logged, waiting, written
from infra_cdk.tests.fidelity.pushes import push
from infra_cdk.tests.fidelity.toolkit import said
from infra_cdk.tests.polling import eventually
from infra_cdk.tests.stack import mails
from infra_cdk.tests.stack.start import new_home
from infra_cdk.tests.stack.team import BUYERS

pytestmark = pytest.mark.stack

NOBODY = "nobody@acme.example"
PASSWORD = "a long and boring sentence"
OLIVE = "olive@acme.example"


@pytest.fixture(scope="module")
def deployment() -> Iterator[Deployment]:
    with new_home() as state, deployed(state) as made:
        yield made


@pytest.fixture(scope="module", autouse=True)
def changed(deployment: Deployment) -> Iterator[Process]:
    """The same app, synthesised anew meanwhile, with one setting more."""
    settings: Any = deployment.context["settings"]
    context = {**deployment.context, "settings": {**settings, "MAIL_QUIET_SECONDS": "3600"}}
    begun = deployment.toolkit.synthesise("synthesis-2", _changed(deployment), context)
    yield begun
    stop(begun)


@pytest.fixture(scope="module")
def account(deployment: Deployment) -> Iterator[Account]:
    """A workspace that wants a task for every mail of a buyer that was read."""
    account = api.sign_up(deployment.api_url, name="Maya", email=MAILBOXES[0], workspace="Acme")
    automation = {
        "name": "Answer buyers",
        "event_type": "EmailAnalyzed",
        "conditions": {"field": "sender_domain", "op": "eq", "value": BUYERS},
        "actions": [{"type": "create_task", "title": "Answer {sender}"}],
    }
    api.post(account, "automations", automation)
    yield account
    account.client.close()


@pytest.fixture(scope="module")
def bus(deployment: Deployment) -> Bus:
    return listen(deployment)


def test_a_second_deploy_changes_nothing(deployment: Deployment) -> None:
    stacks = len(list(deployment.assembly.glob("*.template.json")))
    again = deployment.toolkit.deploy("again", deployment.assembly, "--all")
    assert again.count("(no changes)") == stacks > 10
    difference = deployment.toolkit.diff("diff", deployment.assembly)
    assert "Number of stacks with differences: 0" in difference


def test_it_is_healthy(deployment: Deployment) -> None:
    for check in ("live", "ready", "startup"):
        answer = ask(deployment, "GET", f"/health/{check}")
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    document = ask(deployment, "GET", "/api/v1/openapi.json")
    assert document.json()["info"]["title"] == "hasteCRM"


@pytest.mark.parametrize("version", ["v1", "latest"])
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer x.y.z"}])
def test_without_a_good_token_the_gateway_answers(
    deployment: Deployment, headers: dict[str, str], version: str
) -> None:
    answer = ask(deployment, "GET", f"/api/{version}/contacts", headers=headers)
    problem = answer.json()
    assert (answer.status_code, problem["status"], problem["code"]) == (401, 401, "unauthorized")
    assert problem["request_id"]
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_url_that_is_not_there_is_a_problem_too(deployment: Deployment) -> None:
    answer = ask(deployment, "GET", "/api/v1/nothing")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_people_sign_up_sign_in_and_keep_contacts(deployment: Deployment, account: Account) -> None:
    person = {"email": OLIVE, "password": PASSWORD}
    new = {**person, "name": "Olive", "workspace_name": "Marlow"}
    assert ask(deployment, "POST", "/api/v1/auth/sign-up", json=new).status_code == 201
    token = ask(deployment, "POST", "/api/v1/auth/sign-in", json=person).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}

    def call(method: str, path: str, **options: Any) -> httpx.Response:
        given = {**headers, **options.pop("headers", {})}
        return ask(deployment, method, f"/api/v1/{path}", headers=given, **options)

    assert call("GET", "workspaces/current").json()["name"] == "Marlow"
    made = call("POST", "contacts", json={"name": "Ada Lovelace", "email": "ada@engine.example"})
    place = f"contacts/{made.json()['id']}"
    assert made.headers["Location"].endswith(place)
    assert call("POST", "contacts", json={"emial": 1}).status_code == 422
    match = {"If-Match": made.headers["ETag"]}
    renamed = call("PATCH", place, json={"name": "Ada King"}, headers=match)
    assert renamed.json()["name"] == "Ada King"
    assert call("PATCH", place, json={"name": "Ada"}, headers=match).status_code == 412
    for version in ("v1", "latest"):
        listed = ask(deployment, "GET", f"/api/{version}/contacts", headers=headers)
        assert [one["name"] for one in listed.json()["items"]] == ["Ada King"]
        assert '"caller-read";r=' in listed.headers["RateLimit"]
    assert account.client.get(f"/api/v1/{place}").status_code == 404, "another workspace sees it"
    match = {"If-Match": renamed.headers["ETag"]}
    assert call("DELETE", place, headers=match).status_code == 204
    assert call("GET", place).status_code == 404


def test_a_mail_comes_all_the_way(deployment: Deployment, account: Account, bus: Bus) -> None:
    raw = mails.mail(subject="Quote for the whole way")
    mail = receive(deployment, account, MAILBOXES[0], raw)
    [listed] = api.get(account, "emails")["items"]
    assert (listed["subject"], listed["intent"]) == ("Quote for the whole way", "request")
    whole = api.get(account, f"emails/{mail}")
    assert "+44 20 7946 0123" in {entity["quote"] for entity in whole["entities"]}

    assert eventually(lambda: bus.heard("EmailAnalyzed", mail) > 0)
    assert bus.heard("EmailReceived", mail) > 0
    settled(deployment, account)
    told = written(deployment, account.workspace)
    once = dict.fromkeys(("ledger", "emails", "analyses", "runs", "tasks"), 1)
    assert told | once | {"unpublished": 0} == told
    types = ("EmailReceived", "EmailAnalyzed", "TaskCreated")
    assert [told["events"][one] for one in types] == [1, 1, 1]

    assert stored(deployment, mail) == raw
    redirect = account.client.get(f"/api/v1/emails/{mail}/raw")
    signed = httpx.get(redirect.headers["Location"], trust_env=False)
    assert (redirect.status_code, signed.content) == (303, raw)
    books = api.get(account, f"mailboxes/{whole['mailbox_id']}/reconciliation")
    assert (books["unaccounted"], books["states"]) == (0, {"stored": 1})
    google = httpx.get(f"{deployment.google.url}/_state", trust_env=False).json()
    assert google["pushes"]["acked"] > 0


def test_what_happens_is_told_over_a_socket(deployment: Deployment, account: Account) -> None:
    given = api.post(account, "realtime/tickets", {})
    address = f"{given['url']}?ticket={given['ticket']}"
    with connect(address, open_timeout=60) as socket:
        socket.send(json.dumps({"action": "subscribe", "topics": ["contacts"]}))
        assert json.loads(socket.recv(timeout=60))["type"] == "subscribed"
        made = api.post(account, "contacts", {"name": "Ada Lovelace"})
        told = json.loads(socket.recv(timeout=60))
        assert (told["type"], told["id"], told["version"]) == ("ContactCreated", made["id"], 1)
        with pytest.raises(InvalidStatus) as refused, connect(address, open_timeout=60):
            pass
        assert refused.value.response.status_code == 403
    assert complaints(deployment) == []


def test_what_comes_again_changes_nothing(
    deployment: Deployment, account: Account, bus: Bus
) -> None:
    mail = receive(deployment, account, MAILBOXES[1], mails.mail())
    settled(deployment, account)
    before, heard = written(deployment, account.workspace), bus.heard("EmailAnalyzed", mail)
    for _ in range(2):
        run_every_schedule(deployment)
        publish_again(deployment, account)
    assert eventually(lambda: bus.heard("EmailAnalyzed", mail) >= heard + 2)
    settled(deployment, account)
    assert written(deployment, account.workspace) == before
    assert complaints(deployment) == []


def test_a_forged_push_is_refused_and_nothing_is_queued(deployment: Deployment) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    forgeries: list[dict[str, Any]] = [
        {"key": stranger},
        {"aud": "https://elsewhere.example"},
        {"email": "mallory@mallory.iam.gserviceaccount.com"},
    ]
    for number, forgery in enumerate(forgeries):
        answer = push(deployment, NOBODY, number, **forgery)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert push(deployment, NOBODY, 100).status_code == 204
    seen = "no mailbox with this address"  # in the order of the queue: a forged one came before
    assert eventually(lambda: logged(deployment, "email-sync", seen) != [])
    assert len(logged(deployment, "email-sync", seen)) == 1


def test_a_function_may_do_what_its_role_says_and_no_more(deployment: Deployment) -> None:
    iam = deployment.aws("iam")
    function = deployment.stage.called("email-webhook")
    arn = deployment.aws("lambda").get_function_configuration(FunctionName=function)["Role"]
    role = arn.rpartition("/")[2]
    [policy] = iam.list_role_policies(RoleName=role)["PolicyNames"]
    granted = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    less = [one for one in granted["Statement"] if "sqs:" not in json.dumps(one["Action"])]
    assert len(less) == len(granted["Statement"]) - 1

    def grant(document: dict[str, Any]) -> None:
        text = json.dumps(document)
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=text)

    grant({**granted, "Statement": less})
    assert push(deployment, NOBODY, 200).status_code == 503
    grant(granted)
    assert push(deployment, NOBODY, 201).status_code == 204


def test_a_changed_setting_moves_the_alias_of_what_it_is_for(
    deployment: Deployment, changed: Process
) -> None:
    said(changed)
    live = versions(deployment)
    difference = deployment.toolkit.diff("diff-2", _changed(deployment))
    assert "Number of stacks with differences: 1" in difference
    stacks = len(list(deployment.assembly.glob("*.template.json")))
    update = deployment.toolkit.deploy("update", _changed(deployment), "--all")
    assert update.count("(no changes)") == stacks - 1
    now = versions(deployment)
    assert {name for name in now if now[name] != live[name]} == {"email-jobs"}
    configuration = deployment.aws("lambda").get_function_configuration(
        FunctionName=deployment.stage.called("email-jobs"), Qualifier="live"
    )
    assert configuration["Environment"]["Variables"]["HASTE_MAIL_QUIET_SECONDS"] == "3600"
    run_every_schedule(deployment)


def ask(deployment: Deployment, method: str, path: str, **options: Any) -> httpx.Response:
    url = f"{deployment.api_url}{path}"
    return httpx.request(method, url, timeout=60, trust_env=False, **options)


def receive(deployment: Deployment, account: Account, address: str, raw: bytes) -> str:
    """Connect a mailbox and let a mail come into it; its id, once it is analysed."""
    new = {"address": address, "access_token": access_token(address)}
    mailbox = api.post(account, "mailboxes", new)["id"]

    def listed() -> bool:
        return api.get(account, f"mailboxes/{mailbox}")["synced_at"] is not None

    def analysed() -> list[str]:
        found = api.get(account, f"emails?mailbox_id={mailbox}")["items"]
        return [one["id"] for one in found if one["intent"]]

    assert eventually(listed, within_s=60)
    with gmail.Mailbox(deployment.google.url, address) as box:
        gmail.insert(box, raw)
    assert eventually(lambda: analysed() != [], within_s=60)
    [mail] = analysed()
    return mail


def settled(deployment: Deployment, account: Account) -> None:
    """Wait until there is nothing left to do."""
    left = """
        select
            (select count(*) from outbox where workspace_id = %(w)s) as unpublished,
            (select count(*) from event_log l where workspace_id = %(w)s
                and type in ('EmailReceived', 'EmailAnalyzed', 'TaskCreated') and not exists (
                    select from inbox i where i.workspace_id = l.workspace_id
                        and i.consumer = 'automations' and i.event_id = l.id)) as unheard
        """

    def done() -> bool:
        [open_ends] = deployment.rows(left, w=account.workspace)
        return not any(open_ends.values()) and waiting(deployment) == 0

    assert eventually(done, within_s=60)


def stored(deployment: Deployment, mail: str) -> bytes:
    """What the deployed bucket holds of a mail."""
    name = deployment.stage.parameter("data/bucket")
    bucket = deployment.aws("ssm").get_parameter(Name=name)["Parameter"]["Value"]
    [row] = deployment.rows("select raw_key from emails where id = %(id)s", id=mail)
    return deployment.aws("s3").get_object(Bucket=bucket, Key=row["raw_key"])["Body"].read()


def run_every_schedule(deployment: Deployment) -> None:
    """Call what every deployed schedule calls, with what it says, as the scheduler does."""
    scheduler, functions = deployment.aws("scheduler"), deployment.aws("lambda")
    for name in sorted(jobs(deployment)):
        target = scheduler.get_schedule(Name=name)["Target"]
        answer = functions.invoke(FunctionName=target["Arn"], Payload=target["Input"])
        assert "FunctionError" not in answer, (name, answer["Payload"].read())


def jobs(deployment: Deployment) -> set[str]:
    """The names of all declared schedules."""
    called = deployment.stage.called
    return {
        called(f"{one.name}-{job.name}") for one in declared() for job in one.function.schedules
    }


def publish_again(deployment: Deployment, account: Account) -> None:
    """Put every event of the workspace on the bus once more."""
    feed = deployment.rows(
        """
        select type, payload || jsonb_build_object('position', position) as detail from event_log
        where workspace_id = %(w)s order by position desc
        """,
        w=account.workspace,
    )
    entries = [
        {
            "EventBusName": deployment.stage.prefix,
            "Source": "haste.replay",
            "DetailType": event["type"],
            "Detail": json.dumps(event["detail"]),
        }
        for event in feed
    ]
    for start in range(0, len(entries), 10):
        answer = deployment.aws("events").put_events(Entries=entries[start : start + 10])
        assert answer["FailedEntryCount"] == 0


def complaints(deployment: Deployment) -> list[str]:
    """Errors that functions have logged."""
    names = [one.name for one in declared()]
    return [line for name in names for line in logged(deployment, name, '"level":"ERROR"')]


def versions(deployment: Deployment) -> dict[str, str]:
    """Which version of each function everybody calls."""
    functions, called = deployment.aws("lambda"), deployment.stage.called
    return {
        one.name: functions.get_alias(FunctionName=called(one.name), Name="live")["FunctionVersion"]
        for one in declared()
    }


def _changed(deployment: Deployment) -> Path:
    return deployment.state.root / "cdk.out-2"
