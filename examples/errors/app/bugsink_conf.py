import os
from pathlib import Path

from bugsink.settings.default import *  # noqa: F403
from bugsink.settings.default import DATABASES

STATE = Path(os.environ["STATE_DIRECTORY"])

SECRET_KEY = os.environ["SECRET_KEY"]
ALLOWED_HOSTS = os.environ["ALLOWED_HOSTS"].split(",")
DATABASES["default"] = {"ENGINE": "django.db.backends.postgresql", "NAME": os.environ["DATABASE_NAME"]}
DATABASES["snappea"]["NAME"] = STATE / "snappea.sqlite3"
SNAPPEA = {"WAKEUP_CALLS_DIR": STATE / "wakeup", "NUM_WORKERS": 2}
USE_X_REAL_IP = True
EMAIL_BACKEND = "bugsink.email_backends.QuietConsoleEmailBackend"
BUGSINK = {
    # Where programs send their errors to.
    "BASE_URL": os.environ.get("BASE_URL", "http://localhost"),
    "INGEST_STORE_BASE_DIR": STATE / "ingestion",
}
