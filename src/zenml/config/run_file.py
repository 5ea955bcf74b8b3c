"""A configuration file of a run: its options, and everything that is wrong with it, by line.

What can be known from the file alone is checked when it is read; which steps there are and what
they take is checked when the pipeline is compiled. All problems are then reported together.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from zenml.config import option_shapes
from zenml.config.option_schemas import SCHEMAS
from zenml.config.option_table import ALIASES, STEP
from zenml.config.placeholders import has_placeholder
from zenml.config.precedence import with_resources
from zenml.config.settings import settings_problems
from zenml.config.yaml_document import YamlDocument, read_document
from zenml.errors import ConfigurationError, ZenMLError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping

    from zenml.config.placeholders import Path


class RunFile:
    """A file that was read.

    Attributes:
        name: the file, as it was given.
        options: what it sets, under the names of the option table.
    """

    def __init__(self, document: YamlDocument) -> None:
        self.name = document.name
        self._document = document
        self._problems: dict[tuple[int, str], None] = dict.fromkeys(document.problems)
        value = document.value
        if value is not None and not isinstance(value, dict):
            self._problems[
                1, "is no mapping of options to values; write lines such as `enable_cache: false`"
            ] = None
            value = None
        self.options = self._read(value or {}, (), "pipeline", "a run")

    def fresh(self) -> RunFile:
        """Return the same file, to which problems can be added that only one compilation finds."""
        twin = copy.copy(self)
        twin._problems = dict(self._problems)
        return twin

    def add_problem(self, path: Path, text: str) -> None:
        """Note something that is wrong at a path of the file."""
        self._problems[self._document.line_of(self._written(path)), text] = None

    def raise_problems(self, cause: BaseException | None = None) -> None:
        """Raise one error for everything that is wrong with the file, if anything is."""
        if not self._problems:
            return
        found = [f"{self.name}:{line} {text}" for line, text in sorted(self._problems)]
        if len(found) == 1:
            raise ConfigurationError(found[0] if found[0].endswith("?") else f"{found[0]}.") from cause
        listed = "\n".join(f"  {one}" for one in found)
        raise ConfigurationError(
            f"Configuration file `{self.name}` has {len(found)} problems:\n{listed}"
        ) from cause

    def place_of(self, path: Path, value: Any) -> str | None:
        """Return `file:line` of a path if the file says just this value there."""
        found: Any = self.options
        try:
            for part in path:
                found = found[part]
        except (LookupError, TypeError):
            return None
        if found != value:
            return None
        return f"{self.name}:{self._document.line_of(self._written(path))}"

    def _written(self, path: Path) -> Path:
        """Return a path in the spelling of the file."""
        here: Path = ()
        for part in path:
            spellings = [part, *(alias for alias, name in ALIASES.items() if name == part)]
            here = next(
                ((*here, one) for one in spellings if (*here, one) in self._document.lines), (*here, part)
            )
        return here

    def _problem(self, path: Path, text: str) -> None:
        self._problems[self._document.line_of(path), text] = None

    def _read(self, given: Mapping[str, Any], path: Path, owner: str, what: str) -> dict[str, Any]:
        """Return the sound options of a section; note what is wrong with the others."""
        known = option_shapes.options_of_file(owner)
        found: dict[str, Any] = {}
        for key, value in given.items():
            here = (*path, key)
            if key == "outputs" and owner == STEP:
                self._read_outputs(value, here, found)
                continue
            if key not in known:
                names = [*known, "outputs"] if owner == STEP else known
                self._problem(here, option_shapes.unknown_key(key, names, what))
                continue
            option = known[key]
            if value is None:
                continue
            if option.name in found:
                self._problem(here, f"`{key}` and another spelling of it are given; keep one")
            elif option.shape == "steps":
                found["steps"] = self._read_steps(value, here)
            elif self._is_sound(value, option.shape, here):
                found[option.name] = self._converted(value, option.shape, here)
        try:
            with_resources(found, found.pop("resources", None), what)
        except ConfigurationError as error:
            self._problem((*path, "resources"), str(error).rstrip("."))
        return found

    def _read_steps(self, given: Any, path: Path) -> dict[str, Any]:
        if not isinstance(given, dict):
            self._problem(path, f"`steps` is {given!r}; it must be a mapping of steps to their options")
            return {}
        found = {}
        for name, section in given.items():
            if section is None:
                continue
            if not isinstance(section, dict):
                self._problem((*path, name), f"step `{name}` is {section!r}; it must be a mapping of options")
                continue
            found[name] = self._read(section, (*path, name), STEP, f"step `{name}`")
        return found

    def _read_outputs(self, given: Any, path: Path, found: dict[str, Any]) -> None:
        """Read `outputs: {model: {materializer_source: …}}` as materializers by output."""
        if given is None or not self._is_sound(given, "outputs", path):
            return
        for one in (given, *(given.values() if isinstance(given, dict) else ())):
            if isinstance(one, str):  # a placeholder, which fits everywhere
                self._problem(path, f"`outputs` has {one!r} in the place of a mapping; write it out")
                return
        chosen = {
            name: read_source(one["materializer_source"])
            for name, one in given.items()
            if one and one.get("materializer_source") is not None
        }
        if chosen:
            found["output_materializers"] = chosen

    def _is_sound(self, value: Any, shape: str, path: Path) -> bool:
        is_sound = True
        for below, text in option_shapes.schema_problems(value, SCHEMAS[shape]):
            name = ".".join(map(str, (path[-1], *below)))
            self._problem((*path, *below), f"`{name}` {text}")
            is_sound = False
        if is_sound and shape in ("settings", "resources") and isinstance(value, dict):
            for key, place, text in settings_problems(value if shape == "settings" else {shape: value}):
                below, named = ((key,), place) if shape == "settings" else ((), shape)
                self._problem((*path, *below), f"`{named}`{text}".rstrip("."))
                is_sound = False
        return is_sound

    def _converted(self, value: Any, shape: str, path: Path) -> Any:
        """Return the object that a mapping stands for; one with placeholders is made when they are filled in."""
        if has_placeholder(value):
            return value
        maker = MAKERS.get(shape)
        try:
            return maker(value) if maker is not None else value
        except (ZenMLError, TypeError) as error:
            self._problem(path, f"`{path[-1]}`: {str(error).rstrip('.')}")
            return None


def read_run_file(path: str | os.PathLike[str]) -> RunFile:
    """Read a configuration file; what is wrong with its content is kept, not raised.

    Raises:
        ConfigurationError: it cannot be read as YAML at all.
    """
    return RunFile(read_document(path))


def read_source(given: Any) -> Any:
    """Return a dotted path for `{module: …, attribute: …}`; a text or list of texts is one already."""
    return f"{given['module']}.{given['attribute']}" if isinstance(given, dict) else given


def _read_retry(given: Any) -> Any:
    from zenml.config.retry_config import StepRetryConfig

    return StepRetryConfig(**given) if isinstance(given, dict) else StepRetryConfig(max_retries=given)


def _read_cache_policy(given: Any) -> Any:
    from zenml.config.cache_policy import CachePolicy

    return CachePolicy(**given) if isinstance(given, dict) else CachePolicy.default()


def _read_model(given: Any) -> Any:
    from zenml.config.model import Model

    return Model(**given)


def _read_schedule(given: Any) -> Any:
    from zenml.config.schedule import Schedule

    return Schedule(**given)


def _read_tags(given: Any) -> Any:
    from zenml.config.tag import Tag

    return [Tag(**one) if isinstance(one, dict) else one for one in given]


def _read_group(given: Any) -> Any:
    return given["name"] if isinstance(given, dict) else given


MAKERS: dict[str, Callable[[Any], Any]] = {
    "hook": read_source,
    "retry": _read_retry,
    "cache_policy": _read_cache_policy,
    "model": _read_model,
    "schedule": _read_schedule,
    "tags": _read_tags,
    "group": _read_group,
}
"""By shape: what a value of a file becomes."""
