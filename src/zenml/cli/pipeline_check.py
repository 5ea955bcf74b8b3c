"""`zenml pipeline check`: what would run; nothing runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from zenml.cli.commands import Command, config_option, json_option, print_json, print_lines
from zenml.cli.completing import complete_file
from zenml.errors import DeclarationError, ZenMLError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from zenml.records.plan import Plan


def target_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the target, `--param`, `--config` and `--json`."""
    params = click.option(
        "--param", "params", multiple=True, metavar="NAME=VALUE", help="An argument. Repeat for several."
    )
    return click.argument("target", shell_complete=complete_file)(params(config_option(json_option(command))))


@click.command(cls=Command, example="zenml pipeline check flow.py:train_pipeline --param rate=0.5")
@target_options
def check(target: str, params: tuple[str, ...], config_file: str | None, *, as_json: bool) -> None:
    """Check the pipeline that TARGET names, without running a step.

    Arguments, types along edges, options, variables of the environment, secrets, what can be stored,
    and the configuration file are checked, and the plan is printed. The status is 1 if something is
    wrong.
    """
    from zenml.execute.run_secrets import read_secrets
    from zenml.store.opening import open_store

    plan = plan_of(target, params, config_file, as_json=as_json)
    read_secrets(plan, open_store())
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


def plan_of(target: str, params: Sequence[str], config_file: str | None, *, as_json: bool) -> Plan:
    """Compile the pipeline that a target names.

    Raises:
        ZenMLError: what is wrong with it.
    """
    # Loaded here, since the help needs none of it.
    from zenml.cli.pipeline_run import output_for_people, read_params
    from zenml.cli.targets import find_pipeline
    from zenml.declare.importing import place_of
    from zenml.declare.starting import compile_call

    with output_for_people(as_json=as_json):
        pipeline = find_pipeline(target)
        if config_file is not None:
            pipeline = pipeline.with_options(config_path=config_file)
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
