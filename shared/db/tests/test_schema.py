"""`schema.sql` is what the migrations make."""

import re

from shared.db import schema
from shared.testing import Database

REGENERATE = "shared/db/schema.sql is out of date: run `python -m infra_cdk.local.schema`"


def test_the_migrations_make_what_the_file_says(database: Database) -> None:
    made = schema.dump(database.server.url(database=database.name))
    assert made.splitlines() == schema.SCHEMA.read_text().splitlines(), REGENERATE


def test_a_database_made_from_the_file_is_the_same(database: Database) -> None:
    with schema.built_from_schema(database.server.url()) as url:
        assert schema.dump(url).splitlines() == schema.SCHEMA.read_text().splitlines(), REGENERATE


def test_nothing_in_it_depends_on_the_day_or_on_the_dumping_program() -> None:
    text = schema.SCHEMA.read_text()
    assert not re.search(r"_y\d{4}m\d{2}", text)
    assert not re.search(r"(?m)^(SET |\\|-- (Dumped|Name:))", text)
    assert "PARTITION BY RANGE" in text
    assert "INSERT INTO app.monthly_tables VALUES ('event_log');" in text
