"""What the database must have before the market's tables: an operator class for ranges, the embedded queue, a cache."""

from django.contrib.postgres.operations import BtreeGistExtension
from django.core.management import call_command
from django.db import migrations

from marketplace.ops.queue import install_queue, keep_queue


def make_cache_table(apps, schema_editor):
    call_command("createcachetable", database=schema_editor.connection.alias, verbosity=0)


class Migration(migrations.Migration):
    dependencies: list[tuple[str, str]] = []
    operations = [
        BtreeGistExtension(),
        migrations.RunPython(install_queue, keep_queue),
        migrations.RunPython(make_cache_table, migrations.RunPython.noop),
    ]
