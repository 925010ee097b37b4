"""systemd's side of the message bus, as far as `systemctl show` asks it (org.freedesktop.systemd1(5)).

Arguments: name, load, active, sub and result of each unit. A name that is none of them does not exist; a unit whose
result is `-` has no such property; when `hang.service` is asked for, no answer comes.
"""

import re
import sys
import time

import dbus
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

SYSTEMD = "org.freedesktop.systemd1"


class Units(dbus.service.FallbackObject):
    """Every unit has an object, also one that does not exist; its name is in its path (sd_bus_path_encode(3))."""

    SUPPORTS_MULTIPLE_OBJECT_PATHS = True

    def __init__(self, bus, units):
        super().__init__(bus, "/org/freedesktop/systemd1/unit")
        self.units = units

    @dbus.service.method(dbus.PROPERTIES_IFACE, in_signature="s", out_signature="a{sv}", path_keyword="path")
    def GetAll(self, interface, path):
        name = re.sub("_(..)", lambda code: chr(int(code[1], 16)), path.rpartition("/")[2])
        if name == "hang.service":
            time.sleep(60)
        load, active, sub, result = self.units.get(name, ("not-found", "inactive", "dead", "success"))
        told = {"Id": name, "Description": f"The unit {name}", "LoadState": load, "ActiveState": active, "SubState": sub}
        return told if result == "-" else told | {"Result": result}


class Manager(dbus.service.Object):
    """Of the units that it has loaded, none fits a pattern."""

    @dbus.service.method(SYSTEMD + ".Manager", in_signature="asas", out_signature="a(ssssssouso)")
    def ListUnitsByPatterns(self, states, patterns):
        return []


dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
bus = dbus.SystemBus()
words = sys.argv[1:]
units = {words[at]: tuple(words[at + 1 : at + 5]) for at in range(0, len(words), 5)}
objects = Units(bus, units), Manager(bus, "/org/freedesktop/systemd1")
owner = dbus.service.BusName(SYSTEMD, bus)
print("ready", flush=True)
GLib.MainLoop().run()
