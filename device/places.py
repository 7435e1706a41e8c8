"""Where files are kept between commands. There may be no such place: a service's account often has no home folder."""

import os
from pathlib import Path

from device.errors import UserError


class NoPlaceError(UserError):
    """No variable names a place and there is no home folder. Who can do without catches this."""


def cache_root() -> Path:
    """$FRAMELITE_CACHE, else ~/.cache/framelite; there or not."""
    return find("FRAMELITE_CACHE", ".cache/framelite", "the cache")


def find(variable: str, below_home: str, what: str) -> Path:
    """The folder that an environment variable names, else one in the home folder; NoPlaceError without either."""
    named = os.environ.get(variable)
    try:
        # A unit file or a Dockerfile doesn't know ~, and another working directory is no other place.
        return Path(named).expanduser().absolute() if named else Path.home() / below_home
    except RuntimeError:  # HOME isn't set, and the user id has no entry in the system's list; or ~NAME has none
        raise NoPlaceError(
            f"no home folder is known for this user, so {what} has no place; give {variable}=DIR, a whole path"
        ) from None
