"""Pickled classes of a script stay the script's classes wherever the script is at hand."""

import subprocess
import sys

SCRIPT = """
import pickle, sys
from zenml.materializers import pickling

class Base:
    kind = "base"

class Thing(Base):
    def __init__(self, number): self.number = number
    def twin(self): return Thing(self.number), Base()
    class Inner: pass

def make():
    thing = Thing(3)
    thing.inner = Thing.Inner()
    return thing

if __name__ == "__main__":
    {action}
"""


def run(script, action):
    script.write_text(SCRIPT.format(action=action))
    return subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True).stdout


def test_the_same_script_gets_its_own_class_back(tmp_path):
    run(
        tmp_path / "train.py",
        f"open({str(tmp_path / 'p')!r}, 'wb').write(pickling.dumps([make(), Thing, make]))",
    )
    checks = (
        f"value, kind, function = pickling.loads(open({str(tmp_path / 'p')!r}, 'rb').read());"
        "assert kind is Thing; assert type(value) is Thing; assert type(value.inner) is Thing.Inner;"
        "assert isinstance(value.twin()[1], Base); assert isinstance(function(), Thing); print('ok')"
    )
    assert run(tmp_path / "train.py", checks) == "ok\n"


def test_another_script_gets_a_working_copy(tmp_path):
    run(tmp_path / "train.py", f"open({str(tmp_path / 'p')!r}, 'wb').write(pickling.dumps(make()))")
    other = tmp_path / "other.py"
    other.write_text(
        "from zenml.materializers import pickling\nclass Thing: pass\n"
        f"value = pickling.loads(open({str(tmp_path / 'p')!r}, 'rb').read())\n"
        "assert type(value) is not Thing\n"
        "twin, base = value.twin()\nassert type(twin) is type(value) and base.kind == 'base'\nprint(value.number)\n"
    )
    assert (
        subprocess.run([sys.executable, str(other)], capture_output=True, text=True, check=True).stdout
        == "3\n"
    )


def test_a_process_that_works_for_the_script_has_one_class(tmp_path):
    path = tmp_path / "p"
    action = f"open({str(path)!r}, 'wb').write(pickle.dumps([pickling.dumps(make), pickling.dumps(make())]))"
    run(tmp_path / "train.py", action)
    worker = tmp_path / "worker.py"
    worker.write_text(
        "import pickle\nfrom zenml.materializers import pickling\nfrom zenml.records import type_names\n"
        f"type_names.adopt_script({str(tmp_path / 'train.py')!r})\n"
        f"function, value = pickle.loads(open({str(path)!r}, 'rb').read())\n"
        "function, value = pickling.loads(function), pickling.loads(value)\n"
        "assert type(function()) is type(value)\n"
        f"open({str(path)!r}, 'wb').write(pickling.dumps(function()))\nprint('ok')\n"
    )
    assert (
        subprocess.run([sys.executable, str(worker)], capture_output=True, text=True, check=True).stdout
        == "ok\n"
    )
    back = f"assert type(pickling.loads(open({str(path)!r}, 'rb').read())) is Thing; print('live')"
    assert run(tmp_path / "train.py", back) == "live\n"
