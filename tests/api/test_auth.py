"""Who is calling, what a web page of another origin may do, and what it may not."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from typing import Any

import httpx
import jwt
import pytest
from fastapi import FastAPI
from pydantic import ValidationError
from starlette.requests import HTTPConnection
from temporalio.testing import WorkflowEnvironment

from api.auth import Identity, Tokens, identify
from api.main import MAX_BODY_BYTES
from domain.errors import Forbidden, Unauthorized
from settings import Settings
from tests.ports import free_port
from tests.running_stack import SECRET, WAIT, RunningStack, fill, running_api, stack_settings

PAGE = "https://app.example.com"
DEMO = {"username": "demo", "password": "demo"}
NO_TURN = "/api/turns/nothing"
NO_TURN_TO_STOP = "/api/turns/nothing/cancel"
"""Answers 404 to everybody who is let in."""


@pytest.fixture(scope="module")
async def site(
    temporal: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RunningStack]:
    """An API that serves the web page PAGE of another origin."""
    folder = tmp_path_factory.mktemp("site")
    settings = stack_settings(f"sqlite+aiosqlite:///{folder}/x.db", free_port(), cors_origins=(PAGE,))
    await fill(settings.database_url)
    async with running_api(settings, temporal.client) as site:
        yield site


@pytest.fixture
async def browser(site: RunningStack) -> AsyncIterator[httpx.AsyncClient]:
    """A client with a cookie jar of its own."""
    async with httpx.AsyncClient(base_url=site.http.base_url) as browser:
        yield browser


@pytest.fixture
async def signed_in(browser: httpx.AsyncClient) -> httpx.AsyncClient:
    assert (await browser.post("/api/auth/login/", json=DEMO)).status_code == 200
    return browser


def own_origin(site: RunningStack) -> str:
    return f"http://127.0.0.1:{site.settings.islanders_port}"


def cookies_of(answer: httpx.Response) -> dict[str, dict[str, Any]]:
    """What the answer sets: name to value and attributes, as a browser reads them."""
    return {
        name: {"value": morsel.value, **dict(morsel)}
        for line in answer.headers.get_list("set-cookie")
        for name, morsel in SimpleCookie(line).items()
    }


def tokens_of_an_hour_ago() -> Tokens:
    return Tokens(SECRET, access_lifetime=timedelta(hours=-1), demo_user=False)


@pytest.mark.parametrize("path", ["/api/token/", "/api/auth/login/"])
async def test_signing_in_gives_tokens_and_cookies(browser: httpx.AsyncClient, path: str) -> None:
    """Both routes answer the same body, and its tokens again as cookies that no script reads."""
    answer = await browser.post(path, json=DEMO)
    body, cookies = answer.json(), cookies_of(answer)
    assert set(body) == {"access", "refresh", "user"}
    assert body["user"] == {"id": "demo", "username": "demo"}
    assert {name: cookie["value"] for name, cookie in cookies.items()} == {
        "access": body["access"],
        "refresh": body["refresh"],
    }
    assert {name: cookie["path"] for name, cookie in cookies.items()} == {
        "access": "/",
        "refresh": "/api/token/refresh/",
    }
    assert {name: int(cookie["max-age"]) for name, cookie in cookies.items()} == {
        "access": 60 * 60,
        "refresh": 30 * 24 * 60 * 60,
    }
    for cookie in cookies.values():
        assert (cookie["httponly"], cookie["samesite"], cookie["secure"]) == (True, "lax", "")


async def test_cookies_given_over_https_stay_there(browser: httpx.AsyncClient) -> None:
    """Behind a proxy that says https the cookies are Secure."""
    answer = await browser.post("/api/auth/login/", json=DEMO, headers={"X-Forwarded-Proto": "https"})
    assert [cookie["secure"] for cookie in cookies_of(answer).values()] == [True, True]


async def test_a_wrong_password_sets_no_cookie(browser: httpx.AsyncClient) -> None:
    """A refused sign-in leaves nothing behind."""
    answer = await browser.post("/api/auth/login/", json=DEMO | {"password": "wrong"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "wrong_credentials")
    assert cookies_of(answer) == {}


async def test_a_page_chats_by_its_cookie(stack: RunningStack) -> None:
    """A page of the API's own origin signs in, chats and reads its turn without ever holding a token."""
    async with httpx.AsyncClient(base_url=stack.http.base_url, timeout=40) as browser:
        await browser.post("/api/auth/login/", json=DEMO)
        headers = WAIT | {"Origin": own_origin(stack)}
        answer = await browser.post("/api/chat/", json={"message": "hello"}, headers=headers)
        assert answer.status_code == 200
        turn = await browser.get(answer.json()["links"]["turn"])
    assert turn.json()["result"] == answer.json()["result"]


