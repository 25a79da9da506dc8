"""Fills an empty listings table for a stack without real listings."""

from collections.abc import Iterator
from itertools import islice

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.database import Database
from adapters.illustrative_listings import illustrative_listings
from adapters.listing_rows import row_of
from adapters.tables import ListingRow, ShortTermBlockRow

BATCH = 100


async def seed_listings(database: Database) -> int:
    """Insert the illustrative listings that are missing and answer how many those were.

    One transaction a batch: an interrupted run is completed by the next.
    """
    rows = iter(_rows())
    inserted = 0
    while batch := tuple(islice(rows, BATCH)):
        async with database.writing() as session:
            inserted += await _insert_missing(session, batch)
    return inserted


def _rows() -> Iterator[tuple[ListingRow, tuple[ShortTermBlockRow, ...]]]:
    for listing, listed_at, stays in illustrative_listings():
        blocks = tuple(
            ShortTermBlockRow(listing_id=listing.id, check_in=stay.check_in, check_out=stay.check_out)
            for stay in stays
        )
        yield row_of(listing, listed_at), blocks


async def _insert_missing(
    session: AsyncSession, batch: tuple[tuple[ListingRow, tuple[ShortTermBlockRow, ...]], ...]
) -> int:
    known = set((await session.exec(select(ListingRow.id))).all())
    missing = [(row, blocks) for row, blocks in batch if row.id not in known]
    session.add_all(row for row, _ in missing)
    # The tables declare no relationship, so the listings must be there before the blocks that name them.
    await session.flush()
    session.add_all(block for _, blocks in missing for block in blocks)
    return len(missing)
