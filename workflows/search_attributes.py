"""Search attributes of a turn. The server must know them before the first start (devstack, compose, tests)."""

from temporalio.common import SearchAttributeKey

THREAD_ID = SearchAttributeKey.for_keyword("ThreadId")
AGENT = SearchAttributeKey.for_keyword("Agent")
TURN_STATUS = SearchAttributeKey.for_keyword("TurnStatus")
DEGRADED = SearchAttributeKey.for_keyword_list("Degraded")
BUILD_ID = SearchAttributeKey.for_keyword("BuildId")

ALL = (THREAD_ID, AGENT, TURN_STATUS, DEGRADED, BUILD_ID)
