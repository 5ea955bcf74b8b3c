"""A declared pipeline and its arguments become a plan, and everything that can be known is checked.

    trace the function → settle arguments → check edges → resolve options → fingerprint → Plan

The plan is pure data. Beside it stand the programs: for each definition the live function and
its annotations, which this process needs to execute it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from zenml.compile import edges
from zenml.compile.arguments import pipeline_arguments
from zenml.compile.calls import CallCompiler
from zenml.compile.dynamic_calls import DynamicCalls, templates
from zenml.compile.hook_options import hook_sources, read_hooks, source_of
from zenml.compile.options import pipeline_options, read_flag, read_schedule
from zenml.compile.outside import Outside, nothing_outside
from zenml.compile.pipeline_outputs import pipeline_outputs
from zenml.compile.program import Program
from zenml.compile.refresh import Refreshed, refreshed
from zenml.compile.run_names import check_run_name
from zenml.compile.said import keep_said
from zenml.compile.step_sections import check_steps, without_unsound
from zenml.compile.trace import Trace
from zenml.compile.variables import Filled, Variables
from zenml.config.precedence import RUN_HOOKS, STEP_HOOKS
from zenml.fingerprint.source_block import SourceFiles
from zenml.records import values
from zenml.records.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from zenml.compile.declared import DeclaredPipeline
    from zenml.compile.hook_options import LiveHooks
    from zenml.config.schedule import Schedule
    from zenml.records.plan import StepDefinition
    from zenml.records.run import Artifact


class Compiled:
    """A plan with the programs of its definitions."""

    __slots__ = (
        "again",
        "dynamic",
        "externals",
        "filled",
        "hooks",
        "plan",
        "programs",
        "run_name",
        "schedule",
    )

    def __init__(
        self,
        plan: Plan,
        programs: dict[str, Program],
        externals: dict[str, Artifact] | None = None,
        hooks: LiveHooks | None = None,
        filled: Filled | None = None,
    ) -> None:
        self.plan = plan
        self.programs = programs
        self.externals = {} if externals is None else externals  # the very one, which grows
        """Artifacts that the plan takes as inputs and that no step of it makes."""
        self.hooks = hooks or {}
        """The hooks of the run itself, live; those of a step are in its program."""
        self.filled = filled or Filled()
        """What steps get where the plan has placeholders."""
        self.run_name: str | None = None
        """The name that the run is to have."""
        self.schedule: Schedule | None = None
        """When it is to run, if not now."""
        self.again: Callable[[], Compiled] | None = None
        """Compiles the same call once more, perhaps in another process: the calls of a dynamic run do not travel."""
        self.dynamic: DynamicCalls | None = None
        """What compiles the calls of a dynamic pipeline, which come while its function runs. What it finds grows the
        definitions of the plan, the programs, the externals and what is filled in."""

    def sources(self, definitions: Iterable[StepDefinition]) -> dict[str, bytes]:
        """Return the source text of functions and classes that steps reach, by code digest."""
        files = SourceFiles()
        found: dict[str, bytes] = {}
        for definition in definitions:
            for part in definition.code_parts:
                if part.file and part.line and part.digest not in found:
                    text = files.block(part.file, part.line)
                    if text is not None:
                        found[part.digest] = text.encode(errors="replace")
        return found


def compile_pipeline(
    pipeline: DeclaredPipeline,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    *,
    is_listed: bool = True,
    outside: Outside = nothing_outside,
) -> Compiled:
    """Compile one call of a pipeline; of a dynamic one everything but its steps, which nobody knows yet.

    Args:
        pipeline: the pipeline to compile, with everything that was configured for this run.
        args: positional arguments of the call.
        kwargs: keyword arguments of the call.
        is_listed: whether the pipeline is to appear among the pipelines; single steps do not.
        outside: tells which artifact an argument stands for, if it stands for one.
    """
    file = pipeline.layers.file.fresh() if pipeline.layers.file is not None else None
    options = pipeline.layers.merged()
    variables = Variables(file)
    variables.scan(options, f"pipeline `{pipeline.name}`")
    trace = Trace(pipeline)
    is_dynamic = read_flag(options, "dynamic", f"pipeline `{pipeline.name}`")
    if file is not None:
        options = without_unsound(file, pipeline, options, variables)
    try:
        arguments = pipeline_arguments(pipeline, args, kwargs, options, variables, outside)
        listed = templates(pipeline, options.get("depends_on"))
        returned = None if is_dynamic else trace.run(arguments)
    except Exception as error:  # it may be what the configuration says that broke the user's function
        if file is not None:
            file.raise_problems(error)
        variables.raise_missing(error)
        raise
    if file is not None:
        known = listed if is_dynamic else trace.calls
        check_steps(file, pipeline, known, variables, is_dynamic=is_dynamic)
        file.raise_problems()
    compiler = _Compiler(pipeline, trace, options, variables, outside)
    is_listed = is_listed and not options.get("unlisted")
    if is_dynamic:
        compiled = compiler.build_dynamic(arguments, is_listed=is_listed)
    else:
        compiled = compiler.build(returned, _parameters(arguments), is_listed=is_listed)
    return keep_said(compiled, pipeline, (args, kwargs), arguments, outside)


class _Compiler(CallCompiler):
    """The compilation of a whole trace."""

    def build(self, returned: Any, parameters: dict[str, msgspec.Raw], *, is_listed: bool) -> Compiled:
        """Make the plan, or raise the first thing that is wrong with it."""
        self._sections.check_known(self._calls)
        self._check_variables()
        options = self._variables.prepared(self._options)
        # First, so that what the pipeline says is not taken for what its first step says.
        planned = pipeline_options(self._pipeline, options, self._variables)
        invocations = tuple(self.invocation(call) for call in self._calls.values())
        edges.check_order(invocations, self._pipeline.name)
        plan = Plan(
            pipeline=self._pipeline.name,
            source=source_of(self._pipeline.function),
            options=planned,
            definitions=self._definitions,
            invocations=invocations,
            outputs=pipeline_outputs(self._pipeline, returned),
            parameters=parameters,
            is_listed=is_listed,
            doc=self._pipeline.function.__doc__,
            refreshed=refreshed(
                options.get("refresh", False), self._calls, f"pipeline `{self._pipeline.name}`"
            ),
        )
        return self._compiled(plan, options)

    def build_dynamic(self, arguments: dict[str, Any], *, is_listed: bool) -> Compiled:
        """Make the plan of a dynamic pipeline, which has no steps yet, and what compiles them."""
        what = f"pipeline `{self._pipeline.name}`"
        listed = templates(self._pipeline, self._options.get("depends_on"))
        self._sections.check_known(listed, is_dynamic=True)
        options = self._variables.prepared(self._options)
        refresh = Refreshed(options.get("refresh", False), what)
        plan = Plan(
            pipeline=self._pipeline.name,
            source=source_of(self._pipeline.function),
            options=pipeline_options(self._pipeline, options, self._variables),
            definitions=self._definitions,
            invocations=(),
            parameters=_parameters(arguments),
            is_listed=is_listed,
            doc=self._pipeline.function.__doc__,
            refreshed=refresh.names,
            is_dynamic=True,
        )
        compiled = self._compiled(plan, options)
        compiled.dynamic = DynamicCalls(self._trace, self, arguments, refresh)
        compiled.dynamic.listed = tuple(listed.values())
        return compiled

    def _compiled(self, plan: Plan, options: Mapping[str, Any]) -> Compiled:
        hooks = self._run_hooks(options)
        plan = msgspec.structs.replace(
            plan, options=msgspec.structs.replace(plan.options, hooks=hook_sources(hooks))
        )
        compiled = Compiled(plan, self._programs, self._externals, hooks, self._filled)
        compiled.run_name = check_run_name(options.get("run_name"), plan.options.substitutions)
        compiled.schedule = read_schedule(options.get("schedule"), f"pipeline `{self._pipeline.name}`")
        return compiled

    def _run_hooks(self, options: Mapping[str, Any]) -> LiveHooks:
        """Return the pipeline's hooks; those that its steps have by default can ask for any step's output."""
        outputs = {output.name for program in self._programs.values() for output in program.outputs}
        what = f"pipeline `{self._pipeline.name}`"
        return read_hooks(options, (*STEP_HOOKS, *RUN_HOOKS), what, outputs=outputs)

    def _check_variables(self) -> None:
        """Raise for every variable that any step names and that is not set."""
        for call in {(id(call.step), id(call.pipeline)): call for call in self._calls.values()}.values():
            self.scan_variables(call)
        self._variables.raise_missing()


def _parameters(arguments: Mapping[str, Any]) -> dict[str, msgspec.Raw]:
    """Return the arguments of a pipeline as the run records them; what is not JSON is left out."""
    return {
        name: msgspec.Raw(values.encode(value))
        for name, value in arguments.items()
        if values.is_encodable(value)
    }
