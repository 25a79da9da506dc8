"""A port that somebody else holds is told before anything is started."""

import errno
import socket
from typing import NamedTuple

from devstack.errors import StackError


class WantedPort(NamedTuple):
    """A port the stack will listen on, and the environment variable that moves it."""

    variable: str
    host: str
    port: int


def check_ports(wanted: tuple[WantedPort, ...]) -> None:
    """Raises StackError naming the variable of the first port that cannot be had."""
    variable_of: dict[int, str] = {}
    for want in wanted:
        if want.port in variable_of:
            raise StackError(f"{variable_of[want.port]} and {want.variable} are both {want.port}: change one")
        variable_of[want.port] = want.variable
        _check(want)


def _check(want: WantedPort) -> None:
    try:
        family, *_, address = socket.getaddrinfo(want.host, want.port, type=socket.SOCK_STREAM)[0]
        # create_server sets SO_REUSEADDR, as the servers do: connections of the last run that are still
        # closing must not make a free port look taken.
        socket.create_server(address[:2], family=family).close()
    except socket.gaierror as error:
        raise StackError(f"the host {want.host} of {want.variable} is unknown: change ISLANDERS_HOST") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise StackError(f"port {want.port} is taken: set {want.variable} to a free one") from error
        raise StackError(f"port {want.port} cannot be used ({error.strerror}): change {want.variable}") from error
