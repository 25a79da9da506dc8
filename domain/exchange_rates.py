"""The rates prices are compared by. A listing's own price and currency are never altered."""

from datetime import date

from domain.slots import Currency

RATES_DATE = date(2026, 11, 1)
"""Named in every answer that compared prices."""

RATES_SOURCE = "illustrative"
"""Rounded figures to compare with, not quotations of a bank."""

GBP_FOR_ONE: dict[Currency, float] = {
    Currency.GBP: 1.0,
    Currency.EUR: 0.86,
    Currency.USD: 0.75,
    Currency.TRY: 0.018,
}


def to_gbp(amount: float, currency: Currency) -> float:
    """In pounds and pence, so that equal prices stay equal after conversion."""
    return round(amount * GBP_FOR_ONE[currency], 2)
