"""I Hate Money under a WSGI server: https://ihatemoney.readthedocs.io/en/latest/installation.html

Its migrations run when it is imported: as the release command, before several processes of a server do it at the same time.
"""

from ihatemoney.wsgi import application as app
