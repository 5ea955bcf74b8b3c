"""When a stored result may be used again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml.config.fields import made, nearest
from zenml.config.preview import preview
from zenml.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import timedelta

SECONDS_PER_DAY = 86_400


class CachePolicy:
    """What counts for the cache, and how old a result may be.

    Example:
        `@pipeline(cache_policy=CachePolicy(max_age_days=7, ignore_fields=["timestamp"]))`

    Attributes:
        max_age_days: a stored result older than this many days is computed again; None: never too old.
        ignore_fields: names of step inputs that are left out of the cache key.
        include_step_code: whether a change of the step's code is a reason to run again.
        include_step_parameters: whether a change of a parameter is one.
        include_artifact_values: whether a change of the content of an input is one.
        include_artifact_ids: where content does not count: whether another version of an input is one,
            even of the same content.
        file_dependencies: files and folders whose content counts; relative ones are looked for in the
            working folder, then beside the file that declares the step.
        source_dependencies: functions and classes, or their dotted paths, whose code counts as if the
            step called them.
        cache_func: a function without parameters, or its dotted path: the text it returns when a run
            starts counts.
    """

    def __init__(
        self,
        max_age_days: float | None = None,
        ignore_fields: Iterable[str] | None = None,
        *,
        include_step_code: bool = True,
        include_step_parameters: bool = True,
        include_artifact_values: bool = True,
        include_artifact_ids: bool = True,
        **others: Any,
    ) -> None:
        """Check and keep a policy.

        Args:
            max_age_days: days, greater than 0.
            ignore_fields: names of inputs.
            include_step_code: as the attribute.
            include_step_parameters: as the attribute.
            include_artifact_values: as the attribute.
            include_artifact_ids: as the attribute.
            others: `file_dependencies`, `source_dependencies`, `cache_func`; and other spellings:
                `expires_after`, seconds or a timedelta, for `max_age_days`; `ignored_inputs` for
                `ignore_fields`.
        """
        expires_after, ignored = others.pop("expires_after", None), others.pop("ignored_inputs", None)
        self.file_dependencies = _names(others.pop("file_dependencies", None), "file_dependencies")
        self.source_dependencies: tuple[str | Callable[..., Any], ...] = _several(
            others.pop("source_dependencies", None), "source_dependencies"
        )
        self.cache_func: Callable[[], str] | str | None = others.pop("cache_func", None)
        if self.cache_func is not None and not (
            isinstance(self.cache_func, str) or callable(self.cache_func)
        ):
            raise ConfigurationError(
                f"`cache_func` of a CachePolicy is {preview(self.cache_func)}. Give it a function that returns text."
            )
        for unknown in others:
            raise ConfigurationError(
                f"A CachePolicy has no `{unknown}`. {_close(unknown)}It takes: {', '.join(FIELDS)}."
            )
        if max_age_days is not None and expires_after is not None:
            raise ConfigurationError("Give `max_age_days` or `expires_after` to a CachePolicy, not both.")
        self.max_age_days = _days(max_age_days) if expires_after is None else _in_days(expires_after)
        self.ignore_fields = _names(ignore_fields if ignore_fields is not None else ignored, "ignore_fields")
        self.include_step_code = include_step_code
        self.include_step_parameters = include_step_parameters
        self.include_artifact_values = include_artifact_values
        self.include_artifact_ids = include_artifact_ids
        for name, value in vars(self).items():
            if name.startswith("include_") and not isinstance(value, bool):
                raise ConfigurationError(
                    f"`{name}` of a CachePolicy is {preview(value)}; it must be True or False."
                )

    @classmethod
    def default(cls) -> CachePolicy:
        """Return the policy that holds when none is given: everything counts, nothing expires."""
        return cls()

    @classmethod
    def read(cls, given: Any, what: str) -> CachePolicy:
        """Return a policy from what was given as one: a policy, "default", a mapping of fields, or None."""
        if given is None or given == "default":
            return cls()
        if isinstance(given, dict):
            return made(cls, given, f"`cache_policy` of {what}")
        if not isinstance(given, cls):
            raise ConfigurationError(
                f"`cache_policy` of {what} is {preview(given)}. Give it a `CachePolicy(…)`."
            )
        return given

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
        return hash(tuple(vars(self).values()))

    def __repr__(self) -> str:
        usual = vars(CachePolicy())
        said = {name: value for name, value in vars(self).items() if value != usual[name]}
        listed = ", ".join(
            f"{name}={list(value) if isinstance(value, tuple) else value!r}" for name, value in said.items()
        )
        return f"CachePolicy({listed})"


FIELDS = (
    "max_age_days",
    "ignore_fields",
    "expires_after",
    "ignored_inputs",
    "include_step_code",
    "include_step_parameters",
    "include_artifact_values",
    "include_artifact_ids",
    "file_dependencies",
    "source_dependencies",
    "cache_func",
)
"""Every field that can be given, with both spellings of those that have two."""


def _close(unknown: str) -> str:
    close = nearest(unknown, FIELDS)
    return f"Did you mean `{close}`? " if close else ""


def _in_days(given: float | timedelta) -> float:
    seconds: Any = given.total_seconds() if hasattr(given, "total_seconds") else given
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds > 0:
        raise ConfigurationError(
            f"`expires_after` of a CachePolicy is {preview(given)}; it must be seconds greater than 0, or a timedelta."
        )
    return seconds / SECONDS_PER_DAY


def _days(days: Any) -> float | None:
    if days is None:
        return None
    if isinstance(days, bool) or not isinstance(days, (int, float)) or not days > 0:
        raise ConfigurationError(
            f"`max_age_days` of a CachePolicy is {preview(days)}; it must be greater than 0. "
            "To use no stored results at all, set `enable_cache=False`."
        )
    return days


def _several(given: Any, name: str) -> tuple[Any, ...]:
    if isinstance(given, str):
        raise ConfigurationError(f'`{name}` of a CachePolicy is a list; write `{name}=["{given}"]`.')
    try:
        return tuple(given or ())
    except TypeError:
        raise ConfigurationError(
            f"`{name}` of a CachePolicy is {preview(given)}; it must be a list."
        ) from None


def _names(given: Any, name: str) -> tuple[str, ...]:
    found = _several(given, name)
    for one in found:
        if not isinstance(one, str) or not one:
            raise ConfigurationError(f"`{name}` of a CachePolicy holds {preview(one)}; it takes texts.")
    return found
