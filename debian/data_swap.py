"""Exchanges new data for old ones. A restore goes in three steps, and the file `state` says which one has begun:

filling   the new data are put beside the old ones. The site is in service.
swapping  the site is in maintenance; new and old change their names; the app starts with the new data
done      the app works, and the old data are removed

If anything fails, or the machine is switched off, before `done`, the old data are put back: at once, by the next boot, or
by the next run of /usr/libexec/{{name}}/data, which imports this file.
"""

import contextlib
import json
import os
import shutil
import subprocess

import data_postgresql as database
import data_settings as settings
import data_valkey as valkey
from data_stack import APP_FOLDER, CLEAN, MAINTENANCE, NAME, SECRET_FILE, VALKEY
from data_stack import Failed, has_local_database, run, sync, write_whole

# Only root may look into the first; the app's user gets folders in it.
FOLDER = f"/var/lib/{NAME}/restore"
STATE = f"{FOLDER}/state"
NEW_FILES = f"{FOLDER}/app"
OLD_FILES = f"{FOLDER}/app-before"
NEW_SECRET = f"{FOLDER}/secret.env"
OLD_SECRET = f"{FOLDER}/secret-before.env"
NEW_VALKEY = f"{FOLDER}/valkey"
OLD_VALKEY = f"{FOLDER}/valkey-before"
# Seconds that the site may be in maintenance while new and old change their places.
LEASE = 900
# Files of systemd that are there only while new and old change their places. If the machine is switched off meanwhile, the
# unit puts the old data back at the next boot, before the app and Valkey start.
HOOKS = [
    (
        f"/etc/systemd/system/{NAME}-restore.service",
        "[Unit]\nDescription=Undo an interrupted restore\nAfter=postgresql.service\n"
        f"[Service]\nType=oneshot\nExecStart=/usr/libexec/{NAME}/data recover --at-boot\n",
    ),
    (
        f"/etc/systemd/system/{NAME}.service.d/zz-restore.conf",
        f"[Unit]\nWants={NAME}-restore.service\nAfter={NAME}-restore.service\n",
    ),
]
if VALKEY:
    HOOKS.append((f"/etc/systemd/system/{valkey.UNIT}.d/zz-restore.conf", HOOKS[-1][1]))


def is_interrupted():
    return os.path.exists(STATE)


def write_state(step, undo=()):
    write_whole(STATE, json.dumps(dict(step=step, undo=list(undo))).encode(), 0o600)


def begin_maintenance():
    """False if it has begun already. If this program is killed, the end of the maintenance calls `recover`."""
    command = [MAINTENANCE, "on", str(LEASE)]
    return subprocess.run(command, env=CLEAN, stdout=subprocess.DEVNULL, check=False).returncode == 0


def swap(incoming, change):
    if not begin_maintenance():
        raise Failed("the site cannot be put into maintenance (see above)")
    try:
        for path, text in HOOKS:
            os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
            write_whole(path, text.encode(), 0o644)
        run("systemctl", "daemon-reload")
        write_state("swapping")
    except BaseException:
        run(MAINTENANCE, "off")
        raise
    if incoming.has_database:
        database.put_in_place()
    if incoming.has_valkey:
        valkey.stop()
        valkey.put_in_place(NEW_VALKEY, OLD_VALKEY)
    if os.path.lexists(APP_FOLDER):
        os.rename(APP_FOLDER, OLD_FILES)
    os.rename(NEW_FILES, APP_FOLDER)
    if incoming.has_secret:
        if os.path.exists(SECRET_FILE):
            os.link(SECRET_FILE, OLD_SECRET)
        os.rename(NEW_SECRET, SECRET_FILE)
    sync(os.path.dirname(SECRET_FILE))
    change.apply(f"{FOLDER}/settings", lambda undo: write_state("swapping", undo))


def start(incoming, must_be_well):
    """Runs the migrations that the data have not seen, and starts the app."""
    if incoming.has_valkey:
        valkey.start()
    unit = f"{NAME}-database.service"
    if incoming.has_database and not run("systemctl", "restart", unit):
        raise Failed(f"the migrations failed with the new data: journalctl -u {unit}")
{{#if has_release}}
    unit = f"{NAME}-release.service"
    if not run("systemctl", "restart", unit):
        raise Failed(f"the release command failed with the new data: journalctl -u {unit}")
{{/if}}
    if not run(MAINTENANCE, "off"):
        raise Failed("the app does not start with the new data (see above)")
    if must_be_well and not app_is_well():
        raise Failed("the app is not well with the new data (see above)")


def app_is_well():
    done = subprocess.run([f"/usr/libexec/{NAME}/await-app"], env=CLEAN, stdout=2, check=False)
    return done.returncode == 0


def recover(at_boot=False):
    """Ends what an interrupted restore has begun: forwards if it was done, else backwards. May be repeated. At boot, systemd
    starts the units afterwards."""
    if not os.path.isdir(FOLDER):
        return
    try:
        with open(STATE, encoding="utf-8") as file:
            state = json.load(file)
    except FileNotFoundError:
        state = dict(step="filling", undo=[])
    if state["step"] == "swapping":
        if not at_boot:
            begin_maintenance()
        if VALKEY and not at_boot:
            valkey.stop()
        put_back(state["undo"])
        if not at_boot:
            if VALKEY:
                valkey.start()
            if has_local_database():
                run("systemctl", "restart", f"{NAME}-database.service")
{{#if has_release}}
            run("systemctl", "restart", f"{NAME}-release.service")
{{/if}}
            run(MAINTENANCE, "off")
    if has_local_database():
        database.drop("replaced" if state["step"] == "done" else "filling")
    shutil.rmtree(FOLDER)
    remove_hooks()


def remove_hooks():
    there = [path for path, _ in HOOKS if os.path.exists(path)]
    for path in there:
        os.unlink(path)
        # A folder of drop-ins stays if there are others in it.
        if path.endswith(".conf"):
            with contextlib.suppress(OSError):
                os.rmdir(os.path.dirname(path))
    if there:
        run("systemctl", "daemon-reload")


def put_back(undo):
    """Everything old gets its name again."""
    if has_local_database():
        database.put_back()
    valkey.put_back(NEW_VALKEY, OLD_VALKEY)
    if os.path.lexists(OLD_FILES):
        if os.path.lexists(APP_FOLDER):
            shutil.rmtree(NEW_FILES, ignore_errors=True)
            os.rename(APP_FOLDER, NEW_FILES)
        os.rename(OLD_FILES, APP_FOLDER)
    if os.path.exists(OLD_SECRET):
        os.rename(OLD_SECRET, SECRET_FILE)
    settings.revert(undo)
    sync(os.path.dirname(SECRET_FILE))
