"""The chat's tables. A row is not a domain type: domain values validate, rows only store."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Column, ForeignKey, Index, MetaData, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from adapters.database import NAMING_CONVENTION, UTCDateTime

JSON_COLUMN = JSON().with_variant(JSONB(), "postgresql")

CHAT_METADATA = MetaData(naming_convention=NAMING_CONVENTION)


class Table(SQLModel):
    """Base of all chat tables; keeps them apart from the memory server's."""

    metadata = CHAT_METADATA


def _time(*, nullable: bool = False) -> Column[datetime]:
    return Column(UTCDateTime(), nullable=nullable)


class UserRow(Table, table=True):
    __tablename__ = "user_account"

    id: str = Field(primary_key=True, max_length=64)
    created_at: datetime = Field(sa_column=_time())


class ThreadRow(Table, table=True):
    """`last_seq` hands out turn numbers; the row is locked while one is taken.

    `read_seq`: the last turn whose reply the user has read. `forgotten_at`: set while the thread is being
    deleted; the row itself goes last.
    """

    __tablename__ = "thread"
    __table_args__ = (
        Index(
            "ix_thread_one_active_per_user",
            "user_id",
            unique=True,
            sqlite_where=text("is_active"),
            postgresql_where=text("is_active"),
        ),
        Index("ix_thread_user_id_created_at", "user_id", "created_at"),
    )

    id: str = Field(primary_key=True, max_length=36)
    user_id: str = Field(foreign_key="user_account.id", max_length=64)
    name: str | None = Field(default=None, max_length=64)
    is_active: bool = False
    last_seq: int = 0
    read_seq: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    created_at: datetime = Field(sa_column=_time())
    forgotten_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))


class TurnRow(Table, table=True):
    """`language`: the one asked for with the message, where one was. `regenerates`: the turn whose message this
    one answers anew. `state_before`: what the turn began with.
    """

    __tablename__ = "turn"
    __table_args__ = (
        UniqueConstraint("thread_id", "client_msg_id"),
        UniqueConstraint("thread_id", "seq"),
        Index("ix_turn_user_id_accepted_at", "user_id", "accepted_at"),
        Index("ix_turn_user_id_client_msg_id", "user_id", "client_msg_id"),
    )

    id: str = Field(primary_key=True, max_length=80)
    thread_id: str = Field(foreign_key="thread.id", max_length=36)
    user_id: str = Field(max_length=64)
    client_msg_id: str = Field(max_length=36)
    seq: int
    workflow_id: str = Field(max_length=255)
    status: str = Field(max_length=16)
    fingerprint: str = Field(max_length=64, description="of the body it was posted with")
    correlation_id: str | None = Field(default=None, max_length=128)
    language: str | None = Field(default=None, max_length=2)
    accepted_at: datetime = Field(sa_column=_time())
    started_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    ended_at: datetime | None = Field(default=None, sa_column=_time(nullable=True))
    result: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON_COLUMN, nullable=True))
    regenerates: str | None = Field(default=None, max_length=80)
    state_before: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON_COLUMN, nullable=True))
    error_code: str | None = Field(default=None, max_length=64)


class MessageRow(Table, table=True):
    """One text of a turn. The unique pair makes a doubled reply impossible to store."""

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("turn_id", "role"),
        Index("ix_message_thread_id_seq", "thread_id", "seq"),
    )

    id: str = Field(primary_key=True, max_length=36)
    thread_id: str = Field(foreign_key="thread.id", max_length=36)
    turn_id: str = Field(sa_column=Column(ForeignKey("turn.id"), nullable=False))
    seq: int = Field(description="the turn's number")
    role: str = Field(max_length=16)
    text: str = Field(sa_column=Column(Text, nullable=False))
    agent: str | None = Field(default=None, max_length=32)
    cards: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSON_COLUMN, nullable=False))
    created_at: datetime = Field(sa_column=_time())


class ThreadStateRow(Table, table=True):
    """The dialogue's state after turn `seq`."""

    __tablename__ = "thread_state"

    thread_id: str = Field(primary_key=True, foreign_key="thread.id", max_length=36)
    seq: int
    state: dict[str, Any] = Field(sa_column=Column(JSON_COLUMN, nullable=False))


class PreferenceRow(Table, table=True):
    """What a user prefers. `thread_id` is where an inferred one came from; it goes with its thread."""

    __tablename__ = "preference"
    __table_args__ = (
        UniqueConstraint("user_id", "key", "source"),
        Index("ix_preference_thread_id", "thread_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    user_id: str = Field(foreign_key="user_account.id", max_length=64)
    key: str = Field(max_length=32)
    value: Any = Field(sa_column=Column(JSON_COLUMN, nullable=False))
    source: str = Field(max_length=16, description="explicit or inferred")
    thread_id: str | None = Field(default=None, max_length=36)
    updated_at: datetime = Field(sa_column=_time())


class ListingRow(Table, table=True):
    """A listing. `city` and `district` are gazetteer ids.

    `*_gbp`, `amenity_codes` and `search_text` are derived from the rest by adapters/listing_rows.py, for the
    search to compare by.
    """

    __tablename__ = "listing"
    __table_args__ = (
        Index("ix_listing_city_monthly_gbp", "city", "monthly_gbp"),
        Index("ix_listing_city_nightly_gbp", "city", "nightly_gbp"),
        Index("ix_listing_listed_at", "listed_at"),
    )

    id: str = Field(primary_key=True, max_length=36)
    reference: str = Field(unique=True, max_length=32)
    title: str
    description: str = Field(sa_column=Column(Text, nullable=False))
    city: str = Field(max_length=32)
    district: str | None = Field(default=None, max_length=48)
    lat: float
    lng: float
    bedrooms: int
    bathrooms: int
    property_type: str = Field(max_length=16)
    rent_type: str | None = Field(default=None, max_length=16, description="short_term, long_term, both or null")
    currency: str = Field(max_length=3)
    monthly_price: float | None = None
    nightly_price: float | None = None
    sale_price: float | None = None
    monthly_gbp: float | None = None
    nightly_gbp: float | None = None
    sale_gbp: float | None = None
    available_from: date | None = None
    min_term_months: int | None = None
    min_nights: int | None = None
    deposit: float | None = None
    sqm: int | None = None
    amenities: list[str] = Field(default_factory=list, sa_column=Column(JSON_COLUMN, nullable=False))
    images: list[str] = Field(default_factory=list, sa_column=Column(JSON_COLUMN, nullable=False))
    amenity_codes: str = Field(description="between bars, |ac|wifi|: one way to ask on both databases")
    search_text: str = Field(sa_column=Column(Text, nullable=False), description="folded words")
    agency_name: str
    rating: float | None = None
    listed_at: datetime = Field(sa_column=_time())


class ShortTermBlockRow(Table, table=True):
    """Nights a listing is taken: from `check_in` to the morning of `check_out` (half-open)."""

    __tablename__ = "short_term_block"
    __table_args__ = (Index("ix_short_term_block_listing_id_check_in", "listing_id", "check_in"),)

    id: int | None = Field(default=None, primary_key=True)
    listing_id: str = Field(foreign_key="listing.id", max_length=36)
    check_in: date
    check_out: date
