"""One spelling for comparison: what the user types and what the tables hold meet in folded form."""

from anyascii import anyascii

_TURKISH_I = str.maketrans({"İ": "i", "I": "i", "ı": "i"})


def fold(text: str) -> str:
    """Lower-case ASCII: İSKELE, iskele and Iskele are the same, Кирения becomes `kireniya`. Idempotent.

    Lengths change: positions in folded text are not positions in `text`. `£` becomes `gbp`, `€` `eur`,
    `₺` `tl`; `$` stays. An emoji becomes its name between colons.
    """
    # Turkish i first: lower() alone would leave a combining dot behind İ.
    return anyascii(text.translate(_TURKISH_I)).lower()
