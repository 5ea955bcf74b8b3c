"""The JSON Schema of a configuration file, made from the one table of options.

The file `run_configuration.schema.json` beside this module holds it; `python docs/make_reference.py`
writes it anew.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from zenml.config.option_schemas import SCHEMAS
from zenml.config.option_shapes import options_of_file

if TYPE_CHECKING:
    from zenml.config.option_table import Option

_PLACEHOLDER = {"type": "string", "pattern": r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^{}]*)?\}"}


def run_schema() -> dict[str, Any]:
    """Return the schema of a whole configuration file."""
    steps = {
        "type": ["object", "null"],
        "additionalProperties": {"anyOf": [{"$ref": "#/$defs/step"}, {"type": "null"}]},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of a pipeline run",
        "type": ["object", "null"],
        "properties": _properties("pipeline") | {
            name: {"description": "options of single steps, by invocation id or name", **steps}
            for name in ("steps", "step_configurations")
        },
        "additionalProperties": False,
        "$defs": {
            "step": {
                "type": "object",
                "properties": _properties("step")
                | {"outputs": {"description": "what stores the outputs", **_optional(SCHEMAS["outputs"])}},
                "additionalProperties": False,
            }
        },
    }  # fmt: skip


def schema_text() -> str:
    """Return the schema as the file holds it."""
    return json.dumps(run_schema(), indent=2, ensure_ascii=False) + "\n"


def _properties(owner: str) -> dict[str, Any]:
    return {
        name: _described(option) for name, option in options_of_file(owner).items() if option.shape != "steps"
    }


def _described(option: Option) -> dict[str, Any]:
    return {"description": option.about, **_optional(SCHEMAS[option.shape])}


def _optional(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema that a placeholder and null fit too."""
    if not schema:
        return {}
    others = schema.get("anyOf", [schema])
    return {"anyOf": [*others, _PLACEHOLDER, {"type": "null"}]}
