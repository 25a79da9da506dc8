"""What can go wrong, drawn as a tree. Each class says whether trying again can help.

    ChatError
      BadInput                 the caller's words are wrong; names the field
        TurnConflict           the same client_msg_id came with another body
      ThreadBusy               an earlier turn is open and the message said on_busy=reject
      ThreadBeingForgotten     the thread is being deleted; it may be begun anew when that is done
      NotTheLastTurn           only the last turn of a thread, once it has ended, can be answered anew
      NotFound                 no such turn or thread, or somebody else's
      Unauthorized             no token, or a bad one
        WrongCredentials       a wrong user name or password
      Forbidden                known, but not allowed here
      TooManyTurns             over the user's limit; says when to come again
      StorageUnavailable       the database does not answer             (try again)
      WorkflowsUnavailable     Temporal does not answer                 (try again)
      TooManyWatchers          this process tails as many turns as it may
      TurnAlreadyFailed        the turn's record was closed as failed while its workflow still ran
      TurnOwnedElsewhere       another workflow already runs this turn
      TurnOver                 the turn has ended while its reply was still being written
      MemoryFailure
        MemoryUnavailable      refused, timed out, 408, 429, 5xx        (try again)
        MemoryUnauthorized     401, 403
        MemoryRejected         our request was wrong: 400, 413, 422 ...
        MemoryMisconfigured    no such route, a redirect, an undecodable answer: a wrong base URL
      SearchFailure
        SearchUnavailable      outage or timeout, 408, 429              (the client has tried again already)
        SearchRejected         400, 401, 403, 404, 422: our bug or the user's input
      ModelFailure
        ModelUnavailable       refused, timed out, cut in mid-text, 408, 409, 429, 5xx   (try again)
        ModelRejected          400, 401, 403, 404, 422: a wrong key, name or request
        ModelUnreadable        an answer that is no completion, or an empty one
        ModelNotConfigured     the turn wants a model, this worker has none

Nobody branches on a message's text: `code` is what travels to clients and into `degraded` entries.
"""

from typing import ClassVar


class ChatError(Exception):
    """Base of all expected failures.

    Attributes:
        retryable: whether Temporal may run the same activity again with a chance of success.
        mendable: whether an operator can make it succeed later, by a key or an address.
        status: the HTTP status of the service that failed, where there was one.
        retry_after: seconds the service asked us to wait, where it said so.
    """

    retryable: ClassVar[bool] = False
    mendable: ClassVar[bool] = False

    def __init__(self, message: str = "", *, status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(message or self.code())
        self.status = status
        self.retry_after = retry_after

    @classmethod
    def code(cls) -> str:
        """The stable name a client sees: the class name in snake case."""
        return "".join(f"_{c.lower()}" if c.isupper() else c for c in cls.__name__).lstrip("_")


class BadInput(ChatError):
    """The caller must change something. `field` names it, the message says what to write instead."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class TurnConflict(BadInput):
    pass


class ThreadBusy(ChatError):
    pass


class ThreadBeingForgotten(ChatError):
    pass


class NotTheLastTurn(ChatError):
    pass


class NotFound(ChatError):
    pass


class Unauthorized(ChatError):
    pass


class WrongCredentials(Unauthorized):
    pass


class Forbidden(ChatError):
    pass


class TooManyTurns(ChatError):
    pass


class StorageUnavailable(ChatError):
    retryable = True


class WorkflowsUnavailable(ChatError):
    retryable = True


class TooManyWatchers(ChatError):
    pass


class TurnAlreadyFailed(ChatError):
    pass


class TurnOwnedElsewhere(ChatError):
    pass


class TurnOver(ChatError):
    pass


class MemoryFailure(ChatError):
    pass


class MemoryUnavailable(MemoryFailure):
    retryable = True


class MemoryUnauthorized(MemoryFailure):
    mendable = True


class MemoryRejected(MemoryFailure):
    pass


class MemoryMisconfigured(MemoryFailure):
    mendable = True


class SearchFailure(ChatError):
    pass


class SearchUnavailable(SearchFailure):
    pass


class SearchRejected(SearchFailure):
    pass


class ModelFailure(ChatError):
    pass


class ModelUnavailable(ModelFailure):
    retryable = True


class ModelRejected(ModelFailure):
    pass


class ModelUnreadable(ModelFailure):
    pass


class ModelNotConfigured(ModelFailure):
    pass
