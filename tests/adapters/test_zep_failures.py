"""The table from what zep-python raises to our own errors: nothing escapes it, and no key gets out by it."""

import importlib
import inspect
import pkgutil
from uuid import uuid4

import httpx
import pytest
import zep_python
from structlog.testing import capture_logs

from adapters.zep import ZepMemory
from adapters.zep_failures import FOREIGN_ERRORS
from domain.errors import MemoryFailure, MemoryMisconfigured
from domain.memory import MemoryMessage, MemoryRole
from tests.adapters.zep_wires import ScriptedZep, answer
from tests.ports import free_port

KEY = "key-0123456789"

KNOWN_TO_THE_TABLE = {
    "zep_python.core.api_error.ApiError",
    "zep_python.errors.bad_request_error.BadRequestError",
    "zep_python.errors.conflict_error.ConflictError",
    "zep_python.errors.internal_server_error.InternalServerError",
    "zep_python.errors.not_found_error.NotFoundError",
}


def _exceptions_of_zep_python() -> set[type[Exception]]:
    names = (module.name for module in pkgutil.walk_packages(zep_python.__path__, "zep_python."))
    return {
        value
        for name in names
        for value in vars(importlib.import_module(name)).values()
        if inspect.isclass(value) and issubclass(value, Exception) and value.__module__.startswith("zep_python")
    }


def test_every_exception_of_zep_python_has_its_row():
    """A release with a new class of error fails here before it escapes in production."""
    found = _exceptions_of_zep_python()
    assert {f"{error.__module__}.{error.__name__}" for error in found} == KNOWN_TO_THE_TABLE
    assert all(issubclass(error, FOREIGN_ERRORS) for error in found)


def test_every_transport_error_of_httpx_has_its_row():
    """Whatever happens on the wire is one of the foreign errors."""
    errors = [value for value in vars(httpx).values() if inspect.isclass(value)]
    assert all(issubclass(error, FOREIGN_ERRORS) for error in errors if issubclass(error, httpx.RequestError))


@pytest.mark.parametrize(
    ("base_url", "key"),
    [
        ("no address", KEY),
        ("None", KEY),
        ("ftp://127.0.0.1", KEY),
        ("http://[", KEY),
        ("http://127.0.0.1:99999", KEY),
        (None, "schlüssel"),
        (None, "key\n"),
        (None, " "),
    ],
)
async def test_a_base_or_a_key_that_cannot_be_sent_is_misconfigured(base_url, key):
    """An operator can mend it, so it is not told as an outage, and the server sees nothing."""
    script = ScriptedZep()
    async with script.listening() as address:
        memory = ZepMemory(base_url or address, key, timeout=2)
        with pytest.raises(MemoryMisconfigured):
            await memory.probe()
        await memory.close()
    assert script.asked == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
async def test_a_server_that_repeats_the_key_does_not_get_it_logged(status):
    """The excerpt of a foreign answer leaves the key out, also where it lies across the excerpt's end."""
    script = ScriptedZep()
    script.script = {"get_session": answer(status, f"{'x' * 185}Api-Key {KEY} is wrong, says {KEY}")}
    async with script.listening() as address:
        memory = ZepMemory(address, KEY, timeout=2)
        with capture_logs() as logs, pytest.raises(MemoryFailure):
            await memory.probe()
        await memory.close()
    assert [entry["event"] for entry in logs] == ["zep_http_status_unexpected"] * (status != 404)
    assert KEY[:5] not in repr(logs)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0),
        ("7", 7),
        (" 7 ", 7),
        ("9" * 400, 86_400),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("1e3", None),
    ],
)
async def test_an_odd_retry_after_never_breaks_the_retry(header, seconds):
    """Whole seconds of at most a day; anything else counts as not said."""
    script = ScriptedZep()
    script.script = {"get_session": answer(503, Retry_After=header)}
    async with script.listening() as address:
        memory = ZepMemory(address, KEY, timeout=2)
        with pytest.raises(MemoryFailure) as failed:
            await memory.probe()
        await memory.close()
    assert failed.value.retry_after == seconds


@pytest.mark.parametrize("status", [200, 404, 500])
async def test_a_page_in_another_encoding_is_typed(status):
    """A Turkish error page that is no UTF-8 cannot be decoded by the SDK and keeps its status."""
    page = "İşlem başarısız".encode("windows-1254")
    script = ScriptedZep()
    script.script = {"get_session": b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(page), page)}
    async with script.listening() as address:
        memory = ZepMemory(address, KEY, timeout=2)
        with pytest.raises(MemoryFailure) as failed:
            await memory.probe()
        await memory.close()
    assert failed.value.status == status


async def test_no_proxy_of_the_environment_is_asked(monkeypatch):
    """Memory is reached at its own address, whatever the shell that started the worker says."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    script = ScriptedZep()
    async with script.listening() as address:
        memory = ZepMemory(address, KEY, timeout=2)
        await memory.probe()
        await memory.close()
    assert script.asked == ["get_session"]


@pytest.mark.parametrize("body", ["{}", {"uuid": str(uuid4())}], ids=["nothing", "another message"])
async def test_an_answer_about_no_or_another_message_proves_nothing(body):
    """A refused append counts as stored only when its own messages come back."""
    message = MemoryMessage(id=str(uuid4()), role=MemoryRole.USER, content="hello")
    script = ScriptedZep()
    script.script = {"memory.add": answer(400, {"message": "no"}), "message": answer(200, body)}
    async with script.listening() as address:
        memory = ZepMemory(address, KEY, timeout=2)
        with pytest.raises(MemoryFailure):
            await memory.append("ada", "thread", (message,), budget=2)
        await memory.close()
