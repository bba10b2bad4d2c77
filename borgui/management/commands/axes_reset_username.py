from axes.management.commands import axes_reset_username

from borgui.management.axes_told import Told


class Command(Told, axes_reset_username.Command):
    names = ("username",)
