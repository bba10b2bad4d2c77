#!/usr/bin/env python
"""Django's command line, with one clear line instead of a traceback where a setting is wrong."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "borgui.settings")
    from borgui.env import BadSetting

    try:
        from django.core.management import execute_from_command_line

        execute_from_command_line(sys.argv)
    except BadSetting as error:
        sys.exit(f"borgui cannot start: {error}")
    except PermissionError as error:
        sys.exit(f"borgui cannot start: {error}. Give this user the right to write there, or set BORGUI_DATA_DIR.")


if __name__ == "__main__":
    main()
