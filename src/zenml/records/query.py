"""One small grammar for asking for records: filters over fields, a sort, a page.

A filter is `field=value`, where the value may carry an operator: `contains:`, `startswith:`,
`gt:`, `gte:`, `lt:`, `lte:`, `ne:` or `oneof:a,b`. A value without an operator means equality.
`contains:` and `startswith:` mean what `in` and `str.startswith` mean in Python: case counts, and no
character stands for others. Texts are ordered by code point, as Python orders them. So a filter finds the
same in a file and on a server, whatever language either is set to; `LIKE` would not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import msgspec

from zenml.config.preview import preview
from zenml.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

Operator = Literal["equals", "contains", "startswith", "gt", "gte", "lt", "lte", "ne", "oneof"]
OPERATORS: tuple[str, ...] = get_args(Operator)
MAX_PAGE_SIZE = 10_000
MAX_PAGE = 10**12
MAX_OPTIONS = 10_000
"""Values of one `oneof`: safely below what any database takes in a statement."""


class Condition(msgspec.Struct, frozen=True):
    """`field operator value`; for `oneof` the value is a tuple."""

    field: str
    operator: Operator
    value: Any


class Query(msgspec.Struct, frozen=True):
    """Which records, in which order, which page of them."""

    conditions: tuple[Condition, ...] = ()
    sort: str = "id"
    is_descending: bool = True
    page: int = 1
    size: int = 20
    tag: str | tuple[str, ...] | None = None
    """A tag that the records have, or several, all of which they have."""
    needs_total: bool = True
    """Whether the page has to say how many there are in all; counting may take longer than the page."""


class Page(msgspec.Struct, frozen=True):
    """A page of results and how many there are in all."""

    items: list[Any]
    total: int
    page: int
    size: int

    def __iter__(self) -> Iterator[Any]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Any:
        return self.items[index]

    @property
    def total_pages(self) -> int:
        """Return how many pages of this size there are."""
        return max(1, -(-self.total // self.size))


def read_condition(field: str, value: Any) -> Condition:
    """Read one filter; text may begin with an operator and a colon."""
    condition = value if isinstance(value, Condition) else _parse(field, value)
    options = condition.value if condition.operator == "oneof" else (condition.value,)
    if len(options) > MAX_OPTIONS:
        raise ConfigurationError(
            f"`{field}` is compared with {len(options)} values; give it up to {MAX_OPTIONS}."
        )
    for option in options:
        check_value(option, f"`{field}`")
    return condition


def check_value(value: Any, what: str) -> None:
    """Raise for a value that no stored field can have."""
    if value is None or isinstance(value, bytes) or (isinstance(value, float) and value == value):  # noqa: PLR0124  NaN is not
        return
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return
    if isinstance(value, str) and _is_storable(value):
        return
    raise ConfigurationError(
        f"{what} cannot be compared with {preview(value)}. Compare with valid text, or a number of up to 64 bits."
    )


def _is_storable(text: str) -> bool:
    """Tell whether a text is Unicode without a zero character, which databases cut or refuse."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _parse(field: str, value: Any) -> Condition:
    if isinstance(value, (list, tuple, set, frozenset)):
        return Condition(field, "oneof", tuple(value))
    if isinstance(value, str):
        operator, colon, rest = value.partition(":")
        if colon and operator in OPERATORS:
            return Condition(field, operator, tuple(rest.split(",")) if operator == "oneof" else rest)  # type: ignore[arg-type]  # membership was just checked
    return Condition(field, "equals", value)


def read_sort(text: str) -> tuple[str, bool]:
    """Read `field`, `asc:field` or `desc:field`; return the field and whether it descends."""
    if not isinstance(text, str):
        raise ConfigurationError(f"{preview(text)} is not a sort order. Write `asc:FIELD` or `desc:FIELD`.")
    direction, colon, field = text.partition(":")
    if not colon:
        return text, False
    if direction not in ("asc", "desc"):
        raise ConfigurationError(f"`{text}` is not a sort order. Write `asc:FIELD` or `desc:FIELD`.")
    return field, direction == "desc"


def read_page(page: int, size: int) -> tuple[int, int]:
    """Check a page number and a page size."""
    for what, number in (("page", page), ("size", size)):
        if type(number) is not int:
            raise ConfigurationError(
                f"`{what}` is {preview(number)}; it must be a whole number. Pages are counted from 1 and hold 1 to "
                f"{MAX_PAGE_SIZE} items."
            )
    if page < 1:
        raise ConfigurationError(f"There is no page {page}; the first page is 1.")
    if page > MAX_PAGE:
        raise ConfigurationError(
            f"There is no page {page}; the last one that can be asked for is {MAX_PAGE}."
        )
    if not 1 <= size <= MAX_PAGE_SIZE:
        raise ConfigurationError(f"A page cannot hold {size} items; choose 1 to {MAX_PAGE_SIZE}.")
    return page, size
