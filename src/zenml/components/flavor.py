"""What a flavor says of itself: one value in its file, named `FLAVOR`, from which all else follows.

    class WebhookConfig(Configuration, frozen=True, kw_only=True):
        url: Annotated[str, Meta(description="Where messages are posted to.", examples=["https://…"])]

    FLAVOR = Flavor(type="alerter", name="webhook", component=WebhookAlerter, config=WebhookConfig)

The fields of the configuration, with their descriptions, are the help of `zenml alerter register`
and the page of the flavor in the documentation; its module's docstring is the rest of that page.
"""

from __future__ import annotations

import sys
from typing import Annotated, Any, TypeAlias, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

SecretText: TypeAlias = Annotated[str, Meta(extra={"is_secret": True})]
"""Text that is never shown, and is given as `{{secret.key}}` where it is kept."""


class Configuration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a component is configured with, or what a step sets for it: a class of fields with descriptions."""

    def __repr__(self) -> str:
        """Return its fields, those of `SecretText` hidden."""
        hidden = {text.name for text in fields_of(type(self)) if text.is_secret}
        shown = (
            f"{name}=***" if name in hidden and getattr(self, name) else f"{name}={getattr(self, name)!r}"
            for name in self.__struct_fields__
        )
        return f"{type(self).__name__}({', '.join(shown)})"


ConfigClass: TypeAlias = type[Configuration]


class NoConfiguration(Configuration, frozen=True, kw_only=True):
    """The configuration of a flavor that has nothing to configure."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a component is opened.

    Attributes:
        name: the name that it is registered under.
        folder: for what it keeps on this machine, such as a cache. It need not be there yet, and
            processes share it.
    """

    name: str
    folder: str


class Flavor(msgspec.Struct, frozen=True, kw_only=True):
    """One implementation of a type of component.

    Attributes:
        type: the type of component, such as `alerter`.
        name: the name of the flavor.
        component: called as `component(configuration, place)` where the component is used first; it stores
            what it gets, and connects when it is asked for something.
        config: what is configured when a component is registered. Descriptions of fields are
            written as `Annotated[T, Meta(description="…")]`, texts to hide as `SecretText`.
        settings: what a step or pipeline may set for itself, under the key `TYPE.FLAVOR`; None: nothing.
        requirements: what pip must have installed, such as `mlflow>=3`.
        extra: the extra of this distribution that brings them.
        capabilities: what not every component of the type can do, such as `ask`.
        result_fields: fields of configuration and settings that what a step returns depends on, such as
            `requirements`; they are part of the cache keys of the steps that a step operator runs.
        preload: modules that take long to import, for components that are opened in the processes of steps:
            imported once, before those are forked.
    """

    type: str
    name: str
    component: Any
    config: ConfigClass = NoConfiguration
    settings: ConfigClass | None = None
    requirements: tuple[str, ...] = ()
    extra: str | None = None
    capabilities: frozenset[str] = frozenset()
    result_fields: tuple[str, ...] = ()
    preload: tuple[str, ...] = ()

    @property
    def docs(self) -> str:
        """The text at the top of the flavor's file."""
        return (sys.modules[self.component.__module__].__doc__ or "").strip()

    @property
    def install(self) -> str | None:
        """The command that installs what it needs; None if there is nothing to install."""
        if self.extra:
            return f"pip install 'zenml-core[{self.extra}]'"
        if not self.requirements:
            return None
        return "pip install " + " ".join(f"'{one}'" for one in self.requirements)


class FieldText(msgspec.Struct, frozen=True, kw_only=True):
    """A field of a configuration as people read it."""

    name: str
    type: str
    description: str
    is_required: bool
    is_secret: bool
    default: Any = None
    examples: tuple[Any, ...] = ()


def fields_of(config: ConfigClass) -> tuple[FieldText, ...]:
    """Return the fields of a configuration class, the required ones first."""
    hints = get_type_hints(config, include_extras=True)
    found = []
    for field in msgspec.structs.fields(config):
        metas = [meta for meta in _metas(hints[field.name]) if isinstance(meta, Meta)]
        default = field.default_factory() if field.default_factory is not msgspec.NODEFAULT else field.default
        found.append(
            FieldText(
                name=field.encode_name,
                type=_type_text(hints[field.name]),
                description=next((meta.description for meta in metas if meta.description), ""),
                is_required=field.required,
                is_secret=any((meta.extra or {}).get("is_secret") for meta in metas),
                default=None if field.required else default,
                examples=next((tuple(meta.examples) for meta in metas if meta.examples), ()),
            )
        )
    return tuple(sorted(found, key=lambda text: not text.is_required))


def _metas(hint: Any) -> list[Any]:
    """Return what annotates a type, and the types in it: `Annotated[SecretText | None, …]` is secret too."""
    found = list(getattr(hint, "__metadata__", ()))
    for inner in get_args(hint):
        if get_origin(hint) is not Annotated or inner is get_args(hint)[0]:
            found += _metas(inner)
    return found


def _type_text(hint: Any) -> str:
    while get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    words = {str: "text", int: "whole number", float: "number", bool: "true or false", type(None): "none"}
    if hint in words:
        return words[hint]
    origin, inner = get_origin(hint), get_args(hint)
    name = getattr(origin, "__name__", "")
    if name == "Literal":
        return " or ".join(f"`{one}`" for one in inner)
    if name in ("tuple", "list"):
        return f"list of {_type_text(inner[0])}" if inner else "list"
    if name == "dict":
        return "mapping"
    if name in ("Union", "UnionType"):
        return " or ".join(_type_text(one) for one in inner if one is not type(None))
    return getattr(hint, "__name__", str(hint))
