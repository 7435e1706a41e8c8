"""The exceptions whose text is meant for the user."""


class UserError(Exception):
    """An error that the user can fix. Its text is one line: what was given, what was expected, what to do.

    Commands print it as `error: …` and exit with 2 (see `device.command`); every other exception is a bug and keeps
    its traceback.
    """


class CannotTellError(UserError):
    """What was given is no evidence enough for an answer: commands print it as `can't tell: …` and exit with 3."""


class ImageError(UserError):
    """An image that can't be read or decoded; others may still be fine."""
