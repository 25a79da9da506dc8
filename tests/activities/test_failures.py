"""How our errors become Temporal failures."""

from collections.abc import Iterator

import pytest
from temporalio.exceptions import ApplicationError

from activities.failures import typed_failures
from domain import errors


def leaves(kind: type[errors.ChatError]) -> Iterator[type[errors.ChatError]]:
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
            yield from leaves(child)


def failure_of(error: errors.ChatError, *, patient: bool = False) -> ApplicationError:
    with pytest.raises(ApplicationError) as failure, typed_failures(patient=patient):
        raise error
    return failure.value


RETRIED = {"StorageUnavailable", "WorkflowsUnavailable", "MemoryUnavailable", "ModelUnavailable"}


@pytest.mark.parametrize("kind", sorted(leaves(errors.ChatError), key=lambda kind: kind.__name__))
def test_every_error_has_its_meaning(kind: type[errors.ChatError]) -> None:
    """Each error travels under its class name, and exactly the transient ones are tried again."""
    error = kind("field", "text") if issubclass(kind, errors.BadInput) else kind(status=503)
    failure = failure_of(error)
    assert failure.type == kind.__name__
    assert failure.non_retryable is (kind.__name__ not in RETRIED)


def test_a_patient_step_waits_for_an_operator() -> None:
    """A wrong key or address is tried again where nobody waits; a wrong request is not."""
    assert not failure_of(errors.MemoryUnauthorized(), patient=True).non_retryable
    assert not failure_of(errors.MemoryMisconfigured(), patient=True).non_retryable
    assert failure_of(errors.MemoryRejected(), patient=True).non_retryable


def test_retry_after_becomes_the_next_delay() -> None:
    """A service that asks for a pause gets it."""
    delay = failure_of(errors.MemoryUnavailable(retry_after=7)).next_retry_delay
    assert delay is not None
    assert delay.total_seconds() == 7


def test_no_foreign_text_reaches_the_history() -> None:
    """Neither the message of an error nor its cause is passed on."""
    error = errors.StorageUnavailable("secret of ours")
    error.__cause__ = OSError("secret of a driver")
    failure = failure_of(error)
    assert failure.message == "storage_unavailable"
    assert failure.__cause__ is None
