"""Settings by what they are for: which keys there are, and the classes that check some of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from zenml.config.fields import nearest
from zenml.config.preview import preview
from zenml.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

COMPONENT_TYPES = {
    "orchestrator": "executes runs",
    "artifact_store": "keeps the bytes of artifacts",
    "alerter": "tells people something, and asks them",
    "experiment_tracker": "follows steps in a tracking service",
    "step_operator": "executes single steps elsewhere",
    "model_registry": "keeps versions of models for those who serve them",
    "image_builder": "builds the images of containers",
    "container_registry": "keeps the images of containers",
    "annotator": "has people label data",
    "data_validator": "checks data",
    "deployer": "serves pipelines",
    "feature_store": "serves features",
    "log_store": "keeps logs",
    "model_deployer": "serves models",
    "sandbox": "runs code that is not trusted",
}
"""By type: what its components do. Those without a flavor in this distribution can come from others."""
GENERAL = ("docker", "resources", "deployment", "output_materializers")


def check_settings(settings: dict[str, Any], what: str) -> None:
    """Raise for a key that no settings belong to, and for docker and resource settings that are not possible.

    Raises:
        ConfigurationError: what is wrong, with the close match.
    """
    for _, place, problem in settings_problems(settings):
        raise ConfigurationError(f"`{place}` of {what}{problem}")


def settings_problems(settings: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield what is wrong with settings: the key, what to call the place, and what is said of it."""
    for key, value in settings.items():
        kind, dot, flavor = str(key).partition(".")
        if key not in GENERAL and (kind not in COMPONENT_TYPES or (dot and not flavor.strip())):
            close = nearest(kind, (*GENERAL, *COMPONENT_TYPES))
            hint = (
                f"Did you mean `{close}{dot}{flavor}`?" if close else "What is your own belongs into `extra`."
            )
            known = "`docker`, `resources`, `deployment`, `output_materializers`, or a type of component"
            yield (
                key,
                "settings",
                f" has the key `{key}`. Keys are {known}, with a flavor or stack after a dot. {hint}",
            )
        elif kind not in ("docker", "resources"):
            continue
        elif not isinstance(value, dict):
            yield key, f"settings.{key}", f" is {preview(value)}; it must be a mapping."
        else:
            try:
                _class_of(kind)(**value)
            except (ConfigurationError, TypeError) as error:
                yield key, f"settings.{key}", f": {error}"


def _class_of(kind: str) -> Any:
    if kind == "docker":
        from zenml.config.docker_settings import DockerSettings

        return DockerSettings
    from zenml.config.resource_settings import ResourceSettings

    return ResourceSettings


class FieldSettings:
    """Settings with a table of fields; only what was given is kept."""

    FIELDS: ClassVar[dict[str, tuple[type, ...]]]
    """By field: the types that its value may have."""

    def __init__(self, **fields: Any) -> None:
        for name, value in fields.items():
            if name not in self.FIELDS:
                close = nearest(name, self.FIELDS)
                hint = f"Did you mean `{close}`?" if close else f"It takes: {', '.join(self.FIELDS)}."
                raise ConfigurationError(f"{type(self).__name__} has no `{name}`. {hint}")
            kinds = self.FIELDS[name]
            is_flag = isinstance(value, bool) and bool not in kinds
            is_open = isinstance(value, str) and "${" in value
            if value is not None and not is_open and (is_flag or not isinstance(value, kinds)):
                wanted = " or ".join(_KIND_NAMES[kind] for kind in kinds)
                raise ConfigurationError(
                    f"`{name}` of {type(self).__name__} is {preview(value)}; it must be {wanted}."
                )
        self._given = {name: value for name, value in fields.items() if value is not None}

    def to_dict(self) -> dict[str, Any]:
        """Return the fields that were given."""
        return dict(self._given)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self.FIELDS:
            raise AttributeError(f"`{type(self).__name__}` has no attribute `{name}`")
        return self._given.get(name)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    __hash__ = None  # type: ignore[assignment]  # its values may be lists

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self._given.items())})"
        )


_KIND_NAMES = {
    bool: "True or False",
    str: "text",
    int: "a whole number",
    float: "a number",
    list: "a list",
    tuple: "a tuple",
    dict: "a mapping",
}
