//! Many oddities of a project, each by itself and several at once: `check` and `deb` refuse them in the same words, or `deb` builds
//! a package that dpkg reads.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use libtest_mimic::Trial;
use support::{run, text};

use super::{Oddity, Project, words};

pub fn trials() -> Vec<Trial> {
    support::tests![every_oddity_by_itself_is_refused_by_check_or_built, no_project_passes_check_and_fails_deb]
}

const ODDITIES: &[Oddity] = &[
    |p| {
        p.line("PACKAGE", "description = \"A word that makes this line so long that the next word is in the next line of it .env and more.\"")
    },
    |p| p.line("PACKAGE", "description = \"\"\"\nIt does:\n\n- one\n- two\n  and more\n\n  verbatim\n.hidden\n\"\"\""),
    |p| p.line("PACKAGE", "description = \".env first\""),
    |p| p.line("PACKAGE", "section = \"non-free/web\""),
    |p| p.line("PACKAGE", "homepage = \"https://example.org/a?b=%20c\""),
    |p| p.line("PACKAGE", "copyright = [\"2026 A\\\\\", \"2026 B\"]"),
    |p| p.manifest = p.manifest.replace("that counts visits", "that ends so \\\\"),
    |p| p.manifest = p.manifest.replace("VERSION", "1:1.0.0-1~rc1+x"),
    |p| p.line("APP", "environment = { A = \"\\uFFFE\" }"),
    |p| p.line("APP", &format!("environment = {{ A = \"{}\" }}", "x".repeat(140_000))),
    |p| p.line("APP", "module = \"app:nothere\""),
    |p| p.line("APP", "module = \"app:app\"\nthreads = 1"),
    |p| p.line("APP", "exclude = [\"*.sql\"]"),
    |p| p.line("APP", "include = [\".env\", \"[\"]"),
    |p| p.line("APP", "folder = \"app\""),
    |p| p.line("DATABASE", "migrations = \"migrations\""),
    |p| p.line("DATABASE", "migrations = \".migrations\""),
    |p| p.line("DATABASE", "migrations = \"it's\""),
    |p| p.line("IMAGE", "suite = \"bookworm\""),
    |p| p.line("IMAGE", "suite = \"hardy\""),
    |p| p.line("IMAGE", "keyring = \"app/app.py\""),
    |p| p.line("IMAGE", "free-space = \"6G\""),
    |p| p.file("app/.migrations/0001_a.sql", "SELECT 1;\n"),
    |p| p.file("app/it's/0001_a.sql", "SELECT 1;\n"),
    |p| p.file("app/migrations/0002_X.SQL", ""),
    |p| p.file("app/migrations/2.sql/x", ""),
    |p| p.file("app/migrations/._0001.sql", ""),
    |p| p.file("app/migrations/a b.sql", ""),
    |p| p.file("app/migrations/0002_b.sql", "BEGIN; COMMIT;"),
    |p| p.file(format!("app/{}", "n".repeat(246)), ""),
    |p| p.file(format!("app/{}", "n".repeat(247)), ""),
    |p| p.file(format!("app/{}", "n".repeat(255)), ""),
    |p| p.file(Path::new("app").join(std::ffi::OsStr::from_bytes(b"caf\xe9")), ""),
    |p| p.file(Path::new("app").join(std::ffi::OsStr::from_bytes(b".caf\xe9.swp")), ""),
    |p| p.file("app/a\nb", ""),
    |p| p.file("app/back\\slash 'q\" $x\t", ""),
    |p| drop(symlink(".", p.path("app/here"))),
    |p| drop(symlink("here/../app/app.py", p.path("app/l.py"))),
    |p| drop(symlink("loop", p.path("app/loop"))),
    |p| drop(symlink("/etc/passwd", p.path("app/out"))),
    |p| drop(Command::new("mkfifo").arg(p.path("app/pipe")).status()),
    |p| drop(std::os::unix::net::UnixListener::bind(p.path("app/s.sock"))),
    |p| p.file("app/__init__.py", "print \"not Python 3\"\n"),
    |p| p.file("debian/postinst", "#!/bin/sh\r\nexit 0\r\n"),
    |p| p.file("debian/postinst", "#!/bin/sh\nset -e\n#DEBHELPER#\n"),
    |p| p.file("debian/postinst", "echo no interpreter\n"),
    |p| p.file("debian/preinst", "#!/bin/sh\nexit 0\n"),
    |p| p.file("debian/postints", "#!/bin/sh\n"),
    |p| p.file("debian/control", "Source: x\n"),
    |p| p.file("debian/app.env", "A={{typo}}\n"),
    |p| p.file("units/worker.service", "[Service]\n"),
    |p| p.file("units/app.service", "[Service]\nExecStart=/bin/true\n"),
    |p| p.file("nginx/site.cnof", "server {}\n"),
    |p| p.file("nginx/other/local.conf", "server {}\n"),
    |p| p.file("image/etc/hosts", "{{typo}}\n"),
    |p| p.file("image/user-data", "{{typo}}\n"),
    |p| p.file("image/logo.png", "x"),
    |p| {
        p.file("debian/x", "");
        let _ = fs::remove_file(p.path("debian/x"));
        let _ = symlink("nowhere", p.path("debian/prerm"));
    },
    |p| p.tables("[worker.mail]\ncommand = \"python3 mail.py\""),
    |p| p.tables("[worker.mail]\ncommand = \"./mail.py\""),
    |p| p.tables("[worker.health]\ncommand = \"true\""),
    |p| p.tables("[worker.a]\ncommand = \"true\"\nprocesses = 2\n[worker.a-2]\ncommand = \"true\""),
    |p| p.tables("[worker.wait]\ncommand = \"sh -c 'echo $HOME %n'\"\nmemory-max = \"1T\"\ncpu-quota = \"1%\""),
    |p| p.tables("[timer.tidy]\ncommand = \"true\"\nschedule = \"Mon *-*-* 25:00\""),
    |p| p.tables("[timer.tidy]\ncommand = \"true\"\nschedule = \"daily\""),
    |p| p.tables("[service.valkey]\nmemory-max = \"64M\"\neviction = \"allkeys-lru\""),
    |p| p.tables("[site]\nserver-names = [\"a.example.org\"]\ntls = \"acme\""),
    |p| p.tables("[site]\ntls = \"acme\""),
    |p| p.tables("[site]\nport = 443\ntls = \"self-signed\""),
    |p| p.tables("[site]\nbehind = [\"nodebalancer\", \"10.0.0.1/8\"]"),
    |p| p.tables("[[site.static]]\npath = \"/s/\"\nfolder = \"app\""),
    |p| p.tables("[[site.static]]\npath = \"/t/\"\nfolder = \"site\""),
    |p| p.tables("[[site.static]]\npath = \"/healthz/\"\nfolder = \".\""),
    |p| p.file(format!("site/{}.css", "n".repeat(240)), &"all work and no play ".repeat(100)),
    |p| p.file("app/a.css/x", ""),
    |p| p.file(Path::new("site").join(std::ffi::OsStr::from_bytes(b"caf\xe9.css")), ""),
    |p| p.file("site/a b\"'$.css", "x"),
    |p| {
        p.file("site/x", "");
        let _ = symlink("../app/app.py", p.path("site/l.css"));
    },
    |p| p.tables("[variant.staging.site]\nport = 8080"),
    |p| p.tables("[variant.staging.package]\nname = \"other\""),
    |p| p.line("APP", "kind = \"asgi\""),
    |p| p.line("APP", "server = \"uwsgi\""),
    |p| p.line("APP", "server = \"granian\"\nkind = \"asgi\""),
    |p| p.line("APP", "release-command = \"./nowhere.sh\""),
    |p| p.line("APP", "release-command = \"python3 'unclosed\""),
    |p| p.line("APP", "build-command = \"'unclosed\""),
    |p| p.line("APP", "requirements = \"nowhere.txt\""),
    |p| p.line("APP", "requirements = \"app/migrations/0001_a.sql\""),
    |p| p.line("APP", "from-debian = [\"flask\"]"),
    |p| p.line("APP", "memory-max = \"1\""),
    |p| p.file("dist", "a file\n"),
    |p| drop(fs::create_dir_all(p.path("dist/guest-book.deb"))),
    |p| drop(fs::create_dir_all(p.path("dist/guest-book_1.0.0_amd64.deb"))),
    |p| {
        p.file("app/out/x", "");
        let _ = symlink("app/out", p.path("dist"));
    },
];

