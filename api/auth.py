"""Who is calling: a bearer token, signed with the deployment's secret (HS256)."""

import hmac
from datetime import UTC, datetime, timedelta
from typing import Annotated

import jwt
from fastapi import APIRouter, Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, Field

from api.errors import declared
from domain.errors import Forbidden, Unauthorized, WrongCredentials

router = APIRouter(tags=["auth"])

ALGORITHM = "HS256"
LONGEST_USER_ID = 64
REFRESH_LIFETIME = timedelta(days=30)
DEMO_USER = "demo"
DEMO_PASSWORD = "demo"  # noqa: S105 - exists in the embedded stack only, which says so


class Tokens:
    """Issues and reads tokens. `demo_user` opens the password route, for the embedded stack alone."""

    def __init__(self, secret: str, *, access_lifetime: timedelta, demo_user: bool) -> None:
        self._secret = secret
        self._access_lifetime = access_lifetime
        self.demo_user = demo_user

    def access(self, user_id: str) -> str:
        return self._signed(user_id, "access", self._access_lifetime)

    def refresh(self, user_id: str) -> str:
        return self._signed(user_id, "refresh", REFRESH_LIFETIME)

    def user_of(self, token: str, *, kind: str = "access") -> str:
        """The user a token speaks for. Raises Unauthorized for any other text, and for another kind of token.

        A deployment's own issuer need not know our kinds: a token without one is an access token.
        """
        try:
            claims = jwt.decode(token, self._secret, algorithms=[ALGORITHM], options={"require": ["exp", "sub"]})
        except jwt.InvalidTokenError as error:
            raise Unauthorized from error
        if claims.get("type", "access") != kind or not 0 < len(claims["sub"]) <= LONGEST_USER_ID:
            raise Unauthorized
        return str(claims["sub"])

    def _signed(self, user_id: str, kind: str, lifetime: timedelta) -> str:
        claims = {"sub": user_id, "type": kind, "exp": datetime.now(UTC) + lifetime}
        return jwt.encode(claims, self._secret, algorithm=ALGORITHM)


bearer = HTTPBearer(auto_error=False, description="the access token of POST /api/token/, or of your issuer")


def current_user(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> str:
    """Raises Unauthorized without a valid `Authorization: Bearer` header."""
    if credentials is None:
        raise Unauthorized
    tokens: Tokens = request.app.state.tokens
    return tokens.user_of(credentials.credentials.strip())


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
async def issue_token(credentials: Credentials, request: Request) -> TokenPair:
    """Tokens of the demo user of the embedded stack; a deployment brings its own issuer."""
    tokens: Tokens = request.app.state.tokens
    if not tokens.demo_user:
        raise Forbidden
    if not (_same(credentials.username, DEMO_USER) and _same(credentials.password, DEMO_PASSWORD)):
        raise WrongCredentials
    return _pair(tokens, DEMO_USER)


class RefreshRequest(BaseModel):
    refresh: str


@router.post("/api/token/refresh/", responses=declared(400, 401))
async def refresh_token(body: RefreshRequest, request: Request) -> TokenPair:
    """A new pair for a refresh token that is still valid."""
    tokens: Tokens = request.app.state.tokens
    return _pair(tokens, tokens.user_of(body.refresh, kind="refresh"))


def _pair(tokens: Tokens, user_id: str) -> TokenPair:
    return TokenPair(
        access=tokens.access(user_id),
        refresh=tokens.refresh(user_id),
        user=User(id=user_id, username=user_id),
    )


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), expected.encode())
