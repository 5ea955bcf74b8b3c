"""`zenml pipeline check`: what would run; nothing runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import msgspec

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
    from zenml.execute.run_stack import RunStack
    from zenml.store.opening import open_store

    plan = plan_of(target, params, config_file, as_json=as_json)
    read_secrets(plan, open_store())
    stack = RunStack(open_store())
    stack.check_plan(plan)
    notes = stack.check(plan.definitions.values())
    if as_json:
        print_json(plan_shape(plan))
    else:
        from zenml.cli.run_tree import plan_lines
        from zenml.reporting.reporter import count

        steps = count(len(plan.invocations), "step")
        end = f"Pipeline `{plan.pipeline}` is sound: {steps}."
        if plan.is_dynamic:
            listed = "these are in its `depends_on`" if plan.invocations else "its `depends_on` lists none"
            end = f"Pipeline `{plan.pipeline}` is sound, as far as its steps are known before it runs: it is dynamic, and {listed}."
        print_lines([*plan_lines(plan), *([""] if plan.invocations else []), *notes, end])


def plan_of(target: str, params: Sequence[str], config_file: str | None, *, as_json: bool) -> Plan:
    """Compile the pipeline that a target names; a dynamic one has the steps that its `depends_on` lists.

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
            compiled = compile_call(pipeline, (), arguments)
            if compiled.dynamic is None:
                return compiled.plan
            listed = compiled.dynamic.invocations_listed()
            return msgspec.structs.replace(compiled.plan, invocations=listed)
        except ZenMLError:
            raise
        except Exception as error:  # the pipeline function is the user's code
            raise DeclarationError(
                f"Pipeline `{pipeline.name}` could not be put together: {type(error).__name__}: {error} "
                f"({place_of(error)}). Repair it; `--verbose` shows the whole traceback."
            ) from error


def plan_shape(plan: Plan) -> dict[str, Any]:
    """Return a plan for programs: pipeline, is_dynamic, and steps, each id, step, upstream, outputs, runtime, cache.

    Those of a dynamic pipeline are the ones that its `depends_on` lists.
    """
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
    return {"pipeline": plan.pipeline, "is_dynamic": plan.is_dynamic, "steps": steps}