/// Judges a project that has these oddities.
fn judge(chosen: &[usize]) {
    let mut project = Project::new();
    for &index in chosen {
        ODDITIES[index](&mut project);
    }
    project.finish();
    let check = project.stackdeb(&["check"]);
    let deb = project.stackdeb(&["deb"]);
    for output in [&check, &deb] {
        assert!(matches!(output.status.code(), Some(0 | 1)), "{chosen:?}: {}", text(output));
        assert!(!text(output).contains("panicked"), "{chosen:?}: {}", text(output));
    }
    match (check.status.success(), deb.status.success()) {
        (true, true) => {
            let package = run(Command::new("sh")
                .args(["-c", "readlink -f dist/guest-book.deb"])
                .current_dir(project.folder.path()));
            run(Command::new("dpkg-deb").args(["--fsys-tarfile", package.trim()]).stdout(std::process::Stdio::null()));
            run(Command::new("dpkg-deb").args(["--info", package.trim()]));
        }
        (false, false) => assert_eq!(words(&check), words(&deb), "{chosen:?}"),
        // `check` may know more than `deb`: what `image` would refuse.
        (false, true) => assert!(
            text(&check).contains("image")
                || text(&check).contains("suite")
                || text(&check).contains("certificate")
                || text(&check).contains("user-data"),
            "{chosen:?}: {}",
            text(&check)
        ),
        (true, false) => panic!("{chosen:?} passes check and fails deb: {}", text(&deb)),
    }
}

fn every_oddity_by_itself_is_refused_by_check_or_built() {
    for index in 0..ODDITIES.len() {
        judge(&[index]);
    }
}

fn no_project_passes_check_and_fails_deb() {
    for _ in 0..24 {
        let chosen: Vec<usize> = (0..fastrand::usize(2..5)).map(|_| fastrand::usize(..ODDITIES.len())).collect();
        judge(&chosen);
    }
}
