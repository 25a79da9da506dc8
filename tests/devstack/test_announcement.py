from pathlib import Path

from devstack.addresses import addresses_of
from devstack.announcement import announcement
from settings import Settings


def test_every_address_is_told(without_settings):
    """The ready stack names its API, its reference, the Web UI and where its state lies."""
    settings = Settings(islanders_temporal_ui_port=9002)
    text = announcement(settings, addresses_of(settings), Path("/somewhere/home"))
    for address in (
        "http://127.0.0.1:8000",
        "http://127.0.0.1:8000/docs",
        "http://127.0.0.1:9002",
        "/somewhere/home",
    ):
        assert address in text.split()
    assert "\n  make chat" in text


def test_a_moved_port_is_part_of_the_chat_command(without_settings):
    """What is pasted into another terminal finds a stack on another port."""
    settings = Settings(islanders_port=9000)
    text = announcement(settings, addresses_of(settings), Path("/somewhere/home"))
    assert "\n  ISLANDERS_PORT=9000 make chat" in text
    assert "curl -sS http://127.0.0.1:9000/api/chat/" in text
