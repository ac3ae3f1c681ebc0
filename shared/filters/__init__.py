"""The one filter grammar: for list queries, saved views, segments and automations.

    {"all": [
        {"field": "sentiment", "op": "eq", "value": "negative"},
        {"not": {"field": "sender", "op": "contains", "value": "@example.com"}}
    ]}

A filter is a test (`field`, `op`, `value`), or `all` or `any` with a list of filters, or `not` with
one. `parse` checks it against a catalogue of fields and gives a tree of frozen dataclasses;
`matches` evaluates that tree over a record; `to_json` writes it down again.

What it means, here and wherever it is compiled to SQL:

- A test is true or false, never unknown. A field that is null or absent fails every test but `ne`,
  `not_in` and `exists: false`, so `ne` is exactly `not eq`, and De Morgan's laws hold.
- `eq`, `ne`, `in`, `not_in` compare text exactly. `contains` and `starts_with` compare text in
  lower case (Unicode's simple mapping: Python's and Postgres's `lower`, so "ß" is not "ss").
- On a list of texts, `contains` asks for one member, exactly; `exists` asks for any member at all.
- The empty text exists. `{"all": []}` matches everything, `{"any": []}` nothing.
"""

from shared.filters.evaluate import matches
from shared.filters.model import (
    BOOLEAN,
    ID,
    INSTANT,
    NUMBER,
    TEXT,
    TEXTS,
    AllOf,
    AnyOf,
    Catalogue,
    FieldType,
    Filter,
    Leaf,
    Not,
    Op,
    Value,
    choice,
    to_json,
)
from shared.filters.parse import InvalidFilter, Limits, parse

__all__ = [
    "BOOLEAN",
    "ID",
    "INSTANT",
    "NUMBER",
    "TEXT",
    "TEXTS",
    "AllOf",
    "AnyOf",
    "Catalogue",
    "FieldType",
    "Filter",
    "InvalidFilter",
    "Leaf",
    "Limits",
    "Not",
    "Op",
    "Value",
    "choice",
    "matches",
    "parse",
    "to_json",
]
