"""Roles are groups. Who was a superuser is an administrator; every other account begins as a viewer."""

from django.db import migrations

ROLES = ("viewer", "operator", "author", "administrator")


def make_roles(apps, schema_editor):
    Group, User = apps.get_model("auth", "Group"), apps.get_model("accounts", "User")
    groups = {name: Group.objects.get_or_create(name=name)[0] for name in ROLES}
    for user in User.objects.exclude(groups__name__in=ROLES):
        user.groups.add(groups["administrator" if user.is_superuser else "viewer"])


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_started_calls")]
    operations = [migrations.RunPython(make_roles, migrations.RunPython.noop)]
