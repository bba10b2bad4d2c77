"""The shipped templates: each a script `NAME.sh` in this folder and its description `NAME.toml`. Plain Python."""

from .installing import Installed, NotInstalled, install
from .reading import BrokenTemplate, Need, Template, load, version_key

__all__ = ["BrokenTemplate", "Installed", "Need", "NotInstalled", "Template", "install", "load", "version_key"]
