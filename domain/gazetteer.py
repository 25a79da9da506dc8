"""The gazetteer: ids, shown names and spellings of the cities and districts. domain/places.py finds them."""

from typing import TypeAlias

from domain.slots import Location
from domain.value import Value


class City(Value):
    """`known_as` is the name foreigners look for, shown in brackets."""

    id: str
    name: str
    known_as: str | None = None
    spellings: tuple[str, ...] = ()

    @property
    def location(self) -> Location:
        return Location(city=self.id)


class District(Value):
    """A part of a city. The same `id` may lie in two cities, so the key is the pair (city, id).

    Attributes:
        generic: ordinary words when they stand alone ("city center"); means this place only where its
            city is named as well.
    """

    city: str
    id: str
    name: str
    spellings: tuple[str, ...] = ()
    generic: bool = False

    @property
    def location(self) -> Location:
        return Location(city=self.city, district=self.id)


CITIES: tuple[City, ...] = (
    City(
        id="girne",
        name="Girne",
        known_as="Kyrenia",
        spellings=(
            *("Keryneia", "Kerynia", "Kirenia", "Kyreneia", "Cyrenia", "Grine", "Girnee", "Kerinia"),
            *("Кирения", "Кирении", "Кирению", "Киренией", "Керинея", "Гирне"),
            *("Kirenii", "Kirenią", "Kirenię", "Kyrenii", "Kyrenią", "Kyrenię", "Κερύνεια"),
        ),
    ),
    City(
        id="lefkosa",
        name="Lefkoşa",
        known_as="Nicosia",
        spellings=(
            *("Lefkosia", "Lefkoscha", "Lefkosha", "Nikosia", "Nicosie", "Lefkossa"),
            *("Никосия", "Никосии", "Никосию", "Никосией", "Лефкоша", "Лефкоше", "Лефкошу", "Лефкоши"),
            *("Nikozja", "Nikozji", "Nikozję", "Nikozją", "Λευκωσία"),
        ),
    ),
    City(
        id="gazimagusa",
        name="Gazimağusa",
        known_as="Famagusta",
        spellings=(
            *("Mağusa", "Magosa", "Gazi Mağusa", "Famagousta", "Ammochostos"),
            *("Фамагуста", "Фамагусте", "Фамагусту", "Фамагусты", "Газимагуса", "Газимагусе", "Магуса", "Магусе"),
            *("Famaguście", "Famagustę", "Famagusty", "Famagustą", "Αμμόχωστος"),
        ),
    ),
    City(
        id="iskele",
        name="İskele",
        known_as="Trikomo",
        spellings=("Iskle", "Iskelle", "Iskela", "Trikomon", "Искеле", "Трикомо", "Τρίκωμο"),
    ),
    City(
        id="guzelyurt",
        name="Güzelyurt",
        known_as="Morphou",
        spellings=("Morfou", "Omorfo", "Guezelyurt", "Гюзельюрт", "Гюзельюрте", "Морфу", "Μόρφου"),
    ),
    City(id="lefke", name="Lefke", known_as="Lefka", spellings=("Лефке", "Лефка")),
    City(
        id="karpaz",
        name="Karpaz",
        known_as="Karpas",
        spellings=("Karpasia", "Karpass", "Dipkarpaz", "Rizokarpaso", "Карпаз", "Карпазе", "Карпас", "Карпасе"),
    ),
)

_BOGAZ = ("Богаз", "Богазе")
_YENI_BOGAZICI = ("Yeniboğaziçi", "Ени Богазичи", "Йени Богазичи")

# The order of the rows decides for a name that lies in two cities and is said alone: the first row is meant.
DISTRICTS: tuple[District, ...] = (
    District(city="girne", id="alsancak", name="Alsancak", spellings=("Алсанджак", "Алсанджаке")),
    District(city="girne", id="lapta", name="Lapta", spellings=("Lapithos", "Lapethos", "Лапта", "Лапте")),
    District(city="girne", id="catalkoy", name="Çatalköy", spellings=("Çatal Köy", "Чаталкёй", "Чаталкой")),
    District(city="girne", id="karakum", name="Karakum", spellings=("Каракум", "Каракуме")),
    District(city="girne", id="esentepe", name="Esentepe", spellings=("Эсентепе",)),
    District(city="girne", id="bellapais", name="Bellapais", spellings=("Beylerbeyi", "Bellapaix", "Беллапаис")),
    District(city="girne", id="karaoglanoglu", name="Karaoğlanoğlu", spellings=("Караогланоглу",)),
    District(city="girne", id="zeytinlik", name="Zeytinlik", spellings=("Зейтинлик",)),
    District(city="girne", id="escape-beach", name="Escape Beach"),
    District(
        city="girne",
        id="city-center",
        name="City Center",
        spellings=(
            *("City centre", "town center", "town centre", "merkez", "şehir merkezi"),
            *("центр", "центре", "центр города", "центре города", "Zentrum", "Stadtzentrum", "centrum"),
        ),
        generic=True,
    ),
    District(city="girne", id="alagadi", name="Alagadi", spellings=("Алагади",)),
    District(city="lefkosa", id="gonyeli", name="Gönyeli", spellings=("Гёньели", "Гонели")),
    District(city="lefkosa", id="ortakoy", name="Ortaköy", spellings=("Ортакёй", "Ортакой")),
    District(city="lefkosa", id="hamitkoy", name="Hamitköy", spellings=("Хамиткёй", "Хамиткой")),
    District(city="lefkosa", id="dikmen", name="Dikmen", spellings=("Дикмен",)),
    District(city="gazimagusa", id="salamis", name="Salamis", spellings=("Саламис", "Саламисе")),
    District(city="gazimagusa", id="tuzla", name="Tuzla", spellings=("Тузла", "Тузле")),
    District(
        city="gazimagusa",
        id="yeni-bogazici",
        name="Yeni Boğaziçi",
        spellings=_YENI_BOGAZICI,
    ),
    District(city="iskele", id="long-beach", name="Long Beach", spellings=("Longbeach", "Лонг Бич", "Лонгбич")),
    District(city="iskele", id="bogaz", name="Boğaz", spellings=_BOGAZ),
    District(city="iskele", id="bafra", name="Bafra", spellings=("Vokolida", "Бафра", "Бафре")),
    District(city="iskele", id="yeni-bogazici", name="Yeni Boğaziçi", spellings=_YENI_BOGAZICI),
    District(city="gazimagusa", id="bogaz", name="Boğaz", spellings=_BOGAZ),
)

Place: TypeAlias = City | District
