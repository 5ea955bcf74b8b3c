"""The fixtures of our own pytest plugin, also where this tree was not installed since the plugin came."""


def pytest_configure(config):
    plugins = config.pluginmanager
    if not plugins.has_plugin("zenml"):
        plugins.import_plugin("zenml.testing.pytest_plugin")
