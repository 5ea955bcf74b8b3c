"""What the artifact store in S3 costs beside the plain client: against a fake of the service on this machine.

    python benchmarks/remote_artifacts.py

One artifact of 100 MB, and one of 200 small files: published and fetched by the store, which hashes, makes staged
files durable, writes a manifest, verifies and caches; and put and got by boto3 and s3fs, which do none of that.
"""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from moto_server import KEY, SECRET, MotoServer
from zenml.components.artifact_store_check import put
from zenml.components.flavor import Place
from zenml.flavors.s3_artifact_store import FLAVOR, S3ArtifactStoreConfig

ROUNDS = 3
BIG = {"data.bin": os.urandom(1 << 20) * 100}
SMALL = {f"part-{number:03}": os.urandom(1000) for number in range(200)}


def timed(call):
    """Return the median seconds of a call that takes the number of the round."""
    seconds = []
    for number in range(ROUNDS):
        began = time.perf_counter()
        call(number)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def main():
    """Measure and print."""
    moto = MotoServer()
    with tempfile.TemporaryDirectory() as folder:
        for words, files in (("100 MB in one file", BIG), ("200 files of 1 kB", SMALL)):
            measure(moto, Path(folder), words, files)
    moto.close()


def measure(moto, folder, words, files):
    """Measure one artifact."""
    import s3fs

    bucket = moto.new_bucket()
    stored = {}

    def open_store(machine):
        config = S3ArtifactStoreConfig(
            path=f"s3://{bucket}/ours", endpoint_url=moto.url, key=KEY, secret=SECRET
        )
        return FLAVOR.component(config, Place(name="lake", folder=str(folder / bucket / machine)))

    def publish(number):
        stored[number] = put(open_store(f"writer {number}"), f"attempt{number}/output", files)

    def fetch(number):
        open_store(f"reader {number}").fetch(stored[number])

    def stage_only(number):
        staging = open_store(f"stager {number}").stage(f"attempt{number}/output")
        for path, content in files.items():
            with staging.create(path) as file:
                file.write(content)

    source, target = folder / bucket / "source", folder / bucket / "target"
    source.mkdir(parents=True)
    target.mkdir()
    for name, content in files.items():
        (source / name).write_bytes(content)
    plain = s3fs.S3FileSystem(endpoint_url=moto.url, key=KEY, secret=SECRET)
    plain.exists(bucket)

    def boto_put(number):
        for name in files:
            moto.client.upload_file(str(source / name), bucket, f"boto/{number}/{name}")

    def boto_get(number):
        for name in files:
            moto.client.download_file(bucket, f"boto/{number}/{name}", str(target / name))

    def s3fs_put(number):
        for name in files:
            plain.put_file(str(source / name), f"{bucket}/s3fs/{number}/{name}")

    def s3fs_get(number):
        for name in files:
            plain.get_file(f"{bucket}/s3fs/{number}/{name}", str(target / name))

    publish("warm")
    fetch("warm")
    put_floor, get_floor = timed(boto_put), timed(boto_get)
    print(f"{words}, seconds (median of {ROUNDS}; in brackets: as a multiple of boto3, one by one)")
    for name, floor, call in (
        ("boto3 put", put_floor, None),
        ("s3fs put", put_floor, s3fs_put),
        ("store: stage only", put_floor, stage_only),
        ("store: stage and publish", put_floor, publish),
        ("boto3 get", get_floor, None),
        ("s3fs get", get_floor, s3fs_get),
        ("store: fetch", get_floor, fetch),
        (
            "store: fetch again, from the cache",
            get_floor,
            lambda number: open_store(f"reader {number}").fetch(stored[number]),
        ),
    ):
        seconds = timed(call) if call else floor
        print(f"  {name:36} {seconds:7.3f}  ({seconds / floor:.2f})")


if __name__ == "__main__":
    main()
