from axes.management.commands import axes_reset_ip

from borgui.management.axes_told import Told


class Command(Told, axes_reset_ip.Command):
    names = ("ip",)
