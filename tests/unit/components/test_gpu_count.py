"""Visible GPUs, by the environment and the files of the driver."""

import pytest

from zenml.components.gpu_count import usable_gpus


@pytest.mark.parametrize(
    ("listed", "said", "expected"),
    [
        (None, None, 0),
        (2, None, 2),
        (2, "0", 1),
        (2, "0,1,2", 2),
        (2, "", 0),
        (2, "-1", 0),
        (2, "1,-1,0", 1),
        (None, "0,1", 2),
    ],
)
def test_the_variable_chooses_among_what_the_driver_lists(tmp_path, listed, said, expected):
    for number in range(listed or 0):
        (tmp_path / "gpus" / str(number)).mkdir(parents=True)
    environment = {} if said is None else {"CUDA_VISIBLE_DEVICES": said}

    assert usable_gpus(environment, driver=str(tmp_path / "gpus")) == expected
