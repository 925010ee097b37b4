//! The reference of `[app]`.

use super::key::{FIRST_RELEASE, Form, Key, Missing, RELATION, Section, ValueKind, Words};
use super::process::{self, COMMAND, MEMORY, QUOTA};
use crate::stack::values::server::{LISTEN, SERVERS, kinds};

/// More processes or threads than this are a slip.
const MOST_WORKERS: u16 = 1024;

/// A pattern for files of the app.
const PATTERN: Form = Form { noun: "a pattern for files", pattern: "^[^/]" };

pub(super) static APP: Section = Section {
    meaning: "\
The application. It runs as the system user of the package's name. Or, with `kind = \"static\"`, the files that nginx serves \
without any program.",
    keys: &[
        Key {
            name: "folder",
            kind: ValueKind::Text(Form { noun: "the path of a folder", pattern: "." }),
            missing: Missing::Text("app"),
            meaning: "\
The folder with the code. What is in it is installed to `/usr/share/NAME` (for the kind `exec` to `/usr/lib/NAME/app`), except: names that begin with a dot (except \
`.well-known`), what Python makes (`__pycache__`, `*.pyc`, `*.pyo`), backups of editors and of patch (`*~`, `#*#`, \
`*.orig`, `*.rej`), virtual environments (folders with a file `pyvenv.cfg`), `node_modules` (but not for the kind `exec`), `htmlcov`, `__pypackages__`, and packages and images of this stack. `include` and `exclude` change \
that. It cannot be the project's folder itself, and cannot hold `dist`. For the kind `cargo`: the folder of the crate or the workspace; the \
project's own folder, if the key is left out.",
            example: "folder = \"src\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "kind",
            kind: ValueKind::Word(Words { noun: "a kind of application", known: kinds, others: None }),
            missing: Missing::Text("wsgi"),
            meaning: "\
What the application is. A Python application, as a server calls it: `wsgi` (Flask, Django, Bottle): in threads. `asgi` (FastAPI, Starlette, Django with \
WebSockets): in uvicorn, in processes that Gunicorn manages, with WebSockets and the application's lifespan. An upgrade loses no request of either; it closes WebSockets with the code 1012, and their clients connect again.

`exec`: a program in any language, which `command` names: Go, Rust, Node, Java and others. It has the same user, sandbox, health \
check and site as a Python application. Its files are installed to `/usr/lib/NAME/app`, `node_modules` among them; a program in \
machine code is executable whatever its mode is, and the package depends on the libraries that it links.

`cargo`: a crate, which cargo builds when the package is built. It is run as `exec` is. Its `[package.metadata.deb]`, which cargo-deb \
reads too, gives the files: `assets`, `merge-assets`, `conf-files`, `preserve-symlinks` and `depends`, and `features`, `default-features` and \
`profile` for cargo. Everything else comes from `stack.toml`. The working folder is `/usr/share/NAME`.

`static`: files alone, which nginx serves, with copies that are compressed when the package is built, as for \
`[[site.static]]`. What is in `folder`, or in `publish` inside it, is `/` of the site. Nothing runs but nginx and the health \
check, and Python is not installed. `/about` is `about.html`, `/docs/` is `docs/index.html`, and `404.html` answers, with \
status 404, where there is no file. The health page, if it is no file, is the site's first page, `index.html`. An upgrade loses \
no request. Of the other keys here, this kind has `build-packages`, `build-command`, `include` and `exclude`.",
            example: "kind = \"asgi\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "command",
            kind: ValueKind::Text(COMMAND),
            missing: Missing::Described("required for the kinds `exec` and `cargo`"),
            meaning: "\
For the kinds `exec` and `cargo`: the program that serves, with its arguments, written as the `command` of `[worker.NAME]`. It has to end by \
itself after SIGTERM, when it has answered the requests that it has begun; after 40 seconds it is killed.",
            example: "command = \"node server.js\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "listen",
            kind: ValueKind::Word(Words { noun: "a way to listen", known: || LISTEN.to_vec(), others: None }),
            missing: Missing::Text("socket"),
            meaning: "\
For the kinds `exec` and `cargo`: where the program serves HTTP. `socket`: on the Unix socket that systemd holds and hands over as file \
descriptor 3 (`LISTEN_FDS`, sd_listen_fds(3)). While the program restarts, connections wait there, so an upgrade loses no \
request. `port`: on the port of `127.0.0.1` that the variable `PORT` names. `path`: on a Unix socket that it makes at the path in \
the variable `SOCKET_PATH`. With these two, visitors get status 502 from the end of the old program until the new one listens.",
            example: "listen = \"port\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "port",
            kind: ValueKind::Number { least: 1024, most: u16::MAX },
            missing: Missing::Number(8000),
            meaning: "\
For `listen = \"port\"`: the TCP port of the loopback. It cannot be one that nginx listens on, nor that of another stack on the \
same machine. Every program on the machine can connect to it.",
            example: "port = 8001",
            since: FIRST_RELEASE,
        },
        Key {
            name: "jit",
            kind: ValueKind::Flag,
            missing: Missing::Described("whether a command of the stack starts Node, Java, .NET, PHP or another such runtime"),
            meaning: "\
For the kinds `exec` and `cargo`: whether the programs of the stack make machine code while they run. All others may not have memory that is \
both written and executed (`MemoryDenyWriteExecute=` in systemd.exec(5)).",
            example: "jit = true",
            since: FIRST_RELEASE,
        },
        Key {
            name: "member",
            kind: ValueKind::Text(Form { noun: "the name of a crate", pattern: "." }),
            missing: Missing::Described("the crate in `folder`, or the only one of the workspace there that has `[package.metadata.deb]`"),
            meaning: "For the kind `cargo`: the member of the workspace that is packaged (`cargo build --package`).",
            example: "member = \"shop-server\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "metadata-variant",
            kind: ValueKind::Text(Form { noun: "the name of a variant", pattern: "." }),
            missing: Missing::Described("what `[package.metadata.deb]` itself says"),
            meaning: "\
For the kind `cargo`: the `[package.metadata.deb.variants.NAME]` of the crate whose values take the place of the others, as \
`cargo deb --variant NAME` and `stackdeb deb --variant NAME` choose it for a crate without a stack. The name of the package stays. It \
has nothing to do with `[variant.NAME]` of this file, which may set this key.",
            example: "metadata-variant = \"postgres\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "publish",
            kind: ValueKind::Text(Form { noun: "the path of a folder inside `folder`", pattern: "^[^/]" }),
            missing: Missing::Described("all files of `folder`"),
            meaning: "\
For the kind `static`: the folder inside `folder` whose files are served. It may be one that `build-command` makes; what that \
reads is then not served.",
            example: "publish = \"public\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "fallback",
            kind: ValueKind::Text(Form { noun: "the path of a file", pattern: "^[0-9A-Za-z_.~-][0-9A-Za-z/_.~-]*$" }),
            missing: Missing::Described("status 404 where there is no file"),
            meaning: "\
For the kind `static`: the file that answers, with status 200, a path that is no file's, for an application in the browser \
that chooses its pages itself. A path whose last part has a dot in it, such as `/app.js`, still gets status 404.",
            example: "fallback = \"index.html\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "server",
            kind: ValueKind::Word(Words { noun: "a server for applications", known: || SERVERS.to_vec(), others: None }),
            missing: Missing::Described("`gunicorn`; for `asgi`, with uvicorn in its processes"),
            meaning: "\
The server that runs the application, on the socket that systemd holds. For the kind `wsgi`: `gunicorn`, `granian` or \
`uwsgi`. For `asgi`: `gunicorn`, `uvicorn` (without Gunicorn) or `granian`. Each is Debian's, unless `requirements` packs it; \
Debian does not have Granian, so `requirements` must name it.",
            example: "server = \"uwsgi\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "module",
            kind: ValueKind::Text(Form {
                noun: "a module and a variable (Gunicorn's `WSGI_APP`)",
                pattern: r"^[A-Za-z_][0-9A-Za-z_]*(\.[A-Za-z_][0-9A-Za-z_]*)*:[A-Za-z_][0-9A-Za-z_]*(\(\))?$",
            }),
            missing: Missing::Text("app:app"),
            meaning: "\
What the server loads: `MODULE:VARIABLE`, or `MODULE:FUNCTION()` for a function that makes the application. The module's \
file must be in `folder`.",
            example: "module = \"wsgi:application\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "depends",
            kind: ValueKind::Texts { form: RELATION, empty: true },
            missing: Missing::Texts(&[]),
            meaning: "\
Debian packages with the libraries that the code imports, one relation a string (Debian Policy 7.1). Flask, for example, \
is `python3-flask`.",
            example: "depends = [\"python3-flask\", \"gunicorn\", \"python3-psycopg2\"]",
            since: FIRST_RELEASE,
        },
        Key {
            name: "requirements",
            kind: ValueKind::Text(Form { noun: "the path of a file", pattern: "." }),
            missing: Missing::Described("no libraries are packed: Debian's packages in `depends` have all"),
            meaning: "\
The libraries that are packed: a file of requirements as pip reads it (`requirements.txt`, with `-r`, `-c`, hashes, markers \
and extras), `pyproject.toml`, or a lock: `uv.lock`, `poetry.lock`, `pylock.toml`. What does not name one version of each \
library, and of whatever these need, is locked with `stackdeb lock`. A library without a wheel needs that lock, and not one of \
another tool. The wheels that fit the Python of `[image] suite` are \
downloaded from the index, verified, and installed to `/usr/lib/NAME/python3`; their programs to `/usr/lib/NAME/bin`. \
A module with the name of one of Python's standard library is left out: also in a virtual environment, that one would win. \
The server is Debian's, unless it is among them.",
            example: "requirements = \"requirements.txt\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "from-debian",
            kind: ValueKind::TextsOrWord {
                form: Form { noun: "a library's name", pattern: "^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$" },
                word: "all-that-fit",
            },
            missing: Missing::Texts(&[]),
            meaning: "\
The libraries of `requirements` that are not packed, because Debian's package takes their place, where its version in \
`[image] suite` satisfies what is required; `\"all-that-fit\"` for every one. The package then depends on it, with the limits \
of the requirement. `stackdeb check` says for each library which of the two it became, and why.",
            example: "from-debian = [\"psycopg2\"]",
            since: FIRST_RELEASE,
        },
        Key {
            name: "index",
            kind: ValueKind::Text(Form { noun: "the address of an index (PEP 503)", pattern: "^https?://" }),
            missing: Missing::Described(
                "the one of the file of requirements, of `PIP_INDEX_URL`, or of pip's configuration, else PyPI",
            ),
            meaning: "\
The index that `requirements` are downloaded from. A password does not belong here: pip's own configuration on the machine \
that builds can have it.",
            example: "index = \"https://pypi.example.org/simple/\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "workers",
            kind: ValueKind::Number { least: 1, most: MOST_WORKERS },
            missing: Missing::Described("the number of processors plus one, fewer if the memory is small"),
            meaning: "\
The processes that serve. On a server the variable `WEB_CONCURRENCY` in `/etc/NAME/NAME.env` takes the place of this \
number.",
            example: "workers = 4",
            since: FIRST_RELEASE,
        },
        Key {
            name: "threads",
            kind: ValueKind::Number { least: 1, most: MOST_WORKERS },
            missing: Missing::Described("4, fewer if the database has not enough connections"),
            meaning: "Threads of each process. Not for the kind `asgi`.",
            example: "threads = 8",
            since: FIRST_RELEASE,
        },
        Key {
            name: "build-packages",
            kind: ValueKind::Texts { form: RELATION, empty: true },
            missing: Missing::Texts(&[]),
            meaning: "\
Packages of `[image] suite` that are needed to build, and not on a server: compilers and headers. They are there when a library \
of `requirements` is built from its source, and when `build-command` runs.",
            example: "build-packages = [\"gcc\", \"python3-dev\", \"libpq-dev\"]",
            since: FIRST_RELEASE,
        },
        Key {
            name: "build-command",
            kind: ValueKind::Text(COMMAND),
            missing: Missing::Described("no command is run"),
            meaning: "\
A program with its arguments, written as the `command` of `[worker.NAME]`, that is run whenever the package is built: Django's \
`collectstatic`, or what makes style sheets. It runs in a copy of `folder`, in a sandbox of `[image] suite` with the packages of \
`depends` and `build-packages`, the libraries of `requirements` and the variables of `environment`, without a network and without a database; its \
`SECRET_KEY` is a placeholder. What the copy has afterwards is packed, so files that the command makes are in the package, and \
files that it deletes are not. A folder of `[[site.static]]` may be one that it makes. As long as nothing changes that it depends \
on, the files of the last run are taken. The project's own folder stays as it is.",
            example: "build-command = \"python manage.py collectstatic --noinput --clear\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "release-command",
            kind: ValueKind::Text(COMMAND),
            missing: Missing::Described("no command is run"),
            meaning: "\
A program with its arguments, written as the `command` of `[worker.NAME]`, that is run before a new version starts, and at \
each boot: Django's `migrate`, or Alembic. It has the user, the environment, the working folder and the sandbox of the \
application. It runs after the `migrations` of `[database]`, on one machine at a time if several share a database. If it \
fails at an upgrade, the version before goes on serving, and apt shows what the command said.",
            example: "release-command = \"python manage.py migrate --noinput\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "memory-max",
            kind: ValueKind::Text(MEMORY),
            missing: Missing::Described("no limit of its own"),
            meaning: process::MEMORY_MEANING,
            example: "memory-max = \"75%\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "cpu-quota",
            kind: ValueKind::Text(QUOTA),
            missing: Missing::Described("no limit of its own"),
            meaning: process::QUOTA_MEANING,
            example: "cpu-quota = \"150%\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "environment",
            kind: ValueKind::Variables,
            missing: Missing::Described("no variables"),
            meaning: "\
Environment variables of the application. They are written to `/etc/NAME/NAME.env`, where an administrator can change \
them. Secrets do not belong here: everybody can read the package.",
            example: "environment = { GREETING = \"Hello\" }",
            since: FIRST_RELEASE,
        },
        Key {
            name: "include",
            kind: ValueKind::Texts { form: PATTERN, empty: true },
            missing: Missing::Texts(&[]),
            meaning: "\
Files of `folder` that are packed although a rule leaves them out, and files that `stackdeb check` shall not warn of. A \
pattern without `/`, such as `*.key`, is for a name in any folder; one with `/` begins at `folder`. `*` stands for any \
text without `/`, `**` for any number of folders. A folder matches with all that is in it.",
            example: "include = [\"static/.htaccess\", \"fixtures/*.db\"]",
            since: FIRST_RELEASE,
        },
        Key {
            name: "exclude",
            kind: ValueKind::Texts { form: PATTERN, empty: true },
            missing: Missing::Texts(&[]),
            meaning: "\
Files and folders of `folder` that are not packed, written as for `include`. Where both match, `exclude` wins. \
`stackdeb check` lists everything that is left out.",
            example: "exclude = [\"tests\", \"*.md\"]",
            since: FIRST_RELEASE,
        },
    ],
};
