"""The pipeline of an earlier run: in this process, or imported from where it was."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import msgspec

from zenml.compile.hook_options import source_of
from zenml.compile.said import MAIN
from zenml.context import live
from zenml.declare.importing import import_file, import_module, put_first
from zenml.declare.pipeline import Pipeline
from zenml.errors import NotFoundError, ZenMLError
from zenml.records.ids import short
from zenml.views.run_view import RunView

if TYPE_CHECKING:
    from types import ModuleType

    from zenml.declare.step import Step
    from zenml.records.plan import Plan, Source
    from zenml.records.run import Run
    from zenml.store.store import Store


class Purpose(msgspec.Struct, frozen=True):
    """What is to be done with an earlier run, in the words of messages."""

    verb: str
    """The method of a pipeline that does it, such as `resume`."""
    arguments: str
    """Its keyword for arguments of the pipeline."""
    error: type[ZenMLError]
    """What is raised where it cannot be done."""


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """What has called a pipeline before, a run or a schedule: enough to find it again, and words for messages."""

    what: str
    """Such as `run `nightly``."""
    pipeline_name: str
    folder: str
    """Where the process was."""
    parameters: dict[str, msgspec.Raw]
    remedy: str
    """What to do where the pipeline cannot be imported."""
    giving: str
    """What to do where an argument was not recorded; `{}` stands for its name."""
    error: type[ZenMLError]

    def cannot(self, why: str) -> ZenMLError:
        """Return the error for a pipeline that cannot be imported."""
        return self.error(
            f"The pipeline `{self.pipeline_name}` of {self.what} cannot be imported: {why}. {self.remedy}"
        )


def origin_of(run: Run, store: Store, purpose: Purpose) -> Origin:
    """Return a run as what has called its pipeline."""
    call = f'{run.pipeline_name}.{purpose.verb}("{short(run.id)}"'
    return Origin(
        what=f"run `{run.name}`",
        pipeline_name=run.pipeline_name,
        folder=RunView(run, store).environment.folder,
        parameters=run.parameters,
        remedy=f"{purpose.verb.capitalize()} the run where the pipeline is at hand: `{call})`.",
        giving=f'Give it: `{call}, {purpose.arguments}={{{{"{{}}": …}}}})`.',
        error=purpose.error,
    )


def find_pipeline(origin: Origin, plan: Plan) -> tuple[Pipeline[Any], str]:
    """Return a pipeline that was called before, and what the module is called now that it is in.

    Raises:
        ZenMLError: it cannot be found in this process, and not be imported.
    """
    source = plan.source
    if source is None or source.module == "zenml.declare.single":
        what = f"{origin.what[0].upper()}{origin.what[1:]}"
        raise origin.error(
            f"{what} is of the single step `{origin.pipeline_name}`, of which there is nothing to reuse. Call the step again."
        )
    here = live.pipelines.get(plan.pipeline)
    if isinstance(here, Pipeline) and _is_from(here, source):
        return here, here.function.__module__
    if "<" in source.name or source.file is None or source.file.startswith("<"):
        raise origin.cannot("it was declared inside a function, in a class or in a notebook")
    module = _import(origin, source)
    found = _in_module(module, source, plan.pipeline)
    if found is None:
        raise origin.cannot(f"`{module.__file__}` has no pipeline `{source.name}` any more")
    return found, module.__name__


def find_steps(plan: Plan, main: str) -> dict[str, Step[Any, Any]]:
    """Return the steps of a plan as they are now, by id and name, if their modules are loaded and they are still there.

    Args:
        plan: the plan of the run.
        main: what the module is called now that was `__main__` then.
    """
    known: dict[str, Step[Any, Any] | None] = {}
    found: dict[str, Step[Any, Any]] = {}
    for call in plan.invocations:
        definition = plan.definitions[call.definition]
        if call.definition not in known:
            known[call.definition] = _declared(definition.source, main)
        step = known[call.definition]
        if step is not None:
            found[definition.name] = found[call.id] = step
    return found


def _declared(source: Source, main: str) -> Step[Any, Any] | None:
    found: Any = sys.modules.get(main if source.module == MAIN else source.module)
    for part in source.name.split("."):
        found = getattr(found, part, None)
    return found if hasattr(found, "signature") else None


def _is_from(pipeline: Pipeline[Any], source: Source) -> bool:
    """Tell whether a pipeline of this process is declared where the one of a run was."""
    own = source_of(pipeline.function)
    if own.name != source.name:
        return False
    return own.file == source.file or source.file is None or not os.path.isfile(source.file)


def _import(origin: Origin, source: Source) -> ModuleType:
    if source.module == MAIN:
        if source.file is None or not os.path.isfile(source.file):
            raise origin.cannot(f"the file `{source.file}` is gone")
        return import_file(source.file)
    if source.module not in sys.modules and os.path.isdir(origin.folder):
        put_first(origin.folder)
    try:
        return import_module(source.module)
    except NotFoundError as error:
        if source.file is not None and os.path.isfile(source.file):
            return import_file(source.file)
        raise origin.cannot(f"its module `{source.module}` cannot be found") from error


def _in_module(module: ModuleType, source: Source, name: str) -> Pipeline[Any] | None:
    pipelines = [value for value in vars(module).values() if isinstance(value, Pipeline)]
    same = [one for one in pipelines if source_of(one.function).name == source.name]
    chosen = [one for one in same if one.name == name] or same
    return chosen[0] if chosen else None
