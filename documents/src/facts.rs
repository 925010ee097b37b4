//! What several commands share: files, environment variables and exit statuses. For stackdeb(1) and `docs/files.md`.

use std::fmt::Write;

use clap_mangen::roff::{Roff, bold};

use crate::roff::inlines;

/// A name and a sentence about it.
type Fact = (&'static str, &'static str);

const EXIT_STATUSES: &[Fact] = &[
    ("0", "The command did what it was asked to do."),
    ("1", "Something here has to be put right: a file, an argument, a missing program, an image that is not well."),
    ("2", "The command line is wrong."),
    ("3", "Linode refused a request, or discarded the image."),
    (
        "4",
        "The network failed, or something was not ready in time (`--timeout`). Run the command again: a file that has \
         arrived is not sent again.",
    ),
    (
        "130, 143",
        "The user interrupted the command: with Ctrl-C (130) or with SIGTERM (143). Earlier outputs are as they were.",
    ),
];

const VARIABLES: &[Fact] = &[
    (
        "LINODE_TOKEN",
        "The token for Linode's API; if it is not set, `LINODE_CLI_TOKEN`. It is never printed or stored.",
    ),
    ("LINODE_API_URL", "Another address of the API, as `--api`."),
    (
        "DATABASE_URL",
        "For `stackdeb deploy`: a database on another server, which takes the place of the instance's own.",
    ),
    ("SOURCE_DATE_EPOCH", "The time of every file in the package and the image, in seconds since 1970 (UTC)."),
    (
        "PIP_INDEX_URL",
        "The index that the libraries of `[app] requirements` come from. Without it, pip's configuration says it.",
    ),
    ("PIP_CONFIG_FILE", "pip's configuration, if it is in none of pip's usual places. stackdeb reads its `index-url`."),
    (
        "PIP_CERT, SSL_CERT_FILE, REQUESTS_CA_BUNDLE",
        "A file of certificates that the index is verified with. Without them, those of this machine are.",
    ),
    (
        "http_proxy, https_proxy, all_proxy, no_proxy",
        "The proxies for all that is downloaded and for Linode, and the hosts that need none. Capital letters are read as well.",
    ),
    ("CARGO_BUILD_TARGET", "The target that cargo builds a crate for, if `--target` names none."),
    (
        "XDG_STATE_HOME",
        "The folder of `stackdeb/known_hosts`, the SSH host keys of instances. The default is `~/.local/state`.",
    ),
    ("XDG_CACHE_HOME", "The folder that the cache is in. The default is `~/.cache`."),
    ("DEBFULLNAME, DEBEMAIL", "The maintainer that `stackdeb new` writes. Without them it asks git."),
    ("NO_COLOR", "If it is set, messages have no colours."),
];

const FILES: &[Fact] = &[
    ("stack.toml", "Describes the project: see `stack.toml(5)`."),
    ("stack.schema.json", "The JSON Schema of `stack.toml`, for editors."),
    (
        "stack.lock",
        "The versions of the libraries from PyPI and of the packages of the image, as `stackdeb lock` has chosen them.",
    ),
    ("stack.VARIANT.lock", "The same for a variant, if it has a lock of its own."),
    ("app/", "The code of the application (`[app] folder`)."),
    (
        "debian/, units/, nginx/, image/",
        "Own templates. A file of the same name as one of stackdeb's takes its place. stackdeb's are in these folders of \
         its source.",
    ),
    ("dist/NAME_VERSION_amd64.deb", "The package."),
    (
        "dist/FURTHER_VERSION_all.deb, dist/FURTHER_VERSION_amd64.deb",
        "Each further `[[package]]`: for all architectures if it has no machine code.",
    ),
    ("dist/NAME-dbgsym_VERSION_amd64.deb", "The debugging data of its programs, if they hold any."),
    (
        "dist/NAME_VERSION_amd64.changes, dist/NAME_VERSION_amd64.buildinfo",
        "What `stackdeb deb --changes` writes for `dput`: see `deb-changes(5)` and `deb-buildinfo(5)`.",
    ),
    ("dist/VARIANT/", "The same files of a variant; the names of its image and manifest have `@VARIANT` in them."),
    ("dist/NAME.deb", "A link to it."),
    ("dist/NAME-VERSION-linode.img.gz", "The image: one ext4 file system, compressed with gzip."),
    (
        "dist/NAME-VERSION-linode.json",
        "The image's manifest: each package with its version and SHA-256, sizes and checksums.",
    ),
    ("terraform/", "What `stackdeb terraform` writes."),
    (
        "~/.local/state/stackdeb/known_hosts",
        "The SSH host keys of the instances that `stackdeb deploy` has made (`$XDG_STATE_HOME`).",
    ),
    (
        "~/.cache/stackdeb/",
        "Downloaded packages, configured roots, and other files that can be made again: at most 10 GB after a build. `stackdeb cache` shows and empties it.",
    ),
];

/// Adds the sections that only the page of stackdeb(1) itself has.
pub fn sections(page: &mut Roff) {
    for (title, facts) in [("EXIT STATUS", EXIT_STATUSES), ("ENVIRONMENT", VARIABLES), ("FILES", FILES)] {
        page.control("SH", [title]);
        for (name, sentence) in facts {
            page.control("TP", []).text([bold(*name)]).text(inlines(sentence));
        }
    }
}

pub fn markdown() -> String {
    let mut text = String::from("# Files, variables and exit statuses\n\n<!-- Made by: just documents. -->\n");
    let parts = [
        ("Exit statuses", "status", EXIT_STATUSES),
        ("Environment variables", "variable", VARIABLES),
        ("Files", "file", FILES),
    ];
    for (title, column, facts) in parts {
        // Writing to a String does not fail.
        let _ = write!(text, "\n## {title}\n\n| {column} | meaning |\n|---|---|\n");
        for (name, sentence) in facts {
            let names: Vec<String> = name.split(", ").map(|name| format!("`{name}`")).collect();
            let _ = writeln!(text, "| {} | {sentence} |", names.join(", "));
        }
    }
    text.push_str("\nWhat the package installs on a server is in [Files on a server](server-files.md).\n");
    text
}
