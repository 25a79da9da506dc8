"""Amounts and counts as people of a language write them."""

from babel import Locale
from babel.numbers import format_currency, get_currency_symbol

from domain.sentences.wording import Counted
from domain.slots import Currency

_SIGNS = {Currency.GBP: "£", Currency.EUR: "€", Currency.USD: "$", Currency.TRY: "₺"}
"""The short signs. A locale's own are longer for foreign currencies: "US$", "TRY"."""


def money(amount: float, currency: Currency, locale: str) -> str:
    """Whole amounts without decimals: "£750", "€1,250.50"."""
    pattern = Locale.parse(locale).currency_formats["standard"].pattern
    if float(amount).is_integer():
        pattern = pattern.replace(".00", "")
    shown = format_currency(amount, currency, format=pattern, locale=locale, currency_digits=False)
    return shown.replace(get_currency_symbol(currency, locale), _SIGNS[currency])


def counted(forms: Counted, count: int, locale: str) -> str:
    form = Locale.parse(locale).plural_form(count)
    return forms.get(form, forms["other"]).format(count=count)
