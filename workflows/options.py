"""Every Temporal timeout and retry policy, and with them the whole latency budget of a turn.

Budgets come from the product: memory 1.5 s, search 1.6 s, reply 30 s with a model. Settings marked (measured)
were found by killing workers and servers in the middle of turns; docs/decisions/0002 says what differs from
Temporal's defaults.
"""

from datetime import timedelta
from typing import Final

from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityCancellationType, ActivityConfig, LocalActivityConfig

from domain.forgetting import SUMMARY_OF_FORGETTING
from domain.progress import SUMMARY_OF_ACTIVITY

# --- the turn's workflow -------------------------------------------------------------------------------------
TURN_EXECUTION_TIMEOUT: Final = timedelta(hours=24)
"""A turn may wait for a worker, but one that is stuck must end some day so that its thread goes on."""

TURN_TASK_TIMEOUT: Final = timedelta(seconds=2)
"""Time to recovery after a worker died inside a workflow task; at 1 s healthy tasks time out (measured)."""

START_SECONDS: Final = 1.5
"""How long the API lets a start take. The SDK's rpc_timeout holds for one try, not for the call."""

# --- the worker ----------------------------------------------------------------------------------------------
MAX_CONCURRENT_WORKFLOW_TASKS: Final = 25
"""On two cores: a task that starves past its timeout runs everything twice, a queued one waits for free."""

STICKY_QUEUE_TIMEOUT: Final = timedelta(seconds=1)
"""How long a signal waits for the worker that had the turn before any worker may take it (measured)."""

HEARTBEAT_THROTTLE: Final = timedelta(milliseconds=200)
"""A cancellation reaches an activity with its next heartbeat."""

# --- waiting behind an earlier turn --------------------------------------------------------------------------
WAIT_SLICE: Final = timedelta(seconds=5)
"""The release signal is only a hint: the waiting turn asks again at least this often."""

# --- steps ---------------------------------------------------------------------------------------------------
_QUICK_RETRY: Final = RetryPolicy(
    initial_interval=timedelta(milliseconds=50), maximum_interval=timedelta(milliseconds=200), maximum_attempts=3
)


def _record_locally(activity: str) -> LocalActivityConfig:
    """open_turn and close_turn, at first: milliseconds, inside the workflow task."""
    return LocalActivityConfig(
        summary=SUMMARY_OF_ACTIVITY[activity],
        start_to_close_timeout=timedelta(seconds=1),
        schedule_to_close_timeout=timedelta(seconds=2),
        retry_policy=_QUICK_RETRY,
    )


def _record_until_done(activity: str) -> ActivityConfig:
    """The same two while the database is away. Local, they would fill the history with heartbeats."""
    return ActivityConfig(
        summary=SUMMARY_OF_ACTIVITY[activity],
        start_to_close_timeout=timedelta(seconds=5),
        retry_policy=RetryPolicy(
            initial_interval=timedelta(milliseconds=200),
            maximum_interval=timedelta(seconds=5),
            maximum_attempts=0,
        ),
    )


OPEN: Final = _record_locally("open_turn")
OPEN_UNTIL_DONE: Final = _record_until_done("open_turn")
CLOSE: Final = _record_locally("close_turn")
CLOSE_UNTIL_DONE: Final = _record_until_done("close_turn")

UNDERSTAND: Final = LocalActivityConfig(
    summary=SUMMARY_OF_ACTIVITY["understand_message"],
    start_to_close_timeout=timedelta(seconds=1),
    schedule_to_close_timeout=timedelta(seconds=2),
    retry_policy=_QUICK_RETRY,
)

RECALL: Final = ActivityConfig(
    summary=SUMMARY_OF_ACTIVITY["fetch_memory"],
    start_to_close_timeout=timedelta(seconds=1.5),
    retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=50), maximum_attempts=2),
)
"""1.5 s for the whole step. No schedule_to_close: time without a worker does not count.

Both tries share the budget (activities/step_budget.py), unless the first died with its worker.
"""

