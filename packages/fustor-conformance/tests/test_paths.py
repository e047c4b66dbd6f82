from itertools import islice

import pytest

from fustor_conformance._paths import containers


@pytest.mark.parametrize(
    ("path", "above"),
    [
        ("/a/b/c", ["/a/b", "/a", "/"]),
        ("/", []),
        ("", []),
        ("a/b", ["a", ""]),
        ("//a", ["/"]),
        ("///", ["//", "/"]),
        ("/a//b", ["/a/", "/a", "/"]),
    ],
)
def test_the_containers_of_whatever_a_driver_calls_a_path_have_an_end(path, above):
    assert list(islice(containers(path), 9)) == above
