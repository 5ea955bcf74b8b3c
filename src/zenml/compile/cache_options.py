"""A cache policy becomes rules for the key, and digests of what else is to count."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any, Literal

from zenml.compile.hook_options import imported, source_of
from zenml.config.preview import preview
from zenml.errors import ConfigurationError, DeclarationError
from zenml.fingerprint.fingerprint import fingerprint
from zenml.records.plan import CacheRules
from zenml.signatures.signature import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zenml.compile.declared import DeclaredStep
    from zenml.config.cache_policy import CachePolicy

_DIGITS = 24
_BLOCK = 1 << 20


def cache_rules(policy: CachePolicy) -> CacheRules:
    """Return the rules of a policy as the plan records them."""
    by_id: Literal["id", "none"] = "id" if policy.include_artifact_ids else "none"
    return CacheRules(
        max_age=None if policy.expires_after is None else float(policy.expires_after),
        ignored=policy.ignore_fields,
        counts_code=policy.include_step_code,
        counts_parameters=policy.include_step_parameters,
        counts_artifacts="content" if policy.include_artifact_values else by_id,
    )


def check_ignored(policy: CachePolicy, step: DeclaredStep) -> None:
    """Raise for ignored inputs that the step which names them does not have."""
    for name in policy.ignore_fields:
        if not step.signature.accepts(name):
            known = step.signature.parameters
            raise ConfigurationError(
                f"The cache policy of step `{step.name}` ignores the input `{name}`, which it does not have. "
                f"{did_you_mean(name, known)}Its inputs are: {', '.join(known) or 'none'}."
            )


class Dependencies:
    """What the policies of one run want to count beside code and inputs; each file is read once."""

    def __init__(self) -> None:
        self._files: dict[str, str] = {}

    def digests(self, policy: CachePolicy, step: DeclaredStep) -> dict[str, str]:
        """Return the digests of what a policy names, by kind and name: `file:data.csv`."""
        what = f"the cache policy of step `{step.name}`"
        found = {}
        for name in policy.file_dependencies:
            path = _find(name, source_of(step.function).file, what)
            if path not in self._files:
                self._files[path] = _content_digest(path)
            found[f"file:{name}"] = self._files[path]
        for given in policy.source_dependencies:
            subject = imported(given, what) if isinstance(given, str) else given
            try:
                digest = fingerprint(subject).digest
            except DeclarationError as error:
                raise ConfigurationError(f"`source_dependencies` in {what}: {error}") from error
            name = given if isinstance(given, str) else source_of(given).dotted
            found[f"source:{name}"] = digest
        if policy.cache_func is not None:
            name, text = _answer(policy.cache_func, what)
            found[f"cache_func:{name}"] = hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
        return found


def _find(name: str, declared_in: str | None, what: str) -> str:
    folders = [os.getcwd(), os.path.dirname(declared_in)] if declared_in else [os.getcwd()]
    for folder in folders:
        path = os.path.join(folder, os.path.expanduser(name))
        if os.path.exists(path):
            return path
    raise ConfigurationError(
        f"`file_dependencies` in {what} names `{name}`, which does not exist "
        f"(looked for in {' and '.join(dict.fromkeys(folders))})."
    )


def _content_digest(path: str) -> str:
    """Return the digest of a file, or of the names and contents of all files below a folder."""
    digest = hashlib.sha256()
    for file in _files_below(path):
        digest.update(f"{os.path.relpath(file, path)}\0{os.path.getsize(file)}\0".encode())
        with open(file, "rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
    return digest.hexdigest()[:_DIGITS]


def _files_below(path: str) -> Iterator[str]:
    if not os.path.isdir(path):
        yield path
        return
    for folder, folders, files in os.walk(path):
        folders.sort()
        for file in sorted(files):
            yield os.path.join(folder, file)


def _answer(given: Any, what: str) -> tuple[str, str]:
    """Return the name of a cache function and what it says."""
    function = imported(given, what) if isinstance(given, str) else given
    name = given if isinstance(given, str) else source_of(function).dotted
    try:
        text = function()
    except Exception as error:  # user code, called before anything runs
        raise ConfigurationError(
            f"`cache_func` in {what} failed: `{name}()` raised {type(error).__name__}: {error}. Repair it; it is "
            "called without a parameter, before anything runs."
        ) from error
    if not isinstance(text, str):
        raise ConfigurationError(
            f"`cache_func` in {what}: `{name}()` returned {preview(text)}; it must return text."
        )
    return name, text
