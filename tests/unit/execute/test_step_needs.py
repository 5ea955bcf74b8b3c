"""What steps declare is read as tokens, and is compared with the machine."""

import pytest

from zenml.components.cpu_count import usable_cpus
from zenml.errors import ConfigurationError
from zenml.execute.step_needs import check, declared, in_bytes, machine, tokens_of
from zenml.execute.tokens import Need, Tokens
from zenml.records.plan import Source, StepDefinition, StepOptions

THERE = Tokens(Need(2000, 10**6))


def a_step(**resources):
    options = StepOptions(settings={"resources": resources} if resources else {})
    return StepDefinition("train", Source("m", "train", "flow.py", 12), options, (), "code")


def test_declared_resources_become_tokens():
    assert declared(a_step(cpu_count=0.5, memory="1.5KiB", gpu_count=2)) == Need(500, 1536, 2)
    assert declared(a_step(cpu_count=0.0001)) == Need(cpu=1)
    assert declared(a_step()) == Need()


def test_a_process_of_its_own_counts_as_one_cpu_unless_it_says_otherwise():
    assert tokens_of(a_step(memory="1KB"), "isolated", THERE) == Need(1000, 1000)
    assert tokens_of(a_step(memory="1KB"), "inline", THERE) == Need(0, 1000)
    assert tokens_of(a_step(cpu_count=0.5), "isolated", THERE) == Need(500)


@pytest.mark.parametrize(
    ("resources", "told"),
    [
        ({"cpu_count": 2.5}, r"needs 2.5 CPUs, and this process may use 2\. Ask for less"),
        ({"memory": "3GB"}, r"needs 3 GB of memory, and this process may use 1.5 GB\."),
        ({"gpu_count": 1}, r"needs 1 GPU, and this process sees none, by `CUDA_VISIBLE_DEVICES`"),
    ],
)
def test_more_than_the_machine_has_is_an_error_that_tells_what_where_and_how_much(resources, told):
    with pytest.raises(ConfigurationError, match=rf"Step `train` \(flow.py:12\) {told}"):
        check(a_step(**resources), Need(2000, 1_500_000_000, 0))


def test_what_never_fits_takes_nothing_so_that_it_is_refused_at_once():
    assert tokens_of(a_step(cpu_count=3), "inline", THERE) == Need()


def test_all_that_the_machine_has_fits():
    check(a_step(cpu_count=usable_cpus()), machine())
    assert machine().memory > 10**8


def test_amounts_of_memory_are_written_as_people_write_them():
    assert [in_bytes(n) for n in (512, 1500, 2_000_000, 25_276_000_000)] == [
        "512 bytes",
        "1.5 KB",
        "2 MB",
        "25.3 GB",
    ]
