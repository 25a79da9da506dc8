"""What the command line tells the person at the terminal instead of a traceback."""


class StackError(Exception):
    """The stack cannot start or go on. The text says what is wrong and what to write or do."""


class ChatFailed(Exception):
    """A chat command ended without a reply. The text is the API's own message, or what to do."""
