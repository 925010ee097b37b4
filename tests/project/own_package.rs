//! stackdeb's own package: made and installed by the commands of docs/how-to/install-stackdeb.md, in a Debian 13, judged by
//! lintian, and used there.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::{env, fs};

use support::crates::TIME;
use support::documents::steps;
use support::{inputs, inside, run, source_folder, stackdeb};

use crate::package::{lintian_is_silent, lintian_root};
use libtest_mimic::Trial;
use support::room::in_namespaces;

pub fn trials() -> Vec<Trial> {
    in_namespaces(support::tests![lintian_has_nothing_to_say_about_it, debian_13_installs_uses_and_purges_it])
}

/// The package with the time of all packages that are compared, built by whichever test comes first. Cargo gives a test
/// variables about the package that is tested. Build scripts of libraries in C are run again when one of these changes, and
/// nearly everything is compiled again: so without them.
pub fn package() -> &'static Path {
    static PACKAGE: LazyLock<PathBuf> = LazyLock::new(|| {
        let [make, _] = steps("install-stackdeb.md", "clone");
        let mut build = Command::new("bash");
        build.args(["-euc", &make]);
        for (name, _value) in env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("CARGO_") && name != "CARGO_HOME") {
                build.env_remove(name);
            }
        }
        let before = inputs();
        let printed = run(build.current_dir(source_folder()).env("SOURCE_DATE_EPOCH", TIME));
        let path = printed.lines().last().expect("documents/package printed no path");
        assert_eq!(
            inputs(),
            before,
            "the package has other programs than the tests, because of other features of a library"
        );
        PathBuf::from(path)
    });
    &PACKAGE
}

fn lintian_has_nothing_to_say_about_it() {
    lintian_is_silent(package(), &[]);
}

/// There it builds the same package as here, and its manual is found. Nothing is left after it is purged.
fn debian_13_installs_uses_and_purges_it() {
    let root = lintian_root("trixie");
    // A clone in which the package was made. apt has no network there, so it gets no recommended package.
    let made = root.join("tmp/clone/target/debian");
    fs::create_dir_all(&made).unwrap();
    fs::copy(package(), made.join(package().file_name().unwrap())).unwrap();
    let settings = "APT::Install-Recommends false;\nAPT::Sandbox::User root;\nDpkg::Use-Pty false;\n";
    fs::write(root.join("tmp/apt.conf"), settings).unwrap();
    let sh = |script: &str| run(inside(&root).args(["sh", "-ec", script]));
    let files = "find / -xdev -not -path '/tmp/*' -not -path '/proc/*' -not -path '/dev/*' \
                 -not -path '/var/lib/dpkg/*' -not -path '/var/lib/apt/*' -not -path '/var/cache/apt/*' -not -path '/var/log/*' -not -path '/var/cache/man/*' | sort";
    let before = sh(files);
    let [_, install] = steps("install-stackdeb.md", "clone");
    sh(&format!("cd /tmp/clone; export APT_CONFIG=/tmp/apt.conf DEBIAN_FRONTEND=noninteractive; {install}"));
    assert_eq!(sh("stackdeb --version"), format!("stackdeb {}\n", env!("CARGO_PKG_VERSION")));
    let pages = sh("man -w stackdeb stackdeb-deploy 5 stack.toml");
    assert_eq!(pages.lines().count(), 3, "{pages}");
    let manual = sh("man stack.toml | cat");
    assert!(manual.contains("max-body-size"), "{manual}");

    let make = "export DEBEMAIL=jane@example.org DEBFULLNAME=Jane; rm -rf /tmp/shop; cd /tmp; \
                stackdeb new shop >&2; stackdeb deb shop >&2; sha256sum < shop/dist/shop.deb";
    let theirs = sh(&format!("export SOURCE_DATE_EPOCH={TIME}; {make}"));
    let here = tempfile::tempdir().unwrap();
    let with_settings = |arguments: &[&str]| {
        let mut command = stackdeb();
        command.args(arguments).current_dir(here.path()).env("SOURCE_DATE_EPOCH", TIME);
        run(command.env("DEBEMAIL", "jane@example.org").env("DEBFULLNAME", "Jane"))
    };
    with_settings(&["new", "shop"]);
    with_settings(&["deb", "shop"]);
    // The health check of the package is stripped further than the one beside the program that is tested: all else is equal.
    let contents = |deb: &Path| run(Command::new("sh").args(["-ec", LISTING, "sh"]).arg(deb));
    let ours = contents(&here.path().join("shop/dist/shop.deb"));
    assert_eq!(contents(&root.join("tmp/shop/dist/shop.deb")), ours, "{theirs}");
    assert!(ours.contains("usr/libexec/shop/health-check"), "{ours}");

    sh("dpkg --purge stackdeb; rm -r /tmp/shop /tmp/clone");
    assert_eq!(sh(files), before);
}

/// Every path of a package, with the digest of each file but the health check.
const LISTING: &str = r#"
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
dpkg-deb -x "$1" "$folder"
cd "$folder"
find . -mindepth 1 | LC_ALL=C sort
find . -type f ! -name health-check -exec sha256sum {} + | LC_ALL=C sort
"#;
