"""Forgets all errands that are done but the last ten."""

import os

import redis

redis.Redis.from_url(os.environ["REDIS_URL"]).ltrim("done", -10, -1)
