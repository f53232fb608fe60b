"""Scores of items with Django: one Client a process, for all its threads.

``python django_service.py runserver`` or ``gunicorn --preload -w 4 --threads 8 django_service``, then
``POST /scores`` with ``{"items": [1, 2, 3]}``. A project has these settings, this middleware and this view in
modules of their own.
"""

from __future__ import annotations

import atexit
import json
import sys
from collections.abc import Callable

import features
from django.conf import settings
from django.core.management import execute_from_command_line
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.http import require_POST

from aerospike_np import Client, exception

client = Client(features.config())  # connects with its first call, and anew in each fork
atexit.register(client.close)


@require_POST  # type: ignore[untyped-decorator]  # Django has no types
def scores(request: HttpRequest) -> HttpResponse:
    try:
        body = json.loads(request.body)
    except ValueError as error:
        return JsonResponse({"error": f"the body is not JSON: {error}"}, status=400)
    items = body.get("items") if isinstance(body, dict) else None
    return JsonResponse({"scores": features.scores(client.batch_read(**features.read(items)))})


class AerospikeErrors:
    """Middleware: what the client raises in a view, as an HTTP status."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, exception.AerospikeError):
            return None
        return JsonResponse({"error": str(error)}, status=features.status(error))


urlpatterns = [path("scores", scores)]
settings.configure(
    ROOT_URLCONF=__name__,
    MIDDLEWARE=[f"{__name__}.AerospikeErrors"],
    ALLOWED_HOSTS=["127.0.0.1", "localhost"],
)
application = get_wsgi_application()

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
