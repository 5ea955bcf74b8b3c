"""Placeholders in the names of runs and artifacts: `{date}`, `{time}`, `{datetime}`, and a user's own.

A user's substitutions are known when a pipeline is compiled, and count like the name itself. The
time is that of the run's beginning, in UTC, so all names of one run agree.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from zenml.config.preview import preview
from zenml.errors import ConfigurationError
from zenml.signatures.signature import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

DATE, TIME = "%Y_%m_%d", "%H_%M_%S_%f"
_TIMES = {"date": DATE, "time": TIME, "datetime": f"{DATE}-{TIME}"}
_NAMED = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


def check_run_name(name: object, substitutions: Mapping[str, str]) -> str | None:
    """Return the name of a run with a user's substitutions filled in, None if none was given.

    Raises:
        ConfigurationError: it is no text, or has a placeholder that nothing stands for.
    """
    if name is None:
        return None
    if not isinstance(name, str) or not name.strip() or "\0" in name:
        raise ConfigurationError(f"`run_name` is {preview(name)}; it must be text.")
    return _substituted(name, substitutions, f"`run_name` (`{name}`)")


def artifact_name(name: str, substitutions: Mapping[str, str], what: str) -> str | None:
    """Return the name of an output's artifacts where it is another one than that of the output."""
    found = _substituted(name, substitutions, what)
    return found if "{" in name else None


def with_times(name: str, moment: int) -> str:
    """Return a name with the times filled in.

    Args:
        name: a name, in which `{date}`, `{time}` and `{datetime}` may stand.
        moment: microseconds since 1970, UTC.
    """
    if "{" not in name:
        return name
    at = datetime.fromtimestamp(moment / 1e6, UTC)
    return _NAMED.sub(lambda match: at.strftime(_TIMES[match[1]]) if match[1] in _TIMES else match[0], name)


def _substituted(name: str, substitutions: Mapping[str, str], what: str) -> str:
    for word in _NAMED.findall(name):
        if word not in substitutions and word not in _TIMES:
            known = {*substitutions, *_TIMES}
            raise ConfigurationError(
                f"{what} has the placeholder `{{{word}}}`, for which nothing stands. {did_you_mean(word, known)}"
                f'Give it a text with `substitutions={{"{word}": "…"}}`; known are {", ".join(sorted(known))}.'
            )
    return _NAMED.sub(lambda match: substitutions.get(match[1], match[0]), name)
