"""The environment the stack gives to its processes."""

import os
from pathlib import Path

from devstack.addresses import Addresses
from devstack.secrets import StackSecrets
from settings import Settings

WORKER_SHUTDOWN_SECONDS = 2
"""A laptop's Ctrl-C must be over within five seconds; what is cut short here, Temporal runs again."""


def children_environment(
    settings: Settings, addresses: Addresses, home: Path, secrets: StackSecrets
) -> dict[str, str]:
    """What the user said explicitly holds, for the rest the stack's own values; Temporal is always the stack's."""
    own = {
        "islanders_home": str(home),
        "islanders_host": settings.islanders_host,
        "islanders_port": str(settings.islanders_port),
        "database_url": f"sqlite+aiosqlite:///{home / 'islanders.db'}",
        "jwt_secret": secrets.jwt_secret,
        "listings_base_url": addresses.api,
        "temporal_ui_url": addresses.temporal_ui,
        "zep_base_url": f"{addresses.api}/zep",
        "zep_api_key": secrets.zep_api_key,
        "worker_shutdown_seconds": str(WORKER_SHUTDOWN_SECONDS),
    }
    unsaid = {field.upper(): value for field, value in own.items() if field not in settings.model_fields_set}
    return {
        **_of_the_user(),
        **unsaid,
        "ISLANDERS_HOME": str(home),
        "ISLANDERS_EMBEDDED": "true",
        "TEMPORAL_ADDRESS": addresses.temporal,
        # An empty file: the SDK would otherwise read the user's own profile for another cluster.
        "TEMPORAL_CONFIG_FILE": os.devnull,
        "PYTHONUNBUFFERED": "1",
    }


def _of_the_user() -> dict[str, str]:
    """Without the settings of another Temporal cluster, such as an API key or a namespace."""
    inherited = (
        os.environ.items()
    )  # handed on to the children, not read: PATH, HOME, LANG, settings that were said
    return {
        name: value
        for name, value in inherited
        if not name.upper().startswith("TEMPORAL_") or name.upper() == "TEMPORAL_UI_URL"
    }
