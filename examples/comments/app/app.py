"""Isso under a WSGI server: https://isso-comments.de/docs/reference/deployment/"""

from isso.run import application as app
