"""English. The notation of the phrases is described in domain/grammar/tables.py."""

from domain.grammar.tables import BudgetWords, LanguageTables
from domain.slots import Amenity, Currency, PropertyType, RentalType
from domain.understanding import Smalltalk

_BUDGET = BudgetWords(
    currencies={
        Currency.GBP: ("pound", "pounds", "pounds sterling", "sterling", "british pounds", "quid", "stg"),
        Currency.EUR: ("euro", "euros"),
        Currency.USD: ("dollar", "dollars", "us dollars", "bucks"),
        Currency.TRY: ("lira", "liras", "turkish lira", "turkish liras"),
    },
    price=("budget", "price", "price range", "priced at", "pay", "spend", "afford", "cost", "costs", "costing"),
    price_after=("budget", "budget max"),
    at_most=(
        *("under", "below", "less than", "lower than", "cheaper than", "at most", "up to", "upto", "within"),
        *("max", "max.", "maximum", "maximum of", "no more than", "not more than", "not over", "not above"),
        "not exceeding",
    ),
    at_most_after=("max", "maximum", "or less", "or under", "or below", "at most", "tops"),
    at_least=(
        *("from", "at least", "over", "above", "more than", "min", "min.", "minimum", "minimum of"),
        *("starting from", "starting at", "no less than", "not less than", "not under"),
    ),
    at_least_after=("min", "minimum", "or more", "or over", "or above", "and up", "at least"),
    around=("around", "about", "approximately", "approx", "approx.", "roughly", "circa", "ca", "ca."),
    between=("between",),
    joined_by=("and",),
    to=("to", "till", "until"),
    linking=("is", "of", "at", "be", "my", "the", "a", "total", "can", "go", "rent", "for", "would", "only"),
    thousand=("k", "thousand", "grand"),
    million=("m", "mn", "mln", "million", "mio"),
    periods={
        RentalType.LONG_TERM: (
            *("per month", "a month", "each month", "every month", "/ month", "monthly", "pcm", "/ mo", "p/m"),
            *("per year", "a year", "/ year", "yearly"),
        ),
        RentalType.SHORT_TERM: (
            *("per night", "a night", "each night", "/ night", "nightly", "per day", "a day", "/ day", "daily"),
            *("per week", "a week", "/ week", "weekly"),
        ),
    },
    may_follow=(
        *("a", "per", "each", "every", "monthly", "nightly", "weekly", "yearly", "pcm", "max", "maximum", "min"),
        *("or", "and", "for", "in", "at", "near", "with", "please", "pls", "budget", "but", "only", "is", "would"),
        *("if", "around", "total", "also", "as", "i", "we", "long", "short", "thanks"),
    ),
    not_a_budget=("deposit", "security deposit", "commission", "fee"),
)

_NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")

