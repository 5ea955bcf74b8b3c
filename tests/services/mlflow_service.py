"""An MLflow server for tests: records in an SQLite file, files through the server, one worker."""

import http.client
import os
import sys

from keeper import Keeper, free_port

QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}
"""What holds for the server and for the tests: nothing is told to anybody."""


class MlflowServer:
    """One server; tests use experiments of their own."""

    def __init__(self, folder, **environment):
        self.folder = str(folder)
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        program = os.path.join(os.path.dirname(sys.executable), "mlflow")
        words = f"server --host 127.0.0.1 --port {self.port} --workers 1"
        self._keeper = Keeper(
            [
                program,
                *words.split(),
                "--backend-store-uri",
                f"sqlite:///{self.folder}/mlflow.db",
                "--artifacts-destination",
                f"{self.folder}/artifacts",
            ],
            log=os.path.join(self.folder, "server.log"),
            environment={**QUIET, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", **environment},
            folder=self.folder,
        )
        self._keeper.wait_until(self._is_healthy)
        self.started_in = self._keeper.started_in

    def _is_healthy(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def close(self):
        self._keeper.close()
