"""What all tests share: the fixtures of our own pytest plugin, and property tests that are the same each time.

`make explore` lets property tests draw anew; what they find there becomes an example in the test.
"""

import os

from hypothesis import settings

settings.register_profile("steady", derandomize=True, database=None)
settings.register_profile("explore", max_examples=500)
settings.load_profile(os.environ.get("PROPERTY_TESTS", "steady"))


def pytest_configure(config):
    """Have the fixtures also where this tree was not installed since the plugin came."""
    plugins = config.pluginmanager
    if not plugins.has_plugin("zenml"):
        plugins.import_plugin("zenml.testing.pytest_plugin")
