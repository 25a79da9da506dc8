import pytest

from devstack.addresses import addresses_of
from devstack.environment import children_environment
from devstack.secrets import keep_secrets
from settings import Settings


@pytest.fixture
def environment_of(tmp_path, monkeypatch, without_settings):
    """The children's environment under what the user exported."""

    def build(**exported: str) -> dict[str, str]:
        for name, value in exported.items():
            monkeypatch.setenv(name, value)
        settings = Settings()
        return children_environment(settings, addresses_of(settings), tmp_path, keep_secrets(tmp_path))

    return build


def test_every_service_is_found_at_the_stacks_own_ports(environment_of, tmp_path):
    """Worker and API agree on each other's addresses when the ports were moved."""
    environment = environment_of(
        ISLANDERS_PORT="9000", ISLANDERS_TEMPORAL_PORT="9001", ISLANDERS_TEMPORAL_UI_PORT="9002"
    )
    wanted = {
        "DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path}/islanders.db",
        "ISLANDERS_EMBEDDED": "true",
        "LISTINGS_BASE_URL": "http://127.0.0.1:9000",
        "ZEP_BASE_URL": "http://127.0.0.1:9000/zep",
        "TEMPORAL_ADDRESS": "127.0.0.1:9001",
        "TEMPORAL_UI_URL": "http://127.0.0.1:9002",
    }
    assert wanted.items() <= environment.items()


def test_an_address_for_all_interfaces_is_reached_over_loopback(environment_of):
    """0.0.0.0 is where a server listens, not where a client connects."""
    assert environment_of(ISLANDERS_HOST="0.0.0.0")["ZEP_BASE_URL"] == "http://127.0.0.1:8000/zep"  # noqa: S104


def test_a_database_the_user_named_is_used(environment_of):
    """What was said explicitly holds."""
    named = "postgresql+asyncpg://somewhere/islanders"
    assert environment_of(DATABASE_URL=named)["DATABASE_URL"] == named


def test_another_temporal_cluster_of_the_user_does_not_leak_in(environment_of):
    """The stack's processes never connect to a cluster that the user's shell is set up for."""
    environment = environment_of(
        TEMPORAL_ADDRESS="prod.example:7233", TEMPORAL_NAMESPACE="prod", TEMPORAL_API_KEY="k", TEMPORAL_PROFILE="p"
    )
    assert {name: value for name, value in environment.items() if name.startswith("TEMPORAL_")} == {
        "TEMPORAL_ADDRESS": "127.0.0.1:7233",
        "TEMPORAL_UI_URL": "http://127.0.0.1:8233",
        "TEMPORAL_CONFIG_FILE": "/dev/null",
    }


def test_the_children_read_valid_settings(environment_of, monkeypatch):
    """The environment the stack writes is one that Settings takes."""
    environment = environment_of()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.islanders_embedded
    assert len(settings.jwt_secret.get_secret_value()) >= 32
