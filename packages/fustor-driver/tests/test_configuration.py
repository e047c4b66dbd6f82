import pytest

from fustor_driver.configuration import load, parse
from fustor_driver.errors import ConfigurationProblem, UsageProblem

SOURCE = {"driver": "d", "uri": "u", "disabled": False}
PUSHER = {"driver": "d", "endpoint": "e", "disabled": False}


def _problems(data, environ=None):
    with pytest.raises(ConfigurationProblem) as caught:
        parse(data, environ or {})
    assert caught.value.exit_code == 9
    return [str(problem) for problem in caught.value.problems]


def test_the_only_source_and_pusher_make_a_pair_with_a_stable_task():
    pair = parse({"sources": {"s": SOURCE}, "pushers": {"p": PUSHER}}, {}).pair()
    assert (pair.source_id, pair.pusher_id, pair.task_id) == ("s", "p", "s:p")


def test_a_sync_of_agent_02_makes_a_pair():
    data = {
        "sources": {"s": SOURCE, "other": SOURCE},
        "pushers": {"p": PUSHER},
        "syncs": {"y": {"source": "s", "pusher": "p", "disabled": False, "fields_mapping": []}},
    }
    assert parse(data, {}).pair().source_id == "s"


def test_what_belongs_to_an_agent_alone_is_left_alone_with_a_word():
    data = {"sources": {"s": SOURCE}, "senders": {"e": {"driver": "echo"}}, "pipes": {"p": {"source": "${NOT_SET}"}}}
    notes = parse(data, {}).notes
    assert [note.split("`")[1] for note in notes] == ["senders", "pipes"]
    assert "the guide host pushes through `pushers`" in notes[0]


def test_secrets_come_from_the_environment_and_are_never_parsed_again():
    secret = "a: {b}\n${c}$"  # noqa: S105 - made up
    data = {"sources": {"s": SOURCE | {"credential": {"user": "u", "passwd": "${PW}"}, "uri": "x$$y"}}}
    source = parse(data, {"PW": secret}).sources["s"]
    assert source.credential.passwd == secret
    assert source.uri == "x$y"
    assert secret not in repr(source)


def test_a_variable_that_is_not_set_is_named_with_its_field():
    assert _problems({"sources": {"s": SOURCE | {"uri": "${NOT_SET}"}}}) == [
        "sources.s.uri: needs the environment variable 'NOT_SET'"
    ]


def test_mistakes_are_told_field_by_field_and_without_what_was_typed():
    data = {"sources": {"s": {"driver": "d", "max_retries": 0, "passwd": "hunter2"}}, "pushers": {"p": PUSHER}}
    problems = _problems(data)
    assert [problem.partition(":")[0] for problem in problems] == [
        "sources.s.max_retries",
        "sources.s.uri",
        "sources.s.passwd",
    ]
    assert not any("hunter2" in problem for problem in problems)


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (None, "must be a mapping"),
        ({"source": {}}, "source: is not a section"),
        ({"notes": []}, "notes: is not a section"),
        ({"syncs": {"y": {"source": "s", "pusher": "p", "fields_mapping": [{"to": "a"}]}}}, "fields_mapping"),
    ],
)
def test_what_is_no_configuration_is_named(data, word):
    assert any(word in problem for problem in _problems(data))


@pytest.mark.parametrize(
    ("data", "chosen", "word"),
    [
        (
            {"sources": {"s": SOURCE, "t": SOURCE}, "pushers": {"p": PUSHER}},
            {},
            "2 sources: .s., .t.; choose with --source",
        ),
        ({"sources": {"s": SOURCE}, "pushers": {}}, {}, "has no pusher; add one under `pushers`"),
        ({"sources": {"s": SOURCE}, "pushers": {"p": PUSHER}}, {"source": "x"}, "no source 'x'; it has 's'"),
        ({"sources": {"s": SOURCE}, "pushers": {"p": PUSHER}}, {"sync": "x"}, "no sync 'x'; it has none"),
        (
            {"sources": {"s": {"driver": "d", "uri": "u"}}, "pushers": {"p": PUSHER}},
            {},
            "The source 's' is disabled; set `disabled: false` in sources.s",
        ),
    ],
)
def test_a_choice_that_the_file_does_not_settle_is_asked_for(data, chosen, word):
    with pytest.raises(UsageProblem, match=word):
        parse(data, {}).pair(**chosen)


@pytest.mark.parametrize(
    ("content", "error", "word"),
    [
        (None, UsageProblem, "Cannot read"),
        (b"a: [", ConfigurationProblem, "is not YAML"),
        (b"\xff", UsageProblem, "utf-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(content, error, word, tmp_path):
    file = tmp_path / "fustor.yaml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(error, match=word):
        load(file)
