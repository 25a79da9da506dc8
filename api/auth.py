"""Who is calling: a token signed with the deployment's secret (HS256), as a bearer header or as a cookie.

A browser sends a cookie whoever wrote the page. So where a cookie could do harm, the origin of the page must be
allowed.
"""

import hmac
from datetime import UTC, datetime, timedelta
from typing import Annotated

import jwt
from fastapi import APIRouter, Depends, Request, Response
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer
from fastapi.security.utils import get_authorization_scheme_param
from pydantic import BaseModel, Field
from starlette.requests import HTTPConnection

from api.errors import declared
from domain.errors import Forbidden, Unauthorized, WrongCredentials
from domain.value import Value

router = APIRouter(tags=["auth"])

ALGORITHM = "HS256"
LONGEST_USER_ID = 64
REFRESH_LIFETIME = timedelta(days=30)
ACCESS_COOKIE = "access"
REFRESH_COOKIE = "refresh"
REFRESH_PATH = "/api/token/refresh/"
COOKIE_PATHS = {ACCESS_COOKIE: "/", REFRESH_COOKIE: REFRESH_PATH}
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
DEFAULT_PORTS = {"http": ":80", "https": ":443"}
LATEST_EXPIRY = datetime(9999, 12, 31, tzinfo=UTC)
DEMO_USER = "demo"
DEMO_PASSWORD = "demo"  # noqa: S105 - exists in the embedded stack only, which says so


class Identity(Value):
    """Who calls, and until when the credential holds."""

    user_id: str
    expires_at: datetime


class Tokens:
    """Issues and reads tokens. `demo_user` opens the password route, for the embedded stack alone."""

    def __init__(self, secret: str, *, access_lifetime: timedelta, demo_user: bool) -> None:
        self._secret = secret
        self.access_lifetime = access_lifetime
        self.demo_user = demo_user

    def access(self, user_id: str) -> str:
        return self._signed(user_id, "access", self.access_lifetime)

    def refresh(self, user_id: str) -> str:
        return self._signed(user_id, "refresh", REFRESH_LIFETIME)

    def user_of(self, token: str, *, kind: str = "access") -> str:
        return self.identity_of(token, kind=kind).user_id

    def identity_of(self, token: str, *, kind: str = "access") -> Identity:
        """Whom a token speaks for. Raises Unauthorized for any other text, and for another kind of token.

        A deployment's own issuer need not know our kinds: a token without one is an access token.
        """
        try:
            claims = jwt.decode(token, self._secret, algorithms=[ALGORITHM], options={"require": ["exp", "sub"]})
        except jwt.InvalidTokenError as error:
            raise Unauthorized from error
        if claims.get("type", "access") != kind or not 0 < len(claims["sub"]) <= LONGEST_USER_ID:
            raise Unauthorized
        expires_at = min(int(claims["exp"]), LATEST_EXPIRY.timestamp())
        return Identity(user_id=claims["sub"], expires_at=datetime.fromtimestamp(expires_at, UTC))

    def _signed(self, user_id: str, kind: str, lifetime: timedelta) -> str:
        claims = {"sub": user_id, "type": kind, "exp": datetime.now(UTC) + lifetime}
        return jwt.encode(claims, self._secret, algorithm=ALGORITHM)


def identify(connection: HTTPConnection) -> Identity:
    """Who opened an HTTP request or a WebSocket: the bearer header if there is one, else the cookie `access`.

    Raises Unauthorized without a valid token, and Forbidden for a cookie that comes with an unsafe method or
    opens a WebSocket, unless an allowed Origin comes with it. A token in the URL is never read.
    """
    tokens: Tokens = connection.app.state.tokens
    scheme, token = get_authorization_scheme_param(connection.headers.get("authorization"))
    if scheme.lower() == "bearer":
        return tokens.identity_of(token)
    identity = tokens.identity_of(_cookie(connection, ACCESS_COOKIE))
    if connection.scope.get("method") not in SAFE_METHODS:  # a WebSocket has no method
        _require_allowed_origin(connection)
    return identity


def _cookie(connection: HTTPConnection, name: str) -> str:
    if name not in connection.cookies:
        raise Unauthorized
    return connection.cookies[name]


def _require_allowed_origin(connection: HTTPConnection) -> None:
    origin = connection.headers.get("origin")
    if origin != _own_origin(connection) and origin not in connection.app.state.settings.cors_origins:
        raise Forbidden


