"""The shapes that values of options have in a YAML file, as JSON Schemas."""

from __future__ import annotations

from typing import Any

from zenml.config.schedule import CATCHUPS, OVERLAPS
from zenml.config.schedule_events import END_STATES

Schema = dict[str, Any]
RUNTIMES = ("inline", "isolated")
EXECUTION_MODES = ("continue_on_failure", "stop_on_failure", "fail_fast")
_TEXT: Schema = {"type": "string"}
_TEXTS: Schema = {"type": "object", "additionalProperties": {"type": ["string", "number"]}}
_SOURCE: Schema = {
    "anyOf": [
        _TEXT,
        {
            "type": "object",
            "properties": {"module": _TEXT, "attribute": _TEXT, "type": _TEXT},
            "required": ["module", "attribute"],
            "additionalProperties": False,
        },
    ]
}
_TAG: Schema = {
    "type": "object",
    "properties": {
        "name": _TEXT,
        "color": _TEXT,
        "exclusive": {"type": "boolean"},
        "cascade": {"type": "boolean"},
    },
    "required": ["name"],
    "additionalProperties": False,
}
_NUMBER: Schema = {"type": "number", "minimum": 0}
_NAMES: Schema = {"type": "array", "items": _TEXT}
_MOMENT: Schema = {"type": "string", "format": "date-time"}


def _fields(properties: Schema, *required: str) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


_END_STATE: Schema = {"enum": list(END_STATES)}
_NAMED_ONE = _fields({"name": _TEXT}, "name")
_COUNT: Schema = {"type": "integer", "minimum": 1}
_SECONDS: Schema = {"type": "number", "exclusiveMinimum": 0}
_SCHEDULE = _fields(
    {
        "name": _TEXT,
        "cron_expression": _TEXT,
        "interval_second": _SECONDS,
        "run_once_start_time": _MOMENT,
        "on": _fields(
            {
                "run_ended": _fields(
                    {
                        "pipeline": _TEXT,
                        "status": {
                            "anyOf": [
                                {"enum": [*END_STATES, "any"]},
                                {"type": "array", "items": _END_STATE},
                            ]
                        },
                    },
                    "pipeline",
                ),
                "new_artifact": _NAMED_ONE,
                "new_model_version": _NAMED_ONE,
            }
        ),
        "start_time": _MOMENT,
        "end_time": _MOMENT,
        "timezone": _TEXT,
        "overlap": {"enum": list(OVERLAPS)},
        "catchup": {"anyOf": [{"enum": list(CATCHUPS)}, {"type": "boolean"}]},
        "catchup_limit": _COUNT,
        "jitter": _SECONDS,
        "max_runs": _COUNT,
    }
)
SCHEMAS: dict[str, Schema] = {
    "anything": {},
    "flag": {"type": "boolean"},
    "text": _TEXT,
    "count": _COUNT,
    "seconds": _SECONDS,
    "parameters": {"type": "object"},
    "mapping": {"type": "object"},
    "settings": {"type": "object"},
    "resources": _fields(
        {
            "cpu_count": {"type": "number", "exclusiveMinimum": 0},
            "gpu_count": {"type": "integer", "minimum": 0},
            "memory": _TEXT,
        }
    ),
    "texts": _TEXTS,
    "names": _NAMES,
    "tags": {"type": "array", "items": {"anyOf": [_TEXT, _TAG]}},
    "hook": _SOURCE,
    "component": {"type": ["boolean", "string"]},
    "group": {"anyOf": [_TEXT, _fields({"name": _TEXT}, "name")]},
    "refresh": {"anyOf": [{"type": "boolean"}, _TEXT, _NAMES]},
    "runtime": {"enum": list(RUNTIMES)},
    "execution_mode": {"enum": list(EXECUTION_MODES)},
    "retry": {
        "anyOf": [
            {"type": "integer", "minimum": 0},
            _fields(
                {
                    "max_retries": {"type": "integer", "minimum": 0},
                    "delay": _NUMBER,
                    "backoff": _NUMBER,
                    "max_delay": _NUMBER,
                    "jitter": {"type": "number", "minimum": 0, "maximum": 1},
                    "retry_on": {"anyOf": [_TEXT, _NAMES]},
                }
            ),
        ]
    },
    "cache_policy": {
        "anyOf": [
            {"const": "default"},
            _fields(
                {
                    "max_age_days": _NUMBER,
                    "ignore_fields": _NAMES,
                    "expires_after": _NUMBER,
                    "ignored_inputs": _NAMES,
                    "include_step_code": {"type": "boolean"},
                    "include_step_parameters": {"type": "boolean"},
                    "include_artifact_values": {"type": "boolean"},
                    "include_artifact_ids": {"type": "boolean"},
                    "file_dependencies": _NAMES,
                    "source_dependencies": _NAMES,
                    "cache_func": _TEXT,
                }
            ),
        ]
    },
    "model": _fields(
        {
            "name": _TEXT,
            "version": {"type": ["string", "integer"]},
            "tags": _NAMES,
            "save_models_to_registry": {"type": "boolean"},
            **dict.fromkeys(
                (
                    "license",
                    "description",
                    "audience",
                    "use_cases",
                    "limitations",
                    "trade_offs",
                    "ethics",
                ),
                _TEXT,
            ),
        },
        "name",
    ),
    "schedule": _SCHEDULE,
    "materializers": {
        "anyOf": [_TEXT, {"type": "object", "additionalProperties": {"anyOf": [_TEXT, _NAMES]}}]
    },
    "outputs": {
        "type": "object",
        "additionalProperties": _fields({"materializer_source": {"anyOf": [_SOURCE, _NAMES]}}),
    },
}
"""By the name of the shape, which the table of options gives."""
