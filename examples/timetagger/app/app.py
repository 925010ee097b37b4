"""TimeTagger's own script under an ASGI server: https://timetagger.readthedocs.io

TIMETAGGER_CREDENTIALS in /etc/timetagger/timetagger.env has the users.
"""

from timetagger.__main__ import main_handler as app
