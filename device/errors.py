"""The one exception that is meant for the person at the terminal."""


class UserError(Exception):
    """Something the user can mend. The text is one line: what came, what was expected, what to do.

    Commands print it as `error: …` and exit with 2 (see `device.command`); every other exception is a bug and keeps
    its traceback.
    """


class CannotTellError(UserError):
    """What was given is no evidence enough for an answer: commands print it as `can't tell: …` and exit with 3."""


class ImageError(UserError):
    """An image that can't be read, or is none: the next one may be."""