ENGLISH = LanguageTables(
    rental_types={
        RentalType.LONG_TERM: (
            *("long term", "longer term", "long let", "long stay", "long rental", "long rent"),
            *("monthly", "per month", "by the month", "month to month", "yearly", "per year", "by the year"),
            *("annual", "annually", "all year", "year round", "permanent", "permanently"),
        ),
        RentalType.SHORT_TERM: (
            *("short term", "shorter term", "short let", "short stay", "short rental", "short rent"),
            *("nightly", "per night", "by the night", "nights", "daily rent*", "daily let*", "per day", "weekly"),
            *("per week", "by the week", "holiday", "holidays", "vacation", "weekend"),
        ),
        RentalType.SALE: (
            *("buy", "buying", "to buy", "purchase", "purchasing", "for sale", "on sale", "sale", "own (a) home"),
            *("invest", "investment"),
        ),
    },
    rental_answers={
        RentalType.LONG_TERM: ("long", "longer", "month", "months", "year", "years"),
        RentalType.SHORT_TERM: ("short", "shorter", "night", "day", "days", "daily", "week", "weeks"),
        RentalType.SALE: (),
    },
    property_types={
        PropertyType.APARTMENT: (
            *("apartment", "apartments", "appartment", "appartments", "apartement", "apartements", "aparment"),
            *("flat", "flats", "apt", "apts", "condo", "condos"),
        ),
        PropertyType.VILLA: ("villa", "villas"),
        PropertyType.STUDIO: ("studio", "studios", "studio apartment", "studio flat", "bedsit"),
        PropertyType.HOUSE: ("house", "houses", "bungalow", "bungalows", "townhouse", "townhouses", "cottage"),
        PropertyType.PENTHOUSE: ("penthouse", "penthouses", "penthouse apartment", "penthouse flat"),
    },
    amenities={
        Amenity.AC: (
            "ac",
            "a/c",
            "air con",
            "air condition",
            "air conditioning",
            "air conditioned",
            "air conditioner",
        ),
        Amenity.WIFI: ("wi fi", "internet"),
        Amenity.SEA_VIEW: (
            *("sea view", "sea views", "ocean view", "ocean views", "view of the sea", "view to the sea"),
            *("overlooking the sea", "views over the sea"),
        ),
        Amenity.POOL: ("pool", "swimming pool", "pools"),
        Amenity.PARKING: ("parking", "parking space", "parking place", "car park", "garage"),
        Amenity.GARDEN: ("garden", "gardens"),
        Amenity.BALCONY: ("balcony", "balconies"),
        Amenity.TERRACE: ("terrace", "terraces"),
        Amenity.ELEVATOR: ("elevator", "lift"),
        Amenity.SECURITY: ("security", "gated", "security guard"),
        Amenity.FURNISHED: ("furnished", "fully furnished"),
        Amenity.DISHWASHER: ("dishwasher",),
        Amenity.WASHING_MACHINE: ("washing machine", "washer"),
        Amenity.GYM: ("gym", "fitness room"),
        Amenity.BEACH_ACCESS: (
            *("beach access", "access to (the) beach", "beach front", "beach side", "sea side", "sea front"),
            *("near (the) beach", "near to (the) beach", "close to (the) beach", "next to (the) beach"),
            *("by (the) beach", "on (the) beach", "at (the) beach", "beside (the) beach", "with (a) beach"),
            *(
                "m from (the) beach",
                "meters from (the) beach",
                "metres from (the) beach",
                "minutes from (the) beach",
            ),
            *("walking distance to (the) beach", "beach <property>", "beach home", "beach place"),
        ),
    },
    numbers={word: count for count, word in enumerate(_NUMBERS, start=1)},
    bedrooms=("bed", "beds", "bedroom", "bedrooms", "bed room", "bed rooms", "bedroomed", "br", "bdr", "bdrm"),
    rooms=("room", "rooms", "roomed"),
    alternatives=("or", "to", "and"),
    budget=_BUDGET,
    labels=("call", "call me", "call me on", "call me at", "phone", "tel", "whatsapp", "ref", "reference"),
    false_friends=(
        *("what about", "how about"),
        *("pool table", "flat tyre", "flat tire", "open house", "security check", "short walk", "long walk"),
        *("short or long (term)", "long or short (term)", "short and long (term)", "long and short (term)"),
    ),
    negations=("not", "no", "don't", "dont", "doesn't", "isn't", "aren't", "without", "never", "instead of"),
    negation_gap=(
        *("want", "need", "have", "like", "looking", "interested", "really", "be", "to", "in", "for", "a", "an"),
        *("the", "any", "anything", "rent", "with", "on"),
    ),
    homes=(
        *("property", "properties", "real estate", "accommodation", "listing", "listings", "rental", "rentals"),
        *("to rent", "for rent", "rent", "renting", "to let", "home", "homes", "move to", "moving to"),
        *("place to live", "place to stay", "somewhere to live", "somewhere to stay"),
    ),
    more=(
        *("more", "show more", "see more", "next", "next page", "next ones", "more please", "another page"),
        *("others", "other ones", "other options", "more options", "anything else", "something else", "what else"),
    ),
    summary=(
        *("what do you have", "what have you got", "what you have", "what's available", "what is available"),
        *("what do you offer", "what can you offer", "what do you have available", "show me everything"),
        *("what properties do you have", "what listings do you have", "what homes do you have"),
        *("what kind of properties do you have", "overview", "summary"),
    ),
    anything=(
        *("any", "anything", "anywhere", "whatever", "either", "either one", "both", "all", "skip", "no idea"),
        *("doesn't matter", "does not matter", "dont care", "don't care", "don't mind", "no preference"),
        *("not sure", "not sure yet", "don't know", "don't know yet", "no limit", "not important"),
    ),
    marketplace=(
        *("cars", "used car", "car for sale", "buy (a) car", "rent (a) car", "hire (a) car", "need (a) car"),
        *(
            "want (a) car",
            "looking for (a) car",
            "show me (a) car",
            "car rental",
            "car hire",
            "vehicle",
            "vehicles",
        ),
        *("motorbike", "motorbikes", "motorcycle", "scooter", "bicycle", "second hand", "marketplace"),
        *("furniture", "sofa", "laptop", "fridge"),
    ),
    local_places=(
        *("hospital", "hospitals", "pharmacy", "pharmacies", "chemist", "clinic", "doctor", "dentist"),
        *("airport", "airports", "beach", "beaches", "restaurant", "restaurants", "supermarket", "supermarkets"),
        *("police", "embassy", "atm", "taxi", "things to do", "sightseeing"),
    ),
    beside=("near", "near to", "close to", "next to", "beside", "not far from", "walking distance to"),
    smalltalk={
        Smalltalk.GREETING: (
            *("hi", "hello", "hey", "hiya", "hi there", "hello there", "good morning", "good afternoon"),
            *("good evening", "good day", "merhaba", "how are you", "how are you doing", "what's up"),
        ),
        Smalltalk.THANKS: ("thanks", "thank you", "thank you so much", "thanks a lot", "thx", "ty", "cheers"),
        Smalltalk.FAREWELL: ("bye", "goodbye", "bye bye", "see you", "see you later", "good night"),
        Smalltalk.ABOUT: (
            *("who are you", "what are you", "are you a bot", "are you human", "what can you do", "help"),
            *("how does this work", "how can you help", "what do you do"),
        ),
        Smalltalk.ACKNOWLEDGED: (
            *("ok", "okay", "k", "yes", "yeah", "yep", "no", "nope", "sure", "great", "good", "nice", "cool"),
            *("perfect", "fine", "alright", "got it", "i see", "lol", "haha", "thumbs up", "wow"),
        ),
    },
    fillers=(
        *("please", "pls", "ok", "okay", "yes", "yeah", "oh", "well", "hm", "hmm", "so", "just", "now", "then"),
        *("show", "give", "get", "send", "see", "let", "let's", "can", "could", "would", "like", "want", "have"),
        *("i", "i'm", "i'd", "you", "me", "we", "us", "my", "it", "it's", "them", "there", "is", "are", "be"),
        *("to", "the", "a", "an", "of", "for", "some", "any", "and", "or", "with", "in", "maybe", "also", "one"),
        *("ones", "results", "options", "option", "really", "very", "much", "too", "do", "does", "again"),
    ),
)
