"""What is printed when the stack is ready."""

from pathlib import Path

from devstack.addresses import Addresses
from settings import Settings

EXAMPLE_MESSAGE = "2 bedroom apartments in Girne, long term"


def announcement(settings: Settings, addresses: Addresses, home: Path) -> str:
    return f"""\
Islanders is ready.

  API              {addresses.api}
  API reference    {addresses.api}/docs
  Temporal Web UI  {addresses.temporal_ui}
  state and logs   {home}

Send a message:

  {_port(settings)}make chat TEXT="{EXAMPLE_MESSAGE}"

or by hand:

{_curl(addresses.api)}

Ctrl-C stops everything."""


def _port(settings: Settings) -> str:
    """What `make chat` in another terminal must be told; it finds the default port by itself."""
    is_default = settings.islanders_port == Settings.model_fields["islanders_port"].default
    return "" if is_default else f"ISLANDERS_PORT={settings.islanders_port} "


def _curl(api: str) -> str:
    return f"""\
  TOKEN=$(curl -sS {api}/api/token/ -H 'Content-Type: application/json' \\
    -d '{{"username": "demo", "password": "demo"}}' | sed -E 's/.*"access": *"([^"]*)".*/\\1/')
  curl -sS {api}/api/chat/ -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
    -H 'Prefer: wait=20' -d '{{"message": "{EXAMPLE_MESSAGE}"}}'"""
