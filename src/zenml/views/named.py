"""A mapping of names whose error for a wrong name lists the close ones."""

from __future__ import annotations

from typing import NoReturn, TypeVar

from zenml.errors import NotFoundError

V = TypeVar("V")


class Named(dict[str, V]):
    """A dict that knows what its values are called."""

    def __init__(self, items: dict[str, V], what: str) -> None:
        super().__init__(items)
        self._what = what

    def __missing__(self, name: str) -> NoReturn:
        import difflib

        close = difflib.get_close_matches(name, self, 3)
        listed = ", ".join(f"`{key}`" for key in (close or list(self)[:20]))
        raise NotFoundError(f"There is no {self._what} called `{name}`. There is: {listed or 'none'}.")
