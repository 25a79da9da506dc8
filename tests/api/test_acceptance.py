"""The product's acceptance cases, end to end; the numbers are those of the product description."""

from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.ports import free_port
from tests.running_stack import RunningStack, fill, running_api, stack_settings


async def said(stack: RunningStack, user: str, message: str, **body: Any) -> dict[str, Any]:
    """The typed result of one message."""
    answer = await stack.say(user, message, **body)
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()["result"]
    assert result["degraded"] == []
    assert result["response_text"]
    return result


async def test_case_1_a_beach_apartment(stack: RunningStack, user: str) -> None:
    """Place, type and beach access are understood; one question is asked beside the cards of a broad search."""
    result = await said(stack, user, "I want a beach apartment in Girne")
    assert result["agent"] == "re_agent"
    assert result["slots"] == {
        "location": {"city": "girne"},
        "property_type": "apartment",
        "amenities": ["beach_access"],
    }
    assert result["question"]["slot"] == "rental_type"
    assert result["recommendations"]
    assert result["act"] == "search_and_recommend"


async def test_case_2_long_term_two_bedrooms(stack: RunningStack, user: str) -> None:
    """Long-term rent and two bedrooms are understood, and the cards keep to them."""
    result = await said(stack, user, "Show me 2 bedroom apartments for long-term rent")
    assert (result["slots"]["rental_type"], result["slots"]["bedrooms"]) == ("long_term", 2)
    assert len(result["recommendations"]) >= 3
    assert {card["metadata"]["bedrooms"] for card in result["recommendations"]} == {2}


async def test_case_3_a_restart_forgets_nothing(own_temporal: WorkflowEnvironment, tmp_path: Path) -> None:
    """After everything was restarted, no slot that is filled is asked again."""
    settings = stack_settings(f"sqlite+aiosqlite:///{tmp_path}/x.db", free_port())
    await fill(settings.database_url)
    async with running_api(settings, own_temporal.client) as stack, stack.working():
        await said(stack, "ada", "need an apartment")
        await said(stack, "ada", "kyrenia 500 pounds")
    async with running_api(settings, own_temporal.client) as stack, stack.working():
        result = await said(stack, "ada", "short term")
    assert result["slots"]["location"] == {"city": "girne"}
    assert result["slots"]["budget"] == {"max": 500, "currency": "GBP"}
    assert result["slots"]["rental_type"] == "short_term"
    assert (result["question"] or {}).get("slot") not in ("rental_type", "location", "budget", "property_type")
    assert result["recommendations"]


async def test_case_4_one_question_then_cards(stack: RunningStack, user: str) -> None:
    """Turn 2 asks only for the rental type, turn 3 shows at least six cards."""
    await said(stack, user, "I need an apartment")
    second = await said(stack, user, "Kyrenia 500 pounds")
    assert second["question"]["slot"] == "rental_type"
    third = await said(stack, user, "long term")
    assert len(third["recommendations"]) >= 6


async def test_case_5_a_lone_place_answers_the_question(stack: RunningStack, user: str) -> None:
    """After being asked for a place, "Girne" fills it and stays with real estate."""
    asked = await said(stack, user, "I am looking for a long term rental")
    assert asked["question"]["slot"] == "location"
    result = await said(stack, user, "Girne")
    assert result["agent"] == "re_agent"
    assert result["slots"]["location"] == {"city": "girne"}


async def test_case_6_what_is_there(stack: RunningStack, user: str) -> None:
    """ "what do you have?" is answered with counts and price ranges per city."""
    result = await said(stack, user, "what do you have?")
    assert result["act"] == "offer_summary"
    for city in ("Girne", "Lefkoşa", "Gazimağusa", "İskele"):
        assert city in result["response_text"]


async def test_case_7_more_until_the_end(stack: RunningStack, user: str) -> None:
    """ "more" shows other listings of the same search, and says when there are none left."""
    first = await said(stack, user, "studio for long-term rent in Iskele")
    seen = {card["id"] for card in first["recommendations"]}
    for _ in range(20):
        page = await said(stack, user, "more")
        if not page["recommendations"]:
            break
        ids = {card["id"] for card in page["recommendations"]}
        assert not ids & seen
        seen |= ids
    assert page["recommendations"] == []
    assert page["act"] == "next_page"


@pytest.mark.parametrize("message", ["?", "👍", "ok"])
async def test_case_14_short_messages_are_answered(stack: RunningStack, user: str, message: str) -> None:
    """Anything but an empty message gets a sentence."""
    assert (await said(stack, user, message))["response_text"]


@pytest.mark.parametrize(
    "spellings",
    [("Iskele", "İskele", "ISKELE", "Trikomo"), ("Kyrenia", "Girne", "Кирения")],
    ids=["iskele", "girne"],
)
async def test_case_16_spellings_give_identical_results(stack: RunningStack, spellings: tuple[str, ...]) -> None:
    """However a place is written, the search answers the same."""
    answers = [
        (await stack.http.get("/api/v1/real_estate/search", params={"city": city})).json()["results"]
        for city in spellings
    ]
    assert answers[0]
    assert all(answer == answers[0] for answer in answers)


async def test_the_search_needs_no_token(stack: RunningStack) -> None:
    """A public read of twenty long-term listings is 200 without any sign-in."""
    answer = await stack.http.get("/api/v1/real_estate/search", params={"rent_type": "long_term", "limit": 20})
    assert answer.status_code == 200
    assert len(answer.json()["results"]) == 20


async def test_the_two_seed_sentences_in_one_thread(stack: RunningStack, user: str) -> None:
    """Said one after the other in one thread, the second still finds its two-bedroom long-term cards."""
    await said(stack, user, "I want a beach apartment in Girne")
    result = await said(stack, user, "Show me 2 bedroom apartments for long-term rent")
    cards = [card["metadata"] for card in result["recommendations"]]
    assert len(cards) >= 3
    assert {(card["bedrooms"], card["rent_type"]) for card in cards} == {(2, "long_term")}
