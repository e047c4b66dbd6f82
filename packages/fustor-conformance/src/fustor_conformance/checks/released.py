"""P06: the wheel in environments of its own, beside each released core. Needs uv and the package index."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from fustor_conformance.agents import environments
from fustor_conformance.apart import one_event
from fustor_conformance.outcome import Broken
from fustor_conformance.registry import check
from fustor_conformance.rules import Profile
from fustor_conformance.subject import SourceSubject, driver_entries

_CORES = {Profile.AGENT_0_2.release: ("fastapi",), Profile.AGENT_0_8.release: ()}
"""Each release, with what it imports and does not declare."""

_IN_EVERY_RELEASE = {"driver", "uri", "credential", "driver_params", "disabled"}
"""What every release's configuration takes in the same form; 0.2.16 wants a credential, and whole seconds elsewhere."""


@check("P06")
def beside_released_cores(subject: SourceSubject) -> int:
    """Imports, and yields an event."""
    environments.installed(subject)
    with tempfile.TemporaryDirectory() as scratch, subject.world() as world:
        wheels = Path(scratch, "wheels")
        (wheel,) = environments.build_wheels(subject, wheels)
        world.create("kit-thing")
        told = subject.config(world).model_dump(mode="json", exclude_none=True, include=_IN_EVERY_RELEASE)
        config = {"credential": {"user": "kit"}, **told}
        for core in _CORES:
            _require_event(subject, Path(scratch, core), wheels, wheel, core, config)
    return len(_CORES)


def _require_event(  # noqa: PLR0917 - one environment, all told
    subject: SourceSubject, environment: Path, wheels: Path, wheel: str, core: str, config: dict[str, object]
) -> None:
    assert subject.distribution is not None  # noqa: S101 - the caller has looked
    what = f"Beside fustor-core {core}"
    python = environments.make(environment, [f"fustor-core=={core}", *_CORES[core], wheel], wheels, what)
    entries = driver_entries(subject.distribution, subject.kind)
    value = next(entry.value for entry in entries if entry.name == subject.name)
    job = json.dumps({"value": value, "config": config, "core": core})
    event = json.loads(environments.run([str(python), "-B", one_event.__file__], what, job))
    if not event["rows"]:
        raise Broken(f"{what} the first event of the snapshot has no rows", event)
