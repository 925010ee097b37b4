//! The other files that are rendered, as the programs that will read them on the server judge them: sh, dash, shellcheck,
//! nginx, gzip, Python. One that is missing fails the test and is named with its package.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use stackdeb::render::{RenderError, package_files};

use super::rendered_samples::{
    assert_silent, both, files, no_templates, programs, run, shell_scripts, text_of, with_https, without_programs,
};
use support::stack::{LICENSE, stack};

#[test]
fn shell_scripts_are_clean() {
    let folder = no_templates();
    // Many are the same in several packages.
    let mut different = BTreeSet::new();
    for rendered in both().into_iter().chain(with_https()).chain(without_programs()).chain(programs()) {
        let scripts = shell_scripts(&rendered);
        assert!(scripts.len() >= 3);
        different.extend(scripts);
    }
    let mut shellcheck = Command::new("shellcheck");
    shellcheck.arg("--enable=quote-safe-variables");
    for (number, (name, text)) in different.into_iter().enumerate() {
        let path = folder.path().join(format!("{}.{number}", name.replace('/', "_")));
        fs::write(&path, text).unwrap();
        assert_silent("dash", Command::new("sh").arg("-n").arg(&path));
        assert_silent("dash", Command::new("dash").arg("-n").arg(&path));
        shellcheck.arg(path);
    }
    assert_silent("shellcheck", &mut shellcheck);
}

#[test]
fn nginx_accepts_the_site() {
    for rendered in both().into_iter().chain(with_https()).chain(without_programs()).chain(programs()) {
        let root = tempfile::tempdir().unwrap();
        let site = text_of(&rendered, "/etc/nginx/sites-available/guest-book");
        // A test opens the ports, which an ordinary user may do above 1023 only.
        let site = [" ", ";"].iter().fold(site, |site, end| {
            site.replace(&format!("listen 80{end}"), &format!("listen 18080{end}"))
                .replace(&format!("[::]:80{end}"), &format!("[::]:18080{end}"))
        });
        // Debian's module for it is on the servers of the tests, and not here.
        let site = site.replace("brotli_static on;", "");
        fs::write(root.path().join("site"), site).unwrap();
        let folders: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {}/{kind};", root.path().display()))
            .concat();
        let main = format!(
            "pid {0}/pid; error_log stderr; events {{}} http {{ access_log off; {folders} include {0}/site; }}",
            root.path().display()
        );
        fs::write(root.path().join("nginx.conf"), main).unwrap();
        let mut nginx = Command::new("/usr/sbin/nginx");
        assert_silent(
            "nginx-light",
            nginx.args(["-t", "-q", "-e", "stderr", "-c"]).arg(root.path().join("nginx.conf")),
        );
    }
}

#[test]
fn python_accepts_the_configuration_and_the_app() {
    for rendered in both() {
        for path in
            ["/etc/guest-book/gunicorn.conf.py", "/usr/share/guest-book/app.py", "/usr/libexec/guest-book/await-app"]
        {
            let code = text_of(&rendered, path);
            let mut python = Command::new("python3");
            assert_silent(
                "python3",
                python.args(["-W", "error", "-c", "import ast, sys; ast.parse(sys.argv[1])"]).arg(code),
            );
        }
    }
}

#[test]
fn the_changelog_is_compressed_as_policy_wants_it() {
    let [rendered, _] = both();
    let file = files(&rendered).into_iter().find(|file| file.path.ends_with("changelog.gz")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("changelog.gz");
    fs::write(&path, &file.bytes).unwrap();
    // RFC 1952: no flags (so no name), no time, and 2 for the slowest compression.
    assert_eq!(file.bytes[3..9], [0, 0, 0, 0, 0, 2]);
    let text = String::from_utf8(run("gzip", Command::new("gzip").arg("-dc").arg(&path)).stdout).unwrap();
    assert!(text.lines().all(|line| line.len() <= 80 && line == line.trim_end()), "{text}");
    let plain = folder.path().join("changelog");
    fs::write(&plain, &text).unwrap();
    let mut parser = Command::new("dpkg-parsechangelog");
    let parsed = run("dpkg-dev", parser.arg("-l").arg(&plain));
    let (stdout, stderr) = (String::from_utf8_lossy(&parsed.stdout), String::from_utf8_lossy(&parsed.stderr));
    assert!(stderr.is_empty(), "{stderr}");
    for line in
        ["Source: guest-book", "Version: 1.0.0", "Date: Mon, 23 Nov 2026 10:00:00 +0000", "Timestamp: 1795428000"]
    {
        assert!(stdout.lines().any(|found| found == line), "no `{line}` in\n{stdout}");
    }
}

#[test]
fn the_copyright_file_is_machine_readable() {
    let [rendered, _] = both();
    let text = text_of(&rendered, "/usr/share/doc/guest-book/copyright");
    let reader = "import sys; from debian.copyright import Copyright\n\
                  c = Copyright(sys.argv[1].splitlines(True), strict=True); f = c.find_files_paragraph('x/y')\n\
                  print(f.license.synopsis, f.copyright, f.license.text, sep='|', end='')";
    let output = run("python3-debian", Command::new("/usr/bin/python3").arg("-c").arg(reader).arg(text));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}: is python3-debian there?", String::from_utf8_lossy(&output.stderr));
    let copyright = "2025 Jane Doe <jane@example.org>\n           2026 John Doe";
    assert_eq!(said, format!("Custom|{copyright}|{}", LICENSE.trim_end()));
}

#[test]
fn only_what_an_administrator_edits_is_a_conffile() {
    let [rendered, smaller] = both();
    for rendered in [&rendered, &smaller] {
        let in_etc = files(rendered).into_iter().map(|file| file.path).filter(|path| path.starts_with("/etc/"));
        assert_eq!(rendered.conffiles, in_etc.collect::<Vec<_>>());
    }
    assert_eq!(
        rendered.depends.to_string(),
        "systemd | systemd-standalone-sysusers | systemd-sysusers, default-dbus-system-bus | dbus-system-bus, nginx, \
         python3, gunicorn, postgresql, valkey-server | redis-server (>= 5:7), \
         python3-flask (>= 2), python3-psycopg2, curl"
    );
    assert!(!smaller.depends.to_string().contains("postgresql"));
    assert!(!files(&smaller).iter().any(|file| file.path.contains("database")));
    assert!(files(&rendered).iter().all(|file| !file.path.contains("__pycache__")));
}

#[test]
fn a_projects_own_template_takes_the_place_of_ours() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in
        [("units/health.timer", "[Timer]\nOnBootSec={{health_on_boot}}\n"), ("debian/preinst", "#{{name}}\n")]
    {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let rendered = package_files(&stack(folder.path())).unwrap();
    assert_eq!(text_of(&rendered, "/usr/lib/systemd/system/guest-book-health.timer"), "[Timer]\nOnBootSec=2min\n");
    assert_eq!(rendered.scripts.preinst.as_deref(), Some("#guest-book\n"));

    fs::write(folder.path().join("units/health.timer"), "[Timer]\n{{#if has_databse}}\n{{/if}}\n").unwrap();
    let error = package_files(&stack(folder.path())).unwrap_err();
    assert!(matches!(error, RenderError::UnknownVariable { line: 2, .. }), "{error}");
    assert!(error.to_string().contains("units/health.timer"), "{error}");
}
