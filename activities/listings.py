"""The search step."""

from temporalio import activity

from activities.failures import typed_failures
from activities.step_budget import StepBudget
from domain.errors import SearchUnavailable
from domain.listings import FoundListings, SearchPlan
from domain.ports import ListingSearch


class ListingActivities:
    def __init__(self, search: ListingSearch) -> None:
        self._search = search

    @activity.defn
    async def search_listings(self, input: SearchPlan) -> FoundListings:
        """Ask the search API; the client relaxes filters and shares out tries within the budget."""
        budget = StepBudget.of_this_attempt()
        with typed_failures(budget):
            async with budget.enforced(SearchUnavailable):
                return await self._search.find(input, budget=budget.seconds)
