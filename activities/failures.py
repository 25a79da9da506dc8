"""How our errors become Temporal failures: one place decides what is tried again."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.step_budget import StepBudget
from domain.errors import ChatError

LONGEST_PAUSE = timedelta(minutes=5)
"""A service may ask for a day; a late append would be over by then."""


@contextmanager
def typed_failures(
    budget: StepBudget | None = None, *, patient: bool = False, stubborn: bool = False
) -> Iterator[None]:
    """Raise every ChatError of the block as an ApplicationError whose type is the error's class name.

    A step whose budget is spent is not tried again, whatever the error says. A patient one is tried again
    also where somebody has to mend something first, a stubborn one whatever the error.
    """
    try:
        yield
    except ChatError as error:
        # `from None`: a cause would carry the foreign error, and with it texts of others, into the history.
        raise application_error(error, budget, patient=patient, stubborn=stubborn) from None


def application_error(
    error: ChatError, budget: StepBudget | None = None, *, patient: bool = False, stubborn: bool = False
) -> ApplicationError:
    can_succeed = stubborn or error.retryable or (patient and error.mendable)
    worth_a_retry = can_succeed and (budget is None or budget.allows_a_pause_of(error.retry_after or 0.0))
    return ApplicationError(
        error.code(),
        *([{"status": error.status}] if error.status else []),
        type=type(error).__name__,
        non_retryable=not worth_a_retry,
        next_retry_delay=min(timedelta(seconds=error.retry_after), LONGEST_PAUSE) if error.retry_after else None,
        # An expected answer of another service: counted as a result of the step, not as a fault of the worker.
        category=ApplicationErrorCategory.BENIGN,
    )
