"""`zenml pipeline config`: the options that would hold, a file with all that can be set, and its schema."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import click
import msgspec

from zenml.cli.commands import Group, print_json, print_lines
from zenml.cli.pipeline_check import plan_of, target_options

if TYPE_CHECKING:
    from zenml.records.plan import Invocation, Plan


class _ShowGroup(Group):
    """A group that shows the options of a target when the first word names no command of it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `show` before a target, so that `zenml pipeline config flow.py` works."""
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help", "-v", "--verbose"):
            args = ["show", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_ShowGroup)
def config() -> None:
    """Show the options that would hold for a pipeline; write files of them.

    `zenml pipeline config TARGET` is short for `zenml pipeline config show TARGET`.
    """


@config.command(example="zenml pipeline config show flow.py:train_pipeline")
@target_options
def show(target: str, params: tuple[str, ...], config_file: str | None, *, as_json: bool) -> None:
    """Show the options that would hold for the pipeline that TARGET names, and for each step.

    Everything that sets an option is merged: decorators, `configure`, the file, `with_options`.
    """
    shape = config_shape(plan_of(target, params, config_file, as_json=as_json))
    if as_json:
        print_json(shape)
    else:
        print_lines(_indented(shape))


@config.command(example="zenml pipeline config template flow.py:train_pipeline")
@click.argument("target")
@click.option(
    "--param", "params", multiple=True, metavar="NAME=VALUE", help="An argument. Repeat for several."
)
@click.option(
    "--output", metavar="FILE", help="Write it there instead of printing it; a file is not replaced."
)
def template(target: str, params: tuple[str, ...], output: str | None) -> None:
    """Print a YAML file with everything that can be set for a run of the pipeline that TARGET names.

    Used as it is, with `--config`, the file changes nothing.
    """
    from zenml.cli.pipeline_run import output_for_people, read_params
    from zenml.cli.targets import find_pipeline
    from zenml.declare.run_template import template_of

    with output_for_people(as_json=True):
        pipeline = find_pipeline(target)
        text = template_of(pipeline, read_params(pipeline, params) if params else {})
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        with open(output, "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise click.UsageError(f"`{output}` is there already. Remove it, or choose another name.") from error
    except OSError as error:
        raise click.UsageError(
            f"`{output}` cannot be written: {error.strerror}. Choose a file in a folder that is there."
        ) from error


@config.command(example="zenml pipeline config schema")
def schema() -> None:
    """Print the JSON Schema of configuration files, which editors check and complete them with.

    Write it beside the file, whose first line is then
    `# yaml-language-server: $schema=run_configuration.schema.json`.
    """
    import zenml.config

    path = os.path.join(os.path.dirname(zenml.config.__file__), "run_configuration.schema.json")
    with open(path, encoding="utf-8") as file:
        click.echo(file.read(), nl=False)


def config_shape(plan: Plan) -> dict[str, Any]:
    """Return the merged options: pipeline, options, parameters, and steps by id inside the run.

    A step has its options, and `parameters`: its arguments that are values, as stored JSON.
    """
    return {
        "pipeline": plan.pipeline,
        "options": _options(plan.options),
        "parameters": {name: msgspec.json.decode(raw) for name, raw in plan.parameters.items()},
        "steps": {
            one.id: {"parameters": _arguments(one), **_options(plan.definitions[one.definition].options)}
            for one in plan.invocations
        },
    }


def _arguments(invocation: Invocation) -> dict[str, Any]:
    from zenml.records.plan import Value

    return {
        name: msgspec.json.decode(binding.data)
        for name, binding in invocation.inputs.items()
        if isinstance(binding, Value)
    }


def _options(options: msgspec.Struct) -> dict[str, Any]:
    """Return all options, those with their default too."""
    return {name: msgspec.to_builtins(value) for name, value in msgspec.structs.asdict(options).items()}


def _indented(value: dict[str, Any], indent: str = "") -> list[str]:
    """Return nested values as lines of YAML; what is no mapping is JSON, which YAML reads."""
    lines = []
    for name, one in value.items():
        if isinstance(one, dict) and one:
            lines += [f"{indent}{name}:", *_indented(one, f"{indent}  ")]
        else:
            lines.append(f"{indent}{name}: {json.dumps(one, ensure_ascii=False)}")
    return lines
