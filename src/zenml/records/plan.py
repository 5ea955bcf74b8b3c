"""The plan: what a pipeline will do, as one immutable value that can be stored and sent.

Compiling a static pipeline gives a whole plan; a dynamic one yields the same invocations one
at a time. A `StepDefinition` is everything that several invocations of one step share; an
`Invocation` is one call of it. Values are addressed by invocation id and output name, so a
plan holds no data and no code, only how they are wired.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

ExecutionMode = Literal["continue_on_failure", "stop_on_failure", "fail_fast"]
Runtime = Literal["inline", "isolated"]
Place = Literal["inline", "isolated", "child"]
"""Where something is executed: a step as its runtime says, a pipeline beside them, in a thread of its own."""
HookName = Literal[
    "on_start", "on_success", "on_failure", "on_end", "on_init", "on_cleanup", "on_pause", "on_resume"
]
PartKind = Literal["function", "class", "constant", "package", "closure", "default", "module", "decorator"]


class Value(msgspec.Struct, frozen=True, tag="value", omit_defaults=True):
    """A parameter: the value itself, in the tagged JSON of `records.values`."""

    data: msgspec.Raw
    template: Literal["", "texts", "scalars"] = ""
    """For a configured value with placeholders: filled in as texts, or read as YAML scalars then."""


class OutputRef(msgspec.Struct, frozen=True, tag="output"):
    """The output `name` of the invocation `step` of the same run."""

    step: str
    name: str


class ArtifactRef(msgspec.Struct, frozen=True, tag="artifact"):
    """An artifact that exists already, by id."""

    id: str


class Collection(msgspec.Struct, frozen=True, tag="list", omit_defaults=True):
    """A list, tuple or mapping of several bindings: the fan-in of many outputs into one argument."""

    items: tuple[Value | OutputRef | ArtifactRef, ...]
    is_tuple: bool = False
    keys: tuple[str, ...] = ()
    """For a mapping: the key of each item."""


Binding = Value | OutputRef | ArtifactRef | Collection


class Source(msgspec.Struct, frozen=True):
    """Where a function can be imported from, and where a reader finds it."""

    module: str
    name: str
    file: str | None = None
    line: int | None = None

    @property
    def dotted(self) -> str:
        """The importable path, `module.name`."""
        return f"{self.module}.{self.name}"


class TagSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tag that is to be put on something."""

    name: str
    color: str | None = None
    is_exclusive: bool = False
    """Of the runs of a pipeline, or the versions of an artifact, only the last to get the tag keeps it."""
    is_cascading: bool = False
    """A run's tag counts for the artifacts of the run too."""


class Output(msgspec.Struct, frozen=True, omit_defaults=True):
    """One declared output of a step."""

    name: str
    type: str
    materializer: str | None = None
    is_named: bool = False
    version: int = 0
    """The version that its configuration asks for; 0 for the next one."""
    tags: tuple[TagSpec, ...] = ()
    run_metadata: dict[str, Any] = {}
    artifact_name: str | None = None
    """The name of its artifacts where that is another one; {date} and {time} are filled in by the run."""
    kind: str | None = None
    """What its configuration says the artifact is; None for what the materializer says."""


class CodePart(msgspec.Struct, frozen=True):
    """One thing that a step's code reaches: what it is called, and a digest that changes when it does."""

    name: str
    """Dotted, unique in a fingerprint: `features.clean`, `features.THRESHOLD`, `numpy`."""
    kind: PartKind
    digest: str
    file: str | None = None
    line: int | None = None
    text: str | None = None
    """For people: `numpy 2.4.6`, `THRESHOLD = 0.5`; None where the source says it better."""


class Retry(msgspec.Struct, frozen=True, omit_defaults=True):
    """How often a failed step is tried again, and how long it waits before."""

    max_retries: int
    """Attempts after the first one."""
    delay: float = 0.0
    """Seconds before the first retry."""
    backoff: float = 1.0
    """The factor by which each further wait is longer than the one before."""
    max_delay: float | None = None
    """The longest wait, in seconds."""
    jitter: float = 0.0
    """The part of each wait, from 0 to 1, that is left to chance."""
    retry_on: tuple[str, ...] = ()
    """Dotted names of the exceptions, with their subclasses, that are worth a retry; empty for all."""


class ModelSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """The model, and the version of it, that a pipeline or a step works on."""

    name: str
    version: str | None = None
    """A number, a name, a stage or `latest`; None for a new version."""
    tags: tuple[TagSpec, ...] = ()
    about: dict[str, str] = {}
    """License, description, limitations and so on, as far as they are given."""
    is_registered: bool = True
    """Whether a model registry, where there is one, gets the version too."""


class CacheRules(msgspec.Struct, frozen=True, omit_defaults=True):
    """What counts in the cache key of a step, and how old a stored result may be."""

    max_age: float | None = None
    """Seconds after which a stored result is too old to be used; None for never."""
    ignored: tuple[str, ...] = ()
    """Names of inputs that do not count."""
    counts_code: bool = True
    counts_parameters: bool = True
    counts_artifacts: Literal["content", "id", "none"] = "content"


