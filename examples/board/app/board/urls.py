from django.contrib import admin
from django.db import connection
from django.http import HttpResponse
from django.urls import path

from notes.views import board


def healthz(_request):
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok\n")


urlpatterns = [
    path("", board),
    path("healthz", healthz),
    path("admin/", admin.site.urls),
]
