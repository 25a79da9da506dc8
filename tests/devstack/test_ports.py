import socket

import pytest

from devstack.errors import StackError
from devstack.ports import WantedPort, check_ports


def test_a_taken_port_is_told_in_one_line_with_its_variable():
    """Whoever meets a taken port reads which variable to set."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(StackError) as told:
            check_ports((WantedPort("ISLANDERS_TEMPORAL_PORT", "127.0.0.1", port),))
    assert str(told.value) == f"port {port} is taken: set ISLANDERS_TEMPORAL_PORT to a free one"


def test_a_port_taken_on_loopback_is_taken_for_all_interfaces_too():
    """A server for all interfaces would not start either, so it is told before."""
    with socket.create_server(("127.0.0.1", 0)) as holder, pytest.raises(StackError, match="ISLANDERS_PORT"):
        check_ports((WantedPort("ISLANDERS_PORT", "0.0.0.0", holder.getsockname()[1]),))  # noqa: S104


def test_one_port_for_two_services_is_told(free_port):
    """Two services on one port are refused although the port is free."""
    port = free_port()
    with pytest.raises(StackError, match="ISLANDERS_PORT and ISLANDERS_TEMPORAL_PORT are both"):
        check_ports(
            (
                WantedPort("ISLANDERS_PORT", "127.0.0.1", port),
                WantedPort("ISLANDERS_TEMPORAL_PORT", "127.0.0.1", port),
            )
        )


def test_a_port_with_closing_connections_is_free(free_port):
    """A restart right after a stop is not held up by connections that are still closing."""
    port = free_port()
    with socket.create_server(("127.0.0.1", port)) as server:
        client = socket.create_connection(("127.0.0.1", port))
        connection, _ = server.accept()
        connection.close()  # the side that closes first keeps the port in TIME_WAIT
        client.close()
    check_ports((WantedPort("ISLANDERS_PORT", "127.0.0.1", port),))


def test_an_unknown_host_is_told():
    """A host that does not resolve names the setting, not a traceback."""
    with pytest.raises(StackError, match="ISLANDERS_HOST"):
        check_ports((WantedPort("ISLANDERS_PORT", "no-such-host.invalid", 8000),))
