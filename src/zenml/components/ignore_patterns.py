"""Patterns of a `.dockerignore` file, with the meaning that Docker gives them.

A pattern is relative to the folder of the file; `*` and `?` stay within a name, `**` goes over folders, `!` takes
back what an earlier line matched, and the last line that matches wins. What matches a folder matches all that is in it.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from zenml.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable


class IgnorePatterns:
    """Patterns, in their order.

    Args:
        lines: the lines of a file.
        where: the file, for messages.
    """

    def __init__(self, lines: Iterable[str], where: str = ".dockerignore") -> None:
        self._patterns: list[tuple[bool, re.Pattern[str]]] = []
        for number, line in enumerate(lines, 1):
            text = line.strip().removeprefix("\ufeff")
            if not text or line.startswith("#"):
                continue
            is_exception = text.startswith("!")
            pattern = posixpath.normpath(text.removeprefix("!").strip()).lstrip("/")
            if pattern in {"", "."} and not is_exception:
                continue
            try:
                self._patterns.append((is_exception, re.compile(_expression(pattern))))
            except re.error as error:
                raise ConfigurationError(
                    f"{where}:{number}: `{text}` is no pattern: {error}. Correct the line."
                ) from error

    @property
    def has_exceptions(self) -> bool:
        """Whether some line takes back what another one says, so that an ignored folder may hold what is not."""
        return any(is_exception for is_exception, _ in self._patterns)

    def match(self, path: str) -> bool:
        """Tell whether a file or folder is ignored, by its path with `/` from the folder of the patterns."""
        parts = path.split("/")
        above = ["/".join(parts[: count + 1]) for count in range(len(parts))]
        is_ignored = False
        for is_exception, pattern in self._patterns:
            if is_ignored == is_exception and any(pattern.fullmatch(one) for one in above):
                is_ignored = not is_exception
        return is_ignored


def _expression(pattern: str) -> str:
    """Return the regular expression of a pattern."""
    found, position = "", 0
    while position < len(pattern):
        letter = pattern[position]
        if pattern.startswith("**", position):
            position += 2
            if pattern.startswith("/", position):
                position += 1
            found += ".*" if position == len(pattern) else "(?:.*/)?"
        elif letter in "*?":
            found += "[^/]*" if letter == "*" else "[^/]"
            position += 1
        elif letter == "[" and "]" in pattern[position + 2 :]:
            end = pattern.index("]", position + 2)
            found += pattern[position : end + 1]
            position = end + 1
        elif letter == "\\" and position + 1 < len(pattern):
            found += re.escape(pattern[position + 1])
            position += 2
        else:
            found += re.escape(letter)
            position += 1
    return found
