"""Where the stack's services listen, as a client on this machine writes it."""

from typing import NamedTuple

from devstack.ports import WantedPort
from settings import Settings

LOOPBACK = "127.0.0.1"

EVERY_INTERFACE = {"0.0.0.0": LOOPBACK, "::": "::1"}  # noqa: S104 - recognised, not bound
"""A server may listen on all interfaces, but a client needs one to connect to."""


class Addresses(NamedTuple):
    """`temporal` is host:port for gRPC; the others are base URLs without a slash at the end."""

    api: str
    temporal: str
    temporal_ui: str


def addresses_of(settings: Settings) -> Addresses:
    return Addresses(
        api=api_url(settings),
        temporal=f"{LOOPBACK}:{settings.islanders_temporal_port}",
        temporal_ui=f"http://{LOOPBACK}:{settings.islanders_temporal_ui_port}",
    )


def api_url(settings: Settings) -> str:
    host = EVERY_INTERFACE.get(settings.islanders_host, settings.islanders_host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.islanders_port}"


def wanted_ports(settings: Settings) -> tuple[WantedPort, ...]:
    return (
        WantedPort("ISLANDERS_PORT", settings.islanders_host, settings.islanders_port),
        WantedPort("ISLANDERS_TEMPORAL_PORT", LOOPBACK, settings.islanders_temporal_port),
        WantedPort("ISLANDERS_TEMPORAL_UI_PORT", LOOPBACK, settings.islanders_temporal_ui_port),
    )
