"""What was said now, laid over what was known."""

from domain.slots import Budget, PropertyType, SlotName, Slots


def merged(known: Slots, said: Slots, *, currency_stated: bool) -> Slots:
    """A slot that was said replaces the known one; amenities add up. The others stay."""
    changes = {name: getattr(said, name) for name in said.filled} | _consequences(known, said)
    if said.amenities:
        changes["amenities"] = tuple(dict.fromkeys((*known.amenities, *said.amenities)))
    if said.budget and known.budget and not currency_stated:
        changes["budget"] = _in_known_currency(said.budget, known.budget)
    return known.model_copy(update=changes)


def changed(before: Slots, after: Slots) -> tuple[SlotName, ...]:
    return tuple(name for name in SlotName if getattr(before, name) != getattr(after, name))


def _consequences(known: Slots, said: Slots) -> dict[str, object]:
    """A studio has no bedroom: who asks for two bedrooms, or for a villa, no longer wants a studio."""
    if known.property_type is not PropertyType.STUDIO:
        return {}
    if said.property_type not in (None, PropertyType.STUDIO) and said.bedrooms is None:
        return {"bedrooms": None}
    if said.bedrooms and said.property_type is None:
        return {"property_type": None}
    return {}


def _in_known_currency(said: Budget, known: Budget) -> Budget:
    return said.model_copy(update={"currency": known.currency})
