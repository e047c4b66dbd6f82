"""The pages of an index say what pip and uv need, and any web server can serve them."""

import hashlib
import subprocess
import sys
import urllib.request
from html.parser import HTMLParser
from urllib.parse import urljoin

import pytest
from repository import ROOT

from release.errors import ReleaseError
from release.index import write_index
from release.serving import served


class Links(HTMLParser):
    """The links of a page, with their attributes."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag == "a":
            self.found.append(dict(attrs))


def fetched(address):
    with urllib.request.urlopen(address) as answer:  # noqa: S310 - it is our own, on loopback
        return answer.read()


def links(address):
    return Links(fetched(address).decode()).found


@pytest.fixture
def site(wheel, sdist, tmp_path):
    """Three files of two projects, with an index over them."""
    wheel()
    wheel("fustor-other", "1.10.0", Requires_Python=">=3.11,<4")
    wheel("fustor-other", "1.9.0")
    sdist()
    assert write_index(tmp_path / "site") == 4
    return tmp_path / "site"


def test_every_file_is_reached_from_the_first_page_and_is_what_its_hash_says(site):
    with served(site) as address:
        first = f"{address}/simple/"
        pages = [urljoin(first, link["href"]) for link in links(first)]
        files = [urljoin(page, link["href"]) for page in pages for link in links(page)]
        assert len(files) == 4
        for file in files:
            path, _, digest = file.partition("#sha256=")
            assert hashlib.sha256(fetched(path)).hexdigest() == digest


def test_a_page_says_which_python_and_has_the_metadata_apart(site):
    with served(site) as address:
        nine, ten = links(f"{address}/simple/fustor-other/")
        assert "1.9.0" in nine["href"]
        assert ten["data-requires-python"] == "<4,>=3.11"
        path = urljoin(f"{address}/simple/fustor-other/", ten["href"]).partition("#")[0]
        metadata = fetched(f"{path}.metadata")
    assert ten["data-core-metadata"] == f"sha256={hashlib.sha256(metadata).hexdigest()}"
    assert b"Version: 1.10.0" in metadata


def test_an_sdist_has_no_metadata_apart(site):
    with served(site) as address:
        by_name = {link["href"].partition("#")[0]: link for link in links(f"{address}/simple/fustor-tiny/")}
    assert [("data-core-metadata" in link) for _, link in sorted(by_name.items())] == [True, False]


def test_no_page_names_an_address(site):
    pages = [page.read_text() for page in site.glob("simple/**/*.html")]
    assert len(pages) == 3
    assert not any("://" in page for page in pages)


def test_a_project_whose_files_are_gone_has_no_page(site):
    for file in site.glob("packages/fustor_other*"):
        file.unlink()
    done = subprocess.run(
        [sys.executable, "-m", "release.index", site], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("2 files")
    assert [page.name for page in sorted((site / "simple").iterdir())] == ["fustor-tiny", "index.html"]


@pytest.mark.parametrize("changes", [{"Version": "one"}, {"Requires_Python": "new"}, {"Name": "-"}])
def test_a_file_that_an_index_refuses_is_refused(wheel, tmp_path, changes):
    path = wheel()
    path.unlink()
    wheel(**{"Requires_Python": changes.pop("Requires_Python", ">=3.11"), "Summary": "x", **changes})
    with pytest.raises(ReleaseError, match="fustor_tiny"):
        write_index(tmp_path / "site")
