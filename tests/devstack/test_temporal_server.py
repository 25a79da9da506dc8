import pytest
from temporalio.common import SearchAttributeIndexedValueType

from devstack.errors import StackError
from devstack.temporal_server import SEARCH_ATTRIBUTES, temporal_serves
from workflows.search_attributes import ALL

TYPE_NAMES = {
    SearchAttributeIndexedValueType.KEYWORD: "Keyword",
    SearchAttributeIndexedValueType.KEYWORD_LIST: "KeywordList",
}


def test_the_server_is_started_with_the_search_attributes_that_workflows_use():
    """An attribute the server does not know would fail the first workflow that sets it."""
    assert {key.name: TYPE_NAMES[key.indexed_value_type] for key in ALL} == SEARCH_ATTRIBUTES


async def test_a_server_that_never_answers_is_told(free_port, monkeypatch):
    """The wait for Temporal has an end, with the address in its error."""
    monkeypatch.setattr("devstack.temporal_server.WAIT_SECONDS", 0.2)
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(StackError, match=f"Temporal did not answer on {address}"):
        await temporal_serves(address)