class StepOptions(msgspec.Struct, frozen=True, omit_defaults=True):
    """The resolved options of a step: what holds after every source of configuration was merged."""

    enable_cache: bool = True
    enable_step_logs: bool = True
    enable_artifact_metadata: bool = True
    enable_artifact_visualization: bool = True
    runtime: Runtime | None = None
    cache: CacheRules = CacheRules()
    settings: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    output_materializers: dict[str, tuple[str, ...]] = {}
    environment: dict[str, str] = {}
    secrets: tuple[str, ...] = ()
    """Names of secrets whose values the step finds in its environment."""
    timeout: float | None = None
    """Seconds after which the step is ended."""
    retry: Retry | None = None
    hooks: dict[HookName, Source] = {}
    model: ModelSpec | None = None
    substitutions: dict[str, str] = {}
    experiment_tracker: str | bool | None = None
    step_operator: str | bool | None = None
    step_type: str | None = None
    group: str | None = None
    heartbeat_healthy_threshold: int | None = None


class StepDefinition(msgspec.Struct, frozen=True):
    """What all invocations of one configured step share."""

    name: str
    source: Source
    options: StepOptions
    outputs: tuple[Output, ...]
    code: str
    """Digest of the code fingerprint."""
    code_parts: tuple[CodePart, ...] = ()
    blind_spots: tuple[str, ...] = ()
    dependencies: dict[str, str] = {}
    """Digests of what else its cache policy counts: `file:data.csv`, `source:features.clean`."""
    doc: str | None = None
    is_pipeline: bool = False
    """Whether it is a pipeline that is called as a run of its own."""


class Invocation(msgspec.Struct, frozen=True, omit_defaults=True):
    """One call of a step inside a run."""

    id: str
    definition: str
    """Key of the definition in the plan: its digest."""
    inputs: dict[str, Binding] = {}
    after: tuple[str, ...] = ()
    """Ids of invocations that must have succeeded first, beside those whose outputs are inputs."""
    map: str | None = None
    """The name, unique in the run, of the `map` or `product` whose element it is."""

    def upstream(self) -> tuple[str, ...]:
        """Return the ids of all invocations this one waits for, each once, in a stable order."""
        found = dict.fromkeys(self.after)
        for binding in self.inputs.values():
            for item in binding.items if isinstance(binding, Collection) else (binding,):
                if isinstance(item, OutputRef):
                    found[item.step] = None
        return tuple(found)


class PipelineOutput(msgspec.Struct, frozen=True):
    """An output of the whole pipeline, with the name its annotation gives it, if any."""

    ref: OutputRef | ArtifactRef
    name: str | None = None


class PipelineOptions(msgspec.Struct, frozen=True, omit_defaults=True):
    """The resolved options of a pipeline, as the run records them."""

    enable_cache: bool | None = None
    enable_step_logs: bool | None = None
    enable_artifact_metadata: bool | None = None
    enable_artifact_visualization: bool | None = None
    settings: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    tags: tuple[str, ...] = ()
    special_tags: tuple[TagSpec, ...] = ()
    """Those of the tags that have a color or a rule."""
    execution_mode: ExecutionMode = "continue_on_failure"
    max_parallelism: int | None = None
    environment: dict[str, str] = {}
    secrets: tuple[str, ...] = ()
    retry: Retry | None = None
    hooks: dict[HookName, Source] = {}
    init_arguments: dict[str, Any] = {}
    """Arguments of the `on_init` hook."""
    model: ModelSpec | None = None
    substitutions: dict[str, str] = {}
    enable_pipeline_logs: bool | None = None
    enable_heartbeat: bool | None = None


class Replay(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a run was told that reproduces another one: everything is executed but what it is to skip."""

    original: str | None = None
    """The id of the run that is reproduced; None for a child that the original did not call."""
    skip: tuple[str, ...] = ()
    """Ids of calls, and names of steps and maps, whose recorded outputs are taken."""
    skips_successful: bool = False
    """Whether that holds for everything that has succeeded in the original."""


class Plan(msgspec.Struct, frozen=True):
    """A compiled pipeline: serialisable, comparable, without code or data."""

    pipeline: str
    source: Source | None
    options: PipelineOptions
    definitions: dict[str, StepDefinition]
    invocations: tuple[Invocation, ...]
    outputs: tuple[PipelineOutput, ...] = ()
    parameters: dict[str, msgspec.Raw] = {}
    is_listed: bool = True
    doc: str | None = None
    refreshed: tuple[str, ...] = ()
    """Ids of invocations that are executed whatever the cache knows; of a dynamic pipeline what was asked for: names of
    steps too, or `*` for all."""
    is_dynamic: bool = False
    """Whether definitions and invocations come one at a time, while the pipeline's function runs."""
    said: dict[str, dict[str, Any]] = {}
    """What was said of the run beyond the pipeline's source, by level, as a file would spell it."""
    unsaid: tuple[str, ...] = ()
    """Options that were said and cannot be written down, such as a hook that is declared inside a function."""
    artifacts: dict[str, str] = {}
    """Arguments of the pipeline's function that are artifacts, by name: their ids."""
    replay: Replay | None = None
    """What the run reproduces, if it was told to."""
