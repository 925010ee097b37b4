"""Does one errand after the other. At SIGTERM, it finishes the one that it has begun."""

import os
import signal
import time

import redis

lists = redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)
ending = []
signal.signal(signal.SIGTERM, lambda *_: ending.append(True))

while not ending:
    errand = lists.blmove("waiting", "doing", 1, "LEFT", "RIGHT")
    if errand is None:
        continue
    # In place of real work.
    time.sleep(1)
    with lists.pipeline() as both:
        both.lrem("doing", 1, errand)
        both.rpush("done", f"{errand} (by runner {os.environ['WORKER_NUMBER']})")
        both.execute()
