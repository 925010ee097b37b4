"""Takes errands, which workers do. The lists of those that wait, that are being done and that are done are in Valkey."""

import os

import redis
from flask import Flask, request

app = Flask(__name__)
lists = redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)


@app.post("/")
def take():
    lists.rpush("waiting", request.form["errand"])
    return "It is on the list.\n", 202


@app.get("/")
def show():
    return {name: lists.lrange(name, 0, -1) for name in ("waiting", "doing", "done")}


@app.get("/healthz")
def healthz():
    lists.ping()
    return "ok"
