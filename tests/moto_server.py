"""A fake of S3 in a process of its own, which ends when this one does, however it ends."""

import subprocess
import sys

KEY, SECRET = "testing", "testing-secret"

_PROGRAM = """
import logging, os, sys
logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
os._exit(0)
"""


class MotoServer:
    """The fake, with as many buckets as are asked for."""

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.port = int(self._process.stdout.readline())
        self.url = f"http://127.0.0.1:{self.port}"
        self._buckets = 0
        self._client = None

    def new_bucket(self):
        """Return the name of a fresh bucket."""
        self._buckets += 1
        name = f"bucket-{self._buckets}"
        self.client.create_bucket(Bucket=name)
        return name

    @property
    def client(self):
        """A client of AWS's own library, to look at what is there and to damage it."""
        if self._client is None:
            import boto3

            self._client = boto3.client(
                "s3",
                endpoint_url=self.url,
                aws_access_key_id=KEY,
                aws_secret_access_key=SECRET,
                region_name="us-east-1",
            )
        return self._client

    def names(self, bucket, prefix=""):
        """Return the names of all objects of a bucket."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [one["Key"] for page in pages for one in page.get("Contents", ())]

    def close(self):
        """End the process."""
        if self._client is not None:
            self._client.close()
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
