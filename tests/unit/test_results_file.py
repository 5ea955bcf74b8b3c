"""RESULTS.md has two writers, and neither throws the other's part away."""

import importlib.util
import os

import pytest

PATH = os.path.join(os.path.dirname(__file__), "..", "..", "benchmarks", "results.py")


@pytest.fixture
def results():
    spec = importlib.util.spec_from_file_location("results", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MEASURED = "# Results\n\nAll is fast.\n\n| a | b |\n\n## Floors and remarks\n\n- a: b\n"


def test_measurements_are_written_anew_and_faults_stay(results, tmp_path):
    path = str(tmp_path / "RESULTS.md")
    results.write_measurements("# Results\n\n- old\n\n## Floors and remarks\n\n- old\n", path)
    results.write_part("Faults", "10 kills\n\n### Kills\n\n| c | d |\n", path)

    results.write_measurements(MEASURED, path)

    with open(path) as file:
        assert file.read() == f"{MEASURED}\n## Faults\n\n10 kills\n\n### Kills\n\n| c | d |\n"


def test_faults_are_written_anew_and_measurements_stay(results, tmp_path):
    path = str(tmp_path / "RESULTS.md")
    results.write_measurements(MEASURED, path)
    results.write_part("Faults", "10 kills\n", path)

    results.write_part("Faults", "20 kills\n", path)

    with open(path) as file:
        assert file.read() == f"{MEASURED}\n## Faults\n\n20 kills\n"


def test_each_may_be_the_first(results, tmp_path):
    path = str(tmp_path / "RESULTS.md")

    results.write_part("Faults", "20 kills\n", path)
    results.write_measurements(MEASURED, path)

    with open(path) as file:
        assert file.read() == f"{MEASURED}\n## Faults\n\n20 kills\n"
