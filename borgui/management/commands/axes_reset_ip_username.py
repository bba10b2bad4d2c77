from axes.management.commands import axes_reset_ip_username

from borgui.management.axes_told import Told


class Command(Told, axes_reset_ip_username.Command):
    names = ("ip", "username")
