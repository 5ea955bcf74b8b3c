"""A commented YAML file with everything that can be set for a run of one pipeline.

Arguments of the pipeline stand in it as values, since they are what is changed most; everything else
is a comment with what holds now or by default. So the file, used as it is, changes nothing.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from zenml.config.option_table import NOT_USED, OPTIONS, STEP
from zenml.config.placeholders import escaped_in
from zenml.config.yaml_document import YamlDocument
from zenml.errors import ArgumentError, ZenMLError
from zenml.records import values
from zenml.records.plan import Value
from zenml.signatures.type_check import describe, from_config

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from zenml.compile.compiler import Compiled
    from zenml.config.option_table import Option
    from zenml.declare.pipeline import Pipeline
    from zenml.records.plan import Invocation
    from zenml.signatures.signature import Signature

SCHEMA_LINE = "# yaml-language-server: $schema=run_configuration.schema.json"
_EXAMPLES = {
    "run_name": "{date}-{time}",
    "schedule": {"cron_expression": "0 2 * * *"},
    "retry": {"max_retries": 3, "delay": 10, "backoff": 2},
    "cache_policy": {"max_age_days": 7},
    "model": {"name": "my_model"},
    "tags": ["nightly"],
    "timeout": 3600,
    "max_parallelism": 4,
    "settings": {"resources": {"cpu_count": 2, "memory": "4GB"}},
    "environment": {"NAME": "${NAME:-value}"},
}


def template_of(pipeline: Pipeline[Any], arguments: Mapping[str, Any]) -> str:
    """Return the text of the file.

    Args:
        pipeline: the pipeline with everything that is configured for it.
        arguments: values for parameters without a default, so that its steps can be found out.
    """
    from zenml.declare.starting import compile_call

    note = ""
    compiled: Compiled | None = None
    try:
        compiled = compile_call(pipeline, (), dict(arguments))
    except ArgumentError as error:
        note = str(error)
    lines = [
        SCHEMA_LINE,
        "# Write the schema with: zenml pipeline config schema > run_configuration.schema.json",
        f"# What can be set for a run of pipeline `{pipeline.name}`. Take away a `#` and change the value.",
        "# `${NAME}` and `${NAME:-default}` stand for variables of the environment.",
        "",
    ]
    lines += _section(_pipeline_arguments(pipeline, compiled, arguments), "parameters")
    known = {} if compiled is None else _current(compiled.plan.options)
    lines += [line for option in _options("pipeline") for line in _option(option, known, "")]
    lines += ["", "# Options of single steps, by invocation id or name."]
    if compiled is None:
        lines += [f"# The steps are not known: {note}", "# steps:"]
        return "\n".join(lines) + "\n"
    invocations = compiled.plan.invocations
    if compiled.dynamic is not None:
        invocations = compiled.dynamic.invocations_listed()
        lines.append("# The pipeline is dynamic: those that its `depends_on` lists can be set here.")
    lines.append("steps:" if invocations else "# steps:")
    for invocation in invocations:
        lines += _step(pipeline, compiled, invocation)
    return "\n".join(lines) + "\n"


_CACHE_RULES = {
    "max_age": "expires_after",
    "ignored": "ignore_fields",
    "counts_code": "include_step_code",
    "counts_parameters": "include_step_parameters",
}


def _options(owner: str) -> Iterator[Option]:
    for option in OPTIONS:
        is_own = owner in option.owners or (owner == "pipeline" and "run" in option.owners)
        if is_own and option.is_in_files and option.name not in ("parameters", "steps", *NOT_USED):
            yield option


def _current(options: msgspec.Struct) -> dict[str, Any]:
    """Return what holds now and is not the default, as YAML can say it."""
    plain = msgspec.to_builtins(options)
    hooks = {name: f"{hook['module']}.{hook['name']}" for name, hook in plain.pop("hooks", {}).items()}
    found = {**plain, **hooks}
    if "model" in plain:
        model = dict(plain["model"])
        tags = [tag["name"] for tag in model.pop("tags", ())]
        found["model"] = {**model, **model.pop("about", {}), **({"tags": tags} if tags else {})}
        found["model"].pop("about", None)
    rules = found.pop("cache", {})
    if rules:
        found["cache_policy"] = {said: rules[kept] for kept, said in _CACHE_RULES.items() if kept in rules}
    return found


def _option(option: Option, known: Mapping[str, Any], indent: str) -> list[str]:
    """Return an option as comments: what it means, and what holds now, by default, or for example."""
    if option.name in known:
        said, value = "now", _yaml(known[option.name])
    elif option.default:
        said, value = "default", option.default
    elif option.name in _EXAMPLES:
        said, value = "for example", _yaml(_EXAMPLES[option.name])
    else:
        said, value = "", ""
    told = f"{option.about} ({said})" if said else option.about
    return [f"{indent}# {option.name}: {value}".rstrip() + f"  # {told}"]


def _step(pipeline: Pipeline[Any], compiled: Compiled, invocation: Invocation) -> list[str]:
    definition = compiled.plan.definitions[invocation.definition]
    signature = compiled.programs[invocation.definition].signature
    lines = [
        f"  {_yaml(invocation.id)}:"
        + (f"  # step `{definition.name}`" if definition.name != invocation.id else "")
    ]
    arguments: list[tuple[str, str | None, str]] = []
    for name in signature.parameters:
        binding = invocation.inputs.get(name)
        if binding is None:  # of a dynamic pipeline, whose calls nobody knows
            arguments.append((name, None, describe(signature.annotation(name))))
        elif not isinstance(binding, Value):
            arguments.append((name, None, "an output or artifact"))
        else:
            arguments.append(
                (name, _writable(binding, name, signature), describe(signature.annotation(name)))
            )
    # As values they would hide what the arguments of the pipeline become in its code.
    lines += [f"    # {line}" for line in _section(arguments, "parameters")]
    known = _current(definition.options)
    for option in _options(STEP):
        if option.name == "output_materializers":
            shown = ", ".join(f"{output.name}: {{materializer_source: …}}" for output in definition.outputs)
            lines.append(f"    # outputs: {{{shown}}}  # {option.about}")
        else:
            lines += _option(option, known, "    ")
    return lines  # fmt: skip


def _pipeline_arguments(
    pipeline: Pipeline[Any], compiled: Compiled | None, arguments: Mapping[str, Any]
) -> list[tuple[str, str | None, str]]:
    signature, found = pipeline.signature, []
    configured = pipeline.run_options.get("parameters") or {}
    for name, parameter in signature.parameters.items():
        text = None
        if name in configured and name not in arguments:
            text = _yaml(configured[name]) if _is_plain(configured[name]) else None
        elif compiled is not None and name in compiled.plan.parameters:
            text = _writable(Value(compiled.plan.parameters[name]), name, signature)
        kind = describe(parameter.annotation)
        found.append((name, text, kind if parameter.has_default else f"{kind}, needed"))
    return found


def _section(arguments: list[tuple[str, str | None, str]], name: str) -> list[str]:
    """Return the lines of arguments; those that have no form in YAML are comments."""
    if not arguments:
        return [f"{name}: {{}}  # it takes none"]
    lines = [f"{name}:"]
    for argument, text, kind in arguments:
        lines.append(f"  # {argument}:  # {kind}" if text is None else f"  {argument}: {text}  # {kind}")
    return lines


def _writable(binding: Value, name: str, signature: Signature) -> str | None:
    """Return an argument as YAML, None unless it would come back from there just as it is."""
    try:
        value = values.decode(bytes(binding.data), allow_types=False)
        if binding.template:
            return _yaml(value) if _is_plain(value) else None
        back = from_config(value, signature.annotation(name))
        if not _is_plain(value) or values.encode(back) != bytes(binding.data):
            return None
        text = _yaml(escaped_in(value))
        return text if YamlDocument("", f"x: {text}").value["x"] == escaped_in(value) else None
    except ZenMLError:
        return None


def _is_plain(value: Any) -> bool:
    """Tell whether a value is the same after it was written as JSON and read as YAML."""
    if isinstance(value, float):
        return value == value and abs(value) != float("inf")  # noqa: PLR0124  NaN
    if isinstance(value, list):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(type(key) is str and _is_plain(item) for key, item in value.items())
    return value is None or type(value) in (bool, int, str)


def _yaml(value: Any) -> str:
    """Return a value on one line of YAML."""
    if isinstance(value, float):
        # JSON writes 1e-05, which YAML takes for text.
        text = repr(value)
        return text if "e" not in text or "." in text else text.replace("e", ".0e")
    if isinstance(value, str):
        if value.isprintable():
            return json.dumps(value, ensure_ascii=False)
        # The one escape that YAML has for every character; those of JSON are in part other ones.
        return '"' + "".join(one if one.isalnum() else f"\\U{ord(one):08X}" for one in value) + '"'
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_yaml, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_yaml(str(key))}: {_yaml(item)}' for key, item in value.items())}}}"
    return json.dumps(value, default=str)
