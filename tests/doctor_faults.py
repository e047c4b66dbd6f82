"""One function for each fault of a workspace, its packages and their files: it breaks a healthy one in one place."""

import shutil
import subprocess

from doctor_breaking import add, code, driver, edit, fault, members, packages, project


@fault("W01")
def a_stage_is_left(root, _):
    (root / ".fustor-new-0123456789abcdef").mkdir()


@fault("W02")
def a_member_has_no_project(root, _):
    (root / "extensions" / "source-half").mkdir()
    (root / "extensions" / "source-half" / "notes.txt").write_text("to be continued\n")


@fault("W03")
def a_listed_member_is_not_there(root, _):
    members(root, "extensions/*", "extensions/source-gone")


@fault("W04")
def a_driver_is_excluded(root, _):
    members(root, "extensions/*", more='exclude = ["extensions/source-*"]\n')


@fault("W05")
def a_member_is_listed_twice(root, _):
    members(root, "extensions/source-redis", "./extensions/source-redis")


@fault("W06")
def a_driver_is_not_registered(root, _):
    members(root)


@fault("W07")
def a_member_is_a_repository(root, _):
    (driver(root) / ".git").mkdir()


@fault("W08")
def two_members_share_a_name(root, _):
    packages(root, "some-thing", "some_thing")
    edit(root / "packages" / "p1" / "pyproject.toml", 'name = "some_thing"', 'name = "Some.Thing"')


@fault("W09")
def two_drivers_share_an_entry_point(root, rendered):
    names = {"distribution": "other", "package": "other", "entry_point": "redis", "class_name": "OtherDriver"}
    shutil.copytree(rendered("source", layout="standalone", **names), root / "extensions" / "other")


@fault("W02")
def a_branch_left_compiled_code_behind(root, _):
    (root / "extensions" / "source-old" / "src" / "old" / "__pycache__").mkdir(parents=True)
    (root / "extensions" / "source-old" / "src" / "old" / "__pycache__" / "driver.cpython-311.pyc").write_bytes(b"\0")


@fault("W16")
def a_driver_is_not_in_the_dev_extra(root, _):
    add(root / "pyproject.toml", '[project]\nname = "all"\nversion = "1"\n[project.optional-dependencies]\ndev = []\n')


@fault("W17")
def a_member_has_no_version(root, _):
    packages(root, "alpha")
    edit(root / "packages" / "p0" / "pyproject.toml", 'version = "0.8.17"\n', "")


@fault("W14")
def a_source_names_no_member(root, _):
    add(root / "pyproject.toml", "[tool.uv.sources]\nfustor-source-gone = { workspace = true }\n")


@fault("W10")
def a_members_source_names_no_member(root, _):
    add(project(root), "\n[tool.uv.sources]\nfustor-core = { workspace = true }\n")


@fault("W11")
def a_member_is_required_without_a_source(root, _):
    packages(root, "alpha", "beta")
    edit(root / "packages" / "p0" / "pyproject.toml", "version =", 'dependencies = ["beta"]\nversion =')


@fault("W12", "W16")
def the_dev_extra_names_a_driver_that_is_gone(root, _):
    head = '[project]\nname = "all"\nversion = "1"\n[project.optional-dependencies]\ndev = ["fustor-source-gone"]\n'
    add(root / "pyproject.toml", head)


@fault("W13")
def a_member_wants_an_old_python(root, _):
    packages(root, "alpha")
    edit(root / "packages" / "p0" / "pyproject.toml", '">=3.11"', '"<3.11"')


@fault("W15")
def a_member_allows_an_older_python(root, _):
    packages(root, "alpha")
    edit(root / "packages" / "p0" / "pyproject.toml", '">=3.11"', '">=3.9"')


@fault("D01")
def the_project_file_is_broken(root, _):
    add(project(root), "[project\n")


@fault("D02")
def the_project_has_no_name(root, _):
    edit(project(root), 'name = "fustor-source-redis"\n', "")


@fault("D03")
def there_is_no_build_system(root, _):
    text = project(root).read_text()
    project(root).write_text(text[text.index("[project]") :])


@fault("D03")
def the_package_is_none(root, _):
    add(project(root), "\n[tool.uv]\npackage = false\n")


@fault("D04")
def the_version_is_none(root, _):
    edit(project(root), 'version = "0.1.0"', 'version = "first"')


@fault("D04")
def there_is_no_version(root, _):
    edit(project(root), 'version = "0.1.0"\n', "")


@fault("D05")
def there_is_no_requires_python(root, _):
    edit(project(root), 'requires-python = ">=3.11"\n', "")


@fault("D05")
def an_old_python_is_allowed(root, _):
    edit(project(root), '">=3.11"', '">=3.9"')


@fault("D06")
def a_heading_is_quoted(root, _):
    add(project(root), '\n["project.urls"]\nHomepage = "https://example.org"\n')


@fault("D07")
def the_core_is_pinned(root, _):
    edit(project(root), '"fustor-core"', '"fustor-core<1"')


@fault("D07")
def the_event_model_is_not_required(root, _):
    edit(project(root), '    "fustor-event-model>=1",\n', "")
    edit(code(root), "from fustor_event_model import AuditItem, EventBase\n", "AuditItem = EventBase = object\n")


@fault("D07")
def the_released_event_model_is_allowed(root, _):
    edit(project(root), '"fustor-event-model>=1"', '"fustor-event-model"')


