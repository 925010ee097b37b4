"""Bugsink under a WSGI server: https://www.bugsink.com/docs/singleserver-production/"""

from bugsink.wsgi import application as app
