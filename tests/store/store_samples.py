"""Records for the tests of stores: short ones by hand, wild ones from their field types."""

import types
from typing import Any, Literal, NewType, Union, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import strategies as st

from zenml.records.hooks import HookRun
from zenml.records.ids import microseconds_now, new_id
from zenml.records.models import Model, ModelLink, ModelVersion, StageChange
from zenml.records.plan import Invocation, PipelineOptions
from zenml.records.run import (
    Artifact,
    Document,
    Metadata,
    Owner,
    Pipeline,
    Record,
    Run,
    RunOutput,
    Secret,
    StepInput,
    StepRun,
    Tag,
)
from zenml.records.schedules import Schedule, Scheduler, Tick
from zenml.records.stacks import Component, StackMember, StackRow
from zenml.records.waits import Wait
from zenml.store.store import Batch, RunDocuments, StepEnd

KINDS = (
    Owner,
    Pipeline,
    Run,
    StepRun,
    StepInput,
    Artifact,
    RunOutput,
    Tag,
    Metadata,
    Document,
    Schedule,
    Secret,
    HookRun,
    Model,
    ModelVersion,
    ModelLink,
    StageChange,
    Wait,
    Component,
    StackRow,
    StackMember,
    Tick,
    Scheduler,
)
DOCUMENTS = RunDocuments(b"plan", b"environment", {"code-1": b"def f(): ..."})

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | FLOATS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


def values_of(hint: Any) -> st.SearchStrategy:
    """Values of a field's type."""
    while isinstance(hint, NewType):
        hint = hint.__supertype__
    plain = {
        str: TEXT,
        int: st.integers(-(2**63), 2**63 - 1),
        bool: st.booleans(),
        bytes: st.binary(max_size=20),
        float: FLOATS,
        type(None): st.none(),
        Any: JSON,
        msgspec.Raw: JSON.map(lambda value: msgspec.Raw(msgspec.json.encode(value))),
    }
    if hint in plain:
        return plain[hint]
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Literal:
        return st.sampled_from(parts)
    if origin in (Union, types.UnionType):
        return st.one_of(*(values_of(part) for part in parts))
    if origin is dict:
        keys = TEXT if parts[0] is str else values_of(parts[0])
        return st.dictionaries(keys, values_of(parts[1]), max_size=2)
    if origin is tuple:
        return st.lists(values_of(parts[0]), max_size=2).map(tuple)
    hints = get_type_hints(hint, include_extras=True)
    return st.builds(hint, **{name: values_of(hints[name]) for name in hint.__struct_fields__})


def wild(kind: type[Record]) -> st.SearchStrategy:
    """Records of any content; ids and the references that a store checks must be set afterwards."""
    hints = get_type_hints(kind, include_extras=True)
    return st.fixed_dictionaries({name: values_of(hints[name]) for name in kind.__struct_fields__}).map(
        lambda fields: kind(**fields)
    )


def an_owner(**fields):
    start = {"host": "elsewhere", "boot_id": "b", "pid": 1, "process_start": "1"}
    return Owner(**{"id": new_id(), "created_at": microseconds_now(), **start, **fields})


def a_run(owner_id, **fields):
    identifier = new_id()
    return Run(
        **{
            "id": identifier,
            "name": f"run-{identifier}",
            "status": "running",
            "pipeline_name": "training",
            "owner_id": owner_id,
            "created_at": microseconds_now(),
            "plan": "plan-digest",
            "environment": "environment-digest",
            "options": PipelineOptions(),
            **fields,
        }
    )


def a_step(run, **fields):
    name = fields.get("invocation_id", "train")
    return StepRun(
        **{
            "id": new_id(),
            "run_id": run.id,
            "invocation_id": name,
            "status": "running",
            "definition": "definition",
            "invocation": Invocation(name, "definition"),
            "started_at": microseconds_now(),
            **fields,
        }
    )


def an_artifact(producer=None, **fields):
    return Artifact(
        **{
            "id": new_id(),
            "name": "model",
            "producer": producer,
            "output": "output",
            "type": "int",
            "materializer": "json",
            "digest": "sha256:1",
            "size": 1,
            "inline": b"1",
            "created_at": microseconds_now(),
            **fields,
        }
    )


def started_run(store, **fields):
    """A run of this process, recorded."""
    run = a_run(store.owner().id, **fields)
    store.start_run(run, DOCUMENTS)
    return run


def dead_run(store, **fields):
    """A run whose owner is recorded and gone."""
    owner = an_owner(host=store.owner().host, pid=2**22 + 1)
    run = a_run(owner.id, **fields)
    store.insert([owner, run])
    return run


def write(store, run, /, **batch):
    with store.run_transaction(run) as transaction:
        transaction.write(Batch(**batch))


def ended(step, *artifacts, status="completed"):
    return StepEnd(
        msgspec.structs.replace(step, status=status, ended_at=microseconds_now()), tuple(artifacts)
    )


def finished_step(store, run, *artifacts, **fields):
    """A completed step of a run, with its artifacts."""
    step = a_step(run, **fields)
    write(store, run, started=[step])
    write(
        store,
        run,
        ended=[ended(step, *(msgspec.structs.replace(one, producer=step.id) for one in artifacts))],
    )
    return step
