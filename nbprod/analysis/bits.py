"""Sets as bits of one number: union and difference of thousands of names cost what those of a few do."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator

T = TypeVar("T", bound="Hashable")
FEW = 8


class Index(Generic[T]):
    """Numbers things in the order they are met."""

    __slots__ = ("items", "masks", "numbers")

    def __init__(self) -> None:
        self.numbers: dict[T, int] = {}
        self.masks: dict[T, int] = {}  # of one thing each: most masks are of one, and all those one object
        self.items: list[T] = []

    def bit(self, item: T) -> int:
        """Return the mask of one thing."""
        mask = self.masks.get(item)
        if mask is None:
            number = self.numbers[item] = len(self.items)
            mask = self.masks[item] = 1 << number
            self.items.append(item)
        return mask

    def mask(self, items: Iterable[T]) -> int:
        """Return the mask of things."""
        if type(items) is Bits and items.index is self:
            return items.bits
        total = 0
        masks = self.masks
        for item in items:
            mask = masks.get(item)
            if mask is None:
                mask = self.bit(item)
            total = total | mask if total else mask
        return total

    def unmask(self, mask: int) -> Iterator[T]:
        """Yield the things of a mask in the order of their numbers."""
        items = self.items
        if mask.bit_count() > FEW:
            digits = bin(mask)[:1:-1]
            at = digits.find("1")
            while at >= 0:
                yield items[at]
                at = digits.find("1", at + 1)
            return
        while mask:
            low = mask & -mask
            yield items[low.bit_length() - 1]
            mask ^= low


class Bits(AbstractSet[T]):
    """A set of things that an index numbers; never changed in place."""

    __slots__ = ("bits", "index")

    def __init__(self, index: Index[T], bits: int = 0) -> None:
        self.index = index
        self.bits = bits

    def _from_iterable(self, items: Iterable[T]) -> Bits[T]:  # type: ignore[override]  # needs the index
        return Bits(self.index, self.index.mask(items))

    def __contains__(self, item: object) -> bool:
        """Whether a thing is in the set."""
        number = self.index.numbers.get(item)  # type: ignore[arg-type]  # what cannot be a key is not in it
        return number is not None and bool(self.bits >> number & 1)

    def __iter__(self) -> Iterator[T]:
        """Yield the things in the order of their numbers."""
        return self.index.unmask(self.bits)

    def __len__(self) -> int:
        """Return how many there are."""
        return self.bits.bit_count()

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.bits)

    def __or__(self, other: AbstractSet[T]) -> Bits[T]:  # type: ignore[override]  # things of one kind only
        """Return the union."""
        return Bits(self.index, self.bits | self.index.mask(other))

    def __and__(self, other: AbstractSet[T]) -> Bits[T]:
        """Return the intersection."""
        return Bits(self.index, self.bits & self.index.mask(other))

    def __sub__(self, other: AbstractSet[T]) -> Bits[T]:
        """Return the difference."""
        return Bits(self.index, self.bits & ~self.index.mask(other))

    __ror__ = __or__
    __rand__ = __and__

    def __rsub__(self, other: AbstractSet[T]) -> Bits[T]:
        """Return what of `other` is not in this set."""
        return Bits(self.index, self.index.mask(other) & ~self.bits)

    def __repr__(self) -> str:
        """Return it as a set."""
        return repr(set(self))


class Lines(Mapping[str, int]):
    """Names with the line of each: `known` where it is known, else `otherwise`."""

    __slots__ = ("known", "names", "otherwise")

    def __init__(self, names: Bits[str], known: Mapping[str, int], otherwise: int) -> None:
        self.names = names
        self.known = known
        self.otherwise = otherwise

    def __getitem__(self, name: str) -> int:
        """Return the line of a name."""
        if name not in self.names:
            raise KeyError(name)
        return self.known.get(name, self.otherwise)

    def __iter__(self) -> Iterator[str]:
        """Yield the names."""
        return iter(self.names)

    def __len__(self) -> int:
        """Return how many names there are."""
        return len(self.names)
