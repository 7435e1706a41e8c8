"""Where files are kept between commands, and whether a word of the user's is a path.

A service's account may have no home folder, and so no such place.
"""

import os
from pathlib import Path

from device.errors import UserError


class NoPlaceError(UserError):
    """No variable names a place and there is no home folder. Callers that can do without catch this."""


def cache_root() -> Path:
    """$FRAMELITE_CACHE, else ~/.cache/framelite; it need not exist."""
    return find("FRAMELITE_CACHE", ".cache/framelite", "the cache")


def find(variable: str, below_home: str, what: str) -> Path:
    """The folder in an environment variable, else one in the home folder; NoPlaceError if there is neither."""
    named = os.environ.get(variable)
    try:
        # Unit files and Dockerfiles don't expand ~, and the place must not depend on the working directory.
        return Path(named).expanduser().absolute() if named else Path.home() / below_home
    except RuntimeError:  # HOME isn't set and the user id is unknown to the system, or ~NAME is
        raise NoPlaceError(
            f"this user has no home folder, so there is no place for {what}; set {variable}=DIR to an absolute path"
        ) from None


def is_folder(data: str) -> bool:
    """Whether data is a path, not the name of a data set: an existing folder, or anything with a slash."""
    return Path(data).is_dir() or "/" in data or data in (".", "..")
