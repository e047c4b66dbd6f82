"""What `run --agent` refuses before anything is built."""

import pytest


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--agent", "0.5.0"], "--agent takes one of 0.8.17, 0.2.16, not '0.5.0'"),
        (["--agent", "0.8.17", "--once", "--strict"], "Leave out --once and --strict beside --agent"),
        (["--agent", "0.8.17"], "There is no 'fustor.yaml' here"),
    ],
)
def test_what_an_agent_cannot_be_asked_for_is_refused(arguments, word, cli):
    result = cli("run", *arguments)
    assert result.exit_code == 2
    assert word in result.stderr
