import asyncio
import os
import re
from pathlib import Path

import pytest

from fustor_source_fs import FsDriver
from fustor_source_fs._checks import _kind_faults, _limit_faults


def ask(name, **kwargs):
    return asyncio.run(getattr(FsDriver, name)(**kwargs))


CHECKS = ["test_connection", "check_privileges", "check_runtime_params"]


@pytest.mark.parametrize("check", CHECKS)
def test_a_sound_tree_passes(root, check):
    (root / "a").mkdir()
    passed, text = ask(check, uri=str(root))
    assert passed, text


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("uri", ["/no/such/place", "relative", "http://x", None])
def test_a_wrong_address_is_an_answer_and_no_exception(check, uri):
    passed, text = ask(check, uri=uri)
    assert not passed
    assert text


@pytest.mark.parametrize("check", ["check_privileges", "check_runtime_params"])
def test_a_wrong_parameter_is_an_answer_and_no_exception(root, check):
    passed, text = ask(check, uri=str(root), driver_params={"nonsense": 1})
    assert not passed
    assert "nonsense" in text


def test_directories_that_cannot_be_read_or_searched_are_counted_and_named(public_root, as_nobody):
    for name, mode in (("closed", 0), ("no-search", 0o744), ("no-read", 0o711), ("open", 0o755)):
        (public_root / name).mkdir()
        (public_root / name).chmod(mode)
    as_nobody()
    passed, text = ask("check_privileges", uri=str(public_root))
    assert not passed
    assert text.startswith("3 of 5")
    assert "'/closed'" in text
    assert "setfacl" in text


def test_creating_a_user_is_not_supported():
    passed, text = ask("create_agent_user", uri="/")
    assert not passed
    assert text.startswith("Not supported")


def test_too_few_watches_are_named_with_the_command_that_helps():
    (fault,) = [text for text in _limit_faults(10**9) if "watches" in text]
    assert "1000000000 directories" in fault
    assert "sysctl fs.inotify.max_user_watches=" in fault


@pytest.mark.parametrize(("kind", "faults"), [("ext4", 0), ("nfs4", 1), ("fuse.sshfs", 1), ("overlay", 1), ("cifs", 1)])
def test_file_systems_that_hide_changes_are_named(kind, faults):
    assert len(_kind_faults(kind)) == faults


def test_fields_are_numbered_from_zero():
    properties = ask("get_available_fields")["properties"]
    assert [field["column_index"] for field in properties.values()] == list(range(len(properties)))
    assert {"path", "mtime", "size", "parent_mtime", "modified_time", "is_directory"} <= set(properties)


def test_the_readme_names_every_field_of_a_row():
    named = re.findall(r"`(\w+)[`:]", (Path(__file__).parents[1] / "README.md").read_text())
    assert set(ask("get_available_fields")["properties"]) - set(named) == set()


def test_a_position_is_never_available(make_driver):
    driver = make_driver()
    assert not any(driver.is_position_available(position) for position in (-1, 0, 1, 10**18))


def test_a_host_whose_buffer_is_full_lets_the_source_wait(make_driver):
    assert make_driver().is_transient is False


def test_two_instances_share_nothing(make_driver, root):
    one, two = make_driver(), make_driver()
    asyncio.run(one.close())
    assert list(two.get_snapshot_iterator())


def test_a_root_that_is_a_link_is_the_directory_it_leads_to(root, make_driver, rows_of, reader):
    (root / "a").mkdir()
    link = root.with_name("link")
    link.symlink_to(root)
    driver = make_driver(uri=str(link))
    assert [row["path"] for row in rows_of(driver.get_snapshot_iterator())] == ["/", "/a"]
    running = reader(driver)
    (root / "a/file").write_bytes(b"")
    assert running.changes() == ["+/a/file"]
    assert os.path.islink(link)
