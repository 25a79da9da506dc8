"""A watcher that costs next to nothing, so that a measurement is of the server and not of its watchers."""

import asyncio
import time
from dataclasses import dataclass, field


@dataclass
class RawStream:
    """Reads one event stream over a bare socket; keeps its body's bytes and when each event was whole."""

    port: int
    path: str
    headers: dict[str, str]
    body: bytes = b""
    arrived: list[float] = field(default_factory=list)

    async def read(self, opened: asyncio.Semaphore | None = None) -> None:
        """Until the server ends the stream. `opened` counts the streams that have their first event."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        lines = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        writer.write(f"GET {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n{lines}\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head:
            raise RuntimeError(head.decode())
        while size := int(await reader.readuntil(b"\r\n"), 16):
            chunk = (await reader.readexactly(size + 2))[:-2]
            if opened and not self.arrived and b"event:" in chunk:
                opened.release()
            self.arrived += [time.time()] * chunk.count(b"event:")
            self.body += chunk
        writer.close()