@pytest.mark.parametrize(
    "foreign",
    [None, "null", "https://evil.example", f"{PAGE}.evil.example", f"{PAGE}:8443", "http://app.example.com"],
)
async def test_a_foreign_page_cannot_act_by_cookie(signed_in: httpx.AsyncClient, foreign: str | None) -> None:
    """An unsafe method by cookie is 403 without an allowed Origin."""
    headers = {"Origin": foreign} if foreign else {}
    answer = await signed_in.post(NO_TURN_TO_STOP, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")


async def test_the_own_page_and_the_allowed_page_act_by_cookie(
    site: RunningStack, signed_in: httpx.AsyncClient
) -> None:
    """The API's own origin and those of the setting are let in; another port of the own host is not."""
    for origin, status in ((PAGE, 404), (own_origin(site), 404), ("http://127.0.0.1:1", 403)):
        assert (await signed_in.post(NO_TURN_TO_STOP, headers={"Origin": origin})).status_code == status


@pytest.mark.parametrize(
    ("host", "proto", "origin", "status"),
    [
        ("chat.example.com", "https", "https://chat.example.com", 404),
        ("chat.example.com:443", "https", "https://chat.example.com", 404),
        ("Chat.Example.com", "https", "https://chat.example.com", 404),
        ("chat.example.com", "https", "http://chat.example.com", 403),
        ("chat.example.com", "http", "https://chat.example.com", 403),
    ],
)
async def test_the_own_origin_is_what_the_browser_was_sent_to(
    site: RunningStack, user: str, host: str, proto: str, origin: str, status: int
) -> None:
    """Scheme, host and port all count, the default port said or not."""
    headers = {"Host": host, "X-Forwarded-Proto": proto, "Origin": origin}
    headers["Cookie"] = f"access={site.tokens.access(user)}"
    assert (await site.http.post(NO_TURN_TO_STOP, headers=headers)).status_code == status


async def test_reading_by_cookie_needs_no_origin(signed_in: httpx.AsyncClient) -> None:
    """A GET changes nothing, and a browser may send it without an Origin."""
    assert (await signed_in.get(NO_TURN)).status_code == 404


async def test_a_bearer_token_needs_no_origin(site: RunningStack, user: str) -> None:
    """No browser sends the header by itself, so it is good from anywhere."""
    for origin in ({}, {"Origin": "https://evil.example"}):
        answer = await site.http.post(NO_TURN_TO_STOP, headers=site.as_user(user) | origin)
        assert answer.status_code == 404


async def test_the_bearer_header_goes_before_the_cookie(
    site: RunningStack, signed_in: httpx.AsyncClient, user: str
) -> None:
    """With both the header's user is the caller, and a bad header is not made good by the cookie."""
    status = await signed_in.get("/api/auth/status/", headers=site.as_user(user))
    assert status.json()["user"]["id"] == user
    assert (await signed_in.get(NO_TURN, headers={"Authorization": "Bearer nonsense"})).status_code == 401
    assert (await signed_in.get(NO_TURN, headers={"Authorization": "Basic for-a-proxy"})).status_code == 404


async def test_a_token_in_the_address_opens_nothing(site: RunningStack, user: str) -> None:
    """Addresses end up in logs, so no parameter is read as a token."""
    token = site.tokens.access(user)
    for name in ("access", "token", "access_token", "Authorization"):
        assert (await site.http.get(NO_TURN, params={name: token})).status_code == 401


@pytest.mark.parametrize("content", [b"", b"{}", b'{"refresh": null}'])
async def test_the_refresh_cookie_renews_both(signed_in: httpx.AsyncClient, content: bytes) -> None:
    """With an empty body or an empty object the cookie counts, and both cookies are set anew."""
    headers = {"Origin": PAGE, "Content-Type": "application/json"}
    answer = await signed_in.post("/api/token/refresh/", content=content, headers=headers)
    assert answer.status_code == 200
    assert answer.json()["user"]["id"] == "demo"
    assert {name: cookie["value"] for name, cookie in cookies_of(answer).items()} == {
        "access": answer.json()["access"],
        "refresh": answer.json()["refresh"],
    }


async def test_a_page_refreshes_without_any_body(signed_in: httpx.AsyncClient) -> None:
    """No body needs no Content-Type."""
    answer = await signed_in.post("/api/token/refresh/", headers={"Origin": PAGE})
    assert set(cookies_of(answer)) == {"access", "refresh"}


async def test_the_body_goes_before_the_refresh_cookie(
    site: RunningStack, signed_in: httpx.AsyncClient, user: str
) -> None:
    """A token in the body needs no Origin, and a bad one is not made good by the cookie."""
    answer = await signed_in.post("/api/token/refresh/", json={"refresh": site.tokens.refresh(user)})
    assert answer.json()["user"]["id"] == user
    assert set(cookies_of(answer)) == {"access", "refresh"}
    refused = await signed_in.post("/api/token/refresh/", json={"refresh": "bad"}, headers={"Origin": PAGE})
    assert (refused.status_code, cookies_of(refused)) == (401, {})


@pytest.mark.parametrize("origin", [{}, {"Origin": "https://evil.example"}])
async def test_a_foreign_page_cannot_refresh(signed_in: httpx.AsyncClient, origin: dict[str, str]) -> None:
    """The refresh cookie counts only from an allowed Origin."""
    answer = await signed_in.post("/api/token/refresh/", headers=origin)
    assert (answer.status_code, cookies_of(answer)) == (403, {})


async def test_refreshing_needs_a_refresh_token(site: RunningStack, browser: httpx.AsyncClient, user: str) -> None:
    """Without one, and with an access token in its place, it is 401."""
    assert (await browser.post("/api/token/refresh/", headers={"Origin": PAGE})).status_code == 401
    headers = {"Origin": PAGE, "Cookie": f"refresh={site.tokens.access(user)}"}
    assert (await browser.post("/api/token/refresh/", headers=headers)).status_code == 401


async def test_the_status_tells_who_is_signed_in(
    site: RunningStack, signed_in: httpx.AsyncClient, user: str
) -> None:
    """By cookie or by header, the user is named."""
    by_cookie = await signed_in.get("/api/auth/status/")
    assert by_cookie.json() == {"authenticated": True, "user": {"id": "demo", "username": "demo"}}
    by_header = await site.http.get("/api/auth/status/", headers=site.as_user(user))
    assert by_header.json() == {"authenticated": True, "user": {"id": user, "username": user}}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer nonsense"},
        {"Cookie": "access=nonsense"},
        {"Cookie": f"access={tokens_of_an_hour_ago().access('late')}"},
    ],
)
async def test_the_status_is_never_an_error(browser: httpx.AsyncClient, headers: dict[str, str]) -> None:
    """Nobody, a bad token and an expired one are told as not signed in."""
    answer = await browser.get("/api/auth/status/", headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"authenticated": False, "user": None})


