"""pypiserver under a WSGI server: https://github.com/pypiserver/pypiserver#readme"""

import os
from pathlib import Path

import pypiserver

packages = Path(os.environ["STATE_DIRECTORY"]) / "packages"
packages.mkdir(exist_ok=True)


def may_upload(user, password):
    """UPLOAD_PASSWORD is set in /etc/python-index/python-index.env; without it, nobody may."""
    return user == "upload" and password == os.environ.get("UPLOAD_PASSWORD")


app = pypiserver.app(roots=[packages], auther=may_upload, authenticate=["update"])
