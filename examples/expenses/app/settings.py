import os

SQLALCHEMY_DATABASE_URI = f"postgresql:///{os.environ['DATABASE_NAME']}"
SECRET_KEY = os.environ["SECRET_KEY"]
# The site is at port 80. With HTTPS: True.
SESSION_COOKIE_SECURE = False
