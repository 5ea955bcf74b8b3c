"""`zenml pipeline check` and `pipeline config`: what would run, and with which options; nothing runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click
import msgspec

from zenml.cli.commands import Command, json_option, print_json, print_lines
from zenml.cli.completing import complete_file
from zenml.errors import DeclarationError, ZenMLError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from zenml.records.plan import Plan


def target_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the target, `--param` and `--json`."""
    params = click.option(
        "--param", "params", multiple=True, metavar="NAME=VALUE", help="An argument. Repeat for several."
    )
    return click.argument("target", shell_complete=complete_file)(params(json_option(command)))


@click.command(cls=Command, example="zenml pipeline check flow.py:train_pipeline --param rate=0.5")
@target_options
def check(target: str, params: tuple[str, ...], *, as_json: bool) -> None:
    """Check the pipeline that TARGET names, without running a step.

    Arguments, types along edges, options, and what can be stored are checked, and the plan is
    printed. The status is 1 if something is wrong.
    """
    plan = plan_of(target, params, as_json=as_json)
    if as_json:
        print_json(plan_shape(plan))
    else:
        from zenml.cli.run_tree import plan_lines
        from zenml.execute.reporter import count

        print_lines(
            [
                *plan_lines(plan),
                "",
                f"Pipeline `{plan.pipeline}` is sound: {count(len(plan.invocations), 'step')}.",
            ]
        )


@click.command(cls=Command, example="zenml pipeline config flow.py:train_pipeline")
@target_options
def config(target: str, params: tuple[str, ...], *, as_json: bool) -> None:
    """Show the options that would hold for the pipeline that TARGET names, and for each step.

    Everything that sets an option is merged: decorators, `configure`, `with_options`.
    """
    shape = config_shape(plan_of(target, params, as_json=as_json))
    if as_json:
        print_json(shape)
    else:
        print_lines(_indented(shape))


def plan_of(target: str, params: Sequence[str], *, as_json: bool) -> Plan:
    """Compile the pipeline that a target names.

    Raises:
        ZenMLError: what is wrong with it.
    """
    # Loaded here, since the help needs none of it.
    from zenml.cli.pipeline_run import output_for_people, read_params
    from zenml.cli.targets import find_pipeline, place_of
    from zenml.declare.starting import compile_call

    with output_for_people(as_json=as_json):
        pipeline = find_pipeline(target)
        arguments = read_params(pipeline, params)
        try:
            return compile_call(pipeline, (), arguments).plan
        except ZenMLError:
            raise
        except Exception as error:  # the pipeline function is the user's code
            raise DeclarationError(
                f"Pipeline `{pipeline.name}` could not be put together: {type(error).__name__}: {error} "
                f"({place_of(error)}). Repair it; `--verbose` shows the whole traceback."
            ) from error


def plan_shape(plan: Plan) -> dict[str, Any]:
    """Return a plan for programs: pipeline, and steps, each id, step, upstream, outputs, runtime, cache."""
    steps = []
    for one in plan.invocations:
        definition = plan.definitions[one.definition]
        steps.append(
            {
                "id": one.id,
                "step": definition.name,
                "upstream": list(one.upstream()),
                "outputs": [{"name": output.name, "type": output.type} for output in definition.outputs],
                "runtime": definition.options.runtime or "inline",
                "cache": definition.options.enable_cache,
            }
        )
    return {"pipeline": plan.pipeline, "steps": steps}


def config_shape(plan: Plan) -> dict[str, Any]:
    """Return the merged options: pipeline, options, parameters, and steps by id inside the run."""
    return {
        "pipeline": plan.pipeline,
        "options": _options(plan.options),
        "parameters": {name: msgspec.json.decode(raw) for name, raw in plan.parameters.items()},
        "steps": {one.id: _options(plan.definitions[one.definition].options) for one in plan.invocations},
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
