"""Gives Flask an instance folder (app.instance_path) that the app may write to.

For code below /usr, Flask's own choice is a folder in /usr/var. The server imports this file before it loads the app.
"""

import importlib.util
import os


def give_instance_folder():
    state = os.environ.get("STATE_DIRECTORY")
    if state and importlib.util.find_spec("flask"):
        from flask import Flask

        Flask.auto_find_instance_path = lambda _app: os.path.join(state.split(":")[0], "instance")


give_instance_folder()
