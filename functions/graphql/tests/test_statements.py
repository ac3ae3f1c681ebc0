"""A document sends as many statements for a hundred things as for one; no more than it costs."""

from __future__ import annotations

import pytest

from functions.graphql.models import Question
from functions.graphql.plans import make_plan
from functions.graphql.tests.scenes import ask, data_of, settle, statements
from shared.testing import Call, Database, NewWorkspace

_EVERY_LINK = """
    query ($first: Int!) {
      contacts(first: $first) {
        totalCount
        nodes {
          name
          owner { name }
          emails(first: 1) { nodes { receivedAt thread { lastAt } } }
          tasks(first: 2) {
            nodes {
              title contact { name } email { subject thread { emailCount } mailbox { address } }
            }
          }
        }
      }
      tasks(first: $first) { nodes { title contact { name } email { contact { name } } } }
    }
"""
_MAILS = """
    query ($first: Int!) {
      threads(first: $first) {
        edges {
          cursor
          node {
            emailCount
            mailbox { address }
            emails(first: 2) { edges { node {
              subject contact { name } tasks(first: 1) { nodes { title } } thread { lastAt }
            } } }
          }
        }
      }
    }
"""
_CONTENT = "query ($first: Int!) { emails(first: $first) { nodes { subject content { text } } } }"
_AGAIN = """
    query ($first: Int!) {
      contacts(first: $first) { nodes { ...tasks again: tasks(first: 1) { nodes { ...there } } } }
    }
    fragment tasks on Contact { tasks(last: 1) { nodes { ...there } } }
    fragment there on Task { email { content { reply participants { email } } } contact { name } }
"""


@pytest.mark.parametrize("query", [_EVERY_LINK, _MAILS, _CONTENT, _AGAIN])
def test_as_many_for_a_hundred_as_for_one(
    query: str,
    call: Call,
    database: Database,
    new_workspace: NewWorkspace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours = new_workspace()
    settle(database, ours, 100)
    sent: dict[int, list[str]] = {}
    for first in (1, 60, 100):
        with statements(monkeypatch) as asked:
            answer = ask(call, query, {"first": first}, workspace=ours)
        found = data_of(answer)
        sent[first] = sorted(asked)
        [*lists] = found.values()
        assert all(len(one.get("nodes") or one["edges"]) == first for one in lists)
        assert answer.json["extensions"]["cost"]["requested"] <= 5_000
    assert sent[1] == sent[60] == sent[100]
    plan = make_plan(query, Question(query=query, variables={"first": 1}))
    assert 0 < len(sent[100]) <= plan.bill.cost.statements
