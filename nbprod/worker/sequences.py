"""What is different between two lists of settings whose order counts, and the same done to a third."""

from __future__ import annotations

from typing import Any


def difference(before: list[Any], now: list[Any]) -> dict[str, list[Any]] | None:
    """Return what came in front and behind and what is gone, the whole `order` where that is not all; None: nothing."""
    if before == now:
        return None
    kept = [entry for entry in before if entry in now]
    gone = [entry for entry in before if entry not in now]
    for length in range(len(kept), -1, -1):  # what was moved to the front is in front and no longer in its old place
        rest = kept[len(kept) - length :] if length else []
        moved = [entry for entry in kept if entry not in rest]
        at = next((index for index in range(len(now) - length + 1) if now[index : index + length] == rest), None)
        if length and at is not None and all(entry in now[:at] for entry in moved):
            return {"front": now[:at], "back": now[at + length :], "gone": gone}
    return {"front": [], "back": [], "gone": gone, "order": list(now)}


def apply(found: dict[str, Any], now: list[Any]) -> list[Any]:
    """Return `now` with what `difference` found done to it."""
    if found.get("order"):
        rest = [entry for entry in now if entry not in found["order"] and entry not in found["gone"]]
        return [*found["order"], *rest]
    front, back = found.get("front", []), found.get("back", [])
    taken = [*front, *back, *found.get("gone", [])]
    return [*front, *(entry for entry in now if entry not in taken), *back]
