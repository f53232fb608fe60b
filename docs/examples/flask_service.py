"""Scores of items with Flask: one Client a process, for all its threads.

``flask --app flask_service run`` or ``gunicorn --preload -w 4 --threads 8 flask_service:app``, then
``POST /scores`` with ``{"items": [1, 2, 3]}``.
"""

from __future__ import annotations

import atexit
from typing import Any

import features
from flask import Flask, request

from aerospike_np import Client, exception

app = Flask(__name__)
client = Client(features.config())  # connects with its first call, and anew in each fork
atexit.register(client.close)


@app.post("/scores")
def scores() -> dict[str, Any]:
    body = request.get_json()
    items = body.get("items") if isinstance(body, dict) else None
    return {"scores": features.scores(client.batch_read(**features.read(items)))}


@app.errorhandler(exception.AerospikeError)
def failed(error: exception.AerospikeError) -> tuple[dict[str, str], int]:
    return {"error": str(error)}, features.status(error)
