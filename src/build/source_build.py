"""Makes a wheel of a source distribution, as PEP 517 says. Runs in the sandbox, where the libraries that the build needs are
in /mnt/tools, the wheel and the answer go to /mnt/made, and everything else may be written to /mnt/work alone.

Arguments: the task (`requires` or `wheel`), the archive, the folder in it, the backend, and the folders of the backend.
"""

import importlib
import json
import os
import site
import sys
import tarfile
import zipfile

TOOLS = "/mnt/tools/python3"
WORK = "/mnt/work"
MADE = "/mnt/made"


def unpack(archive):
    if archive.endswith(".zip"):
        with zipfile.ZipFile(archive) as whole:
            whole.extractall(WORK)
    else:
        with tarfile.open(archive) as whole:
            whole.extractall(WORK, filter="data")


def load(backend, paths):
    # Not the folder of this script, and the tools before what Debian has.
    sys.path[:] = [*paths, TOOLS, *(path for path in sys.path[1:] if path != TOOLS)]
    # setuptools takes the place of distutils by a .pth file.
    site.addsitedir(TOOLS)
    module, _, name = backend.partition(":")
    found = importlib.import_module(module)
    for part in filter(None, name.split(".")):
        found = getattr(found, part)
    return found


def main(task, archive, folder, backend, *paths):
    unpack(archive)
    os.chdir(os.path.join(WORK, folder))
    hooks = load(backend, [os.path.abspath(path) for path in paths])
    if task == "requires":
        hook = getattr(hooks, "get_requires_for_build_wheel", None)
        answer = list(hook()) if hook else []
    else:
        answer = hooks.build_wheel(MADE)
    with open(os.path.join(MADE, "answer.json"), "w", encoding="utf-8") as file:
        json.dump(answer, file)


main(*sys.argv[1:])
