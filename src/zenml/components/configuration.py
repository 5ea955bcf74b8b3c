"""Configurations of components: read from what people give, kept without secrets, and opened with them.

A text may hold references, `{{secret.key}}`. They are kept as they are, and stand for the value when the
component is opened. What is given in clear for a field of `SecretText` is taken out, to be kept as a secret.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin, get_type_hints

import msgspec

from zenml.components.flavor import ConfigClass, fields_of
from zenml.config.fields import nearest
from zenml.config.preview import preview
from zenml.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from zenml.components.flavor import Flavor

REFERENCE = re.compile(r"\{\{\s*([^{}]+)\.([^{}.]+?)\s*\}\}")
"""A secret and one of its keys."""


def check_configuration(config: ConfigClass, given: Mapping[str, Any], what: str) -> dict[str, Any]:
    """Return a configuration as it is recorded: plain values of the types of its fields, with its references.

    Args:
        config: the class of the flavor.
        given: values by field; texts stand for what they spell, as on a command line.
        what: whose configuration it is, for messages.

    Raises:
        ConfigurationError: a field is unknown, missing, or has a value that it cannot have; all are named.
    """
    hints = get_type_hints(config, include_extras=True)
    fields = {text.name: text for text in fields_of(config)}
    problems, kept, is_open = [], {}, False
    for name, value in given.items():
        if name not in fields:
            close = nearest(name, fields)
            hint = f"Did you mean `{close}`?" if close else f"It takes: {', '.join(fields) or 'nothing'}."
            problems.append(f"`{name}` is unknown. {hint}")
        elif has_reference(value):
            kept[name], is_open = spelled_out(value, hints[name]), True
        else:
            try:
                read = msgspec.convert(spelled_out(value, hints[name]), hints[name], strict=False)
            except msgspec.ValidationError as error:
                shown = "" if fields[name].is_secret else f" is {preview(value)}"
                problems.append(f"`{name}`{shown}: {error}.")
            else:
                kept[name] = msgspec.to_builtins(read)
    problems += [
        f"`{name}` is missing: {text.description or text.type}"
        for name, text in fields.items()
        if text.is_required and name not in given
    ]
    if not problems and not is_open:
        try:
            msgspec.convert(kept, config)
        except (msgspec.ValidationError, ConfigurationError) as error:
            problems.append(str(error))
    if problems:
        raise ConfigurationError(f"The configuration of {what} is wrong: {' '.join(problems)}")
    return kept


def open_configuration(
    config: ConfigClass, kept: Mapping[str, Any], what: str, read: Callable[[str, str], str]
) -> Any:
    """Return the configuration as its class, references replaced by what they stand for.

    Args:
        config: the class of the flavor.
        kept: as it was recorded.
        what: whose configuration it is, for messages.
        read: returns the value of a key of a secret.

    Raises:
        ConfigurationError: it does not fit the class any more.
        NotFoundError: a secret or key is not there.
    """
    hints = get_type_hints(config, include_extras=True)
    filled = {
        name: spelled_out(_filled(value, read), hints[name]) if name in hints else value
        for name, value in kept.items()
    }
    try:
        return msgspec.convert(filled, config, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigurationError(
            f"The configuration of {what} does not fit its flavor: {error}. Correct it with the command `update`."
        ) from error


def settings_of(flavor: Flavor, given: Mapping[str, Any], what: str) -> Any:
    """Return settings of a step for a component, as the flavor's class of them.

    Raises:
        ConfigurationError: a field is unknown or has a value that it cannot have, or nothing can be set.
    """
    if flavor.settings is None:
        if given:
            raise ConfigurationError(
                f"{what} sets {', '.join(f'`{name}`' for name in given)}, but the {flavor.type} flavor `{flavor.name}` "
                "has no settings. Configure the component instead."
            )
        return None
    return msgspec.convert(check_configuration(flavor.settings, given, what), flavor.settings, strict=False)


def take_secrets(
    config: ConfigClass, kept: Mapping[str, Any], secret: str
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return a configuration in which references stand for clear texts of secret fields, and those texts by key.

    Args:
        config: the class of the flavor.
        kept: as `check_configuration` returned it.
        secret: the name of the secret that is to hold the texts.
    """
    texts: dict[str, str] = {}
    hidden = {text.name for text in fields_of(config) if text.is_secret}

    def taken(value: Any, key: str) -> Any:
        if isinstance(value, str) and not has_reference(value):
            texts[key] = value
            return f"{{{{{secret}.{key}}}}}"
        if isinstance(value, list):
            return [taken(one, f"{key}_{number}") for number, one in enumerate(value)]
        if isinstance(value, dict):
            return {
                name: taken(one, f"{key}_{re.sub(r'[^A-Za-z0-9_-]', '_', name)}")
                for name, one in value.items()
            }
        return value

    return {name: taken(value, name) if name in hidden else value for name, value in kept.items()}, texts


def has_reference(value: Any) -> bool:
    """Tell whether a value holds a reference to a secret."""
    return next(references_of(value), None) is not None


def references_of(value: Any) -> Any:
    """Yield the references in a value: the secret, and the key."""
    if isinstance(value, str):
        yield from (found.groups() for found in REFERENCE.finditer(value))
    elif isinstance(value, dict):
        for one in value.values():
            yield from references_of(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from references_of(one)


def spelled_out(value: Any, hint: Any) -> Any:
    """Return what a text spells for a field of this type: lists are JSON or divided by commas, mappings JSON."""
    if not isinstance(value, str):
        return list(value) if isinstance(value, (tuple, set, frozenset)) else value
    kinds = _kinds(hint)
    if str in kinds:
        return value
    if value.lower() in ("true", "false") and bool in kinds:
        return value.lower() == "true"
    if not kinds & {list, tuple, set, frozenset, dict}:
        return value
    try:
        read = json.loads(value)
    except ValueError:
        read = None
    if isinstance(read, (list, dict)):
        return read
    return [part.strip() for part in value.split(",") if part.strip()] if dict not in kinds else value


def _kinds(hint: Any) -> set[Any]:
    """Return the plain classes that a type may have at its outermost."""
    if get_origin(hint) is Annotated:
        return _kinds(get_args(hint)[0])
    origin = get_origin(hint)
    if getattr(origin, "__name__", "") in ("Union", "UnionType"):
        return set().union(*(_kinds(one) for one in get_args(hint)))
    if getattr(origin, "__name__", "") == "Literal":
        return {type(one) for one in get_args(hint)}
    return {origin or hint}


def _filled(value: Any, read: Callable[[str, str], str]) -> Any:
    if isinstance(value, str):
        return REFERENCE.sub(lambda found: read(found[1].strip(), found[2]), value)
    if isinstance(value, dict):
        return {name: _filled(one, read) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_filled(one, read) for one in value]
    return value
