"""What differs from the checked-out commit is asked for once, also by many runs of one process."""

import subprocess
import threading

from zenml.execute import environment
from zenml.execute.environment import Changes


def a_repository(folder):
    for command in (
        ["init", "-q"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "first"],
    ):
        subprocess.run(["git", "-C", folder, *command], check=True)
    (folder / "flow.py").write_text("x = 1\n")
    subprocess.run(["git", "-C", folder, "add", "."], check=True)
    return str(folder)


def test_many_threads_ask_for_the_changes_at_once(tmp_path):
    folder = a_repository(tmp_path)
    for _ in range(20):
        changes, found, gate = Changes(folder), [], threading.Barrier(8)

        def ask(changes=changes, found=found, gate=gate):
            gate.wait(30)
            found.append(changes.digest())

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

        assert len(found) == 8
        assert found[0] is not None
        assert len(set(found)) == 1


def test_one_process_asks_git_once(tmp_path, monkeypatch, zenml_store):
    from zenml.client import Client

    monkeypatch.setattr(environment, "_changes", None)
    store = Client().store
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(environment.current_changes(store))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len({id(one) for one in found}) == 1