async def test_logging_out_forgets_both_cookies(signed_in: httpx.AsyncClient) -> None:
    """The jar is empty afterwards, and doing it again, signed out, is fine."""
    assert len(signed_in.cookies.jar) == 2
    for _ in range(2):
        answer = await signed_in.post("/api/auth/logout/", headers={"Origin": PAGE})
        assert (answer.status_code, answer.json()["authenticated"]) == (200, False)
        assert len(signed_in.cookies.jar) == 0


async def test_a_foreign_page_cannot_log_anybody_out(signed_in: httpx.AsyncClient) -> None:
    """The form of another site is refused; a program, which sends no Origin, is served."""
    answer = await signed_in.post("/api/auth/logout/", headers={"Origin": "https://evil.example"})
    assert (answer.status_code, cookies_of(answer)) == (403, {})
    assert (await signed_in.post("/api/auth/logout/")).status_code == 200


def opened(app: FastAPI | None, *, query: str = "", **headers: str) -> HTTPConnection:
    """A WebSocket as the server hands it to its route."""
    raw = [(name.encode(), value.encode()) for name, value in {"host": "chat.example.com", **headers}.items()]
    return HTTPConnection(
        {
            "type": "websocket",
            "scheme": "wss",
            "path": "/ws/chat/x/",
            "query_string": query.encode(),
            "headers": raw,
            "app": app,
        }
    )


async def test_a_socket_knows_its_user_and_when_to_close(site: RunningStack, user: str) -> None:
    """By header from anywhere, by cookie from the own or an allowed page; the expiry is the token's own."""
    expires_at = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=5)
    token = jwt.encode({"sub": user, "exp": expires_at}, SECRET)
    caller = Identity(user_id=user, expires_at=expires_at)
    assert identify(opened(site.app, authorization=f"Bearer {token}")) == caller
    for origin in (PAGE, "https://chat.example.com"):
        assert identify(opened(site.app, cookie=f"access={token}", origin=origin)) == caller


@pytest.mark.parametrize("origin", [None, "null", "https://evil.example", "http://chat.example.com"])
async def test_a_foreign_page_cannot_open_a_socket(site: RunningStack, user: str, origin: str | None) -> None:
    """The cookie alone opens no socket: the Origin must be there and allowed."""
    headers = {"cookie": f"access={site.tokens.access(user)}"} | ({"origin": origin} if origin else {})
    with pytest.raises(Forbidden):
        identify(opened(site.app, **headers))


async def test_a_socket_needs_a_valid_token(site: RunningStack, user: str) -> None:
    """None, an expired one, a refresh token and one in the address are all Unauthorized."""
    for headers in (
        {},
        {"cookie": f"access={tokens_of_an_hour_ago().access(user)}"},
        {"cookie": f"access={site.tokens.refresh(user)}"},
        {"authorization": f"Bearer {tokens_of_an_hour_ago().access(user)}"},
    ):
        with pytest.raises(Unauthorized):
            identify(opened(site.app, query=f"token={site.tokens.access(user)}", origin=PAGE, **headers))


