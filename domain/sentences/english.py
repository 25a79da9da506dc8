"""The assistant's English."""

from domain.sentences.wording import Wording
from domain.slots import Amenity, PropertyType, RentalType, SlotName
from domain.understanding import Smalltalk

ENGLISH = Wording(
    locale="en_GB",
    homes={
        None: {"one": "{count} home", "other": "{count} homes"},
        PropertyType.APARTMENT: {"one": "{count} apartment", "other": "{count} apartments"},
        PropertyType.VILLA: {"one": "{count} villa", "other": "{count} villas"},
        PropertyType.STUDIO: {"one": "{count} studio", "other": "{count} studios"},
        PropertyType.HOUSE: {"one": "{count} house", "other": "{count} houses"},
        PropertyType.PENTHOUSE: {"one": "{count} penthouse", "other": "{count} penthouses"},
    },
    kinds={
        PropertyType.APARTMENT: "Apartment",
        PropertyType.VILLA: "Villa",
        PropertyType.STUDIO: "Studio",
        PropertyType.HOUSE: "House",
        PropertyType.PENTHOUSE: "Penthouse",
    },
    rental_types={
        RentalType.SHORT_TERM: "short-term",
        RentalType.LONG_TERM: "long-term",
        RentalType.SALE: "for sale",
    },
    amenities={
        Amenity.AC: "air conditioning",
        Amenity.WIFI: "Wi-Fi",
        Amenity.SEA_VIEW: "sea view",
        Amenity.POOL: "pool",
        Amenity.PARKING: "parking",
        Amenity.GARDEN: "garden",
        Amenity.BALCONY: "balcony",
        Amenity.TERRACE: "terrace",
        Amenity.ELEVATOR: "lift",
        Amenity.SECURITY: "security",
        Amenity.FURNISHED: "furnished",
        Amenity.DISHWASHER: "dishwasher",
        Amenity.WASHING_MACHINE: "washing machine",
        Amenity.GYM: "gym",
        Amenity.BEACH_ACCESS: "beach access",
    },
    bedrooms={"one": "{count} bedroom", "other": "{count} bedrooms"},
    bathrooms={"one": "{count} bathroom", "other": "{count} bathrooms"},
    studio="studio",
    bedrooms_between="{low} to {high} bedrooms",
    bedrooms_from="{low} bedrooms or more",
    price_to="up to {high}",
    price_from="from {low}",
    price_between="{low} to {high}",
    found="I found {homes}",
    here_they_are="Here they are.",
    here_are_first='Here are the first {shown}; say "more" for the next ones.',
    here_are_more="Here are {shown} more ({first} to {last} of {total}).",
    those_were_the_last="Those are the last ones.",
    no_more="That is all I have for this search. Another place, budget or number of bedrooms may bring more.",
    nothing_found="I found nothing that fits.",
    nothing_found_for="I found nothing for: {criteria}.",
    relaxed_intro="Few homes matched exactly, so I widened the search: {changes}.",
    relaxed={
        "price_max": "budget up to {used} instead of {said}",
        "bedrooms_max": "up to {used} bedrooms instead of {said}",
    },
    dropped={
        "bedrooms_max": "any larger number of bedrooms than {said}",
        "property_type": "any kind of home instead of {said}",
        "amenities": "without asking for {said}",
    },
    cut="without the filter {filter}",
    currency_assumed="You named no currency, so I took your budget as pounds sterling (GBP).",
    summary_intro="This is what I have right now:",
    summary_line="• {place}: {homes}, rents from {low} to {high} a month",
    summary_line_without_price="• {place}: {homes}",
    summary_empty="There are no listings right now.",
    search_failed=(
        "I can't reach the listings right now, so I show none rather than guess. Please try again in a moment."
    ),
    not_read="I had trouble reading your message just now. Please send it again.",
    gladly="Gladly, let's find you a home.",
    questions={
        SlotName.RENTAL_TYPE: (
            "Do you want it short-term (by the night or week) or long-term (by the month or year), "
            "or do you want to buy?"
        ),
        SlotName.LOCATION: "Which town or area would you like?",
        SlotName.BEDROOMS: "How many bedrooms do you need?",
    },
    budget_questions={
        None: "What is your budget?",
        RentalType.SHORT_TERM: "What is your budget per night?",
        RentalType.LONG_TERM: "What is your budget per month?",
        RentalType.SALE: "What is your budget for buying?",
    },
    smalltalk={
        Smalltalk.GREETING: "Hello! I help you find a home in North Cyprus, to rent or to buy.",
        Smalltalk.THANKS: "You're welcome!",
        Smalltalk.FAREWELL: "Goodbye! Your search is kept, so come back whenever you like.",
        Smalltalk.ABOUT: "I am the assistant of Easy Islanders and search homes in North Cyprus for you.",
        Smalltalk.ACKNOWLEDGED: "All right.",
    },
    invitation="Tell me what you are looking for: a place, a budget, short-term, long-term or to buy.",
    unclear="I'm not sure what you mean.",
    no_marketplace="There are no ads for cars or other goods here yet, so I have none to show.",
    no_local_info="I have no information on beaches, hospitals, pharmacies and the like yet, and I won't guess.",
    kept="I keep what you told me: {criteria}.",
    rejected="I'm still answering your earlier message. Please send this one again when I'm done.",
    apology="Sorry, something went wrong on my side. Please send your message again.",
)
