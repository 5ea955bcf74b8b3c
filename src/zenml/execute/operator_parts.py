"""What a step operator contributes to the cache keys of the steps that it runs: what their environment consists of.

Which operator it is does not count, nor where it keeps what it builds: only the fields that its flavor
names as those that results depend on, as configured and as set by the step.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

from zenml.components.requirements import local_states, requirement_lines

if TYPE_CHECKING:
    from collections.abc import Mapping

_READABLE = 200
"""Characters up to which a part is kept as text, so that an explanation can say what it was."""
_REQUIREMENTS = "requirements"


def operator_parts(
    fields: tuple[str, ...], configured: Mapping[str, Any], chosen: Mapping[str, Any], folder: str, what: str
) -> dict[str, str]:
    """Return the parts of a key, by name: each field that says something, as JSON or, where that is long, as its digest.

    Args:
        fields: what counts, as the flavor says.
        configured: the configuration of the component, references to secrets not replaced.
        chosen: the settings of the step.
        folder: what paths of requirements files are relative to.
        what: names the step in messages.

    Raises:
        ConfigurationError: a requirements file cannot be read.
    """
    found = {}
    for field in fields:
        own, stepped = configured.get(field), chosen.get(field)
        if field == _REQUIREMENTS:
            value: Any = _packages(own, stepped, folder, what)
        elif isinstance(own, (list, tuple)) and isinstance(stepped, (list, tuple)):
            value = [*own, *stepped]
        else:
            value = own if stepped is None else stepped
        if value not in (None, [], "", False):
            found[f"operator:{field}"] = _text(value)
    return found


def _packages(own: Any, stepped: Any, folder: str, what: str) -> list[str]:
    """Return the packages of operator and step together, with the content of those that are folders or files."""
    lines = (
        *requirement_lines(own, folder, f"The step operator of {what}"),
        *requirement_lines(stepped, folder, f"`requirements` of {what}"),
    )
    return [*dict.fromkeys(lines), *local_states(lines)]


def _text(value: Any) -> str:
    text = msgspec.json.encode(value, order="deterministic")
    if len(text) <= _READABLE:
        return text.decode()
    return f"sha256:{hashlib.sha256(text).hexdigest()[:24]}"