def _own_origin(connection: HTTPConnection) -> str:
    """The origin of a page that this host serves itself, as a browser writes it: without the default port."""
    scheme = "https" if _is_encrypted(connection) else "http"
    host = connection.headers.get("host", "").lower()
    return f"{scheme}://{host.removesuffix(DEFAULT_PORTS[scheme])}"


def _is_encrypted(connection: HTTPConnection) -> bool:
    return connection.url.scheme in ("https", "wss")


bearer = HTTPBearer(auto_error=False, description="the access token of POST /api/token/, or of your issuer")
access_cookie = APIKeyCookie(
    name=ACCESS_COOKIE,
    auto_error=False,
    description="the same token as a cookie; a method other than GET, HEAD and OPTIONS needs an allowed Origin",
)


async def current_user(
    request: Request,
    _declared_bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
    _declared_cookie: Annotated[str | None, Depends(access_cookie)],
) -> str:
    """As `identify`. The two schemes are there for OpenAPI."""
    return identify(request).user_id


CurrentUser = Annotated[str, Depends(current_user)]


class Credentials(BaseModel):
    username: str = Field(examples=[DEMO_USER])
    password: str = Field(examples=[DEMO_PASSWORD])


class User(BaseModel):
    id: str
    username: str


class TokenPair(BaseModel):
    access: str
    refresh: str
    user: User


@router.post("/api/token/", responses=declared(400, 401, 403))
@router.post("/api/auth/login/", responses=declared(400, 401, 403))
async def issue_token(credentials: Credentials, request: Request, response: Response) -> TokenPair:
    """Tokens of the demo user of the embedded stack, also as cookies; a deployment brings its own issuer."""
    tokens: Tokens = request.app.state.tokens
    if not tokens.demo_user:
        raise Forbidden
    if not (_same(credentials.username, DEMO_USER) and _same(credentials.password, DEMO_PASSWORD)):
        raise WrongCredentials
    return _signed_in(DEMO_USER, request, response)


class RefreshRequest(BaseModel):
    refresh: str | None = None


@router.post(REFRESH_PATH, responses=declared(400, 401, 403))
async def refresh_token(request: Request, response: Response, body: RefreshRequest | None = None) -> TokenPair:
    """A new pair, also as cookies, for a refresh token that is still valid: the body's, else the cookie's.

    The cookie needs an allowed Origin.
    """
    tokens: Tokens = request.app.state.tokens
    if body is not None and body.refresh is not None:
        return _signed_in(tokens.user_of(body.refresh, kind="refresh"), request, response)
    user_id = tokens.user_of(_cookie(request, REFRESH_COOKIE), kind="refresh")
    _require_allowed_origin(request)
    return _signed_in(user_id, request, response)


class AuthStatus(BaseModel):
    authenticated: bool
    user: User | None = None


@router.get("/api/auth/status/")
async def auth_status(request: Request) -> AuthStatus:
    """Whether the caller is signed in, and as whom; never an error."""
    try:
        identity = identify(request)
    except Unauthorized:
        return AuthStatus(authenticated=False)
    return AuthStatus(authenticated=True, user=_user(identity.user_id))


@router.post("/api/auth/logout/", responses=declared(403))
async def log_out(request: Request, response: Response) -> AuthStatus:
    """Takes both cookies away, also where there are none. A token kept elsewhere holds until it expires."""
    if "origin" in request.headers:  # the answer clears cookies even where a foreign page's form sent none
        _require_allowed_origin(request)
    for name, path in COOKIE_PATHS.items():
        response.delete_cookie(name, path, secure=_is_encrypted(request), httponly=True, samesite="lax")
    return AuthStatus(authenticated=False)


def _signed_in(user_id: str, request: Request, response: Response) -> TokenPair:
    """A new pair of tokens, in the answer's body and in its cookies."""
    tokens: Tokens = request.app.state.tokens
    pair = TokenPair(access=tokens.access(user_id), refresh=tokens.refresh(user_id), user=_user(user_id))
    _set_cookie(request, response, ACCESS_COOKIE, pair.access, tokens.access_lifetime)
    _set_cookie(request, response, REFRESH_COOKIE, pair.refresh, REFRESH_LIFETIME)
    return pair


def _set_cookie(request: Request, response: Response, name: str, token: str, lifetime: timedelta) -> None:
    response.set_cookie(
        name,
        token,
        max_age=int(lifetime.total_seconds()),
        path=COOKIE_PATHS[name],
        secure=_is_encrypted(request),
        httponly=True,
        samesite="lax",
    )


def _user(user_id: str) -> User:
    return User(id=user_id, username=user_id)


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), expected.encode())
