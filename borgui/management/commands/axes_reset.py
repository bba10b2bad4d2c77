from axes.management.commands import axes_reset

from borgui.management.axes_told import Told


class Command(Told, axes_reset.Command):
    """Of everybody."""
