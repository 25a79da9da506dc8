"""The relaxation ladder."""

from hypothesis import given
from hypothesis import strategies as st

from domain.listings import ListingQuery
from domain.relaxation import ladder
from domain.slots import Amenity, Currency, PropertyType, RentalType

queries = st.builds(
    ListingQuery,
    city=st.none() | st.just("girne"),
    bedrooms=st.none() | st.integers(0, 5),
    rent_type=st.none() | st.sampled_from(RentalType),
    price_min=st.none() | st.just(100.0),
    price_max=st.none() | st.floats(100, 5000),
    currency=st.none() | st.sampled_from(Currency),
    property_type=st.none() | st.sampled_from(PropertyType),
    amenities=st.lists(st.sampled_from(Amenity), unique=True, max_size=3).map(tuple),
).flatmap(lambda query: st.sampled_from([query, query.model_copy(update={"bedrooms_max": query.bedrooms})]))


def finds(query: ListingQuery, bedrooms: int, price: float, kind: PropertyType, has: frozenset[Amenity]) -> bool:
    """Whether a listing holds the filters the ladder may touch, as the search API reads them."""
    studios_only = query.bedrooms == 0 and query.bedrooms_max is None
    most = 0 if studios_only else query.bedrooms_max
    return (
        (query.bedrooms is None or bedrooms >= query.bedrooms)
        and (most is None or bedrooms <= most)
        and (query.price_max is None or price <= query.price_max)
        and (query.property_type in (None, kind))
        and set(query.amenities) <= has
    )


@given(
    query=queries,
    bedrooms=st.integers(0, 6),
    price=st.floats(0, 6000),
    kind=st.sampled_from(PropertyType),
    has=st.frozensets(st.sampled_from(Amenity)),
)
def test_every_rung_finds_what_the_one_before_finds(query, bedrooms, price, kind, has):
    """A relaxation never loses a hit."""
    hits = [finds(rung.query, bedrooms, price, kind, has) for rung in ladder(query)]
    assert hits == sorted(hits)


@given(queries)
def test_the_ladder_begins_exactly_and_never_repeats_itself(query):
    """The first rung is what was said; each further one asks something else and says what."""
    rungs = ladder(query)
    assert rungs[0].query == query
    assert not rungs[0].relaxed
    assert all(rung.relaxed for rung in rungs[1:])
    assert len({rung.query.model_dump_json() for rung in rungs}) == len(rungs) <= 4


@given(queries)
def test_place_kind_and_lower_price_are_never_given_up(query):
    """Only price_max, bedrooms, property type and amenities are ever relaxed."""
    kept = {"city", "area", "rent_type", "price_min", "currency", "check_in", "check_out", "limit", "offset"}
    assert all(rung.query.model_dump(include=kept) == query.model_dump(include=kept) for rung in ladder(query))


def test_the_rungs_are_those_of_the_rule():
    """Ten per cent and a bedroom; any type and fifteen per cent; no amenities and no bedroom cap."""
    exact = ListingQuery(
        bedrooms=2,
        bedrooms_max=2,
        price_max=500,
        property_type=PropertyType.APARTMENT,
        amenities=(Amenity.POOL, Amenity.SEA_VIEW),
    )
    _, wider, any_type, loosest = ladder(exact)
    assert wider.query == exact.model_copy(update={"price_max": 550.0, "bedrooms_max": 3})
    assert any_type.query == wider.query.model_copy(update={"price_max": 575.0, "property_type": None})
    assert loosest.query == any_type.query.model_copy(update={"amenities": (), "bedrooms_max": None})
    assert [rung.asked_below for rung in ladder(exact)] == [3, 3, 1, 1]
    assert [(entry.filter, entry.said, entry.used) for entry in loosest.relaxed] == [
        ("price_max", "500", "575"),
        ("bedrooms_max", "2", None),
        ("property_type", "apartment", None),
        ("amenities", "pool,sea_view", None),
    ]


def test_a_studio_without_a_cap_is_any_number_of_bedrooms():
    """Zero bedrooms without a maximum would mean studios only, so the minimum goes too."""
    *_, loosest = ladder(ListingQuery(bedrooms=0, bedrooms_max=0))
    assert (loosest.query.bedrooms, loosest.query.bedrooms_max) == (None, None)


def test_nothing_to_relax_is_one_rung():
    """A search by place alone is asked once."""
    assert len(ladder(ListingQuery(city="girne"))) == 1
