"""Damage that nobody foresaw: whatever a workspace's files hold, the doctor answers and never breaks down."""

import os
import random
import shutil
from contextlib import suppress

import pytest
import tomlkit

from fustor_new.commands.adopt import plan_adoption
from fustor_new.commands.doctor import plan_repairs
from fustor_new.doctor.examination import examine, find_subjects
from fustor_new.errors import FustorNewError
from fustor_new.options import AdoptOptions

pytestmark = pytest.mark.wide

FILES = [
    "pyproject.toml",
    "extensions/source-redis/pyproject.toml",
    "extensions/source-redis/pyproject.toml",
    "extensions/source-redis/.copier-answers.yml",
    "extensions/source-redis/fustor.yaml",
    "extensions/source-redis/src/fustor_source_redis/__init__.py",
    "extensions/source-redis/src/fustor_source_redis/driver.py",
    "extensions/source-redis/tests/test_conformance.py",
]
VALUES = [
    0,
    -1.5,
    True,
    "",
    "x",
    "a:b",
    ":",
    "fustor_source_redis:RedisDriver",
    [],
    [1],
    ["", 2],
    {},
    {"a": 1},
    {"a b": []},
]
PIECES = [b"\0", b"\xff", b"[", "\u2028".encode(), b"'", b'"""', b"\t", b"<<<<<<< ", b"import fustor_core.x\n", b": *a"]


def damage(path, source):
    """Damage one file: a value of another type where it is TOML, else bytes anywhere."""
    if path.suffix == ".toml" and source.random() < 0.7:
        document = tomlkit.parse(path.read_text())
        table = document
        while True:
            key = source.choice(list(table))
            if not isinstance(table[key], dict) or not table[key] or source.random() < 0.2:
                break
            table = table[key]
        if source.random() < 0.3:
            del table[key]
        else:
            table[key] = source.choice(VALUES)
        path.write_text(tomlkit.dumps(document))
        return
    data = path.read_bytes()
    start, end = sorted(source.randrange(len(data) + 1) for _ in range(2))
    middle = source.choice([b"", source.choice(PIECES), data[start:end] * 2])
    path.write_bytes(data[:start] + middle + data[min(end, start + source.randrange(40)) :])


def examined(root):
    """Return the ids that are found, the name of the error where the root cannot be read."""
    try:
        subjects = find_subjects([root])
        findings = examine(subjects)
        plan_repairs(subjects, findings)
    except FustorNewError as err:
        return type(err).__name__
    for finding in findings:
        assert finding.what
        assert finding.place
    return {finding.id for finding in findings}


def adopted(folder):
    (folder / ".copier-answers.yml").unlink(missing_ok=True)
    with suppress(FustorNewError):
        plan_adoption(folder, AdoptOptions(folder))


def check(count, seed, workspace, folder):
    print(f"seed {seed}")
    source = random.Random(seed)
    seen = set()
    for number in range(count):
        root = shutil.copytree(workspace, folder / str(number))
        for name in source.choices(FILES, k=source.choice([1, 1, 2, 4])):
            path = root / name
            try:
                damage(path, source)
            except (UnicodeDecodeError, tomlkit.exceptions.TOMLKitError, ValueError, IndexError):
                path.write_bytes(b"\xff\0")  # damaged before, so that it cannot be damaged finely
        found = examined(root)
        seen |= {found} if isinstance(found, str) else found
        if number % 10 == 0:
            adopted(root / "extensions" / "source-redis")
        shutil.rmtree(root)
    return seen


def test_damaged_files_are_findings_or_a_known_error(workspace, tmp_path):
    seed = int(os.environ.get("FUSTOR_SEED", "20261124"))
    seen = check(120, seed, workspace, tmp_path / "damaged")
    assert {"D01", "D61", "WorkspaceError"} <= seen
    assert len(seen) > 15


@pytest.mark.full
def test_many_damaged_files_are_findings_or_a_known_error(workspace, tmp_path):
    seed = int(os.environ.get("FUSTOR_SEED", str(random.randrange(2**32))))
    assert len(check(2000, seed, workspace, tmp_path / "damaged")) > 20
