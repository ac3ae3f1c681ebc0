"""Where the stand-in is not AWS, and what is done about it: every such step of these tests is here.

What it does not do at all, and no test can show, is listed in `infra_cdk/README.md`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from infra_cdk.local.postgres import Postgres
from infra_cdk.local.state import State
from infra_cdk.stages import Stage


def bare_python(state: State) -> Path:
    """The Python that functions run in, for there is no runtime of Lambda's: ours, with nothing but
    its standard library. So what a layer lacks is missing, down to boto3, which Lambda's has.
    """
    base = getattr(sys, "_base_executable", sys.executable)  # not that of the environment
    script = state.root / "python-without-packages"
    script.write_text(f'#!/bin/sh\nexec "{base}" -I -S "$@"\n')
    script.chmod(0o755)
    return script


def publish_arns(ssm: Any, secrets: Any, stage: Stage) -> None:
    """CloudFormation's `Ref` of a secret is its ARN; here it is its name, which is then what the
    parameters say, and no policy that allows an ARN allows a name.
    """
    listed = ssm.get_parameters_by_path(Path=stage.parameter("secrets"))
    for one in listed["Parameters"]:
        arn = secrets.describe_secret(SecretId=one["Value"])["ARN"]
        ssm.put_parameter(Name=one["Name"], Value=arn, Overwrite=True)


def correct_policies(iam: Any, stage: Stage) -> None:
    """Who may send to a queue may send in batches: they are no action of their own, as here. And
    the stand-in knows no condition on what KMS encrypts for, so that such rights seem never given.
    """
    roles = iam.get_paginator("list_roles").paginate()
    names = [role["RoleName"] for page in roles for role in page["Roles"]]
    for role in [name for name in names if name.startswith(stage.prefix)]:
        for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            known = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
            document = {**known, "Statement": [_corrected(one) for one in known["Statement"]]}
            if document != known:
                iam.put_role_policy(
                    RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document)
                )


def _corrected(statement: dict[str, Any]) -> dict[str, Any]:
    if statement["Action"] == "sqs:SendMessage":
        return {**statement, "Action": ["sqs:SendMessage", "sqs:SendMessageBatch"]}
    if "kms:EncryptionContext" in json.dumps(statement.get("Condition")):
        return {key: value for key, value in statement.items() if key != "Condition"}
    return statement


def sign_in_by_password(database: Postgres, roles: list[str], password: str) -> None:
    """Roles sign in by IAM on AWS. Here they have a password, and those that must have one before
    the first migration has made them are made here.
    """
    with psycopg.connect(database.url(), autocommit=True) as admin:
        known = admin.execute("select rolname from pg_roles").fetchall()
        for role in roles:
            verb = "alter" if (role,) in known else "create"
            admin.execute(
                sql.SQL("{} role {} login password {}").format(
                    sql.SQL(verb), sql.Identifier(role), sql.Literal(password)
                )
            )


def api_url(aws_url: str, api_id: str, stage: Stage) -> str:
    """An API has a host of its own on AWS, and here a path."""
    return f"{aws_url}/_aws/execute-api/{api_id}/{stage.name}"
