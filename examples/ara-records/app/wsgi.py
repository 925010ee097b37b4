"""ARA's API and pages: https://ara.readthedocs.io"""

from ara.server.wsgi import application
