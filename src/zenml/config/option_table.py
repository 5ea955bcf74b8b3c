"""The one table of options: what may be set, where, in which shape, and what it means.

The sets of `config/precedence.py`, the checks of a YAML file, its JSON Schema and the template
that `zenml pipeline config template` writes are all made from this table.
"""

from __future__ import annotations

STEP, PIPELINE, RUN = "step", "pipeline", "run"
"""Who has an option: a step; a pipeline, in its decorator and later; a pipeline, but not in its decorator."""


class Option:
    """One option.

    Attributes:
        name: what it is called in code, and in YAML unless `ALIASES` has another spelling.
        owners: who has it: `step`, `pipeline`, `run`.
        shape: what its value looks like; `config/option_schemas.py` has the shapes.
        about: one clause for people.
        default: what holds where nobody says anything, as YAML; "" where nothing does.
        is_inherited: whether what a pipeline says holds for each of its steps that does not say otherwise.
        is_in_files: whether a YAML file may set it.
    """

    __slots__ = ("about", "default", "is_in_files", "is_inherited", "name", "owners", "shape")

    def __init__(self, name: str, owners: str, shape: str, about: str, default: str = "") -> None:
        self.name = name
        self.is_inherited = owners.endswith("+")
        self.is_in_files = not owners.startswith("-")
        self.owners = frozenset(owners.strip("+-").split())
        self.shape = shape
        self.about = about
        self.default = default


_BOTH, _SHARED = "step pipeline", "step pipeline+"
_HOOK = "a function, as a dotted path such as `alerts.tell_team`"

OPTIONS = (
    Option("name", "-step pipeline", "text", "another name than that of the function"),
    Option("run_name", "run", "text", "name of the run; {date}, {time} and {datetime} are filled in"),
    Option("parameters", "step run", "parameters", "arguments of the function"),
    Option("enable_cache", _SHARED, "flag", "whether stored results may be used", "true"),
    Option("enable_step_logs", _SHARED, "flag", "whether what a step prints is kept", "true"),
    Option("enable_artifact_metadata", _SHARED, "flag", "whether outputs are described", "true"),
    Option("enable_artifact_visualization", _SHARED, "flag", "whether outputs are drawn", "true"),
    Option("enable_pipeline_logs", "pipeline", "flag", "whether what is printed outside steps is kept", "true"),
    Option("enable_heartbeat", "pipeline", "flag", "kept with the run"),
    Option("cache_policy", _SHARED, "cache_policy", "which inputs count, and how old a result may be", "default"),
    Option("environment", _SHARED, "texts", "variables that steps find in their environment"),
    Option("secrets", _SHARED, "names", "names of secrets that steps find in their environment"),
    Option("settings", _BOTH, "settings", "settings by `docker`, `resources`, or type of component"),
    Option("resources", _SHARED, "resources", "CPUs, memory and GPUs of a step; short for `settings.resources`"),
    Option("extra", _BOTH, "mapping", "anything that is to be kept with the run"),
    Option("tags", "pipeline", "tags", "names to find the run by"),
    Option("model", _SHARED, "model", "the model, and the version of it, that is worked on"),
    Option("retry", _SHARED, "retry", "how often a failed step is tried again"),
    Option("substitutions", _SHARED, "texts", "texts for {placeholders} in names"),
    Option("on_start", _SHARED, "hook", f"called when a step begins: {_HOOK}"),
    Option("on_success", _SHARED, "hook", f"called when a step has succeeded: {_HOOK}"),
    Option("on_failure", _SHARED, "hook", f"called when a step has failed: {_HOOK}"),
    Option("on_end", _SHARED, "hook", f"called when a step has ended: {_HOOK}"),
    Option("on_init", "pipeline", "hook", f"called before the first step: {_HOOK}"),
    Option("on_init_kwargs", "pipeline", "parameters", "arguments of `on_init`"),
    Option("on_cleanup", "pipeline", "hook", f"called once at the end: {_HOOK}"),
    Option("on_pause", "pipeline", "hook", f"called when a run pauses: {_HOOK}"),
    Option("on_resume", "pipeline", "hook", f"called when a run goes on: {_HOOK}"),
    Option("execution_mode", "pipeline", "execution_mode", "what a failure means for other steps", "continue_on_failure"),
    Option("max_parallelism", "pipeline", "count", "how many steps may run at once"),
    Option("refresh", "run", "refresh", "steps that are executed whatever is stored: true, or names", "false"),
    Option("schedule", "run", "schedule", "when the pipeline is to run"),
    Option("steps", "run", "steps", "options of single steps, by invocation id or name"),
    Option("dynamic", "-pipeline", "flag", "whether the function runs with the steps, and sees their values", "false"),
    Option("depends_on", "-pipeline", "anything", "steps that a YAML file may configure in a dynamic pipeline"),
    Option("unlisted", "run", "flag", "whether the run belongs to no pipeline", "false"),
    Option("build", "run", "anything", "accepted and not used: no images are built"),
    Option("prevent_build_reuse", "run", "flag", "accepted and not used: no images are built"),
    Option("runtime", "step", "runtime", "`inline` in this process, or `isolated` in a fresh one", "inline"),
    Option("timeout", "step", "seconds", "seconds after which the step is ended"),
    Option("output_materializers", "step", "materializers", "what stores the outputs"),
    Option("experiment_tracker", "step", "component", "name of a component, or true for that of the stack"),
    Option("step_operator", "step", "component", "name of a component, or true for that of the stack"),
    Option("step_type", "step", "text", "for people who browse"),
    Option("group", "step", "group", "for people who browse"),
    Option("heartbeat_healthy_threshold", "step", "count", "minutes, kept with the step"),
)  # fmt: skip
BY_NAME = {option.name: option for option in OPTIONS}

ALIASES = {
    "step_configurations": "steps",
    "start_hook_source": "on_start",
    "success_hook_source": "on_success",
    "failure_hook_source": "on_failure",
    "end_hook_source": "on_end",
    "init_hook_source": "on_init",
    "init_hook_kwargs": "on_init_kwargs",
    "cleanup_hook_source": "on_cleanup",
    "pause_hook_source": "on_pause",
    "resume_hook_source": "on_resume",
}
"""Other spellings, by what they stand for; they hold wherever the option does."""
NOT_USED = ("build", "prevent_build_reuse")
"""Options that other versions of this interface have, and that mean nothing here."""


def names_of(*owners: str) -> frozenset[str]:
    """Return the names of the options that any of the owners has."""
    return frozenset(option.name for option in OPTIONS if not option.owners.isdisjoint(owners))
