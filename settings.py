"""The only reader of the environment. The Temporal connection is read by the SDK itself (TEMPORAL_*)."""

import hashlib
from pathlib import Path

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.memory import MemoryMode


class Settings(BaseSettings):
    """Everything a process may be told. Each field is the environment variable of the same name.

    Attributes:
        islanders_home: state of the embedded stack: databases, logs, generated secrets.
        islanders_embedded: the one-command stack: demo user, local memory server under /zep.
        jwt_secret: signs and checks bearer tokens (HS256), at least 32 bytes.
        listings_base_url: where the worker reaches the search API.
        temporal_ui_url: base of the Temporal Web UI for the links in answers; absent: no links.
        open_turns_per_user, new_turns_per_minute: limits of product behaviour; repeats do not count.
        worker_shutdown_seconds: how long a worker lets running activities finish after SIGTERM.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    islanders_home: Path = Path(".islanders")
    islanders_embedded: bool = False
    islanders_host: str = "127.0.0.1"
    islanders_port: int = Field(default=8000, ge=1, le=65535)
    islanders_temporal_port: int = Field(default=7233, ge=1, le=65535)
    islanders_temporal_ui_port: int = Field(default=8233, ge=1, le=65535)

    database_url: str = "sqlite+aiosqlite:///.islanders/islanders.db"
    jwt_secret: SecretStr = SecretStr("")
    token_minutes: int = 60

    listings_base_url: str = "http://127.0.0.1:8000"
    temporal_ui_url: str | None = None

    zep_base_url: str = "http://127.0.0.1:8000/zep"
    zep_api_key: SecretStr = SecretStr("")
    zep_read: bool = True
    zep_write: bool = True
    zep_timeout_ms: int = Field(default=1400, ge=50, le=60_000)
    zep_api_url: str | None = Field(default=None, description="must not be set: zep-python obeys it silently")

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

    @model_validator(mode="after")
    def _one_memory_address(self) -> "Settings":
        if self.zep_api_url is not None:
            raise ValueError(
                "ZEP_API_URL is set and would silently replace ZEP_BASE_URL. Unset it and write ZEP_BASE_URL"
            )
        return self

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
        )
        return hashlib.sha256(repr(shared).encode()).hexdigest()[:8]
