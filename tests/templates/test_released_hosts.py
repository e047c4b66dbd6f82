"""The same package beside the released cores: it imports, takes their configuration and tells an event."""

import sys

import pytest
from tiers import longer, sampled

SOURCE = """
import yaml
from importlib.metadata import entry_points
from fustor_core.models.config import AppConfig
(found,) = entry_points(group="fustor_agent.drivers.sources", name="tick")
config = AppConfig.model_validate(yaml.safe_load(open("fustor.yaml"))).get_sources()["tick"]
for driver in (found.load()("positional", config), found.load()(id="by name", config=config)):
    assert not driver._stop_driver_event.is_set()
    event = next(iter(driver.get_snapshot_iterator()))
    assert event.message_source == "snapshot", event
print("told", event.rows[-1]["path"])
"""
PUSHER = """
import asyncio, yaml
from importlib.metadata import entry_points
from fustor_core.models.config import AppConfig
from fustor_event_model.models import EventBase
(found,) = entry_points(group="fustor_agent.drivers.pushers", name="tick")
driver = found.load()("p", AppConfig.model_validate(yaml.safe_load(open("fustor.yaml"))).get_pushers()["tick"])
async def main():
    session = (await driver.create_session("task")).get("session_id")
    trigger = EventBase(event_type="insert", event_schema="initial_trigger", table="t", fields=[], rows=[], index=-1)
    await driver.push([trigger], session_id=session, task_id="another", source_type="snapshot", is_snapshot_end=True)
    await driver.heartbeat(session_id=session)
    print("told", await driver.get_latest_committed_index(session_id=session))
asyncio.run(main())
"""
OTHERS = {"0.2.16": ["fastapi"], "0.8.17": []}


@pytest.mark.hosts
@pytest.mark.parametrize(("kind", "release"), [longer("source", "0.2.16"), ("source", "0.8.17"), ("pusher", "0.2.16")])
@pytest.mark.parametrize("example", sampled([True, False]))
def test_package_works_beside_the_released_core(tools, rendered, tmp_path, kind, release, example):  # noqa: PLR0917 - fixtures
    project = rendered(kind, "tick", example=example, contract="index")
    tools.run("uv", "venv", "-q", "--python", sys.executable, tmp_path / "venv", cwd=tmp_path)
    python = tmp_path / "venv" / "bin" / "python"
    install = ("uv", "pip", "install", "-q", "--python", python)
    model = tools.CHECKOUT / "packages" / "fustor-event-model"
    tools.run(*install, f"fustor-core=={release}", *OTHERS[release], "pyyaml", model, cwd=tmp_path)
    tools.run(*install, "--no-deps", project, cwd=tmp_path)
    if not example:
        found = tools.run(python, "-c", f"import fustor_{kind}_tick as p; print(p.TickDriver.__mro__[1])", cwd=project)
        assert "fustor_core.drivers" in found
        return
    script = {"source": SOURCE, "pusher": PUSHER}[kind]
    assert tools.run(python, "-c", script, cwd=project).startswith("told")
