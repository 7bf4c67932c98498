"""One thread for each test process: with more, linear algebra on small matrices waits for itself."""

import os

from cotdepth.job import THREAD_SETTINGS

os.environ.update(dict.fromkeys(THREAD_SETTINGS, "1"))
