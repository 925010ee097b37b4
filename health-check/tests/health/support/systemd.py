"""systemd's side of the message bus, as far as the health check asks it (org.freedesktop.systemd1(5)).

Arguments: name, load, active, sub and result of each unit. A name that is none of them does not exist; a unit whose
result is `-` has no such property; when `hang.service` is asked for, no answer comes.
"""

import sys
import time

import dbus
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

SYSTEMD = "org.freedesktop.systemd1"


class Unit(dbus.service.Object):
    def __init__(self, bus, path, name, result):
        super().__init__(bus, path)
        self.interface = f"{SYSTEMD}.{name.rpartition('.')[2].capitalize()}"
        self.result = result

    @dbus.service.method(dbus.PROPERTIES_IFACE, in_signature="ss", out_signature="v")
    def Get(self, interface, name):
        if (interface, name) != (self.interface, "Result") or self.result == "-":
            raise dbus.exceptions.DBusException("Unknown interface or property.")
        return self.result


class Manager(dbus.service.Object):
    def __init__(self, bus, units):
        super().__init__(bus, "/org/freedesktop/systemd1")
        self.bus, self.units, self.objects = bus, units, {}

    @dbus.service.method(f"{SYSTEMD}.Manager", in_signature="as", out_signature="a(ssssssouso)")
    def ListUnitsByNames(self, names):
        return [self.row(str(name)) for name in names]

    def row(self, name):
        if name == "hang.service":
            time.sleep(60)
        load, active, sub, result = self.units.get(name, ("not-found", "inactive", "dead", "success"))
        if name not in self.objects:
            path = f"/org/freedesktop/systemd1/unit/u{len(self.objects)}"
            self.objects[name] = path, Unit(self.bus, path, name, result)
        return name, f"The unit {name}", load, active, sub, "", self.objects[name][0], 0, "", "/"


dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
bus = dbus.SystemBus()
words = sys.argv[1:]
units = {words[at]: tuple(words[at + 1 : at + 5]) for at in range(0, len(words), 5)}
manager = Manager(bus, units)
owner = dbus.service.BusName(SYSTEMD, bus)
print("ready", flush=True)
GLib.MainLoop().run()
