"""When a stored result may be used again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

SECONDS_PER_DAY = 86_400


class CachePolicy:
    """Which inputs count for the cache, and how old a result may be.

    Example:
        `@pipeline(cache_policy=CachePolicy(max_age_days=7, ignore_fields=["timestamp"]))`

    Attributes:
        max_age_days: a stored result older than this many days is computed again; None: never too old.
        ignore_fields: names of step inputs that are left out of the cache key.
    """

    def __init__(
        self,
        max_age_days: float | None = None,
        ignore_fields: Iterable[str] | None = None,
        *,
        expires_after: float | None = None,
        ignored_inputs: Iterable[str] | None = None,
    ) -> None:
        """Store a policy; `expires_after` (seconds) and `ignored_inputs` are other spellings."""
        if max_age_days is not None and expires_after is not None:
            raise ConfigurationError("Give `max_age_days` or `expires_after` to a CachePolicy, not both.")
        if expires_after is not None:
            max_age_days = expires_after / SECONDS_PER_DAY
        if max_age_days is not None and not max_age_days > 0:
            raise ConfigurationError(
                f"`max_age_days` of a CachePolicy is {max_age_days}; it must be greater than 0. "
                "To use no stored results at all, set `enable_cache=False`."
            )
        fields = ignore_fields if ignore_fields is not None else ignored_inputs
        if isinstance(fields, str):
            raise ConfigurationError(
                f'`ignore_fields` is a list of names; write `ignore_fields=["{fields}"]`.'
            )
        self.max_age_days = max_age_days
        self.ignore_fields = tuple(fields or ())

    @classmethod
    def default(cls) -> CachePolicy:
        """Return the policy that holds when none is given: everything counts, nothing expires."""
        return cls()

    @property
    def expires_after(self) -> float | None:
        """The age in seconds after which a result is computed again, or None."""
        return None if self.max_age_days is None else self.max_age_days * SECONDS_PER_DAY

    @property
    def ignored_inputs(self) -> tuple[str, ...]:
        """Another name for `ignore_fields`."""
        return self.ignore_fields

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CachePolicy) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self.max_age_days, self.ignore_fields))

    def __repr__(self) -> str:
        return f"CachePolicy(max_age_days={self.max_age_days!r}, ignore_fields={list(self.ignore_fields)!r})"
