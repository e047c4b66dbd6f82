"""What git ignores, by the rules of gitignore(5). A name is compared in time that is bounded by both lengths."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fustor_new._reading import read_bytes

__all__ = ["Ignored", "Rule", "parse_rules"]

_LARGEST_BYTES = 256 * 1024
_MOST_RULES = 2000
_LONGEST_RULE = 1024
_TOKEN = re.compile(
    r"\\(?P<escaped>.)|\[(?P<no>[!^]?)(?P<set>\]?[^\]]*)\]|(?P<star>\*+)|(?P<any>\?)|(?P<plain>.)", re.DOTALL
)
_RANGE = re.compile(r"\\?(.)(?:-\\?(.))?", re.DOTALL)
_EXCLUDES_FILE = re.compile(rb'^\s*excludesfile\s*=\s*"?([^"\n]+?)"?\s*$', re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class Rule:
    """One line: its components (None stands for any number of directories), where it counts, and what it says."""

    components: tuple[re.Pattern[str] | None, ...]
    is_anchored: bool
    is_for_directories: bool
    is_exception: bool

    def matches(self, path: Sequence[str], *, is_directory: bool) -> bool:
        """Tell whether the rule is about `path`, whose components are below the directory of its file."""
        if self.is_for_directories and not is_directory:
            return False
        if not self.is_anchored:
            name = self.components[0]
            return name is not None and name.fullmatch(path[-1]) is not None
        return self._is_path(path)

    def _is_path(self, path: Sequence[str]) -> bool:
        last, reached = len(self.components) - 1, {0}
        for name in path:
            for number in range(last):  # any number of directories: none, as long as something follows
                if number in reached and self.components[number] is None:
                    reached.add(number + 1)
            after = set()
            for number in reached - {last + 1}:
                component = self.components[number]
                if component is None:
                    after |= {number, number + 1} if number == last else {number}
                elif component.fullmatch(name):
                    after.add(number + 1)
            reached = after
        return last + 1 in reached


@dataclass(frozen=True)
class Ignored:
    """The rules that count in one directory: the user's, the repository's, and those of every directory down to it."""

    folder: Path
    path: tuple[str, ...]
    """Its components below the top of the repository, byte by byte, as git compares them."""
    sources: tuple[tuple[int, tuple[Rule, ...]], ...]
    """The rules of each file, with the number of components above the directory that it is in."""
    is_whole: bool = False
    """Whether everything here is ignored, as a directory above is."""

    @classmethod
    def at_top(cls, top: Path, exclude: Path) -> "Ignored":
        """Return the rules for the top of a repository; `exclude` is its own file of them."""
        files = (_users(), exclude, top / ".gitignore")
        return cls(top, (), tuple((0, _rules(file)) for file in files))

    def below(self, place: Path) -> "Ignored":
        """Return the rules for a directory below this one."""
        rules = self
        for name in place.relative_to(self.folder).parts:
            rules = rules.into(name)
        return rules

    def into(self, name: str) -> "Ignored":
        """Return the rules for a directory in this one."""
        folder, path = self.folder / name, (*self.path, _bytewise(name))
        sources = (*self.sources, (len(path), _rules(folder / ".gitignore")))
        return Ignored(folder, path, sources, self.covers(name, is_directory=True))

    def covers(self, name: str, *, is_directory: bool) -> bool:
        """Tell whether the entry of this directory is ignored."""
        path = (*self.path, _bytewise(name))
        for depth, rules in reversed(self.sources):
            for rule in reversed(rules):
                if rule.matches(path[depth:], is_directory=is_directory):
                    return self.is_whole or not rule.is_exception
        return self.is_whole


def parse_rules(text: str) -> tuple[Rule, ...]:
    """Return the rules of a file, in its order; of a file with too many of them none."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    found = [rule for line in lines if (rule := _rule(line)) is not None]
    return tuple(found) if len(found) <= _MOST_RULES else ()


def _rule(line: str) -> Rule | None:
    text = line.rstrip(" ")
    text += " " if text.endswith("\\") and text != line else ""
    if not text or text.startswith("#") or len(text) > _LONGEST_RULE:
        return None
    is_exception = text.startswith("!")
    text = text[1:] if is_exception else text
    is_for_directories = text.endswith("/")
    text = text.removesuffix("/")
    is_anchored = "/" in text
    parts = text.removeprefix("/").split("/")
    if not all(parts):
        return None
    components = tuple(None if part == "**" and is_anchored else _expression(part) for part in parts)
    return Rule(components, is_anchored, is_for_directories, is_exception)


def _expression(text: str) -> re.Pattern[str]:
    """Return what takes a name; where a star has found the next part is not thought over, as it need not be."""
    parts = [""]
    for token in _TOKEN.finditer(text):
        if token["star"]:
            parts.append("")
        else:
            parts[-1] += _character(token)
    first, *others = parts
    reached = "".join(f"(?>.*?{part})" for part in others[:-1])
    return re.compile(first + reached + "".join(f".*{part}" for part in others[-1:]), re.DOTALL)


def _character(token: re.Match[str]) -> str:
    """Return the expression of one character of a name."""
    if token["any"]:
        return "."
    if token["set"] is None:
        return re.escape(token["escaped"] or token["plain"])
    spans = [(low, high or low) for low, high in _RANGE.findall(token["set"])]
    chosen = "".join(f"{re.escape(low)}-{re.escape(high)}" for low, high in spans if low <= high)
    if token["no"]:
        return f"[^{chosen}]" if chosen else "."
    return f"[{chosen}]" if chosen else "(?!)"


def _rules(path: Path) -> tuple[Rule, ...]:
    try:
        text = read_bytes(path, limit_bytes=_LARGEST_BYTES)
    except (OSError, ValueError):  # there is none, or nothing that git would read either
        return ()
    return parse_rules(text.removeprefix(b"\xef\xbb\xbf").decode("latin-1"))


def _bytewise(name: str) -> str:
    return os.fsencode(name).decode("latin-1")


def _users() -> Path:
    """Return the file with the user's own rules."""
    said = os.environ.get("XDG_CONFIG_HOME", "")
    folder = (Path(said) if said.startswith("/") else Path("~/.config").expanduser()) / "git"
    for settings in (Path("~/.gitconfig").expanduser(), folder / "config"):
        try:
            found = _EXCLUDES_FILE.findall(read_bytes(settings, limit_bytes=_LARGEST_BYTES))
        except OSError:
            continue
        if found:
            return Path(os.fsdecode(found[-1])).expanduser()
    return folder / "ignore"
