"""The files beside the page on operating are those on it, and do what they are for, without a container engine."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from itertools import product

import pytest
import typer.main
from executed_page import blocks_of
from repository import ROOT
from shown_commands import complaint

from fustor_driver.agents.outside import free_port
from fustor_driver.cli import build_app

PAGE = (ROOT / "docs/how-to/operate.md").read_text()
FILES = ROOT / "docs/how-to/files"
BLOCKS = {block.file: block.text for block in blocks_of(PAGE) if block.file}
COMMAND = typer.main.get_command(build_app())
HEALTHY_SEC = 120
LOCAL_STEPS = ("python ", "/opt/fustor/bin/python ")
"""What a RUN line that is tried here begins with; another one changes the image's own system."""


def instructions(text):
    """The instructions of a Containerfile, each with what stands behind it."""
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [tuple(line.split(" ", 1)) for line in lines if line and not line.startswith("#")]


CONTAINER = instructions((FILES / "Containerfile").read_text())


def of(name):
    return [value for key, value in CONTAINER if key == name]


def test_each_file_is_on_the_page_as_it_is():
    assert {path.name: path.read_text() for path in FILES.iterdir()} == BLOCKS
    assert set(re.findall(r"\(files/([^)]+)\)", PAGE)) == set(BLOCKS)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_takes_the_unit(tmp_path):
    """Its program is not installed where this runs."""
    unit = tmp_path / "fustor.service"
    unit.write_text(BLOCKS["fustor.service"].replace("/opt/fustor/bin/fustor-driver", shutil.which("true")))
    verify = ("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", unit)
    done = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_container_runs_what_the_command_takes():
    (entry,), (words,) = of("ENTRYPOINT"), of("CMD")
    assert json.loads(entry) == ["/opt/fustor/bin/fustor-driver"]
    assert complaint(COMMAND, json.loads(words)) == ""
    given = dict(zip(json.loads(words)[1::2], json.loads(words)[2::2], strict=True))
    assert of("VOLUME") == of("WORKDIR") == [given["--state-dir"]]
    assert of("EXPOSE") == [given["--metrics"].partition(":")[2]]
    assert f"http://127.0.0.1:{of('EXPOSE')[0]}/healthz" in of("HEALTHCHECK")[0]
    assert f"has the number {of('USER')[0]}" in " ".join(PAGE.split())


def test_what_stands_behind_the_image_is_a_command():
    behind = list(map(shlex.split, re.findall(r"^\$ podman run .* fustor\b(.*)$", PAGE, re.MULTILINE)))
    assert len(behind) == 2
    assert [complaint(COMMAND, words) for words in behind if words] == [""]


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """Where `/opt` of the image is, built by the steps of the file; and the steps that only an image can do."""
    base = tmp_path_factory.mktemp("image")
    subprocess.run(("uv", "venv", "-q", "--seed", "--python", sys.executable, base / "python"), check=True)
    environ = {**os.environ, "PATH": f"{base / 'python/bin'}:{os.environ['PATH']}", "HOME": str(base)}
    elsewhere = []
    for name, value in CONTAINER:
        text = re.sub(r"(?<![\w.])/(src|wheels|opt/fustor)\b", rf"{base}/\1", value)
        if name == "COPY" and not value.startswith("--from"):
            given, place = text.split()
            shutil.copytree(ROOT / given, place, ignore=shutil.ignore_patterns("__pycache__", ".venv", "dist"))
        elif name == "RUN" and value.startswith(LOCAL_STEPS):
            subprocess.run(["sh", "-ec", text], env=environ, cwd=base, check=True, capture_output=True)
        elif name == "RUN":
            elsewhere.append(value.split()[0])
    assert elsewhere == ["useradd"]
    return base


@pytest.mark.full
def test_the_image_has_the_reference_drivers(image):
    command = [image / "opt/fustor/bin/fustor-driver", "list", "--json"]
    listed = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert {(one["kind"], one["name"]) for one in listed} == set(product(("source", "pusher"), ("fs", "postgres")))


@pytest.mark.full
def test_what_the_image_runs_is_well_and_stops(image, tmp_path):
    """Its command with a file of the page, asked by its own health check."""
    port, data = free_port(), tmp_path / "data"
    data.mkdir()
    (data / "a.txt").write_text("a")
    file = tmp_path / "fustor.yaml"
    text = BLOCKS["fs-to-fs.yaml"].replace("file:///srv/data", data.as_uri())
    file.write_text(text.replace("file:///var/lib/fustor/events", (tmp_path / "events").as_uri()))
    here = {
        "/opt/fustor": f"{image}/opt/fustor",
        "/etc/fustor/fustor.yaml": str(file),
        "/var/lib/fustor": str(tmp_path / "state"),
        json.loads(of("CMD")[0])[-1]: f"127.0.0.1:{port}",
        f"127.0.0.1:{of('EXPOSE')[0]}": f"127.0.0.1:{port}",
    }
    command, check = (placed(words, here) for words in (of("ENTRYPOINT")[0] + of("CMD")[0], of("HEALTHCHECK")[0]))
    run = subprocess.Popen(command)
    try:
        ends = time.monotonic() + HEALTHY_SEC
        while subprocess.run(check, capture_output=True, check=False).returncode:
            assert run.poll() is None
            assert time.monotonic() < ends
        run.send_signal(signal.SIGTERM)
        assert run.wait(HEALTHY_SEC) == 0
    finally:
        run.kill()
        run.wait()


def placed(lists, here):
    """The words of the JSON lists in a text, with what has another place here."""
    words = [word for found in re.findall(r"\[[^\]]+\]", lists) for word in json.loads(found)]
    for there, place in here.items():
        words = [word.replace(there, place) for word in words]
    return words