SEARCH: Final = ActivityConfig(
    summary=SUMMARY_OF_ACTIVITY["search_listings"],
    start_to_close_timeout=timedelta(seconds=1.7),
    retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=50), maximum_attempts=3),
)
"""1.6 s and at most four requests, which the client of the search API shares out itself."""

REPLY: Final = ActivityConfig(
    summary=SUMMARY_OF_ACTIVITY["generate_reply"],
    start_to_close_timeout=timedelta(seconds=30),
    heartbeat_timeout=timedelta(seconds=3),
    retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=100), maximum_attempts=3),
    cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
)
"""Waits for a cancelled reply to end, so that no piece of text is shown after the turn was stored."""

REPLY_STOP_SECONDS: Final = 1.0
"""A reply that does not end after its cancellation is left behind after this long."""

REPLY_BY_TEMPLATE: Final = LocalActivityConfig(
    summary=SUMMARY_OF_ACTIVITY["generate_reply"],
    start_to_close_timeout=timedelta(seconds=1),
    schedule_to_close_timeout=timedelta(seconds=2),
    retry_policy=_QUICK_RETRY,
)

REMEMBER: Final = ActivityConfig(
    summary=SUMMARY_OF_ACTIVITY["create_memory"],
    start_to_close_timeout=timedelta(seconds=15),
    schedule_to_close_timeout=timedelta(seconds=60),
    heartbeat_timeout=timedelta(seconds=3),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=10), maximum_attempts=5
    ),
)
"""Off the user's path: the reply is out. The heartbeat tells of a dead worker in 3 s instead of 15.

After a minute, however long a pause the server asked for, RememberTurnWorkflow takes over.
"""

REMEMBER_LATE: Final = ActivityConfig(
    summary=SUMMARY_OF_ACTIVITY["create_memory"],
    start_to_close_timeout=timedelta(seconds=15),
    schedule_to_close_timeout=timedelta(hours=24),
    heartbeat_timeout=timedelta(seconds=3),
    retry_policy=RetryPolicy(initial_interval=timedelta(seconds=10), maximum_interval=timedelta(minutes=5)),
)

REMEMBER_EXECUTION_TIMEOUT: Final = timedelta(hours=25)
"""A child does not inherit its parent's end: 24 h of tries and a margin."""

# --- forgetting a thread -------------------------------------------------------------------------------------
FORGET_EXECUTION_TIMEOUT: Final = timedelta(days=7)
"""A memory server that is away for longer has to be asked again, by another DELETE of the thread."""


def _forgetting(activity: str, *, start_to_close: timedelta, longest_pause: timedelta) -> ActivityConfig:
    """Nobody waits and nothing may be left half done: tried again until the workflow's own time is over."""
    return ActivityConfig(
        summary=SUMMARY_OF_FORGETTING[activity],
        start_to_close_timeout=start_to_close,
        heartbeat_timeout=timedelta(seconds=3),
        retry_policy=RetryPolicy(
            initial_interval=timedelta(milliseconds=500), maximum_interval=longest_pause, maximum_attempts=0
        ),
    )


FORGET_STOP: Final = _forgetting(
    "stop_turns", start_to_close=timedelta(minutes=10), longest_pause=timedelta(seconds=10)
)
"""Looks at every turn of two days, one after another."""

FORGET_RECORD: Final = _forgetting(
    "forget_record", start_to_close=timedelta(minutes=1), longest_pause=timedelta(seconds=10)
)
FORGET_MEMORY: Final = _forgetting(
    "forget_memory", start_to_close=timedelta(seconds=15), longest_pause=timedelta(minutes=5)
)
FORGET_THREAD: Final = _forgetting(
    "forget_thread", start_to_close=timedelta(minutes=1), longest_pause=timedelta(seconds=10)
)
