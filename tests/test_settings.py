"""What a process may be told of the model that writes its replies."""

import pytest
from pydantic import ValidationError

from domain.turn import ReplyMode
from settings import Settings

MODEL = {"REPLY_MODEL_BASE_URL": "http://127.0.0.1:11434/v1", "REPLY_MODEL": "small-model"}
KEY = "key-0123456789"


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*MODEL, "REPLY_MODEL_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def settings_with(monkeypatch: pytest.MonkeyPatch, **said: str) -> Settings:
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    return Settings()


def test_replies_come_from_templates_unless_a_model_is_named(monkeypatch):
    """Address and name together turn the model on; a key is not needed."""
    assert Settings().reply_mode is ReplyMode.TEMPLATE
    assert settings_with(monkeypatch, REPLY_MODEL="", REPLY_MODEL_BASE_URL="").reply_mode is ReplyMode.TEMPLATE
    assert settings_with(monkeypatch, **MODEL).reply_mode is ReplyMode.MODEL


@pytest.mark.parametrize("url", ["http://127.0.0.1:11434/v1/", "https://api.openai.com/v1", "http://[::1]:8080"])
def test_an_address_is_taken_without_its_last_slash(monkeypatch, url):
    """Any address of the web will do."""
    taken = settings_with(monkeypatch, **MODEL | {"REPLY_MODEL_BASE_URL": url})
    assert taken.reply_model_base_url == url.rstrip("/")


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"REPLY_MODEL": "small-model"}, "REPLY_MODEL is set without REPLY_MODEL_BASE_URL. Write"),
        (
            {"REPLY_MODEL_BASE_URL": "http://127.0.0.1/v1"},
            "REPLY_MODEL_BASE_URL is set without REPLY_MODEL. Write",
        ),
        (MODEL | {"REPLY_MODEL_BASE_URL": "127.0.0.1:8080"}, "Write http:// or https:// and a host"),
        (MODEL | {"REPLY_MODEL_BASE_URL": "ftp://127.0.0.1"}, "Write http:// or https:// and a host"),
        (MODEL | {"REPLY_MODEL_BASE_URL": "http:///v1"}, "Write http:// or https:// and a host"),
        (MODEL | {"REPLY_MODEL_BASE_URL": "http://["}, "Write http:// or https:// and a host"),
        (MODEL | {"REPLY_MODEL_BASE_URL": "http://a:99999/v1"}, "Write http:// or https:// and a host"),
        (MODEL | {"REPLY_MODEL_BASE_URL": "http://a/v1/chat/completions/"}, "Write what is before it"),
        (MODEL | {"REPLY_MODEL_API_KEY": f"{KEY}\n"}, "Write the key alone"),
        (MODEL | {"REPLY_MODEL_API_KEY": f"{KEY}ü"}, "Write the key alone"),
    ],
)
def test_what_cannot_work_stops_the_start(monkeypatch, said, sentence):
    """With a sentence that says what to write instead, and without any part of a secret."""
    monkeypatch.setenv("JWT_SECRET", f"{KEY}-of-another-kind")
    with pytest.raises(ValidationError) as stopped:
        settings_with(monkeypatch, **said)
    assert sentence in str(stopped.value)
    assert KEY not in str(stopped.value)


def test_processes_that_differ_in_the_model_differ_in_the_fingerprint(monkeypatch):
    """Address, name and key go in, the key hashed: it is neither in the fingerprint nor in what is printed."""
    seen = [Settings()]
    changes = (MODEL, {"REPLY_MODEL": "other"}, {"REPLY_MODEL_BASE_URL": "http://b"}, {"REPLY_MODEL_API_KEY": KEY})
    for change in changes:
        seen.append(settings_with(monkeypatch, **change))  # noqa: PERF401 - each change is made before it is read
    assert len({settings.fingerprint for settings in seen}) == len(seen)
    assert KEY not in repr(seen)
