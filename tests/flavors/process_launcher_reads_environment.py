"""A module that looks at the environment when it is imported, as numerical libraries do."""

import os

SEEN = os.environ.get("ZENML_TEST_VARIABLE")
