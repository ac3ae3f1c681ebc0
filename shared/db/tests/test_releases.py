"""Released migrations never change."""

from pathlib import Path

import pytest

from shared.db.releases import MIGRATIONS, altered, freeze, frozen, hashes, migration_names


def test_no_released_migration_is_altered() -> None:
    assert altered() == [], "released migrations never change: write a new one that corrects them"


def test_numbers_are_unique_and_names_sort_as_they_depend() -> None:
    names = migration_names()
    numbers = [name.split("_")[0] for name in names]
    assert len(set(numbers)) == len(numbers)
    assert all(len(number) == 4 and number.isdigit() for number in numbers)
    for name in names[1:]:
        first, *_ = (MIGRATIONS / f"{name}.sql").read_text().splitlines()
        assert first.startswith("-- depends: "), f"{name} must say what it depends on"
        needed = first.removeprefix("-- depends: ").split()
        assert needed, name
        assert all(other in names and other < name for other in needed), f"{name}: {needed}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "0001_a.sql").write_text("select 1;")
    (tmp_path / "0002_b.sql").write_text("select 2;")
    return tmp_path


def test_nothing_is_promised_before_the_first_release(folder: Path) -> None:
    assert frozen(folder) == {}
    assert altered(folder) == []


def test_a_release_freezes_what_is_new(folder: Path) -> None:
    assert freeze(folder) == ["0001_a", "0002_b"]
    assert frozen(folder) == hashes(folder)
    (folder / "0003_c.sql").write_text("select 3;")
    assert altered(folder) == []
    assert freeze(folder) == ["0003_c"]


def test_changing_renaming_or_removing_a_released_one_is_found(folder: Path) -> None:
    freeze(folder)
    (folder / "0001_a.sql").write_text("select 1; ")
    assert altered(folder) == ["0001_a"]
    (folder / "0002_b.sql").rename(folder / "0002_better.sql")
    assert altered(folder) == ["0001_a", "0002_b"]
    with pytest.raises(ValueError, match="0001_a"):
        freeze(folder)


def test_the_list_is_one_that_sha256sum_checks(folder: Path) -> None:
    freeze(folder)
    line = (folder / "frozen.txt").read_text().splitlines()[0]
    assert line == f"{hashes(folder)['0001_a']}  0001_a.sql"
