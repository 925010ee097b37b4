//! The names of Python's standard library. A virtual environment looks for a module there first, and then among the installed
//! libraries. In a package the libraries come first (`PYTHONPATH`), so those of its modules that a virtual environment would
//! never import must not be there: `typing` of the index, from before Python 3.5, breaks every program.

/// The modules of each Python from 3.10 to 3.13. Left out are names that begin with `_`, and what Debian has in packages of
/// their own (`tkinter`, `venv`, `distutils`).
const ALWAYS: &str = "\
    abc antigravity argparse array ast asyncio atexit base64 bdb binascii bisect builtins bz2 cProfile calendar \
    cmath cmd code codecs codeop collections colorsys compileall concurrent configparser contextlib contextvars copy \
    copyreg csv ctypes curses dataclasses datetime dbm decimal difflib dis doctest email encodings enum errno \
    faulthandler fcntl filecmp fileinput fnmatch fractions ftplib functools gc genericpath getopt getpass gettext \
    glob graphlib grp gzip hashlib heapq hmac html http imaplib importlib inspect io ipaddress itertools json \
    keyword linecache locale logging lzma mailbox marshal math mimetypes mmap modulefinder multiprocessing netrc \
    ntpath nturl2path numbers opcode operator optparse os pathlib pdb pickle pickletools pkgutil platform plistlib \
    poplib posix posixpath pprint profile pstats pty pwd py_compile pyclbr pydoc pyexpat queue quopri random re \
    readline reprlib resource rlcompleter runpy sched secrets select selectors shelve shlex shutil signal site \
    smtplib socket socketserver sqlite3 sre_compile sre_constants sre_parse ssl stat statistics string stringprep \
    struct subprocess symtable sys sysconfig syslog tabnanny tarfile tempfile termios textwrap this threading time \
    timeit token tokenize trace traceback tracemalloc tty types typing unicodedata unittest urllib uuid warnings \
    wave weakref webbrowser wsgiref xml xmlrpc zipapp zipfile zipimport zlib zoneinfo";

/// Modules that a Python does not have any more, from 3.12 and from 3.13 on. Libraries of the index take their places.
const REMOVED: [(u32, &str); 2] = [
    (12, "asynchat asyncore imp smtpd"),
    (
        13,
        "aifc audioop cgi cgitb chunk crypt imghdr mailcap nntplib ossaudiodev pipes sndhdr spwd sunau \
         telnetlib uu xdrlib",
    ),
];

/// Modules that are new in a Python.
const ADDED: [(u32, &str); 1] = [(11, "tomllib")];

/// The modules of the standard library of Python 3.`minor` that Debian's package `python3` has.
pub fn names(minor: u32) -> impl Iterator<Item = &'static str> {
    let removed = REMOVED.iter().filter(move |(without, _)| minor < *without).map(|(_, names)| *names);
    let added = ADDED.iter().filter(move |(with, _)| minor >= *with).map(|(_, names)| *names);
    std::iter::once(ALWAYS).chain(removed).chain(added).flat_map(str::split_whitespace)
}

/// Whether one of them has that name.
pub fn has(module: &str, minor: u32) -> bool {
    names(minor).any(|name| name == module)
}
