"""What is recorded of the checked-out code of a run."""

import subprocess
import threading

from zenml.execute.environment import Changes


def git(folder, *words):
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    subprocess.run(["git", "-C", folder, *who, *words], check=True, capture_output=True)


def test_changes_are_told_to_several_threads_at_once(tmp_path):
    """Runs inside one another end in threads of their own."""
    git(tmp_path, "init")
    (tmp_path / "file").write_text("a\n")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-m", "first")
    (tmp_path / "file").write_text("b\n" * 500_000)
    changes, found, together = Changes(str(tmp_path)), [], threading.Barrier(8)

    def ask():
        together.wait(30)
        found.append(changes.digest())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(found) == 8
    assert len(set(found)) == 1
    assert found[0] is not None
