"""A schedule checks itself when it is made."""

from datetime import UTC, datetime, timedelta

import pytest

from zenml.config import DockerSettings, ResourceSettings, Schedule
from zenml.errors import ConfigurationError


def test_a_schedule_keeps_what_it_is_given():
    schedule = Schedule(name="n", cron_expression="5 14 * * 3", catchup=True, timezone="UTC")

    assert (schedule.cron_expression, schedule.catchup, schedule.timezone) == ("5 14 * * 3", True, "UTC")
    assert Schedule(interval_second=1800).interval_second == timedelta(minutes=30)
    assert Schedule(interval_second=timedelta(hours=1)).interval_second == timedelta(hours=1)
    once = Schedule(run_once_start_time="2030-01-31T02:00:00+00:00")
    assert once.run_once_start_time == datetime(2030, 1, 31, 2, tzinfo=UTC)


def test_a_time_without_a_zone_is_local():
    found = Schedule(interval_second=60, start_time=datetime(2030, 1, 1)).start_time  # noqa: DTZ001

    assert found == datetime(2030, 1, 1).astimezone()


@pytest.mark.parametrize(
    ("cron", "message"),
    [
        ("61 * * * *", "field minute `61`"),
        ("* 24 * * *", "field hour `24`"),
        ("* * 32 * *", "field day-of-month `32`"),
        ("* * * 13 *", "field month `13`"),
        ("* * * * 8", "field day-of-week `8`"),
        ("61 99 * *", "4 fields instead of 5"),
        ("", "0 fields instead of 5"),
        (5, "instead of 5"),
    ],
)
def test_a_malformed_cron_expression_names_its_field(cron, message):
    with pytest.raises(ConfigurationError, match=message):
        Schedule(cron_expression=cron)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "Got: none of them"),
        ({"cron_expression": "* * * * *", "interval_second": 5}, "Got: `cron_expression`, `interval_second`"),
        ({"interval_second": 0}, "seconds from 1 up"),
        ({"interval_second": True}, "seconds from 1 up"),
        ({"interval_second": 1e30}, "seconds from 1 up"),
        ({"interval_second": 5, "start_time": "soon"}, "`start_time` of a Schedule is 'soon'"),
        ({"interval_second": 5, "start_time": "2030-01-02", "end_time": "2030-01-01"}, "before it starts"),
        ({"cron_expression": "* * * * *", "timezone": "Mars/Base"}, "which is no time zone"),
        ({"cron_expression": "* * * * *", "name": " "}, "Give it a name"),
        ({"cron_expression": "* * * * *", "catchup": "yes"}, "must be True or False"),
    ],
)
def test_what_is_refused(options, message):
    with pytest.raises(ConfigurationError, match=message):
        Schedule(**options)


def test_resources_are_checked():
    resources = ResourceSettings(cpu_count=0.5, gpu_count=1, memory="2GB")

    assert resources.to_dict() == {"cpu_count": 0.5, "gpu_count": 1, "memory": "2GB"}
    assert resources.get_memory("MB") == 2000
    assert ResourceSettings(memory="1GiB").get_memory("MiB") == 1024
    for wrong in (
        {"memory": "2 G"},
        {"cpu_count": 0},
        {"cpu_count": True},
        {"gpu_count": -1},
        {"gpu_count": 0.5},
    ):
        with pytest.raises(ConfigurationError, match=f"`{next(iter(wrong))}` of ResourceSettings"):
            ResourceSettings(**wrong)
    with pytest.raises(ConfigurationError, match=r"no `memroy`. Did you mean `memory`\?"):
        ResourceSettings(memroy="2GB")


def test_docker_settings_are_checked():
    settings = DockerSettings(requirements=["pandas"], parent_image="a")

    assert settings.to_dict() == {"requirements": ["pandas"], "parent_image": "a"}
    assert (settings.parent_image, settings.user) == ("a", None)
    assert settings == DockerSettings(parent_image="a", requirements=["pandas"])
    with pytest.raises(ConfigurationError, match=r"no `requirement`. Did you mean `requirements`\?"):
        DockerSettings(requirement=[])
    with pytest.raises(ConfigurationError, match="`skip_build` of DockerSettings is 'no'; it must be True"):
        DockerSettings(skip_build="no")
    with pytest.raises(AttributeError):
        settings.nothing
