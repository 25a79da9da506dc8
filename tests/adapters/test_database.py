"""What a call that is cancelled leaves behind: nothing."""

import asyncio
from datetime import UTC, datetime

from sqlmodel import select

from adapters.database import Database, insert_if_absent
from adapters.tables import UserRow


async def write(database: Database, user_id: str) -> None:
    async with database.writing() as session:
        await insert_if_absent(session, UserRow, id=user_id, created_at=datetime.now(UTC))
        await session.exec(select(UserRow.id).where(UserRow.id == user_id))


async def test_a_write_that_is_cancelled_anywhere_holds_nobody_up(database: Database) -> None:
    """Stopped at each of its steps in turn, a write gives its lock back at once: the next one is done."""
    errors = []
    for steps in range(120):
        stopped = asyncio.create_task(write(database, f"stopped-{steps}"))
        for _ in range(steps):
            await asyncio.wait({stopped}, timeout=0)
        stopped.cancel()
        errors += await asyncio.gather(stopped, return_exceptions=True)  # kept, as whoever logs them does
        async with asyncio.timeout(15):
            await write(database, f"next-{steps}")
    assert any(isinstance(error, asyncio.CancelledError) for error in errors)
