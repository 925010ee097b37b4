"""Prefect's server under an ASGI server: https://docs.prefect.io/v3/advanced/self-hosted

The worker `services` does what the server itself would do in the background.
"""

from prefect.server.api.server import create_app

app = create_app(webserver_only=True)
