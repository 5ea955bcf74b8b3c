"""Azurite, Microsoft's stand-in for Azure Blob Storage, kept in memory; installed by npm on first use."""

import os
import shutil
import subprocess
import sys

from keeper import Keeper, answers, free_port

ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The same in every Azurite, as its documentation says."""

VERSION = "3"
PLACE = os.path.join(sys.prefix, "azurite")
"""In the environment of the tests of services, so that it goes with it."""


def missing():
    """Return what is missing to install it, None if nothing is."""
    return (
        None
        if shutil.which("npm") and shutil.which("node")
        else "Azurite needs Node.js with npm, which are not here"
    )


def program():
    """Return the program, after installing it if it is not there."""
    script = os.path.join(PLACE, "node_modules", "azurite", "dist", "src", "blob", "main.js")
    if not os.path.exists(script):
        os.makedirs(PLACE, exist_ok=True)
        with open(os.path.join(PLACE, "package.json"), "w") as file:
            file.write('{"private": true}')
        command = ["npm", "install", "--silent", "--no-fund", "--no-audit", f"azurite@{VERSION}"]
        subprocess.run(command, cwd=PLACE, check=True, stdin=subprocess.DEVNULL)
    return script


class Azurite:
    """One server with one account."""

    def __init__(self, folder):
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}/{ACCOUNT}"
        self.connection_string = f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};BlobEndpoint={self.address};"
        words = f"--blobHost 127.0.0.1 --blobPort {self.port} --inMemoryPersistence --skipApiVersionCheck --silent"
        self._keeper = Keeper(
            ["node", program(), *words.split()],
            log=os.path.join(str(folder), "azurite.log"),
            folder=str(folder),
        )
        self._keeper.wait_until(lambda: answers(self.port))
        self._containers = 0

    def new_container(self):
        """Return the name of a fresh container."""
        from azure.storage.blob import BlobServiceClient

        self._containers += 1
        name = f"container-{self._containers}"
        with BlobServiceClient.from_connection_string(self.connection_string) as client:
            client.create_container(name).close()
        return name

    def close(self):
        """End it."""
        self._keeper.close()
