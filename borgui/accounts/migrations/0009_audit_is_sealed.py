from typing import Any

from django.db import migrations, models

from borgui.accounts import append_only


def seal(apps: Any, editor: Any) -> None:
    append_only.seal(editor.connection)


def unseal(apps: Any, editor: Any) -> None:
    append_only.unseal(editor.connection)


class Migration(migrations.Migration):
    """What happens by itself has a word of its own; and the database refuses to change the log."""

    dependencies = [("accounts", "0008_four_eyes")]

    operations = [
        migrations.AlterField(
            model_name="auditentry",
            name="via",
            field=models.CharField(
                choices=[
                    ("page", "page"),
                    ("api", "API"),
                    ("admin", "admin page"),
                    ("command", "command"),
                    ("itself", "by itself"),
                ],
                max_length=10,
            ),
        ),
        migrations.RunPython(seal, unseal),
    ]
