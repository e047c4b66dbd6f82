import keyword
import re
import string
import sys

import pytest

from fustor_new import names
from fustor_new.errors import EXIT_CODES, FustorNewError, NameRefused, UsageProblem

REFUSED = {
    "": "is empty",
    "Postgres": "has upper case",
    "1st": "begins with a digit",
    "-x": "begins with a dash",
    "x-": "single dashes",
    "a--b": "single dashes",
    "my_db": "single dashes",
    "a b": "has a space",
    "Re dis": "has a space",
    "a\nb": "single dashes",
    "{{ x }}": "single dashes",
    "redis\n": "single dashes",
    'x"y': "single dashes",
    "café": "outside ASCII",
    "源": "outside ASCII",
    "..": "is a path",
    "../x": "is a path",
    "extensions/source-redis": "is a path",
    "a\\b": "is a path",
    "a" * 41: "41 characters, more than 40",
    "source": "would hide the class 'SourceDriver'",
}


def test_every_spelling_is_that_of_the_contract():
    assert names.derive("pusher", "my-db") == names.Names(
        kind="pusher",
        name="my-db",
        directory="extensions/pusher-my-db",
        distribution="fustor-pusher-my-db",
        package="fustor_pusher_my_db",
        entry_point="my_db",
        class_name="MyDbDriver",
    )


@pytest.mark.parametrize(("name", "reason"), REFUSED.items(), ids=repr)
def test_refusal_says_why_on_one_line_and_suggests_a_name_that_works(name, reason):
    with pytest.raises(NameRefused, match=re.escape(reason)) as refused:
        names.derive("source", name)
    message = str(refused.value)
    assert repr(name) in message
    assert "\n" not in message
    suggestion = re.search(r"did you mean '(.*)'\?$", message)
    if suggestion:
        names.derive("source", suggestion[1])
    else:
        assert message.endswith("choose one like 'redis' or 'my-db'")


@pytest.mark.parametrize("name", ["a", "s3", "my-db", "a" * 40, "x-1", "class", "json", "con"])
def test_names_that_the_contract_allows_are_taken(name):
    assert names.derive("source", name).name == name


def test_any_text_is_either_a_name_of_the_contract_or_refused(rng):
    alphabet = string.ascii_lowercase * 2 + "-_AZ09./ é\n"
    for _ in range(5_000):
        name = "".join(rng.choices(alphabet, k=rng.randrange(44)))
        allowed = re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) and len(name) <= 40
        try:
            names.check_name(name)
        except NameRefused as refused:
            assert not allowed, name
            suggestion = re.search(r"did you mean '(.*)'\?$", str(refused))
            if suggestion:
                names.check_name(suggestion[1])
        else:
            assert allowed, name


def test_kind_is_source_or_pusher():
    with pytest.raises(UsageProblem, match="'sink'"):
        names.derive("sink", "redis")


RESERVED = [
    *keyword.kwlist,
    "match",
    "case",
    "type",
    "_",
    *sorted(sys.stdlib_module_names),
    "con",
    "NUL",
    "com1",
    "Lpt9",
]


@pytest.mark.parametrize("check", [names.check_package, names.check_entry_point, names.check_distribution])
def test_reserved_names_are_refused_for_standalone_drivers(check):
    for name in RESERVED:
        with pytest.raises(NameRefused):
            check(name)


@pytest.mark.parametrize(
    "name", ["True", "None", "False", "SourceDriver", "EventBase", "myDriver", "My Driver", "", "1X"]
)
def test_class_names_that_cannot_work_are_refused(name):
    with pytest.raises(NameRefused) as refused:
        names.check_class_name(name)
    suggestion = re.search(r"did you mean '(.*)'\?$", str(refused.value))
    if suggestion:
        names.check_class_name(suggestion[1])


@pytest.mark.parametrize(
    ("check", "name"),
    [
        (names.check_distribution, "fustor_core"),
        (names.check_distribution, "Fustor.Event--Model"),
        (names.check_distribution, "-a"),
        (names.check_distribution, "a" * 101),
        (names.check_package, "fustor_core"),
        (names.check_package, "a-b"),
        (names.check_package, "1a"),
        (names.check_package, "paquet_é"),
        (names.check_entry_point, "a=b"),
        (names.check_entry_point, "[x]"),
        (names.check_entry_point, "x y"),
    ],
)
def test_free_names_keep_to_the_standards_and_off_the_contract(check, name):
    with pytest.raises(NameRefused, match=re.escape(repr(name))) as refused:
        check(name)
    suggestion = re.search(r"did you mean '(.*)'\?$", str(refused.value))
    if suggestion:
        check(suggestion[1])


@pytest.mark.parametrize(
    ("check", "name"),
    [
        (names.check_distribution, "my-fustor-driver"),
        (names.check_package, "my_driver"),
        (names.check_entry_point, "my_driver"),
        (names.check_class_name, "MyDriver"),
    ],
)
def test_the_names_of_the_guide_are_taken(check, name):
    check(name)


def test_every_error_has_its_own_documented_exit_code():
    codes = [error.exit_code for error in FustorNewError.__subclasses__()]
    assert sorted(codes) == list(range(2, 9))
    assert set(EXIT_CODES) == {0, 1, *codes, 9, 10, 11, 129, 130, 143}  # 9 to 11 are the host's alone
