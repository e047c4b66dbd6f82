"""A static index: the pages by which pip and uv find what lies in a folder, for any web server to serve.

`python -m release.index SITE` writes the pages of what lies in `SITE/packages`, of however many releases and projects.
"""

import hashlib
import shutil
import sys
from collections.abc import Iterable, Sequence
from html import escape
from itertools import groupby
from pathlib import Path

from release.metadata import Described, described

__all__ = ["write_index"]

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="pypi:repository-version" content="1.0">
<title>{title}</title>
</head>
<body>
<h1>{title}</h1>
{links}
</body>
</html>
"""


def write_index(site: Path) -> int:
    """Write `SITE/simple` for the wheels and sdists in `SITE/packages`, and return how many there are.

    Pages follow PEP 503, with hashes, `data-requires-python`, and the metadata of wheels beside them (PEP 658). Links
    are relative: the site may be served from any address.

    Raises:
        ReleaseError: a file is not a distribution that an index may have.
    """
    packages = site / "packages"
    files = sorted(map(described, (*packages.glob("*.whl"), *packages.glob("*.tar.gz"))), key=_place)
    shutil.rmtree(site / "simple", ignore_errors=True)
    names = []
    for name, group in groupby(files, key=lambda one: one.named[0]):
        names.append(name)
        _write(site / "simple" / name, f"Links for {name}", map(_link, group))
    _write(site / "simple", "Simple index", (f'<a href="{name}/">{name}</a>' for name in names))
    return len(files)


def _place(one: Described) -> tuple[object, ...]:
    return *one.named, one.file.name


def _link(one: Described) -> str:
    """The line of a file; beside a wheel its metadata is laid, so that nobody fetches a wheel to read it."""
    requires = escape(str(one.metadata.requires_python or ""))
    apart = ""
    if one.file.suffix == ".whl":
        one.file.with_name(f"{one.file.name}.metadata").write_bytes(one.raw)
        apart = f' data-core-metadata="sha256={hashlib.sha256(one.raw).hexdigest()}"'
    address = f"../../packages/{one.file.name}#sha256={hashlib.sha256(one.file.read_bytes()).hexdigest()}"
    return f'<a href="{address}" data-requires-python="{requires}"{apart}>{one.file.name}</a>'


def _write(folder: Path, title: str, links: Iterable[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    text = _PAGE.format(title=title, links="\n".join(f"{link}<br>" for link in links))
    (folder / "index.html").write_text(text, encoding="utf-8")


def main(arguments: Sequence[str]) -> None:
    """Write the index of the site that is named."""
    (site,) = arguments
    sys.stdout.write(f"{write_index(Path(site))} files in {site}/simple\n")


if __name__ == "__main__":
    main(sys.argv[1:])
