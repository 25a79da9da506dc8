"""When the API says that a turn would get its reply."""

import asyncio

import httpx

from devstack.errors import StackError

WAIT_SECONDS = 60.0
POLL_SECONDS = 0.1

READY = "ready"


async def stack_is_ready(api: str) -> None:
    """Returns once /api/health/ready answers 200. Raises StackError with its last answer after a minute."""
    last_answer = "no answer"
    # trust_env off: a proxy of the user must not be asked for an address on this machine.
    async with httpx.AsyncClient(base_url=api, timeout=2.0, trust_env=False) as http:
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while True:
                    last_answer = await _answer(http)
                    if last_answer == READY:
                        return
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError as error:
            raise StackError(f"the stack is not ready after {WAIT_SECONDS:.0f} s: {last_answer}") from error


async def _answer(http: httpx.AsyncClient) -> str:
    try:
        answer = await http.get("/api/health/ready")
    except httpx.TransportError as error:
        return f"the API does not answer ({type(error).__name__})"
    return READY if answer.status_code == httpx.codes.OK else answer.text
