from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("provenance", "0003_lineage_runs")]

    operations = [migrations.RenameField("lineagerun", "state", "last_event")]
