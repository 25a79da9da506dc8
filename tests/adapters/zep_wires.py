"""What stands between the adapter and a memory server in a test: a proxy that loses replies, and a script."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpx

from tests.ports import free_port

NEVER = object()
"""An answer that does not come."""

HANG_UP = b""


class Cut(bytes):
    """The beginning of an answer, after which the connection is closed."""


ROUTES = (
    (r"GET /users/[^/]+", "user.get"),
    (r"POST /users", "user.add"),
    (r"GET /sessions/[^/]+", "get_session"),
    (r"POST /sessions", "add_session"),
    (r"GET /sessions/[^/]+/memory", "memory.get"),
    (r"POST /sessions/[^/]+/memory", "memory.add"),
    (r"DELETE /sessions/[^/]+/memory", "memory.delete"),
    (r"GET /sessions/[^/]+/messages", "messages"),
    (r"GET /sessions/[^/]+/messages/[^/]+", "message"),
)


def answer(status: int, body: str | dict = "", **headers: str) -> bytes:
    text = body if isinstance(body, str) else json.dumps(body)
    kind = "text/html" if isinstance(body, str) else "application/json"
    payload = text.encode()
    lines = {"Content-Type": kind, "Content-Length": str(len(payload)), **headers}
    head = "\r\n".join((f"HTTP/1.1 {status} X", *(f"{k.replace('_', '-')}: {v}" for k, v in lines.items())))
    return head.encode() + b"\r\n\r\n" + payload


def operation_of(method: str, target: str) -> str:
    path = urlsplit(target).path.partition("/api/v2")[2]
    return next((name for route, name in ROUTES if re.fullmatch(route, f"{method} {path}")), f"{method} {target}")


class Wire:
    """Listens on a port, notes the operation of every request, and answers by `_reply`."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._connections: set[asyncio.StreamWriter] = set()

    async def _reply(self, operation: str, method: str, target: str, headers: dict, body: bytes) -> bytes | object:
        raise NotImplementedError

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            while True:
                first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                method, target, _ = first.split(" ")
                operation = operation_of(method, target)
                self.asked.append(operation)
                reply = await self._reply(operation, method, target, headers, body)
                if reply is NEVER:
                    continue
                if reply == HANG_UP:
                    break
                writer.write(reply)
                await writer.drain()
                if isinstance(reply, Cut):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """The address, for the time of the block."""
        port = free_port()
        server = await asyncio.start_server(self.serve, "127.0.0.1", port)
        yield f"http://127.0.0.1:{port}"
        server.close()
        for writer in self._connections:
            writer.close()
        await server.wait_closed()


class LossyProxy(Wire):
    """Passes everything on; `replaced` and `lost` are by operation: another answer, or one reply lost."""

    def __init__(self, upstream: str, http: httpx.AsyncClient) -> None:
        super().__init__()
        self._upstream, self._http = upstream, http
        self.replaced: dict[str, bytes | object] = {}
        self.lost: set[str] = set()

    async def _reply(self, operation: str, method: str, target: str, headers: dict, body: bytes) -> bytes | object:
        if operation in self.replaced:
            return self.replaced[operation]
        passed = {name: headers[name] for name in ("authorization", "content-type") if name in headers}
        response = await self._http.request(method, self._upstream + target, headers=passed, content=body)
        if operation in self.lost:
            self.lost.remove(operation)
            return HANG_UP
        return answer(response.status_code, response.text)


class ScriptedZep(Wire):
    """A healthy Zep where every session is ada's, except for the operations in `script`."""

    def __init__(self) -> None:
        super().__init__()
        self.script: dict[str, bytes | object] = {}
        self.by_session: dict[str, bytes] = {}
        self.together: asyncio.Barrier | None = None

    async def _reply(self, operation: str, method: str, target: str, headers: dict, body: bytes) -> bytes | object:
        if self.together:
            await self.together.wait()
        words = urlsplit(target).path.partition("/api/v2/")[2].split("/")
        if operation in self.script:
            return self.script[operation]
        return self.by_session.get(words[1] if len(words) > 1 else "") or _healthy(operation, words, body)


def _healthy(operation: str, words: list[str], body: bytes) -> bytes:
    replies = {
        "user.get": lambda: answer(200, {"user_id": words[1]}),
        "user.add": lambda: answer(201, {"user_id": json.loads(body)["user_id"]}),
        "get_session": lambda: answer(200, {"session_id": words[1], "user_id": "ada"}),
        "add_session": lambda: answer(201, json.loads(body)),
        "memory.get": lambda: answer(200, {"messages": [], "relevant_facts": []}),
        "memory.add": lambda: answer(201, {"message": "OK"}),
        "memory.delete": lambda: answer(200, {"message": "OK"}),
        "messages": lambda: answer(200, {"messages": [], "total_count": 0, "row_count": 0}),
        "message": lambda: answer(200, {"uuid": words[-1]}),
    }
    return replies[operation]()
