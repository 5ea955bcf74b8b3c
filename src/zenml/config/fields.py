"""What is said of a field or option that does not exist, and of a configuration object made wrongly."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, TypeVar

from zenml.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

T = TypeVar("T")
M = TypeVar("M")


def nearest(name: object, known: Iterable[str]) -> str | None:
    """Return the known name that is most like a wrong one, or that it is a part of; None if there is none."""
    import difflib

    name, names = str(name), sorted(known)
    close = difflib.get_close_matches(name, names, 1)
    part = [one for one in names if len(name) > 2 and name in one]
    part.sort(key=lambda one: not one.endswith(name))  # `cache` is meant for `enable_cache`
    if (
        part and close and len(close[0]) < len(name) - 1
    ):  # `cron` is meant for `cron_expression`, not for `on`
        return part[0]
    return close[0] if close else part[0] if part else None


def explained(class_: type[T]) -> type[T]:
    """Have a wrong call of a class raise a `ConfigurationError` that names its fields; right calls pay nothing."""
    init: Any = vars(class_)["__init__"]

    @functools.wraps(init)
    def __init__(self: object, *args: object, **kwargs: object) -> None:  # noqa: N807  it becomes the method
        try:
            init(self, *args, **kwargs)
        except TypeError as error:
            if error.__traceback__ is None or error.__traceback__.tb_next is not None:
                raise  # not of the call itself
            raise ConfigurationError(_misuse(class_, len(args), kwargs)) from None

    setattr(class_, "__init__", __init__)  # noqa: B010  it is no attribute that a type checker may see
    return class_


def made(class_: Callable[..., M], fields: Mapping[str, Any], what: str) -> M:
    """Return the object that a mapping of its fields stands for.

    Raises:
        ConfigurationError: what is wrong with it, and that it is in `what`.
    """
    try:
        return class_(**{str(name): value for name, value in fields.items()})
    except ConfigurationError as error:
        raise ConfigurationError(f"{what}: {error}") from error


def _misuse(class_: type, count: int, kwargs: dict[str, object]) -> str:
    """Return what is wrong with a call that Python refused."""
    import inspect

    fields = list(inspect.signature(class_).parameters.values())
    names = [one.name for one in fields if one.kind is not one.VAR_KEYWORD]
    what, listed = class_.__name__, f"It takes: {', '.join(names)}."
    for name in kwargs:
        if name not in names:
            close = nearest(name, names)
            return f"{what} has no `{name}`. {f'Did you mean `{close}`? ' if close else ''}{listed}"
    by_position = [one.name for one in fields if one.kind is one.POSITIONAL_OR_KEYWORD]
    for name in by_position[:count]:
        if name in kwargs:
            return f"{what} gets `{name}` twice, by position and by name. Give it once."
    if count > len(by_position):
        return f"{what} gets {count} values by position and takes {len(by_position)}. Give them by name. {listed}"
    lacking = [one.name for one in fields if one.default is one.empty and one.kind is not one.VAR_KEYWORD]
    lacking = [name for name in lacking if name not in kwargs and name not in by_position[:count]]
    return f"{what} lacks `{lacking[0]}`. Give it one: `{what}({lacking[0]}=…)`."
