"""SnapPass under a WSGI server: https://github.com/pinterest/snappass#readme"""

import setuptools  # noqa: F401 - it has the module distutils, which Python has no longer
from snappass.main import app
