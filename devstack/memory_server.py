"""The local memory server as a process of its own, for a deployment without the embedded stack.

Run as `python -m devstack.memory_server`; it listens where ISLANDERS_HOST and ISLANDERS_PORT say and serves
Zep's protocol under /zep, as the API does in the embedded stack.
"""

import uvicorn
from fastapi import FastAPI

from adapters.database import Database
from settings import Settings
from zep_local.app import create_zep_local


def create_app(settings: Settings) -> FastAPI:
    """Raises ValueError without a key: the server would let everybody in."""
    key = settings.zep_api_key.get_secret_value()
    if not key:
        raise ValueError("ZEP_API_KEY is empty: write the key that worker and API send")
    app = FastAPI(title="Islanders memory", openapi_url=None)
    app.mount("/zep", create_zep_local(Database(settings.database_url), key))

    @app.get("/live")
    async def live() -> dict[str, str]:
        return {"status": "alive"}

    return app


def main() -> None:
    settings = Settings()
    uvicorn.run(create_app(settings), host=settings.islanders_host, port=settings.islanders_port)


if __name__ == "__main__":
    main()
