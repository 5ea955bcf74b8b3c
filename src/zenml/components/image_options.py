"""The flags that a builder of images gets, from what settings say in the words of Docker's libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zenml.config.docker_settings import DockerSettings

_OPTIONS = {
    "platform": "platform",
    "target": "target",
    "network_mode": "network",
    "nocache": "no-cache",
    "pull": "pull",
}
"""By build option: the flag of the command `docker build`."""
HOW = frozenset(("no-cache", "pull", "network"))
"""Flags that say how an image is built, and not what is in it."""


def build_options(settings: DockerSettings) -> dict[str, str | tuple[str, ...]]:
    """Return the flags of the builder."""
    said: dict[str, Any] = {}
    for config in (
        settings.parent_image_build_config if settings.dockerfile else None,
        settings.build_config,
    ):
        said |= (config or {}).get("build_options") or {}
    options: dict[str, str | tuple[str, ...]] = {}
    for name, flag in _OPTIONS.items():
        value = said.get(name)
        if value is not None and value is not False:
            options[flag] = "" if value is True else str(value)
    arguments = {**(said.get("buildargs") or {}), **(settings.build_args or {})}
    for flag, pairs in (("build-arg", arguments), ("label", said.get("labels") or {})):
        if pairs:
            options[flag] = tuple(f"{name}={value}" for name, value in sorted(pairs.items()))
    return options
