"""Triggers that refuse UPDATE and DELETE on the log's rows."""

from django.db import migrations

from compliance.audit import triggers


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]

    operations = [migrations.RunPython(triggers.create, triggers.drop)]
