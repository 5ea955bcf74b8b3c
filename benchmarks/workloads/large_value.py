"""A large frame or array, stored and loaded, beside the bare format doing the same."""

import hashlib
import os
import sys

import numpy as np
from figures import bare_file, growth_of, report, time_of

from zenml.flavors.local_artifact_store import LocalArtifactStore
from zenml.materializers.storage import load, save

ROWS = 1_000_000


def columns():
    generator = np.random.default_rng(0)
    return {
        "id": np.arange(ROWS),
        "x": generator.random(ROWS),
        "y": generator.normal(size=ROWS),
        "flag": generator.random(ROWS) > 0.5,
        "name": [f"name{number % 1000}" for number in range(ROWS)],
    }


def sync_and_hash(path):
    """Make a file durable, and hash it once: a process does not hash again what it has just written."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        hashlib.file_digest(file, "sha256")


def pandas_floor(frame):
    import pandas as pd

    path = bare_file("bare.parquet")
    frame.to_parquet(path)
    sync_and_hash(path)
    pd.read_parquet(path)


def polars_floor(frame):
    import polars as pl

    path = bare_file("bare.arrow")
    frame.write_ipc(path)
    sync_and_hash(path)
    pl.read_ipc(path)


def arrow_floor(table):
    import pyarrow as pa

    path = bare_file("table.arrow")
    with pa.OSFile(path, "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    sync_and_hash(path)
    with pa.memory_map(path) as source:
        pa.ipc.open_file(source).read_all()


def array_floor(array):
    path = bare_file("bare.npy")
    np.save(path, array)
    sync_and_hash(path)
    np.load(path, mmap_mode="c")


def make(kind):
    if kind == "array":
        return np.arange(125_000_000, dtype=np.float64), array_floor
    if kind == "pandas":
        import pandas as pd

        return pd.DataFrame(columns()), pandas_floor
    if kind == "arrow":
        import pyarrow as pa

        return pa.table(columns()), arrow_floor
    import polars as pl

    return pl.DataFrame(columns()), polars_floor


if __name__ == "__main__":
    value, floor = make(sys.argv[1])
    store = LocalArtifactStore(os.path.join(os.environ["BENCH_FOLDER"], "artifacts"))

    def there_and_back(hint):
        stored = save(value, artifact_store=store, key_hint=hint)
        load(stored, artifact_store=store, trusted=False)

    small = value.slice(0, 2000) if sys.argv[1] == "arrow" else value[:2000]
    load(save(small, artifact_store=store, key_hint="w/u"), artifact_store=store, trusted=False)
    floor(small)
    os.sync()
    figures = {}
    for name, call in (("ours", lambda: there_and_back("a/b")), ("floor", lambda: floor(value))):
        figures[f"{name}_grown"] = growth_of(
            lambda call=call, name=name: figures.update({name: time_of(call)})
        )
        os.sync()
    report(**figures)
