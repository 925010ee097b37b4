"""What Wooey asks for, in addition to what Django's startproject writes: https://wooey.readthedocs.io"""

import os
from pathlib import Path

import dj_database_url

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = os.environ["SECRET_KEY"]
ALLOWED_HOSTS = os.environ["ALLOWED_HOSTS"].split(",")
DEBUG = False

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "wooey",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "project.urls"
WSGI_APPLICATION = "project.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# DATABASE_URL, where an administrator has set it; else the database of this machine, over PostgreSQL's socket.
DATABASES = {
    "default": dj_database_url.config(default=f"postgresql:///{os.environ['DATABASE_NAME']}", conn_max_age=600),
}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"

# The queue is in Valkey. Celery has a word of its own for the address of a Unix socket.
CELERY_BROKER_URL = os.environ["VALKEY_URL"].replace("unix://", "redis+socket://")

# What a script has printed so far.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": os.environ["VALKEY_URL"]}}
WOOEY_REALTIME_CACHE = "default"

# `collectstatic` writes the files here under names with a hash, and nginx serves them.
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "collected"

# The scripts and what they have written: the one folder that the application may write to.
MEDIA_ROOT = os.path.join(os.environ["STATE_DIRECTORY"], "media")

USE_TZ = True