async def test_an_issuer_may_give_tokens_for_ever(site: RunningStack, user: str) -> None:
    """An expiry beyond what a date can hold is the latest date, no crash."""
    token = jwt.encode({"sub": user, "exp": 10**15}, SECRET)
    assert site.tokens.identity_of(token).expires_at.year == 9999


async def test_an_allowed_page_may_send_what_clients_send(site: RunningStack) -> None:
    """The preflight of the allowed page lets every method and header of the API through, with cookies."""
    headers = "authorization, content-type, idempotency-key, x-correlation-id, prefer, last-event-id"
    for method in ("GET", "POST", "PUT", "DELETE"):
        answer = await preflight(site, PAGE, method, headers)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == PAGE
        assert answer.headers["access-control-allow-credentials"] == "true"
    assert (await preflight(site, "https://evil.example", "POST", headers)).status_code == 400


async def preflight(site: RunningStack, origin: str, method: str, headers: str) -> httpx.Response:
    asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}
    return await site.http.options("/api/chat/", headers={"Origin": origin, **asked})


async def test_an_allowed_page_can_read_every_answer(
    site: RunningStack, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Success and errors, a crash included, name the allowed Origin; otherwise the page sees nothing at all."""
    crowd = site.as_user(user) | {"Origin": PAGE}
    answers = [
        await site.http.get("/api/auth/status/", headers=crowd),
        await site.http.get(NO_TURN, headers={"Origin": PAGE}),
        await site.http.get(NO_TURN, headers=crowd),
        await site.http.post("/api/chat/", content=b"x" * (MAX_BODY_BYTES + 1), headers=crowd),
    ]
    monkeypatch.setattr(site.app.state, "conversations", None)
    answers.append(await site.http.get(NO_TURN, headers=crowd))
    assert [answer.status_code for answer in answers] == [200, 401, 404, 413, 500]
    for answer in answers:
        assert answer.headers["access-control-allow-origin"] == PAGE
        assert answer.headers["access-control-allow-credentials"] == "true"
        assert answer.headers["access-control-expose-headers"] == "Preference-Applied, Retry-After"
        assert "Origin" in answer.headers["vary"]


async def test_a_foreign_page_can_read_no_answer(site: RunningStack) -> None:
    """Without an allowed Origin no answer names one."""
    for origin in ("https://evil.example", "null"):
        answer = await site.http.get("/api/auth/status/", headers={"Origin": origin})
        assert "access-control-allow-origin" not in answer.headers


async def test_both_ways_to_sign_in_are_declared(site: RunningStack) -> None:
    """OpenAPI names the bearer header and the cookie, either of which is enough."""
    document = (await site.http.get("/openapi.json")).json()
    schemes = document["components"]["securitySchemes"]
    kinds = {name: (scheme["type"], scheme.get("in")) for name, scheme in schemes.items()}
    accepted = [kinds[name] for one in document["paths"]["/api/chat/"]["post"]["security"] for name in one]
    assert sorted(accepted) == [("apiKey", "cookie"), ("http", None)]


@pytest.mark.parametrize(
    ("said", "origins"),
    [
        ("", ()),
        (PAGE, (PAGE,)),
        (f"{PAGE}, http://localhost:3000,", (PAGE, "http://localhost:3000")),
        (f'["{PAGE}", "http://[::1]:3000"]', (PAGE, "http://[::1]:3000")),
        ("capacitor://localhost", ("capacitor://localhost",)),
    ],
)
def test_origins_are_said_with_commas_or_as_json(
    monkeypatch: pytest.MonkeyPatch, said: str, origins: tuple[str, ...]
) -> None:
    """CORS_ORIGINS takes both ways of writing a list."""
    monkeypatch.setenv("CORS_ORIGINS", said)
    assert Settings().cors_origins == origins


@pytest.mark.parametrize(
    "said",
    [
        "*",
        f"{PAGE},*",
        f"{PAGE}/",
        f"{PAGE}/chat",
        f"{PAGE}:443",
        "http://app.example.com:80",
        "HTTPS://app.example.com",
        "https://*.example.com",
        "https://me@app.example.com",
        "app.example.com",
        "null",
        f'["{PAGE}"',
    ],
)
def test_an_origin_that_no_browser_sends_stops_the_start(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    """What could never match, or would match everybody, is refused with a sentence that says what to write."""
    monkeypatch.setenv("CORS_ORIGINS", said)
    with pytest.raises(ValidationError, match=r"CORS_ORIGINS .*[Ww]rite.* .*https://app\.example\.com"):
        Settings()
