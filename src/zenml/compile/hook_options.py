"""Hooks as they were given become live functions, and the record of where each comes from."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zenml.compile.declared import declared_as
from zenml.config.preview import preview
from zenml.errors import ConfigurationError
from zenml.records.plan import HookName, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    LiveHooks = dict[HookName, Callable[..., Any]]


def read_hooks(
    chosen: Mapping[str, Any],
    names: Collection[HookName],
    what: str,
    *,
    outputs: Collection[str] = (),
) -> LiveHooks:
    """Return the functions that are to be called, by the moment at which they are called.

    Args:
        chosen: options, among them functions or dotted paths of functions.
        names: the hooks that `what` may have.
        what: what has the hooks, for messages.
        outputs: names of the outputs that hooks of a step can ask for.

    Raises:
        ConfigurationError: something is no hook, or asks for what there is not.
    """
    hooks = {
        name: _function(chosen[name], f"`{name}` of {what}") for name in names if chosen.get(name) is not None
    }
    arguments = chosen.get("on_init_kwargs") if "on_init" in names else None
    if arguments is not None and (not isinstance(arguments, Mapping) or "on_init" not in hooks):
        raise ConfigurationError(
            f"`on_init_kwargs` of {what} is {preview(arguments)}. Give it a mapping of names to values, which `on_init` is "
            "called with; without `on_init`, leave it out."
        )
    if hooks:
        from zenml.signatures.hook_signature import read_hook  # most pipelines have none
    for name, function in hooks.items():
        given = arguments if name == "on_init" else None
        read_hook(function, name, what=what, outputs=outputs, arguments=given)
    return hooks


def hook_sources(hooks: LiveHooks) -> dict[HookName, Source]:
    """Return where hooks come from, as a plan records it."""
    return {name: source_of(function) for name, function in hooks.items()}


def source_of(function: Callable[..., Any]) -> Source:
    """Return where a function is importable from, and its file and line."""
    code = getattr(function, "__code__", None)
    return Source(
        module=getattr(function, "__module__", None) or type(function).__module__,
        name=getattr(function, "__qualname__", type(function).__qualname__),
        file=getattr(code, "co_filename", None),
        line=getattr(code, "co_firstlineno", None),
    )


def _function(given: Any, what: str) -> Callable[..., Any]:
    if isinstance(given, dict) and {"module", "attribute"} <= given.keys():
        given = f"{given['module']}.{given['attribute']}"
    if isinstance(given, str):
        given = imported(given, what)
    if not callable(given) or declared_as(given):
        raise ConfigurationError(
            f"{what} is {declared_as(given) or preview(given)}. Give it a function, or the dotted path of one, such as `alerts.tell_team`."
        )
    found: Callable[..., Any] = given
    return found


def imported(path: str, what: str) -> Any:
    """Return what a dotted path names, `module.name`.

    Raises:
        ConfigurationError: there is no such thing; `what` says where the path stands.
    """
    module, _, name = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(
            f"{what} names `{path}`, which cannot be imported: {error}. Write `module.function`, where the "
            "module can be imported from the folder that the pipeline is started in."
        ) from error
