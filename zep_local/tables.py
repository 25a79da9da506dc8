"""The memory server's tables; they share a database with the chat in the embedded stack, but no row."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, MetaData, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from adapters.database import NAMING_CONVENTION, UTCDateTime

ZEP_METADATA = MetaData(naming_convention=NAMING_CONVENTION)
JSON_COLUMN = JSON().with_variant(JSONB(), "postgresql")


class MemoryTable(SQLModel):
    metadata = ZEP_METADATA


def _time() -> Column[datetime]:
    return Column(UTCDateTime(), nullable=False)


def _metadata() -> Column[Any]:
    return Column("metadata", JSON_COLUMN, nullable=True)


class ZepUserRow(MemoryTable, table=True):
    __tablename__ = "zep_user"

    user_id: str = Field(primary_key=True)
    uuid: str = Field(max_length=36)
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    notes: dict[str, Any] | None = Field(default=None, sa_column=_metadata())
    created_at: datetime = Field(sa_column=_time())


class ZepSessionRow(MemoryTable, table=True):
    """`user_id` is absent when the first message came before the session was made."""

    __tablename__ = "zep_session"

    session_id: str = Field(primary_key=True)
    uuid: str = Field(max_length=36)
    user_id: str | None = Field(default=None, foreign_key="zep_user.user_id", ondelete="CASCADE", index=True)
    notes: dict[str, Any] | None = Field(default=None, sa_column=_metadata())
    created_at: datetime = Field(sa_column=_time())


class ZepMessageRow(MemoryTable, table=True):
    """`seq` keeps the order of insertion; `uuid` is unique over all sessions."""

    __tablename__ = "zep_message"
    __table_args__ = (Index("ix_zep_message_session_id_seq", "session_id", "seq"),)

    seq: int | None = Field(
        default=None,
        sa_column=Column(BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True),
    )
    uuid: str = Field(unique=True, max_length=36)
    session_id: str = Field(foreign_key="zep_session.session_id", ondelete="CASCADE")
    role: str | None = None
    role_type: str = Field(max_length=16)
    content: str = Field(sa_column=Column(Text, nullable=False))
    notes: dict[str, Any] | None = Field(default=None, sa_column=_metadata())
    created_at: datetime = Field(sa_column=_time())
