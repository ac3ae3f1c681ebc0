"""Stages, and what a deployer says about one."""

from __future__ import annotations

from typing import Any

import pytest

from infra_cdk.stages import DEV, EMULATOR, PROD, chosen


def stage_of(**context: Any) -> Any:
    """The stage that a context names, as the CDK would read it."""
    return chosen(context.get)


def test_dev_is_chosen_where_nothing_is() -> None:
    assert stage_of() == DEV


def test_a_value_kept_for_a_stage_counts_for_it_alone() -> None:
    kept = {"google_project": "acme-crm", "settings": {"ACCESS_TOKEN_SECONDS": "600"}}
    prod = stage_of(stage="prod", prod=kept)
    assert prod.setting("GMAIL_TOPIC") == "projects/acme-crm/topics/haste-prod-gmail"
    assert prod.setting("ACCESS_TOKEN_SECONDS") == "600"
    assert stage_of(stage="dev", prod=kept) == DEV


def test_what_is_said_at_once_counts_before_what_is_kept() -> None:
    stage = stage_of(stage="prod", google_project="other", prod={"google_project": "acme-crm"})
    assert stage.google_project == "other"


@pytest.mark.parametrize(("said", "kept"), [("false", False), ("true", True), (False, False)])
def test_concurrency_may_be_left_to_everybody(said: object, kept: bool) -> None:
    assert PROD.reserve
    assert stage_of(stage="prod", reserve=said).reserve is kept
    assert stage_of(stage="prod", prod={"reserve": said}).reserve is kept


def test_zones_can_be_named() -> None:
    assert stage_of(zones="us-east-1b, us-east-1c").zones == ("us-east-1b", "us-east-1c")
    with pytest.raises(ValueError, match="2 names"):
        stage_of(zones="us-east-1b")


def test_a_setting_without_a_value_is_left_to_its_default() -> None:
    assert DEV.setting("GMAIL_TOPIC") is None
    assert DEV.setting("MAIL_QUIET_SECONDS") is None
    assert DEV.setting("GOOGLE_API_URL") == "https://gmail.googleapis.com"


def test_only_the_emulator_says_where_its_database_is() -> None:
    url = "postgresql://{role}:secret@127.0.0.1:5432/haste"
    stage = stage_of(stage="emulator", database_url=url)
    assert stage.addresses.database == url
    assert stage.addresses.cache == EMULATOR.addresses.cache  # pyright: ignore[reportOptionalMemberAccess]
    assert stage_of(stage="prod", database_url=url).addresses is None


@pytest.mark.parametrize(
    ("context", "said"),
    [
        ({"stage": "production"}, "no stage 'production'; choose one of dev, staging, prod"),
        ({"domain": "crm.acme.example"}, "domain and certificate_arn together"),
        ({"settings": "no json"}, "settings"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(context: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        stage_of(**context)
