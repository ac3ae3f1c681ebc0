"""Assets for this machine, as they come out: complete, the same every time, and loadable."""

from __future__ import annotations

import ast
import importlib.util
import json
import marshal
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from types import CodeType

import pytest

from layers.assets import ASSETS, CHECKOUT, Built, build, identity
from layers.failure import CannotBuild
from layers.prune import SERVICES
from layers.shipped import shipped
from layers.target import LAMBDA, host
from layers.tests.trees import copy_to, layers, needs_uv

pytestmark = needs_uv

AWS_SETTINGS = ("AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
BUILDS = Path(os.environ.get("HASTE_BUILD") or CHECKOUT / ".haste" / "build")
UNCHECKED = 0b01
"""A hash-based pyc whose source is not looked at (PEP 552)."""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout that nobody edits meanwhile."""
    return copy_to(tmp_path_factory.mktemp("tree") / "checkout")


@pytest.fixture(scope="module")
def built(tree: Path) -> dict[str, Built]:
    """Kept where `haste build` keeps them, so a second run of the tests builds nothing."""
    return {asset: build(asset, host(), BUILDS, checkout=tree) for asset in ASSETS}


@pytest.fixture
def copy(tree: Path, tmp_path: Path) -> Path:
    return copy_to(tmp_path / "copy", tree)


each = pytest.mark.parametrize("asset", ASSETS)


def names(built: Built) -> set[str]:
    return {p.relative_to(built.folder).as_posix() for p in built.folder.rglob("*") if p.is_file()}


@each
def test_another_checkout_builds_the_same(built: dict[str, Built], copy: Path, asset: str) -> None:
    done = layers(asset, "--host", checkout=copy, umask=0o077)
    [line] = done.stdout.splitlines()
    assert line.startswith(str(copy)), done.stderr
    assert sha256(Path(line).read_bytes()).hexdigest() == built[asset].digest


@each
def test_the_archive_is_the_folder(built: dict[str, Built], tree: Path, asset: str) -> None:
    one = built[asset]
    assert (one.asset, one.target) == (asset, host())
    assert one.identity == identity(asset, host(), checkout=tree)
    assert sha256(one.archive.read_bytes()).hexdigest() == one.digest
    with zipfile.ZipFile(one.archive) as archive:
        entries = archive.infolist()
    assert len(entries) == one.files
    assert sum(entry.file_size for entry in entries) == one.unzipped_bytes
    assert {entry.filename for entry in entries} <= names(one)
    assert {entry.filename.partition("/")[0] for entry in entries} == {
        "functions" if asset == "functions" else "python"
    }


@pytest.mark.parametrize("asset", ["shared", "functions"])
def test_our_code_is_there_as_it_is(built: dict[str, Built], tree: Path, asset: str) -> None:
    with zipfile.ZipFile(built[asset].archive) as archive:
        found = {name: archive.read(name) for name in archive.namelist() if ".pyc" not in name}
    inside = "" if asset == "functions" else "python/"
    assert found == {f"{inside}{path}": text for path, text in shipped(asset, tree).items()}


@each
def test_every_module_is_compiled_for_good(built: dict[str, Built], asset: str) -> None:
    one = built[asset]
    seen_as = "/var/task" if asset == "functions" else "/opt"
    tag = sys.implementation.cache_tag
    for source in one.folder.rglob("*.py"):
        compiled = source.parent / "__pycache__" / f"{source.stem}.{tag}.pyc"
        content = compiled.read_bytes()
        assert content[:4] == importlib.util.MAGIC_NUMBER
        assert int.from_bytes(content[4:8], "little") == UNCHECKED
        shown = f"{seen_as}/{source.relative_to(one.folder).as_posix()}"
        module = marshal.loads(content[16:])  # noqa: S302 -- we have just written it
        assert {code.co_filename for code in codes(module)} == {shown}


def codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes(constant)


@each
def test_nothing_tells_where_it_was_built(built: dict[str, Built], asset: str) -> None:
    one = built[asset]
    places = [f"{one.folder.parents[1]}/".encode(), sys.executable.encode()]
    telling = [
        path
        for path in one.folder.rglob("*")
        if path.is_file() and (path.suffix == ".pyc" or ".dist-info" in path.parent.name)
        if any(place in path.read_bytes() for place in places)
    ]
    assert telling == []


def test_what_no_function_needs_is_gone(built: dict[str, Built]) -> None:
    every = names(built["core"]) | names(built["ai"])
    unneeded = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", ".pyi", ".h", ".lock")
    assert [name for name in every if name.endswith(unneeded) or "/tests/" in name] == []
    assert [name for name in every if name.startswith("python/bin/") or "/." in name] == []
    described = {name.split("/")[3] for name in every if name.startswith("python/botocore/data/")}
    assert {name for name in described if "." not in name} == set(SERVICES)


def test_what_is_found_by_name_at_run_time_stays(built: dict[str, Built]) -> None:
    metadata = {name.split("/")[1]: name for name in names(built["core"]) if "METADATA" in name}
    assert {name.partition("-")[0] for name in metadata} > {"boto3", "redis", "opentelemetry_api"}
    ask = (
        "from importlib.metadata import entry_points, version; import json;"
        "print(json.dumps([version('boto3'), len(entry_points(group='yoyo.backends')),"
        " len(entry_points(group='opentelemetry_context'))]))"
    )
    version, backends, contexts = json.loads(alone(built["core"], ask))
    assert f"boto3-{version}.dist-info" in metadata
    assert backends > 0
    assert contexts > 0


def test_botocore_describes_the_services_that_are_called() -> None:
    tree = ast.parse((CHECKOUT / "shared/aws.py").read_text())
    offered = {
        node.slice.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "Literal"
        if isinstance(node.slice, ast.Constant)
    }
    assert offered == set(SERVICES)


def test_core_alone_makes_every_client(built: dict[str, Built]) -> None:
    ask = (
        "import boto3, json; made = {name: boto3.client(name) for name in %r};"
        "url = made['s3'].generate_presigned_url('get_object', Params={'Bucket': 'b', 'Key': 'k'});"
        "print(json.dumps([boto3.__file__, sorted(made), url]))"
    )
    where, made, url = json.loads(alone(built["core"], ask % (SERVICES,)))
    assert where.startswith(str(built["core"].packages))
    assert made == sorted(SERVICES)
    assert url.startswith("https://")


def test_bytecode_counts_whatever_its_source_says(copy: Path, tmp_path: Path) -> None:
    """As on Lambda: the folder cannot be written to, and files have other times."""
    shared = build("shared", host(), tmp_path / "builds", checkout=copy)
    module = shared.packages / "events" / "ids.py"
    module.write_text("raise SystemExit('the source was read')\n")
    os.utime(module, (1, 1))
    before = names(shared)
    folders = [shared.folder, *(path for path in shared.folder.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    try:
        shown = alone(shared, "import events.ids; print(events.ids.__name__)")
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert shown.strip() == "events.ids"
    assert names(shared) == before, "nothing was compiled"


def test_what_fails_leaves_nothing_behind(copy: Path, tmp_path: Path) -> None:
    broken = copy / "functions/contacts/broken.py"
    broken.write_text("def (")
    builds = tmp_path / "builds"
    with pytest.raises(CannotBuild, match=r"functions/contacts/broken\.py"):
        build("functions", host(), builds, checkout=copy)
    assert [path for path in builds.iterdir() if path.is_dir() and path.suffix != ".partial"] == []
    broken.unlink()
    built = build("functions", host(), builds, checkout=copy)
    assert built.files == len(names(built))


def test_old_builds_go(copy: Path, tmp_path: Path) -> None:
    builds, made = tmp_path / "builds", list[Built]()
    for number in range(6):
        (copy / "shared/extra.py").write_text(f"NUMBER = {number}\n")
        made.append(build("shared", host(), builds, checkout=copy))
    assert [one.archive.exists() for one in made] == [False] * 2 + [True] * 4


def test_a_built_asset_is_only_read(copy: Path) -> None:
    first = build("shared", host(), copy / ".haste" / "build", checkout=copy)
    again = layers("shared", "--host", checkout=copy)
    assert again.stdout == f"{first.archive}\n"
    assert again.stderr == "", "it says when it builds"


def test_a_change_since_synthesis_is_refused(copy: Path) -> None:
    expected = identity("functions", host(), checkout=copy)
    arguments = ("functions", "--host", "--expect", expected)
    assert layers(*arguments, checkout=copy).returncode == 0
    (copy / "functions/extra.py").write_text("")
    done = layers(*arguments, checkout=copy)
    assert (done.returncode, done.stdout) == (1, "")
    assert "functions has changed" in done.stderr


def test_no_index_is_said_in_words(copy: Path, tmp_path: Path) -> None:
    done = layers(
        "ai", "--host", checkout=copy, UV_OFFLINE="1", UV_CACHE_DIR=str(tmp_path / "empty")
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "is the package index reachable?" in done.stderr
    assert "Traceback" not in done.stderr


def test_both_targets_may_share_what_is_only_python() -> None:
    same = host().minor == LAMBDA.minor
    assert (identity("shared", host()) == identity("shared", LAMBDA)) == same


def alone(built: Built, ask: str) -> str:
    """What a Python says that has nothing but this asset."""
    program = f"import sys; sys.path.append(sys.argv[1]); {ask}"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, built.packages],
        env=dict.fromkeys(AWS_SETTINGS, "us-east-1"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
