"""How often a failed step is tried again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zenml.config.fields import explained
from zenml.config.preview import preview
from zenml.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable


@explained
class StepRetryConfig:
    """Retries of a step that fails, with growing waits between them.

    Example:
        `@step(retry=StepRetryConfig(max_retries=3, delay=10, backoff=2))` waits 10, 20 and 40 seconds.

    Attributes:
        max_retries: attempts after the first one.
        delay: seconds before the first retry.
        backoff: the factor by which each further wait grows; 1, or 0, for waits of equal length.
        max_delay: the longest wait, in seconds.
        jitter: the part of each wait, from 0 to 1, that is left to chance, so that many steps which
            failed together do not come back together.
        retry_on: only these exceptions, and subclasses of them, are worth a retry.
    """

    def __init__(
        self,
        max_retries: int = 1,
        delay: float = 0,
        backoff: float = 1,
        *,
        max_delay: float | None = None,
        jitter: float = 0,
        retry_on: type[BaseException] | str | Iterable[type[BaseException] | str] = (),
    ) -> None:
        """Check and keep the configuration; exceptions may be given by their dotted names too."""
        self.max_retries = _number("max_retries", max_retries, at_least=0, is_whole=True)
        self.delay = _number("delay", delay, at_least=0)
        self.backoff = _number("backoff", backoff, at_least=0)
        if 0 < self.backoff < 1:
            raise ConfigurationError(
                f"`backoff` of a StepRetryConfig is {backoff}: waits would shrink. Give a factor from 1 up."
            )
        self.max_delay = None if max_delay is None else _number("max_delay", max_delay, at_least=0)
        self.jitter = _number("jitter", jitter, at_least=0, at_most=1)
        given = tuple(retry_on) if isinstance(retry_on, (list, tuple, set, frozenset)) else (retry_on,)
        self.retry_on = tuple(_exception_name(one) for one in given)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StepRetryConfig) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash(tuple(vars(self).values()))

    def __repr__(self) -> str:
        return f"StepRetryConfig({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


def _number(
    name: str, value: float, *, at_least: float, at_most: float = float("inf"), is_whole: bool = False
) -> int | float:
    wanted = "a whole number" if is_whole else "a number"
    is_right = type(value) is int or (isinstance(value, float) and not is_whole)
    if not is_right or not at_least <= value <= at_most or value == float("inf"):
        limit = f"from {at_least} up" if at_most == float("inf") else f"from {at_least} to {at_most}"
        raise ConfigurationError(
            f"`{name}` of a StepRetryConfig is {preview(value)}; it must be {wanted} {limit}."
        )
    return value


def _exception_name(given: type[BaseException] | str) -> str:
    if isinstance(given, type) and issubclass(given, BaseException):
        return f"{given.__module__}.{given.__qualname__}"
    if isinstance(given, str) and given.strip():
        return given if "." in given else f"builtins.{given}"
    raise ConfigurationError(
        f"`retry_on` of a StepRetryConfig holds {preview(given)}. Give it exception classes, such as `TimeoutError`."
    )
