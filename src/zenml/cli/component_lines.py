"""Components, flavors and stacks as people and programs read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from zenml.cli.style import iso_time, local_time
from zenml.cli.tables import table
from zenml.components.flavor import fields_of
from zenml.components.kinds import words
from zenml.records.ids import short
from zenml.records.stacks import DEFAULT

if TYPE_CHECKING:
    from zenml.components.flavor import Flavor
    from zenml.views.stack_view import ComponentView, StackView


def id_of(view: ComponentView | StackView) -> str:
    """Return the id as lists show it; what is there without being recorded has none."""
    return "" if view.id.startswith(DEFAULT) else short(view.id)


def component_shape(view: ComponentView) -> dict[str, Any]:
    """Return a component: id, name, type, flavor, configuration, created_at, updated_at; times are null for default ones."""
    return {
        "id": view.id,
        "name": view.name,
        "type": view.type,
        "flavor": view.flavor,
        "configuration": view.configuration,
        "created_at": iso_time(view.record.created_at or None),
        "updated_at": iso_time(view.record.updated_at or None),
    }


def stack_shape(view: StackView, *, is_active: bool) -> dict[str, Any]:
    """Return a stack: id, name, is_active, components by type, each as `component_shape`."""
    return {
        "id": view.id,
        "name": view.name,
        "is_active": is_active,
        "components": {kind: component_shape(one) for kind, one in view.components.items()},
    }


def flavor_shape(flavor: Flavor) -> dict[str, Any]:
    """Return a flavor of a list: type, name, about, install, capabilities."""
    return {
        "type": flavor.type,
        "name": flavor.name,
        "about": flavor.docs.partition("\n")[0],
        "install": flavor.install,
        "capabilities": sorted(flavor.capabilities),
    }


def whole_flavor_shape(flavor: Flavor) -> dict[str, Any]:
    """Return a flavor with its fields: the keys of a list, docs, and configuration and settings, lists of fields.

    A field has name, type, description, is_required, is_secret, default, examples.
    """
    fields = [] if flavor.settings is None else fields_of(flavor.settings)
    return {
        **flavor_shape(flavor),
        "docs": flavor.docs,
        "configuration": [msgspec.to_builtins(one) for one in fields_of(flavor.config)],
        "settings": [msgspec.to_builtins(one) for one in fields],
    }


def component_lines(view: ComponentView) -> list[str]:
    """Return a component for people."""
    rows = [("type", words(view.type)), ("flavor", view.flavor), ("id", view.id)]
    if view.record.updated_at:
        rows.append(("updated", local_time(view.record.updated_at)))
    fields = [(name, _plain(value)) for name, value in view.configuration.items()]
    return [view.name, *_indented(rows), *(["configuration", *_indented(fields)] if fields else [])]


def stack_lines(view: StackView, *, is_active: bool) -> list[str]:
    """Return a stack for people."""
    rows = [(words(kind), one.name, one.flavor) for kind, one in view.components.items()]
    mark = " (active)" if is_active else ""
    return [f"{view.name}{mark}", *(f"  {line}" for line in table(("COMPONENT", "NAME", "FLAVOR"), rows))]


def flavor_lines(flavor: Flavor) -> list[str]:
    """Return a flavor for people: its text, how it is installed, and its fields."""
    lines = [f"{words(flavor.type)} `{flavor.name}`", "", *flavor.docs.splitlines()]
    if flavor.install and flavor.install not in flavor.docs:
        lines += ["", f"Install: {flavor.install}"]
    parts = [("configuration", flavor.config)]
    if flavor.settings is not None:
        parts.append((f"settings of a step, `{flavor.type}.{flavor.name}`", flavor.settings))
    for title, config in parts:
        fields = fields_of(config)
        lines += ["", f"{title}{':' if fields else ': nothing'}"]
        for field in fields:
            about = "required" if field.is_required else f"default {_plain(field.default)}"
            hidden = ", secret" if field.is_secret else ""
            lines.append(f"  --{field.name}  {field.type} ({about}{hidden})")
            if field.description:
                lines.append(f"      {field.description}")
    return lines


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value, enc_hook=str).decode()


def _indented(rows: list[tuple[str, str]]) -> list[str]:
    return [f"  {line}" for line in table((), rows)] if rows else []
