"""A conversation without any server: understand, a made-up search, reply, and on with the new state."""

from datetime import UTC, datetime

from domain.grammar.understand import understand
from domain.listings import CitySummary, FoundListings, Listing, SearchPlan
from domain.reply import GenerateReplyInput, Reply
from domain.sentences.compose import compose_reply
from domain.slots import Currency, PropertyType, RentalType
from domain.thread import Language, ThreadState
from domain.turn import Degradation, ReplyMode, StepName
from domain.understanding import Understanding, UnderstandMessageInput

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)

SEARCH_DOWN = Degradation(step=StepName.SEARCH, reason="SearchUnavailable", fallback="no_listings")


def a_home(number: int = 1, **changes: object) -> Listing:
    home = {
        "id": f"home-{number}",
        "reference": f"H-{number:04}",
        "title": f"Home number {number}",
        "description": "Made up for a test.",
        "city": "girne",
        "lat": 35.34,
        "lng": 33.32,
        "bedrooms": 2,
        "bathrooms": 1,
        "property_type": PropertyType.APARTMENT,
        "rent_type": RentalType.LONG_TERM,
        "currency": Currency.GBP,
        "monthly_price": 480,
        "agency_name": "Example Homes",
    }
    return Listing.model_validate(home | changes)


def found_for(plan: SearchPlan, total: int) -> FoundListings:
    """What a search with `total` hits answers to the plan."""
    if plan.summary:
        girne = CitySummary(city="girne", count=120, price_min=450, price_max=1499.8)
        return FoundListings(summary=(girne, CitySummary(city="iskele", count=1)))
    query = plan.query
    page = range(query.offset, min(total, query.offset + query.limit))
    homes = tuple(a_home(number) for number in page)
    return FoundListings(listings=homes, total=total, offset=query.offset, query=query)


def heard(message: str, state: ThreadState | None = None, language: Language | None = None) -> Understanding:
    return understand(
        UnderstandMessageInput(message=message, language=language, state=state or ThreadState(), started_at=NOW)
    )


class SpokenThread:
    """`say` runs one turn; `understood` and `reply` are what it led to."""

    def __init__(self, hits: int = 20) -> None:
        self.state = ThreadState()
        self.hits = hits
        self.understood: Understanding
        self.reply: Reply

    def say(self, message: str, *, search_is_down: bool = False) -> Reply:
        self.understood = heard(message, self.state)
        plan = self.understood.plan
        self.reply = compose_reply(
            GenerateReplyInput(
                turn_id="turn",
                message=message,
                mode=ReplyMode.TEMPLATE,
                state=self.state,
                understood=self.understood,
                found=found_for(plan, self.hits) if plan and not search_is_down else None,
                degraded=(SEARCH_DOWN,) if plan and search_is_down else (),
            )
        )
        # As the database keeps it: through JSON and back.
        self.state = ThreadState.model_validate_json(self.reply.state.model_dump_json())
        return self.reply
