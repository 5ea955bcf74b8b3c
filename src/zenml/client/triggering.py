"""Starting a recorded pipeline again, in a process of its own, from anywhere: a client, a step, another pipeline."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, Any

from zenml.client.resolving import find_run
from zenml.config.pipeline_run_configuration import PipelineRunConfiguration
from zenml.config.plain import plain
from zenml.context import live, session
from zenml.errors import ConfigurationError, NotFoundError, RunFailedError
from zenml.store.location import default_root, home_of
from zenml.views.run_view import RunView

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zenml.store.store import Store
    from zenml.views.pipeline_view import PipelineView

_ELSEWHERE = ("snapshot_name_or_id", "template_id", "stack_name_or_id")
_QUIET = "ZENML_QUIET"


class TriggeringClient:
    """The part of the client that starts pipelines."""

    if TYPE_CHECKING:

        @property
        def store(self) -> Store:
            """The store this client speaks to."""

        def get_pipeline(self, name_id_or_prefix: str) -> PipelineView:
            """Return a pipeline by name or id."""

    def trigger_pipeline(
        self,
        pipeline_name_or_id: str,
        run_configuration: PipelineRunConfiguration | Mapping[str, Any] | None = None,
        *,
        config_path: str | os.PathLike[str] | None = None,
        synchronous: bool = False,
        **others: Any,
    ) -> RunView:
        """Run a pipeline as a run of its own, in a process of its own.

        A pipeline that this process has declared is started as it is here. Any other one must have been run
        before: the new process imports it from there, as `zenml pipeline run` does, and this process needs
        neither its code nor its libraries.

        Args:
            pipeline_name_or_id: which pipeline.
            run_configuration: what `with_options` would take; its `parameters` are the arguments of the
                pipeline. For a pipeline of another process it holds plain values.
            config_path: a YAML file with the same, instead.
            synchronous: whether to wait until the run has ended.
            others: nothing: it names what other versions of this interface take.

        Raises:
            ConfigurationError: the pipeline cannot be imported by another process, or the configuration
                holds what cannot be written down.
            RunFailedError: the run could not begin; the message says why.
        """
        for name, value in others.items():
            if name not in _ELSEWHERE or value is not None:
                raise ConfigurationError(
                    f"`trigger_pipeline` takes no `{name}`. Name the pipeline and give a `run_configuration`."
                )
        if run_configuration is not None and config_path is not None:
            raise ConfigurationError("Give `run_configuration` or `config_path`, not both.")
        declared = live.pipelines.get(pipeline_name_or_id)
        if declared is not None and home_of(self.store.root) == home_of(default_root()):
            run = _start(declared, run_configuration or {}, config_path)
            return run.wait() if synchronous else run
        target, folder = _place_of(self.get_pipeline(pipeline_name_or_id))
        with tempfile.TemporaryDirectory(prefix="zenml-") as drafts:
            if run_configuration is not None:
                config_path = _written(run_configuration, drafts)
            identifier = _run(target, folder, config_path, self.store)
        run = RunView(find_run(self.store, identifier), self.store)
        return run.wait() if synchronous else run


def _start(
    declared: Any, configuration: Mapping[str, Any], config_path: str | os.PathLike[str] | None
) -> RunView:
    """Start a pipeline of this process in the background, whatever goes on here."""
    options: dict[str, Any] = dict(PipelineRunConfiguration(**configuration))
    options["settings"] = {**options.get("settings", {}), "orchestrator": {"synchronous": False}}
    chosen = declared.with_options(**options)
    if config_path is not None:
        chosen = chosen.with_options(config_path=config_path)
    token = session.active.set(None)
    try:
        run: RunView = chosen()
    finally:
        session.active.reset(token)
    return run


def _place_of(pipeline: PipelineView) -> tuple[str, str]:
    """Return the target that the command line takes for a pipeline, and the folder it was run in."""
    run = pipeline.last_run
    source = run.plan.source
    if source is None or source.file is None or "<" in source.name + source.file:
        raise ConfigurationError(
            f"Pipeline `{pipeline.name}` was declared inside a function or in a notebook, so no other process "
            "can import it. Move it to the top level of a file, and run it once from there."
        )
    folder = run.environment.folder
    if not os.path.isdir(folder):
        folder = os.path.dirname(source.file)
    if source.module == "__main__":
        if not os.path.isfile(source.file):
            raise NotFoundError(f"The file of pipeline `{pipeline.name}` is gone: {source.file}.")
        return f"{source.file}:{source.name}", folder
    return f"{source.module}:{source.name}", folder


def _written(configuration: Mapping[str, Any], folder: str) -> str:
    """Write a configuration to a file, which JSON is for a reader of YAML."""
    checked = PipelineRunConfiguration(**configuration)
    path = os.path.join(folder, "configuration.yaml")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(plain(dict(checked), "The run configuration"), file)
    return path


def _run(target: str, folder: str, config_path: str | os.PathLike[str] | None, store: Store) -> str:
    """Have a process start the run; return the id when it is recorded."""
    command = [sys.executable, "-m", "zenml", "pipeline", "run", target, "--detach", "--json"]
    if config_path is not None:
        command += ["--config", os.path.abspath(config_path)]
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, _QUIET: "1", "ZENML_CONFIG_PATH": store.root},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = done.stderr.strip().removeprefix("Error: ")
        raise RunFailedError(f"`{target}` could not be started: {said}")
    return str(json.loads(done.stdout)["id"])
