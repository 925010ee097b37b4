"""Kinto under a WSGI server: https://docs.kinto-storage.org/en/stable/configuration/production.html"""

import configparser
import os

from kinto import main

settings = configparser.ConfigParser()
settings.read("kinto.ini")
secrets = dict.fromkeys(["kinto.userid_hmac_secret", "kinto.default_bucket_hmac_secret"], os.environ["SECRET_KEY"])
app = main({}, **dict(settings.items("app:main")), **secrets)
