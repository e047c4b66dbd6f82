"""Who the author is, as git knows them."""

import subprocess

from fustor_new._output import printable
from fustor_new.template.questions import is_mail_address

__all__ = ["git_identity"]


def git_identity() -> dict[str, str]:
    """Return the author's name and mail address from git's configuration, each empty where it says nothing usable."""
    email = _configured("user.email")
    return {"author": printable(_configured("user.name")), "email": email if is_mail_address(email) else ""}


def _configured(key: str) -> str:
    try:
        done = subprocess.run(["git", "config", "--get", key], capture_output=True, text=True, check=False)
    except (OSError, UnicodeDecodeError):  # there is no git, or its answer is no text
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
