"""A schedule checks itself when it is made."""

from datetime import UTC, date, datetime, timedelta

import pytest

from zenml.config import DockerSettings, ResourceSettings, Schedule
from zenml.errors import ConfigurationError


def test_a_schedule_keeps_what_it_is_given():
    schedule = Schedule(name="n", cron_expression="5 14 * * 3", catchup=True, timezone="UTC")

    assert (schedule.cron_expression, schedule.catchup, schedule.timezone) == ("5 14 * * 3", "all", "UTC")
    assert Schedule(interval_second=1800).interval_second == timedelta(minutes=30)
    assert Schedule(interval_second=timedelta(hours=1)).interval_second == timedelta(hours=1)
    once = Schedule(run_once_start_time="2030-01-31T02:00:00+00:00")
    assert once.run_once_start_time == datetime(2030, 1, 31, 2, tzinfo=UTC)


def test_a_time_without_a_zone_is_local():
    found = Schedule(interval_second=60, start_time=datetime(2030, 1, 1)).start_time  # noqa: DTZ001

    assert found == datetime(2030, 1, 1).astimezone()


def test_what_holds_where_nothing_is_said():
    schedule = Schedule(interval_second=60)

    assert (schedule.overlap, schedule.catchup, schedule.catchup_limit) == ("skip", "latest", 100)
    assert (schedule.jitter, schedule.max_runs, schedule.on) == (None, None, None)
    assert schedule == Schedule(interval_second=60, overlap=None, catchup=None, catchup_limit=None)
    assert repr(schedule) == "Schedule(interval_second=datetime.timedelta(seconds=60))"


@pytest.mark.parametrize(
    ("given", "kept"),
    [(True, "all"), (False, "latest"), ("none", "none"), ("latest", "latest"), ("all", "all")],
)
def test_catching_up_has_words_and_truth_values(given, kept):
    assert Schedule(interval_second=60, catchup=given).catchup == kept


def test_words_and_counts_are_kept():
    schedule = Schedule(interval_second=60, overlap="cancel", catchup_limit=3, max_runs=5, jitter=1.5)

    assert (schedule.overlap, schedule.catchup_limit, schedule.max_runs) == ("cancel", 3, 5)
    assert schedule.jitter == timedelta(seconds=1.5)
    assert hash(schedule) == hash(
        Schedule(interval_second=60, overlap="cancel", catchup_limit=3, max_runs=5, jitter=1.5)
    )
    assert "overlap='cancel', catchup_limit=3" in repr(schedule)


def test_a_day_is_its_beginning_in_local_time():
    found = Schedule(interval_second=60, start_time=date(2030, 1, 1)).start_time

    assert found == datetime(2030, 1, 1).astimezone()


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
        ({"cron_expression": "* * * * *", "timezone": "europe/berlin"}, "Did you mean `Europe/Berlin`"),
        ({"interval_second": 5, "on": {"new_artifact": {"name": "a"}}}, "Got: `interval_second`, `on`"),
        ({"interval_second": 5, "start_time": "0001-01-01"}, "`start_time` of a Schedule is '0001-01-01'"),
        ({"interval_second": 5, "start_time": 5}, "must be a datetime"),
        ({"interval_second": 5, "overlap": "que"}, "Did you mean `queue`"),
        ({"interval_second": 5, "overlap": ["skip"]}, "it can be `skip`, `queue`, `cancel`, `allow`"),
        ({"interval_second": 5, "catchup": 1}, "it can be `none`, `latest`, `all`"),
        ({"interval_second": 5, "max_runs": True}, "`max_runs` of a Schedule is True"),
        ({"interval_second": 5, "catchup_limit": 0}, "`catchup_limit` of a Schedule is 0"),
        ({"interval_second": 5, "jitter": 5}, "Give a shorter jitter"),
        ({"interval_second": 5, "jitter": float("nan")}, "greater than 0"),
        ({"run_once_start_time": "2030-01-01", "end_time": "2029-01-01"}, "its `end_time` is 2029-01-01"),
        ({"run_once_start_time": "2030-01-01", "start_time": "2031-01-01"}, "its `start_time` is 2031-01-01"),
        ({"cron_expression": "* * * * *", "catchup": "yes"}, "it can be `none`, `latest`, `all`"),
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
