"""Generated runs: what users, their flaky connections, operators and failing machines do to one thread."""

from dataclasses import dataclass
from random import Random

from domain.turn import OnBusy

SHORTEST, LONGEST = 3, 8


@dataclass(frozen=True)
class Submit:
    """A message is posted."""

    on_busy: OnBusy = OnBusy.ENQUEUE


@dataclass(frozen=True)
class SubmitTwice:
    """Two messages, the second as soon as the first is accepted."""


@dataclass(frozen=True)
class SubmitImpatiently:
    """The client hangs up after a few milliseconds and posts the same again until it is answered."""

    milliseconds: int


@dataclass(frozen=True)
class SubmitAtOnce:
    """The same message, several times in parallel."""

    copies: int


@dataclass(frozen=True)
class Repeat:
    """An accepted message is posted again, unchanged."""

    which: int


@dataclass(frozen=True)
class Contradict:
    """Another text under the id of an accepted message."""

    which: int


@dataclass(frozen=True)
class Cancel:
    which: int


@dataclass(frozen=True)
class Regenerate:
    """The last turn shall be answered anew."""


@dataclass(frozen=True)
class Answer:
    """The model finishes the reply that it is writing."""


@dataclass(frozen=True)
class Terminate:
    """An operator terminates an open turn's workflow."""

    which: int


@dataclass(frozen=True)
class RestartWorker:
    """The worker goes in the middle of what it does and another one comes."""


@dataclass(frozen=True)
class WorkerAway:
    """No worker runs during the next operations."""

    operations: int


@dataclass(frozen=True)
class RestartAPI:
    pass


@dataclass(frozen=True)
class MemoryFails:
    """The next writes to memory are refused for the moment."""

    times: int


@dataclass(frozen=True)
class ModelBreaks:
    """The model's stream breaks off in the middle of its next replies."""

    times: int


Operation = (
    Submit
    | SubmitTwice
    | SubmitImpatiently
    | SubmitAtOnce
    | Repeat
    | Contradict
    | Cancel
    | Regenerate
    | Answer
    | Terminate
    | RestartWorker
    | WorkerAway
    | RestartAPI
    | MemoryFails
    | ModelBreaks
)
FAULTS = (Terminate, RestartWorker, WorkerAway, RestartAPI, MemoryFails, ModelBreaks)


def plan(seed: int) -> list[Operation]:
    """A run of 3 to 8 operations that begins with a message; every second one has one fault among them."""
    random = Random(seed)
    operations: list[Operation] = [_submit(random)]
    operations += [_operation(random) for _ in range(random.randint(SHORTEST, LONGEST) - 1)]
    if seed % 2:
        operations[random.randrange(1, len(operations))] = _fault(seed // 2, random)
    return operations


def _submit(random: Random) -> Operation:
    return random.choice(
        (
            Submit(),
            Submit(OnBusy.INTERRUPT),
            Submit(OnBusy.REJECT),
            SubmitTwice(),
            SubmitImpatiently(random.randint(0, 30)),
            SubmitAtOnce(random.randint(2, 6)),
        )
    )


def _operation(random: Random) -> Operation:
    which = random.randrange(LONGEST)
    return random.choice(
        (
            _submit(random),
            _submit(random),
            _submit(random),
            Repeat(which),
            Contradict(which),
            Cancel(which),
            Cancel(which),
            Regenerate(),
            Answer(),
            Answer(),
        )
    )


def _fault(number: int, random: Random) -> Operation:
    """Each kind in its turn, so that none is rare."""
    faults = (
        Terminate(random.randrange(LONGEST)),
        RestartWorker(),
        WorkerAway(random.randint(1, 3)),
        RestartAPI(),
        MemoryFails(random.randint(1, 2)),
        ModelBreaks(random.randint(1, 2)),
    )
    return faults[number % len(faults)]
