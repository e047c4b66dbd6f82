import pytest

from fustor_core.models.config import ApiKeyCredential, PasswdCredential
from fustor_sender_bridge import PusherSender
from fustor_sender_bridge._core import ConfigError

OF_THE_AGENT = {"batch_size": 7, "timeout_sec": 30, "api_version": "v2"}


def test_the_pusher_gets_its_own_entry(tmp_path):
    config = {**OF_THE_AGENT, "pusher": "example", "params": {"file_name": "x.jsonl"}, "max_retries": 4}
    sender = PusherSender("x", str(tmp_path), {}, config)
    pusher = sender._pusher
    assert (pusher.id, pusher.config.endpoint, pusher.config.batch_size) == ("x", str(tmp_path), 7)
    assert (pusher.config.max_retries, pusher.config.credential) == (4, None)
    assert pusher.params.file_name == "x.jsonl"
    assert (sender.id, sender.config["pusher"]) == ("x", "example")


@pytest.mark.parametrize(
    "credential",
    [PasswdCredential(user="u", passwd="p"), ApiKeyCredential(key="k"), ApiKeyCredential(user="u", key="k")],  # noqa: S106
    ids=["password", "key", "user and key"],
)
def test_credentials_arrive_as_the_agent_parsed_them(credential, tmp_path):
    sender = PusherSender("x", str(tmp_path), credential.model_dump(), {"pusher": "example"})
    assert sender._pusher.config.credential == credential


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "pusher: Field required"),
        ({"pusher": "example", "retry": 1}, "retry: Extra"),
        ({"pusher": "example", "max_retries": 0}, "max_retries"),
        ({"pusher": "no-such"}, "No pusher 'no-such' is installed"),
        ({"pusher": "missing"}, "own-pushers 1.0"),
        ({"pusher": "example", "params": {"wrong": 1}}, "wrong"),
    ],
)
@pytest.mark.usefixtures("own_pushers")
def test_a_wrong_configuration_is_named_before_anything_starts(given, named, tmp_path):
    with pytest.raises(ConfigError, match=named):
        PusherSender("x", str(tmp_path), {}, given)


def test_a_secret_is_never_repeated(tmp_path):
    with pytest.raises(ConfigError) as caught:
        PusherSender("x", str(tmp_path), {"user": ["hunter2"]}, {"pusher": "example"})
    assert "hunter2" not in str(caught.value)


def test_two_pushers_of_one_name_are_refused(tmp_path, monkeypatch):
    for name in ("one", "two"):
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[fustor.drivers.pushers]\ntwin = {name}:Driver\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match=r"one 1.0, two 1.0"):
        PusherSender("x", str(tmp_path), {}, {"pusher": "twin"})
