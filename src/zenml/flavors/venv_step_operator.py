"""Run steps in virtual environments of their own, each with the packages that the step asks for.

    pip install 'zenml-core[uv]'

    zenml step-operator register tools --flavor venv
    zenml stack register tooled -s tools --set

    @step(step_operator="tools", settings={"step_operator": {"requirements": ["pandas==1.5.3"]}})
    def read_old_frames(path: str) -> int:
        import pandas                # 1.5.3, whatever this project has installed
        return len(pandas.read_pickle(path))

An environment is built once by `uv` and kept by what it consists of; steps that ask for the same share it. It has what
`zenml` needs, in the versions of the process that owns the run, and nothing else of that process's packages; folders of
projects on the search path stay. A step is a fresh process with every guarantee of an isolated step.

Tested with the real `uv`, real environments, and kills of builds and steps; packages came from a local folder.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Annotated

import msgspec
from msgspec import Meta

from zenml.components.cpu_count import usable_cpus
from zenml.components.flavor import Configuration, Flavor, Place
from zenml.components.launcher import Launcher, LaunchHandle, LaunchTask, OnBytes, OnEnd
from zenml.components.requirements import local_states, requirement_lines, split_constraints
from zenml.config.resource_settings import ResourceSettings
from zenml.errors import ConfigurationError, StepProcessError
from zenml.flavors import venv_build, venv_recipe
from zenml.flavors.venv_launch import Room, VenvLaunch
from zenml.flavors.venv_recipe import Recipe

Requirements = Annotated[
    tuple[str, ...] | str,
    Meta(description="What is installed: a list as for pip, or the path of a requirements file."),
]
Python = Annotated[
    str | None,
    Meta(
        description="Version or path of the interpreter, 3.11 or later; by default the one that owns the run.",
        examples=["3.12"],
    ),
]
Arguments = Annotated[tuple[str, ...], Meta(description="More arguments of `uv pip install`.")]
Inherit = Annotated[
    bool | None, Meta(description="Whether steps also see the packages that the owner of the run has.")
]


class VenvStepOperatorSettings(Configuration, frozen=True, kw_only=True, omit_defaults=True):
    """What a step asks for; packages come on top of those of the operator."""

    requirements: Requirements = ()
    python: Python = None
    installer_args: Arguments = ()
    inherit: Inherit = None


class VenvStepOperatorConfig(Configuration, frozen=True, kw_only=True):
    """What holds for every step."""

    requirements: Requirements = ()
    python: Python = None
    installer_args: Arguments = ()
    inherit: Inherit = None
    index_url: Annotated[
        str | None, Meta(description="Where packages come from; by default what uv is configured for.")
    ] = None
    find_links: Annotated[tuple[str, ...], Meta(description="Folders or pages with packages.")] = ()
    cache_size: Annotated[
        str, Meta(description="Beyond this, environments that nobody uses are removed.", examples=["50GB"])
    ] = "10GB"
    unused_days: Annotated[float, Meta(description="Environments unused for so long are removed.", gt=0)] = 30
    timeout: Annotated[float, Meta(description="Seconds that a build may take.", gt=0)] = 3600


class VenvStepOperator(Launcher):
    """Launches each task in an environment of its requirements, through one launcher of processes for each."""

    def __init__(self, config: VenvStepOperatorConfig, place: Place) -> None:
        self.config = config
        self.place = place
        self.capacity = usable_cpus()
        self._owner = os.getpid()
        self._lock = threading.RLock()
        self._rooms: dict[str, Room] = {}
        self._is_closed = False

    def launch(
        self, task: LaunchTask, *, on_end: OnEnd, on_event: OnBytes, on_output: OnBytes
    ) -> LaunchHandle:
        """See `Launcher.launch`; the first task of an environment waits until it is built."""
        settings, recipe = self._wanted(task)
        launch = VenvLaunch(task, on_end, on_event, on_output)
        with self._lock:
            if self._is_closed or os.getpid() != self._owner:
                raise StepProcessError(
                    f"{task.name} was not started: the step operator `{self.place.name}` is closed, or belongs "
                    "to another process. Open a new one for it."
                )
            room = self._rooms.get(recipe.digest)
            if room is None:
                room = self._rooms[recipe.digest] = Room(
                    self._order(recipe), inherit=self._inherits(settings), tell=self.tell
                )
            room.enter(launch)
        return launch

    def cancel(self, handle: LaunchHandle, *, grace: float) -> None:
        """See `Launcher.cancel`; a build that nobody waits for any more is ended."""
        if isinstance(handle, VenvLaunch) and handle.room is not None and os.getpid() == self._owner:
            handle.room.cancel(handle, grace=grace)

    def close(self) -> None:
        """See `Launcher.close`."""
        if os.getpid() != self._owner:
            return
        with self._lock:
            self._is_closed = True
            rooms = list(self._rooms.values())
        for room in rooms:
            room.close()

    def _wanted(self, task: LaunchTask) -> tuple[VenvStepOperatorSettings, Recipe]:
        """Return what a task asks for, and what its environment consists of."""
        try:
            settings = msgspec.convert(task.settings, VenvStepOperatorSettings)
        except msgspec.ValidationError as error:
            fields = ", ".join(VenvStepOperatorSettings.__struct_fields__)
            raise ConfigurationError(
                f"The settings of {task.name} for the step operator `{self.place.name}` are not possible: {error}. "
                f"They have the fields: {fields}."
            ) from error
        config, folder = self.config, task.working_directory
        lines = (
            *requirement_lines(config.requirements, folder, f"The step operator `{self.place.name}`"),
            *requirement_lines(settings.requirements, folder, f"`requirements` of {task.name}"),
        )
        requirements, constraints = split_constraints(lines)
        links = tuple(part for link in config.find_links for part in ("--find-links", link))
        return settings, Recipe(
            requirements=tuple(dict.fromkeys(requirements)),
            constraints=tuple(dict.fromkeys(constraints)),
            core=() if self._inherits(settings) else venv_recipe.core_pins(),
            python=settings.python or config.python or sys.executable,
            platform=venv_recipe.owners_platform(),
            arguments=(*links, *config.installer_args, *settings.installer_args),
            index_url=config.index_url,
            local=local_states(requirements),
        )

    def _inherits(self, settings: VenvStepOperatorSettings) -> bool:
        return bool(self.config.inherit if settings.inherit is None else settings.inherit)

    def _order(self, recipe: Recipe) -> venv_build.Order:
        return venv_build.Order(
            recipe,
            self.place.folder,
            self.config.timeout,
            round((ResourceSettings(memory=self.config.cache_size).get_memory("KB") or 0) * 1000),
            self.config.unused_days * 86400,
        )


FLAVOR = Flavor(
    type="step_operator",
    name="venv",
    component=VenvStepOperator,
    config=VenvStepOperatorConfig,
    settings=VenvStepOperatorSettings,
    requirements=("uv>=0.4",),
    extra="uv",
    result_fields=("requirements", "python", "inherit"),
)
