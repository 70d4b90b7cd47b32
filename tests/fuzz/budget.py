"""How long each test of this folder looks: a moment in `make test`, minutes in `make fuzz`, with other seeds each time.

The environment variable FUZZ_PROFILE names the profile. It is given to each test, and not loaded, so that the other
tests of a session keep their own.
"""

import os

from hypothesis import HealthCheck, settings

_COMMON = settings(deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)

settings.register_profile("quick", _COMMON, max_examples=int(os.environ.get("LOGDOCK_TEST_EXAMPLES", "10")))
settings.register_profile("long", _COMMON, max_examples=500)

fuzz = settings.get_profile(os.environ.get("FUZZ_PROFILE", "quick"))
"""The settings of a test whose examples take microseconds."""

fuzz_slowly = settings(fuzz, max_examples=max(1, fuzz.max_examples // 4))
"""The settings of a test whose examples go through a whole invocation."""
