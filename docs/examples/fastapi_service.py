"""Scores of items with FastAPI: one AsyncClient a process, which begins and ends with the service.

``uvicorn fastapi_service:app``, then ``POST /scores`` with ``{"items": [1, 2, 3]}``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import features
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from aerospike_np import AsyncClient, exception


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with AsyncClient(features.config()) as client:
        app.state.client = client
        yield


app = FastAPI(lifespan=lifespan)


class Wanted(BaseModel):
    items: list[int]


@app.post("/scores")
async def scores(wanted: Wanted, request: Request) -> dict[str, list[float | None]]:
    client: AsyncClient = request.app.state.client
    return {"scores": features.scores(await client.batch_read(**features.read(wanted.items)))}


@app.exception_handler(exception.AerospikeError)
async def failed(request: Request, error: exception.AerospikeError) -> JSONResponse:
    return JSONResponse({"error": str(error)}, features.status(error))
