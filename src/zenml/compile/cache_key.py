"""Every cache key is built here: what a step's result depends on, part by part, and one digest of it all.

The parts are kept beside the key. Comparing them with those of an earlier run is the whole
explanation of why a step ran again.

    code               the transitive fingerprint of the step's code
    outputs            names and materializers of the outputs
    settings, extra    what is declared for the step, where anything is; not what is set for components
    operator:FIELD     the packages of the environment that a step operator makes, and what else its flavor counts
    file:NAME …        what else its cache policy names: files, sources, the answer of a function
    environment        the declared variables, where there are any
    secret:NAME        a keyed fingerprint of a secret that the step asks for: never of the value alone
    input:NAME         a parameter: its canonical value; an artifact: content digest, type, materializer
    variable:NAME      the HMAC of a variable of the environment that settings, extra or a parameter name
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from zenml.config.placeholders import expressions
from zenml.config.settings import COMPONENT_TYPES
from zenml.records import values, wire
from zenml.records.plan import Collection, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from zenml.records.plan import ArtifactRef, Binding, CacheRules, Invocation, OutputRef, StepDefinition
    from zenml.records.run import Artifact

_WITHOUT_EFFECT = frozenset(("resources", "deployment", *COMPONENT_TYPES))
"""Settings that say how and where a step is run, and not what it makes."""
_DIGITS = 24
"""Hexadecimal digits kept of a part's digest: enough to tell parts apart, short enough to store by thousands."""


class CacheKey(msgspec.Struct, frozen=True):
    """A cache key and the parts it was built from."""

    digest: str
    parts: dict[str, str]


class KeyBuilder:
    """Builds the keys of one run; what a definition contributes is computed once.

    Args:
        secret_prints: the fingerprints of the secrets that the run uses, by name.
        variables: the HMAC of what each expression of a placeholder stands for.
        parts_of: returns what more a definition contributes: the environment that a step operator makes.
    """

    def __init__(
        self,
        secret_prints: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
        parts_of: Callable[[StepDefinition], Mapping[str, str]] | None = None,
    ) -> None:
        self._variables = {} if variables is None else variables  # a dynamic run adds to them
        self._parts_of = parts_of
        self._static: dict[str, dict[str, str]] = {}
        self._secret_prints = {} if secret_prints is None else secret_prints

    def build(
        self,
        invocation: Invocation,
        definition: StepDefinition,
        artifact_of: Callable[[OutputRef | ArtifactRef], Artifact],
    ) -> CacheKey:
        """Return the key of an invocation whose inputs are all known."""
        static = self._static.get(invocation.definition)
        if static is None:
            static = self._static[invocation.definition] = {
                **definition_parts(definition),
                **{f"secret:{name}": self._secret_prints[name] for name in definition.options.secrets},
            }
            if self._parts_of is not None:
                static |= self._parts_of(definition)
            if self._variables:
                options = definition.options
                static |= self._variable_parts([options.settings, options.extra, options.environment])
        parts = dict(static)
        rules = definition.options.cache
        for name, binding in invocation.inputs.items():
            if name not in rules.ignored:
                part = _binding_part(binding, artifact_of, rules)
                if part is not None:
                    parts[f"input:{name}"] = part
                if part is not None and isinstance(binding, Value) and binding.template:
                    parts |= self._variable_parts(values.decode(bytes(binding.data), allow_types=True))
        text = "\n".join([f"{name}={part}" for name, part in sorted(parts.items())])
        return CacheKey(hashlib.sha256(text.encode()).hexdigest()[:40], parts)

    def _variable_parts(self, configured: Any) -> dict[str, str]:
        """Return the HMAC of every variable that configured values name."""
        return {
            f"variable:{expression}": self._variables[expression]
            for expression, _, _ in expressions(configured)
        }


def definition_parts(definition: StepDefinition) -> dict[str, str]:
    """Return what a step's definition contributes to the key of each of its invocations."""
    options = definition.options
    materializers = [
        (
            output.artifact_name or output.name,
            options.output_materializers.get(output.name) or output.materializer,
        )
        for output in definition.outputs
    ]
    parts = {"outputs": _short(wire.encode(materializers)), **definition.dependencies}
    if options.cache.counts_code:
        parts["code"] = definition.code
    if settings := counted(options.settings):
        parts["settings"] = _short(wire.encode(settings))
    if options.extra:
        parts["extra"] = _short(wire.encode(options.extra))
    if options.environment:
        parts["environment"] = _short(wire.encode(options.environment))
    return parts


def counted(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that a result depends on; what is set for components comes with those, if it counts."""
    return {name: value for name, value in settings.items() if name.partition(".")[0] not in _WITHOUT_EFFECT}


def artifact_part(artifact: Artifact) -> str:
    """Return what identifies an artifact as an input: its content and how it is read."""
    return f"{artifact.digest} {artifact.type} {artifact.materializer}"


def _binding_part(
    binding: Binding, artifact_of: Callable[[OutputRef | ArtifactRef], Artifact], rules: CacheRules
) -> str | None:
    """Return what an input contributes, None if by the rules it does not count."""
    if isinstance(binding, Value):
        if not rules.counts_parameters:
            return None
        part = _value_part(bytes(binding.data))
        return f"template {part}" if binding.template else part
    if isinstance(binding, Collection):
        items = [_binding_part(item, artifact_of, rules) or "" for item in binding.items]
        kind = "tuple" if binding.is_tuple else "list"
        if binding.keys:
            kind, items = "dict", [f"{key!r} {item}" for key, item in zip(binding.keys, items, strict=True)]
        return f"{kind} of {len(items)} {_short(chr(10).join(items).encode())}"
    if rules.counts_artifacts == "content":
        return artifact_part(artifact_of(binding))
    return f"artifact {artifact_of(binding).id}" if rules.counts_artifacts == "id" else None


@lru_cache(maxsize=4096)
def _value_part(data: bytes) -> str:
    """Return the digest of a parameter; equal values give equal digests however they were written."""
    return "value " + _short(values.canonical(values.decode(data, allow_types=True)))


def _short(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:_DIGITS]
