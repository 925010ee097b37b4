# Bugsink's own tasks wait in a database beside the other one.
set -e
bugsink-manage migrate snappea --database=snappea
bugsink-manage migrate