@fault("D10")
def no_driver_is_registered(root, _):
    text = project(root).read_text()
    start, end = text.index('[project.entry-points."fustor.drivers'), text.index('[project.entry-points."fustor.conf')
    project(root).write_text(text[:start] + text[end:])


@fault("D11")
def a_group_is_misspelt(root, _):
    edit(project(root), '"fustor.drivers.sources"', '"fustor.drivers.source"')


@fault("D12")
def only_the_guides_group_is_there(root, _):
    edit(
        project(root),
        '[project.entry-points."fustor_agent.drivers.sources"]\nredis = "fustor_source_redis:RedisDriver"\n',
        "",
    )


@fault("D12")
def only_the_agents_group_is_there(root, _):
    edit(
        project(root),
        '[project.entry-points."fustor.drivers.sources"]\nredis = "fustor_source_redis:RedisDriver"\n',
        "",
    )


@fault("D13")
def the_groups_name_two_classes(root, _):
    edit(project(root), '"fustor_source_redis:RedisDriver"', '"fustor_source_redis.driver:RedisDriver"')


@fault("D14")
def the_module_is_not_there(root, _):
    text = project(root).read_text()
    project(root).write_text(text.replace("redis:RedisDriver", "redis.drivers:RedisDriver"))


@fault("D14")
def the_class_is_not_there(root, _):
    edit(code(root, "__init__"), "from .driver import RedisDriver\n", "")


@fault("D14")
def the_world_is_not_there(root, _):
    edit(project(root), ".testing:World", ".testing:Word")


@fault("D15")
def the_class_is_no_driver(root, _):
    edit(code(root), "class RedisDriver(SourceDriver):", "class RedisDriver(dict[str, SourceDriver]):")


@fault("D15")
def the_class_is_of_the_other_kind(root, _):
    guarded = "try:\n    from fustor_core.drivers import PusherDriver\nexcept ImportError:\n    raise\n"
    edit(code(root), "from fustor_core.drivers import SourceDriver\n", guarded)
    edit(code(root), "(SourceDriver)", "(PusherDriver)")


@fault("D16", "D60")
def names_differ_and_nothing_is_recorded(root, _):
    (driver(root) / ".copier-answers.yml").unlink()
    edit(project(root), 'name = "fustor-source-redis"', 'name = "fustor-redis-source"')


@fault("D17")
def names_differ_from_those_recorded(root, _):
    edit(project(root), 'name = "fustor-source-redis"', 'name = "fustor-source-reddit"')


@fault("D18")
def there_is_no_world(root, _):
    edit(project(root), '[project.entry-points."fustor.conformance.worlds"]\n', "[tool.other]\n")


@fault("D50")
def no_types_are_published(root, _):
    code(root).with_name("py.typed").unlink()


@fault("D51")
def the_suite_is_missing(root, _):
    (driver(root) / "tests" / "test_conformance.py").unlink()


@fault("D51")
def the_suite_runs_no_kit(root, _):
    (driver(root) / "tests" / "test_conformance.py").write_text("def test_nothing():\n    assert True\n")


@fault("D52")
def the_sample_is_missing(root, _):
    (driver(root) / "fustor.yaml").unlink()


@fault("D52")
def the_sample_is_of_another_driver(root, _):
    edit(driver(root) / "fustor.yaml", 'driver: "redis"', 'driver: "mysql"')


@fault("D53")
def a_merge_is_not_finished(root, _):
    add(driver(root) / "README.md", "<<<<<<< ours\none\n=======\ntwo\n>>>>>>> theirs\n")


@fault("D54")
def what_is_compiled_is_tracked(root, _):
    (code(root).parent / "__pycache__").mkdir()
    (code(root).parent / "__pycache__" / "driver.cpython-311.pyc").write_bytes(b"\0")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    subprocess.run(["git", "add", "-f", "."], cwd=root, check=True)


@fault("D55")
def a_stage_is_left_in_the_package(root, _):
    (driver(root) / ".fustor-new-0123456789abcdef").mkdir()


@fault("D01")
def a_member_that_is_no_driver_is_broken(root, _):
    packages(root, "alpha")
    add(root / "packages" / "p0" / "pyproject.toml", "[project\n")


@fault("D60")
def nothing_is_recorded(root, _):
    (driver(root) / ".copier-answers.yml").unlink()


@fault("D61")
def the_record_is_broken(root, _):
    (driver(root) / ".copier-answers.yml").write_text("[\n")


@fault("D62")
def the_template_is_behind(root, _):
    path = driver(root) / ".copier-answers.yml"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join('template_version: "0.9.0"\n' if "template_version" in line else line for line in lines))


@fault("D63")
def a_template_owned_file_is_edited(root, _):
    add(driver(root) / "tests" / "test_conformance.py", "\n# mine\n")


@fault("D64")
def a_template_owned_file_is_missing(root, rendered):
    shutil.rmtree(driver(root))
    shutil.copytree(rendered("source", layout="standalone"), driver(root))
    (driver(root) / ".github" / "workflows" / "ci.yml").unlink()


def alone(root, rendered, contract):
    """Put a project of its own into the place of the workspace."""
    shutil.rmtree(root)
    shutil.copytree(rendered("source", layout="standalone", contract=contract), root)


@fault("D65")
def a_project_takes_its_contract_from_beside_it(root, rendered):
    alone(root, rendered, "../../main")


@fault("D66")
def a_project_has_lost_its_wheels(root, rendered):
    alone(root, rendered, "vendor")
