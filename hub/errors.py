"""The one exception that users are meant to read."""


class InputError(ValueError):
    """What the user gave cannot be used; the message is one sentence on what is wrong and what to do.

    The command line prints it and exits with 2, the apps show it in place of an answer.
    """
