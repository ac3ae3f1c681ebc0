"""The one filter grammar: for list queries, saved views, segments and automations.

    {"all": [
        {"field": "sentiment", "op": "eq", "value": "negative"},
        {"not": {"field": "sender", "op": "contains", "value": "@example.com"}}
    ]}

A filter is a test (`field`, `op`, `value`), or `all` or `any` with a list of filters, or `not` with
one. `parse` checks it against a catalogue of fields and gives a tree of frozen dataclasses;
`matches` evaluates that tree over a record, `to_sql` makes it a condition of a query, `to_json`
writes it down again. An `Object` is what can be listed, with its fields; a `Listing` is what is
asked of it.

What it means, in memory as in SQL:

- A test is true or false, never unknown. A field that is null or absent fails every test but `ne`,
  `not_in` and `exists: false`, so `ne` is exactly `not eq`, and De Morgan's laws hold.
- `eq`, `ne`, `in`, `not_in` compare text exactly. `contains` and `starts_with` compare text in
  lower case (Unicode's simple mapping, a character for a character: "ß" is not "ss", and "İ"
  is "i").
- On a list of texts, `contains` asks for one member, exactly; `exists` asks for any member at all.
- The empty text exists. `{"all": []}` matches everything, `{"any": []}` nothing.
"""

from shared.filters.edits import edit_statement
from shared.filters.evaluate import matches
from shared.filters.model import (
    BOOLEAN,
    ID,
    INSTANT,
    NUMBER,
    OPERATORS,
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
    Scalar,
    Value,
    choice,
    to_json,
)
from shared.filters.objects import (
    ANYTHING,
    InvalidSort,
    Listing,
    Object,
    Order,
    Place,
    Tail,
    equal,
)
from shared.filters.parse import InvalidFilter, Limits, parse
from shared.filters.sql import Column, Columns, Condition, to_sql

__all__ = [
    "ANYTHING",
    "BOOLEAN",
    "ID",
    "INSTANT",
    "NUMBER",
    "OPERATORS",
    "TEXT",
    "TEXTS",
    "AllOf",
    "AnyOf",
    "Catalogue",
    "Column",
    "Columns",
    "Condition",
    "FieldType",
    "Filter",
    "InvalidFilter",
    "InvalidSort",
    "Leaf",
    "Limits",
    "Listing",
    "Not",
    "Object",
    "Op",
    "Order",
    "Place",
    "Scalar",
    "Tail",
    "Value",
    "choice",
    "edit_statement",
    "equal",
    "matches",
    "parse",
    "to_json",
    "to_sql",
]
