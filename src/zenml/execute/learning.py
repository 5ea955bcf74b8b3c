"""What a run finds out about a step that a dynamic pipeline calls for the first time: before it runs, and once.

A static run knows all of it when it begins: secrets, versions of models, hooks, what is recorded of
its steps. The same is done here for one step, so what is wrong is raised in the pipeline's function.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import msgspec

from zenml.execute.model_linking import asked_models
from zenml.execute.run_secrets import read_secrets
from zenml.execute.running import macs_of
from zenml.records import wire
from zenml.records.run import Document

if TYPE_CHECKING:
    from zenml.compile.compiler import Compiled
    from zenml.execute.engine import Engine
    from zenml.execute.workers import Workers


class Learning:
    """What one run knows of its steps. Safe for threads."""

    def __init__(self, engine: Engine, workers: Workers, compiled: Compiled) -> None:
        self._engine = engine
        self._workers = workers
        self._compiled = compiled
        self._known: set[str] = set()
        self._notes: set[str] = set()
        self._lock = threading.Lock()

    def learn(self, digest: str) -> None:
        """Prepare the run for a step, by the key of its definition.

        Raises:
            NotFoundError: it asks for a secret or a version of a model that there is not.
            ConfigurationError: a secret does not fit into its environment.
        """
        if digest in self._known:
            return
        with self._lock:
            if digest not in self._known:
                self._learn(digest)
                self._known.add(digest)

    def _learn(self, digest: str) -> None:
        engine, compiled, store = self._engine, self._compiled, self._engine.store
        definition = compiled.plan.definitions[digest]
        alone = msgspec.structs.replace(
            compiled.plan, definitions={digest: definition}
        )  # others may be wrong
        if definition.options.secrets:
            self._workers.secrets.add(read_secrets(alone, store))
        if definition.options.model is not None:
            engine.models.learn(asked_models(alone))
        if compiled.programs[digest].hooks:
            engine.hold_hooks(compiled)
        new = {
            one: value for one, value in compiled.filled.variables.items() if one not in engine.run.variables
        }
        engine.run.variables.update(macs_of(new, store))
        if "resources" in definition.options.settings:
            from zenml.execute import step_needs

            step_needs.check(compiled.filled.definition(digest, definition), step_needs.machine())
        for note in self._workers.stack.check([definition]):
            if note not in self._notes:
                self._notes.add(note)
                engine.note(note)
        documents = []
        if store.document(digest) is None:
            texts = compiled.sources([definition])
            documents = [Document(digest=part, body=text) for part, text in texts.items()]
            documents.append(Document(digest=digest, body=wire.encode(definition)))
        engine.learn(digest, documents)
