"""Partitions are made by a job, and jobs do not own the tables."""

from django.db import migrations

AS_OWNER = """
ALTER FUNCTION audit_make_partitions(integer)
    SECURITY DEFINER SET search_path = public, pg_temp;
"""
AS_CALLER = """
ALTER FUNCTION audit_make_partitions(integer)
    SECURITY INVOKER RESET search_path;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_sealing")]

    operations = [migrations.RunSQL(AS_OWNER, AS_CALLER)]
