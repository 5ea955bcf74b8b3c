"""What a step needs of a machine."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from zenml.config.preview import preview
from zenml.config.settings import FieldSettings
from zenml.errors import ConfigurationError

_MEMORY = re.compile(r"(\d+(?:\.\d+)?)(KB|MB|GB|TB|PB|KiB|MiB|GiB|TiB|PiB)")
_FACTORS = {
    unit: base**power
    for base, suffix in ((1000, "B"), (1024, "iB"))
    for power, unit in enumerate((f"{letter}{suffix}" for letter in "KMGTP"), 1)
}


def bytes_of(text: str) -> int | None:
    """Return the bytes that a text such as `20GB` or `512MiB` means, None if it means none."""
    match = _MEMORY.fullmatch(text)
    return None if match is None else int(float(match[1]) * _FACTORS[match[2]])


class ResourceSettings(FieldSettings):
    """Processors and memory, kept with the step for components that place it.

    Example:
        `@step(settings={"resources": ResourceSettings(cpu_count=2, memory="4GB")})`

    Attributes:
        cpu_count: processors, may be a fraction.
        gpu_count: graphics processors, a whole number.
        memory: text with a unit: KB to PB in thousands, KiB to PiB in 1024s.
    """

    FIELDS: ClassVar[dict[str, tuple[type, ...]]] = {
        "cpu_count": (int, float),
        "gpu_count": (int,),
        "memory": (str,),
    }

    def __init__(
        self,
        cpu_count: float | str | None = None,
        gpu_count: int | str | None = None,
        memory: str | None = None,
        **unknown: Any,
    ) -> None:
        super().__init__(cpu_count=cpu_count, gpu_count=gpu_count, memory=memory, **unknown)
        if isinstance(cpu_count, (int, float)) and not 0 < cpu_count < float("inf"):
            raise ConfigurationError(
                f"`cpu_count` of ResourceSettings is {cpu_count}; it must be greater than 0."
            )
        if isinstance(gpu_count, int) and gpu_count < 0:
            raise ConfigurationError(f"`gpu_count` of ResourceSettings is {gpu_count}; it must be from 0 up.")
        if memory is not None and "${" not in memory and not _MEMORY.fullmatch(memory):
            raise ConfigurationError(
                f"`memory` of ResourceSettings is {preview(memory)}; write a number with a unit, such as '2GB' or '512MiB'."
            )

    def get_memory(self, unit: str = "GB") -> float | None:
        """Return the memory in a unit, None if none was given."""
        given = self._given.get("memory")
        if given is None:
            return None
        if unit not in _FACTORS:
            raise ConfigurationError(f"`{unit}` is no unit of memory. Units are: {', '.join(_FACTORS)}.")
        match = _MEMORY.fullmatch(given)
        if match is None:
            raise ConfigurationError(
                f"The memory is {preview(given)}, whose placeholder is not filled in yet."
            )
        amount: float = float(match[1]) * _FACTORS[match[2]] / _FACTORS[unit]
        return amount
