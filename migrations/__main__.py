"""Bring the database up to date: `python -m migrations [--seed]`."""

import asyncio
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config

from adapters.database import Database
from adapters.seed_listings import seed_listings
from settings import Settings


def alembic_config(database_url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["database_url"] = database_url
    return config


def migrate(database_url: str) -> None:
    command.upgrade(alembic_config(database_url), "head")


async def _seed(database_url: str) -> None:
    database = Database(database_url)
    await seed_listings(database)
    await database.close()


def main() -> None:
    url = Settings().database_url
    migrate(url)
    if "--seed" in sys.argv[1:]:
        asyncio.run(_seed(url))


if __name__ == "__main__":
    main()
