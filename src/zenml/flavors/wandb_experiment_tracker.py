r"""Follow steps in Weights & Biases: each attempt at a step is a run there.

Install: `pip install 'zenml-core[wandb]'`

    zenml secret create wandb --from-file wandb.env    # key=…
    zenml experiment-tracker register wandb --flavor wandb \
        --entity my-team --project_name churn --api_key '{{wandb.key}}'
    zenml stack register tracked -e wandb --set

    @step(experiment_tracker="wandb", settings={"experiment_tracker.wandb": {"tags": ["baseline"]}})
    def train(rate: float) -> float:
        wandb.log({"accuracy": 0.93})
        return 0.93

The run is called `RUN/STEP`, its group is the run of the pipeline, its job type the step. Its configuration has
the step's parameters, and under `zenml` what it belongs to. Parameters are added when the step ends, where the
step has not set them itself: W&B refuses a second value.

With `mode: offline` runs are kept in a folder, which the step's metadata names; `wandb sync FOLDER` sends them
later. W&B has one active run per process, so tracked steps belong into processes of their own.

Tested with `mode: offline`, whose files are read back, and with a server that is not there; never with a server of W&B.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta

from zenml.components.experiment_tracker import ExperimentTracker, TrackedRun, TrackedStep
from zenml.components.flavor import Configuration, Flavor, Place, SecretText
from zenml.components.registry import missing_library
from zenml.errors import ComponentError, ConfigurationError, ZenMLError

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST_TAG = 64  # characters, W&B's own limit
_MOST_WORDS = 400
_EXIT_CODES = {"finished": 0, "failed": 1, "interrupted": 130}  # W&B shows any but 0 as failed


class WandbTrackerConfig(Configuration, frozen=True, kw_only=True):
    """Where W&B is, and what holds for all steps."""

    api_key: Annotated[
        SecretText | None, Meta(description="The key of a user; without it, what `wandb login` has stored.")
    ] = None
    entity: Annotated[str | None, Meta(description="The user or team that owns the project.")] = None
    project_name: Annotated[
        str | None, Meta(description="The project of all runs; without it, the name of the pipeline.")
    ] = None
    mode: Annotated[
        Literal["online", "offline"], Meta(description="Whether runs are sent, or kept in a folder.")
    ] = "online"
    base_url: Annotated[
        str | None,
        Meta(description="The address of a server of one's own.", examples=["https://wandb.example.com"]),
    ] = None
    dir: Annotated[
        str | None, Meta(description="Where runs are kept; without it, a folder of the component.")
    ] = None
    timeout: Annotated[
        int, Meta(description="Seconds within which the server answers when a step begins.", ge=1, le=600)
    ] = 30

    def __post_init__(self) -> None:
        """Refuse an address that holds a password.

        Raises:
            ConfigurationError: it does.
        """
        if "@" in (self.base_url or ""):
            raise ConfigurationError("`base_url` holds a password. Give the key as `api_key`.")


class WandbTrackerSettings(Configuration, frozen=True, kw_only=True):
    """What a step says of its tracking."""

    tags: Annotated[tuple[str, ...], Meta(description="Further tags of the run in W&B.")] = ()
    settings: Annotated[
        dict[str, Any],
        Meta(
            description="Fields of `wandb.Settings`, which win over the component's.",
            examples=[{"console": "off"}],
        ),
    ] = msgspec.field(default_factory=dict)


class WandbTracker(ExperimentTracker):
    """Opens a run of W&B around a step."""

    def __init__(self, config: WandbTrackerConfig, place: Place) -> None:
        self._config = config
        self._place = place
        self._step: TrackedStep | None = None
        self._run: Any = None

    def start(self, step: TrackedStep, settings: Any = None) -> TrackedRun:
        """Open a run, and make it the active one of this process."""
        try:
            import wandb
        except ImportError as error:
            raise missing_library(FLAVOR, error) from error
        if wandb.run is not None:
            raise ComponentError(
                f"A run of W&B is active where step `{step.step}` begins, and it is not the step's: W&B has one per"
                " process. End it with `wandb.finish()`, or let tracked steps run in processes of their own:"
                ' `@step(runtime="isolated")`.'
            )
        said: WandbTrackerSettings = settings or WandbTrackerSettings()
        with self._asked(f"begin a run for step `{step.step}`"):
            os.makedirs(self._folder, exist_ok=True)
            self._run = wandb.init(
                entity=self._config.entity,
                project=self._config.project_name or step.pipeline,
                name=f"{step.run_name}/{step.step}",
                group=step.run_name,
                job_type=step.step,
                tags=[tag[:_LONGEST_TAG] for tag in (*step.tags, *said.tags)],
                config={"zenml": _facts(step)},
                settings=wandb.Settings(**self._settings(said)),
            )
        self._step = step
        return self._told(step)

    def finish(self, *, failure: BaseException | None) -> None:
        """Set the parameters that the step has not set itself, and close the run."""
        step, self._step = self._step, None
        if step is None:
            return
        import wandb

        how = "finished" if failure is None else "failed" if isinstance(failure, Exception) else "interrupted"
        with self._asked(f"close the run of step `{step.step}`"):
            try:
                if (
                    wandb.run is self._run
                ):  # otherwise the step has closed it itself, and it takes nothing more
                    self._set_parameters(step)
            finally:
                self._run.finish(exit_code=_EXIT_CODES[how])
                # The process beside this one that writes has not written all when a run has finished.
                wandb.teardown()

    def _set_parameters(self, step: TrackedStep) -> None:
        known = self._run.config.keys()
        self._run.config.update({name: value for name, value in step.parameters.items() if name not in known})

    @property
    def _folder(self) -> str:
        return os.path.abspath(os.path.expanduser(self._config.dir or self._place.folder))

    def _settings(self, said: WandbTrackerSettings) -> dict[str, Any]:
        """Return the settings of one run: nothing is set for the whole process, so nothing stays."""
        config = self._config
        given = {
            "mode": config.mode,
            "root_dir": self._folder,
            "api_key": config.api_key,
            "base_url": config.base_url,
            "init_timeout": config.timeout,
        }
        return {name: value for name, value in given.items() if value is not None} | said.settings

    def _told(self, step: TrackedStep) -> TrackedRun:
        run = self._run
        metadata = {"project": run.project}
        if run.offline:
            metadata["folder"] = os.path.dirname(run.dir)
        return TrackedRun(id=run.id, url=None if run.offline else run.url, metadata=metadata)

    @contextmanager
    def _asked(self, for_what: str) -> Iterator[None]:
        try:
            yield
        except (ZenMLError, ImportError):
            raise
        except Exception as error:  # W&B lets errors of several libraries through
            where = self._config.base_url or "https://api.wandb.ai"
            text = " ".join(f"{type(error).__name__}: {error}".split())
            masked = text.replace(self._config.api_key, "***") if self._config.api_key else text
            shown = f"{masked[:_MOST_WORDS]} …" if len(masked) > _MOST_WORDS else masked.rstrip(".") + "."
            raise ComponentError(
                f"W&B could not {for_what}: {shown} This is the experiment tracker `{self._place.name}` at {where}. Look"
                " whether the address and `api_key` are right (`wandb login --verify`), or configure `mode: offline`."
            ) from (error if masked == text else None)  # its text would show the key


def _facts(step: TrackedStep) -> dict[str, Any]:
    return {
        "run": step.run_name,
        "run_id": step.run_id,
        "pipeline": step.pipeline,
        "step": step.step,
        "step_run_id": step.step_run_id,
        "attempt": step.attempt,
        "parameters": step.parameters,  # a step that is killed has no other
    }


FLAVOR = Flavor(
    type="experiment_tracker",
    name="wandb",
    component=WandbTracker,
    config=WandbTrackerConfig,
    settings=WandbTrackerSettings,
    requirements=("wandb>=0.17",),
    extra="wandb",
    preload=("wandb",),
)
