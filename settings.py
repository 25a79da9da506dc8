"""The only reader of the environment. The Temporal connection is read by the SDK itself (TEMPORAL_*)."""

import hashlib
import json
import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from domain.memory import MemoryMode
from domain.turn import ReplyMode

# `*` is none: cookies are sent, so with it any web page could act for whoever opens it.
ORIGIN = re.compile(
    r"(?!http://.*:80$|https://.*:443$)"  # browsers leave the default port out
    r"[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?"
)


class Settings(BaseSettings):
    """Everything a process may be told. Each field is the environment variable of the same name.

    Attributes:
        islanders_home: state of the embedded stack: databases, logs, generated secrets.
        islanders_embedded: the one-command stack: demo user, local memory server under /zep.
        jwt_secret: signs and checks bearer tokens (HS256), at least 32 bytes.
        cors_origins: web pages of other origins that may call the API with its cookies; comma separated or a JSON
            list, each as a browser names it: scheme://host[:port].
        listings_base_url: where the worker reaches the search API.
        temporal_ui_url: base of the Temporal Web UI for the links in answers; absent: no links.
        reply_model_base_url, reply_model: an OpenAI-compatible endpoint, without /chat/completions, and the
            model's name there; absent: replies are written by templates.
        open_turns_per_user, new_turns_per_minute: limits of product behaviour; repeats do not count.
        worker_shutdown_seconds: how long a worker lets running activities finish after SIGTERM.
    """

    # Hidden: a message about a wrong value would print the values around it, secrets among them.
    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True
    )

    islanders_home: Path = Path(".islanders")
    islanders_embedded: bool = False
    islanders_host: str = "127.0.0.1"
    islanders_port: int = Field(default=8000, ge=1, le=65535)
    islanders_temporal_port: int = Field(default=7233, ge=1, le=65535)
    islanders_temporal_ui_port: int = Field(default=8233, ge=1, le=65535)

    database_url: str = "sqlite+aiosqlite:///.islanders/islanders.db"
    jwt_secret: SecretStr = SecretStr("")
    token_minutes: int = 60
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()

    listings_base_url: str = "http://127.0.0.1:8000"
    temporal_ui_url: str | None = None

    zep_base_url: str = "http://127.0.0.1:8000/zep"
    zep_api_key: SecretStr = SecretStr("")
    zep_read: bool = True
    zep_write: bool = True
    zep_timeout_ms: int = Field(default=1400, ge=50, le=60_000)
    zep_api_url: str | None = Field(default=None, description="must not be set: zep-python obeys it silently")

    reply_model_base_url: str | None = None
    reply_model: str | None = None
    reply_model_api_key: SecretStr = SecretStr("")

    new_turns_per_minute: int = Field(default=30, ge=1)
    open_turns_per_user: int = Field(default=20, ge=1)
    worker_shutdown_seconds: int = Field(default=30, ge=0)

    @field_validator("zep_base_url")
    @classmethod
    def _bare_base(cls, url: str) -> str:
        bare = url.rstrip("/")
        if bare.endswith("/api/v2"):
            raise ValueError(
                f"ZEP_BASE_URL must not end in /api/v2, zep-python adds it. Write {bare.removesuffix('/api/v2')}"
            )
        return bare

    @field_validator("reply_model_base_url")
    @classmethod
    def _address_of_a_model(cls, url: str | None) -> str | None:
        if url is None:
            return None
        bare = url.strip().rstrip("/")
        if bare.endswith("/chat/completions"):
            raise ValueError(
                "REPLY_MODEL_BASE_URL must not end in /chat/completions, that is added. Write what is before it"
            )
        if not _is_web_address(bare):
            raise ValueError(
                "REPLY_MODEL_BASE_URL is no address of the web. Write http:// or https:// and a host, "
                "such as https://api.openai.com/v1 or http://127.0.0.1:11434/v1"
            )
        return bare

    @field_validator("reply_model_api_key")
    @classmethod
    def _sendable_key(cls, key: SecretStr) -> SecretStr:
        if not re.fullmatch(r"[!-~]*", key.get_secret_value()):
            raise ValueError(
                "REPLY_MODEL_API_KEY holds a character that no HTTP header takes, such as a space or a line "
                "break. Write the key alone"
            )
        return key

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _several_origins(cls, said: object) -> object:
        if not isinstance(said, str):
            return said
        if not said.lstrip().startswith("["):
            return [origin.strip() for origin in said.split(",") if origin.strip()]
        try:
            return json.loads(said)
        except json.JSONDecodeError as error:
            raise ValueError(
                'CORS_ORIGINS begins like a JSON list and is none. Write ["https://app.example.com"]'
            ) from error

    @field_validator("cors_origins")
    @classmethod
    def _origins_as_browsers_name_them(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if not ORIGIN.fullmatch(origin):
                raise ValueError(
                    f"CORS_ORIGINS holds {origin!r}. Write scheme://host or scheme://host:port, in lower case, "
                    "without a path and without the default port, such as https://app.example.com"
                )
        return origins

    @model_validator(mode="after")
    def _one_memory_address(self) -> "Settings":
        if self.zep_api_url is not None:
            raise ValueError(
                "ZEP_API_URL is set and would silently replace ZEP_BASE_URL. Unset it and write ZEP_BASE_URL"
            )
        return self

    @model_validator(mode="after")
    def _model_and_its_address(self) -> "Settings":
        if self.reply_model and not self.reply_model_base_url:
            raise ValueError(
                "REPLY_MODEL is set without REPLY_MODEL_BASE_URL. Write the address of its OpenAI-compatible "
                "endpoint too, such as https://api.openai.com/v1, or unset REPLY_MODEL for replies by templates"
            )
        if self.reply_model_base_url and not self.reply_model:
            raise ValueError(
                "REPLY_MODEL_BASE_URL is set without REPLY_MODEL. Write the model's name at that endpoint too, "
                "or unset REPLY_MODEL_BASE_URL for replies by templates"
            )
        return self

    @property
    def reply_mode(self) -> ReplyMode:
        """Who writes the replies of the turns that are started from now on."""
        return ReplyMode.MODEL if self.reply_model else ReplyMode.TEMPLATE

    @property
    def memory_mode(self) -> MemoryMode:
        return {
            (True, True): MemoryMode.READ_WRITE,
            (True, False): MemoryMode.READ_ONLY,
            (False, True): MemoryMode.WRITE_ONLY,
            (False, False): MemoryMode.OFF,
        }[self.zep_read, self.zep_write]

    @property
    def fingerprint(self) -> str:
        """Eight hex digits over the settings that API and worker must agree on; secrets go in hashed."""
        shared = (
            self.database_url,
            self.listings_base_url,
            self.zep_base_url,
            hashlib.sha256(self.zep_api_key.get_secret_value().encode()).hexdigest(),
            self.memory_mode,
            self.zep_timeout_ms,
            self.reply_model_base_url,
            self.reply_model,
            hashlib.sha256(self.reply_model_api_key.get_secret_value().encode()).hexdigest(),
        )
        return hashlib.sha256(repr(shared).encode()).hexdigest()[:8]


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that do not match, or a port beyond 65535
        return False
