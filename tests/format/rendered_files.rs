//! Every file that is rendered, as the programs that will read it on the server judge it: sh, dash, shellcheck,
//! systemd-analyze, nginx, gzip, Python. One that is missing fails the test and is named with its package.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use stackdeb::control::Relations;
use stackdeb::deb::{Content, Entry};
use stackdeb::render::{RenderError, Rendered, package_files};
use stackdeb::stack::{
    AppKind, CommandLine, Limits, Listen, Program, Services, Site, Stack, StaticSite, Timer, Tls, Unit, UnitStart,
    Worker,
};
use tempfile::TempDir;

use support::source_folder;
use support::stack::{LICENSE, python, stack};

fn command(program: &str, arguments: &[&str]) -> CommandLine {
    let arguments = arguments.iter().map(|&word| word.to_owned()).collect();
    CommandLine { program: program.to_owned(), arguments }
}

/// The guest book with workers and timers.
fn larger_stack(folder: &Path) -> Stack {
    let mut stack = stack(folder);
    let limits = |memory: &str, quota: &str| Limits { memory_max: Some(memory.into()), cpu_quota: Some(quota.into()) };
    stack.app.limits = limits("75%", "150%");
    stack.workers = vec![Worker {
        name: "mail".to_owned(),
        command: command("sh", &["-c", "exec python \"work.py\" 50% $WORKER_NUMBER \\ 'it''s'"]),
        processes: 2,
        stop_timeout: "5min".to_owned(),
        limits: limits("512M", "50%"),
    }];
    stack.timers = vec![Timer {
        name: "tidy".to_owned(),
        command: command("python3", &["tidy.py"]),
        schedule: "Mon..Fri *:0/15 Europe/Berlin".to_owned(),
        stop_timeout: "90s".to_owned(),
        limits: Limits::default(),
    }];
    stack
}

/// The same without what can be left out, on another port.
fn smaller_stack(folder: &Path) -> Stack {
    let mut stack = larger_stack(folder);
    stack.app.limits = Limits::default();
    stack.timers.clear();
    stack.app.release_command = None;
    stack.package.homepage = None;
    python(&mut stack).workers = Some(3);
    stack.app.environment.clear();
    stack.site = Site { port: 8080, server_names: vec!["_".to_owned()], max_body_size: "0".to_owned(), ..stack.site };
    stack.database = None;
    stack
}

fn no_templates() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn both() -> [Rendered; 2] {
    let folder = no_templates();
    [larger_stack(folder.path()), smaller_stack(folder.path())].map(|stack| package_files(&stack).unwrap())
}

/// Sites of files alone: the plainest, and one with names, HTTPS and a page for all paths.
fn without_programs() -> [Rendered; 2] {
    let folder = no_templates();
    let plain = static_stack(folder.path());
    let mut named = static_stack(folder.path());
    if let AppKind::Static(site) = &mut named.app.kind {
        site.fallback = Some("/index.html".to_owned());
    }
    named.site.server_names = vec!["www.example.org".to_owned()];
    named.site.tls = Tls::Acme { email: None, server: "https://acme.example.org/".to_owned() };
    [plain, named].map(|stack| package_files(&stack).unwrap())
}

/// The guest book as a program in another language, with each way to listen.
fn programs() -> [Rendered; 3] {
    let folder = no_templates();
    [Listen::Socket, Listen::Port(8000), Listen::Path]
        .map(|listen| package_files(&exec_stack(folder.path(), listen)).unwrap())
}

fn exec_stack(folder: &Path, listen: Listen) -> Stack {
    let mut stack = larger_stack(folder);
    let command = command("node", &["server.js", "50%", "$HOME"]);
    stack.app.kind = AppKind::Exec(Program { command, listen, jit: None });
    (stack.app.folder, stack.app.depends) =
        (source_folder().join("examples/tally-node/app"), "nodejs".parse().unwrap());
    stack.database = None;
    stack
}

/// What may be only where it is needed: memory that is written and executed, and folders that are written to.
#[test]
fn a_program_may_do_no_more_than_it_needs() {
    let folder = no_templates();
    let unit = |stack: &Stack| text_of(&package_files(stack).unwrap(), "/usr/lib/systemd/system/guest-book.service");
    let mut stack = exec_stack(folder.path(), Listen::Socket);
    let lines = |text: &str, name: &str| text.lines().filter(|line| line.starts_with(name)).count();
    // Node makes machine code while it runs.
    assert_eq!(lines(&unit(&stack), "MemoryDenyWriteExecute="), 0);
    let AppKind::Exec(program) = &mut stack.app.kind else { panic!() };
    program.command = command("sh", &["server.sh"]);
    let text = unit(&stack);
    assert!(text.contains("\nMemoryDenyWriteExecute=yes\n") && text.contains("\nExecStart=sh server.sh\n"), "{text}");
    assert!(text.contains("\nWorkingDirectory=/usr/lib/guest-book/app\n"), "{text}");
    assert_eq!((lines(&text, "ReadWritePaths="), lines(&text, "Environment=PORT")), (0, 0), "{text}");
    stack.workers[0].command = command("/usr/bin/java", &["-jar", "work.jar"]);
    assert_eq!(lines(&unit(&stack), "MemoryDenyWriteExecute="), 0);
    let AppKind::Exec(program) = &mut stack.app.kind else { panic!() };
    program.jit = Some(false);
    assert_eq!(lines(&unit(&stack), "MemoryDenyWriteExecute="), 1);
}

/// The guest book as files alone.
fn static_stack(folder: &Path) -> Stack {
    let mut stack = smaller_stack(folder);
    let app = source_folder().join("examples/leaflet/site");
    (stack.workers, stack.services) = (Vec::new(), Services::default());
    stack.app.kind = AppKind::Static(StaticSite { publish: PathBuf::new(), fallback: None });
    (stack.app.folder, stack.app.depends) = (app, Relations::default());
    stack.package.depends = Relations::default();
    stack
}

/// The same with HTTPS: with a certificate of an authority, and with files of the administrator's.
fn with_https() -> [Rendered; 2] {
    let folder = no_templates();
    let (mut acme, mut files) = (stack(folder.path()), smaller_stack(folder.path()));
    let (email, server) = (Some("o'neill@example.org".to_owned()), "https://acme.example.org/directory".to_owned());
    acme.site.tls = Tls::Acme { email, server };
    let (certificate, key) = ("/etc/ssl/a.pem".to_owned(), "/etc/ssl/private/a.key".to_owned());
    files.site.tls = Tls::Files { certificate, key };
    [acme, files].map(|stack| package_files(&stack).unwrap())
}

fn bytes(content: &Content) -> Vec<u8> {
    match content {
        Content::Bytes(bytes) => bytes.clone(),
        Content::File(path) => fs::read(path).unwrap(),
    }
}

/// A regular file of the package.
struct PackedFile {
    path: String,
    bytes: Vec<u8>,
    mode: u32,
}

/// Every regular file, in the order of their paths.
fn files(rendered: &Rendered) -> Vec<PackedFile> {
    let file = |(path, entry): (&str, &Entry)| match entry {
        Entry::File { content, mode } => Some(PackedFile { path: path.to_owned(), bytes: bytes(content), mode: *mode }),
        Entry::Folder { .. } | Entry::Symlink { .. } => None,
    };
    rendered.payload.entries().into_iter().filter_map(file).collect()
}

fn text_of(rendered: &Rendered, path: &str) -> String {
    match rendered.payload.get(path) {
        Some(Entry::File { content, .. }) => String::from_utf8(bytes(content)).unwrap(),
        other => panic!("{path} is {other:?}"),
    }
}

/// The maintainer scripts and the installed shell scripts, with a name for each.
fn shell_scripts(rendered: &Rendered) -> Vec<(String, String)> {
    let scripts = &rendered.scripts;
    assert!(scripts.preinst.is_none());
    let maintainer = [("postinst", &scripts.postinst), ("prerm", &scripts.prerm), ("postrm", &scripts.postrm)];
    let mut all: Vec<_> = maintainer.map(|(name, text)| (name.to_owned(), text.clone().unwrap())).into();
    for file in files(rendered) {
        if file.bytes.starts_with(b"#!/bin/sh") {
            all.push((file.path, String::from_utf8(file.bytes).unwrap()));
        }
    }
    all
}

/// Runs a program of the package `package`.
fn run(package: &str, command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).output();
    output.unwrap_or_else(|error| panic!("{command:?}: {error}: the package {package} is needed"))
}

fn assert_silent(package: &str, command: &mut Command) {
    let output = run(package, command);
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{command:?} ended with {}:\n{said}", output.status);
}

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

/// Lays the rendered files out below `root`, with stand-ins for the programs that the units start.
fn lay_out(rendered: &Rendered, root: &Path) {
    let write = |path: &str, content: &[u8], mode: u32| {
        let path = root.join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    };
    for file in files(rendered) {
        write(&file.path, &file.bytes, file.mode);
    }
    for program in [
        "/usr/bin/gunicorn",
        "/usr/bin/python3",
        "/usr/bin/node",
        "/usr/bin/sh",
        "/bin/kill",
        "/bin/rm",
        "/bin/systemctl",
        "/usr/libexec/guest-book/health-check",
    ] {
        write(program, b"#!/bin/sh\n", 0o755);
    }
    for unit in [
        "sysinit.target",
        "basic.target",
        "network.target",
        "network-online.target",
        "sockets.target",
        "shutdown.target",
        "timers.target",
    ] {
        write(&format!("/usr/lib/systemd/system/{unit}"), b"[Unit]\nDescription=x\n", 0o644);
    }
    for unit in ["nginx", "postgresql", "postgresql@"] {
        write(
            &format!("/usr/lib/systemd/system/{unit}.service"),
            b"[Service]\nType=oneshot\nExecStart=/bin/kill\n",
            0o644,
        );
    }
    write("/etc/passwd", b"root:x:0:0::/:/bin/sh\n", 0o644);
}

#[test]
fn systemd_accepts_the_units() {
    for rendered in both().into_iter().chain(with_https()).chain(without_programs()).chain(programs()) {
        let root = tempfile::tempdir().unwrap();
        lay_out(&rendered, root.path());
        let files = files(&rendered);
        let names = files.iter().filter_map(|file| file.path.strip_prefix("/usr/lib/systemd/system/"));
        let (drop_ins, units): (Vec<&str>, Vec<&str>) = names.partition(|name| name.contains('/'));
        assert!(units.len() >= 3 && !drop_ins.is_empty(), "{units:?} {drop_ins:?}");
        let mut verify = Command::new("systemd-analyze");
        verify.args(["verify", "--man=no", "--recursive-errors=yes"]).arg(format!("--root={}", root.path().display()));
        // They are read with the units that they belong to.
        verify.args(["nginx.service", "postgresql@17-main.service"]);
        assert_silent("systemd", verify.args(&units));
        for unit in units.iter().filter(|unit| unit.ends_with(".service")) {
            let mut security = Command::new("systemd-analyze");
            // In tenths.
            security.args(["security", "--offline=yes", "--no-pager", "--threshold=15"]);
            let output = run("systemd", security.arg(format!("--root={}", root.path().display())).arg(unit));
            let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{unit} is exposed:\n{said}");
        }
    }
}

#[test]
fn the_list_of_units_is_what_the_package_installs() {
    let folder = no_templates();
    let mut secure = stack(folder.path());
    secure.site.tls = Tls::Acme { email: None, server: "https://acme.example.org/".to_owned() };
    for stack in [
        larger_stack(folder.path()),
        smaller_stack(folder.path()),
        secure,
        static_stack(folder.path()),
        exec_stack(folder.path(), Listen::Socket),
        exec_stack(folder.path(), Listen::Path),
    ] {
        let rendered = package_files(&stack).unwrap();
        let path = |unit: &Unit| format!("/usr/lib/systemd/system/{}", unit.name);
        let mut listed: Vec<String> = stack.units().iter().map(path).collect();
        // An enabled unit has an [Install] section (systemd.unit(5)); the others must have none.
        for unit in stack.units() {
            let has_section = text_of(&rendered, &path(&unit)).contains("\n[Install]\n");
            assert_eq!(has_section, unit.start == UnitStart::Boot, "{}", unit.name);
        }
        listed.sort();
        let is_unit = |path: &str| Path::new(path).parent() == Some(Path::new("/usr/lib/systemd/system"));
        let installed: Vec<String> =
            files(&rendered).into_iter().map(|file| file.path).filter(|p| is_unit(p)).collect();
        assert_eq!(listed, installed);
    }
}

/// Every ordering between two units of the package, as it stands in their `After=` and `Before=`, is also
/// the order of the list.
#[test]
fn the_list_of_units_is_in_the_order_of_their_start() {
    let folder = no_templates();
    let mut secure = stack(folder.path());
    secure.site.tls = Tls::Acme { email: None, server: "https://acme.example.org/".to_owned() };
    for stack in [
        larger_stack(folder.path()),
        smaller_stack(folder.path()),
        secure,
        static_stack(folder.path()),
        exec_stack(folder.path(), Listen::Socket),
        exec_stack(folder.path(), Listen::Path),
    ] {
        let rendered = package_files(&stack).unwrap();
        let names: Vec<String> = stack.units().into_iter().map(|unit| unit.name).collect();
        let place = |name: &str| names.iter().position(|listed| listed == name);
        let mut compared = 0;
        for (here, name) in names.iter().enumerate() {
            let text = text_of(&rendered, &format!("/usr/lib/systemd/system/{name}"));
            for line in text.lines() {
                let Some((key @ ("After" | "Before"), others)) = line.split_once('=') else { continue };
                for other in others.split_whitespace().filter_map(place) {
                    assert_eq!(other < here, key == "After", "{name} has {line}, and the list is {names:?}");
                    compared += 1;
                }
            }
        }
        assert!(compared >= 2 || !stack.app.kind.has_processes(), "{names:?}");
    }
    // A socket is started before any service of the boot: sockets.target is part of basic.target (bootup(7)).
    assert_eq!(stack(folder.path()).units()[0].name, "guest-book.socket");
}

#[test]
fn systemd_reads_back_the_values() {
    let [rendered, _] = both();
    let service = text_of(&rendered, "/usr/lib/systemd/system/guest-book.service");
    assert!(service.contains("Description=100%% \"guest\" book: it's $HOME's\n"), "{service}");
    let environment = text_of(&rendered, "/etc/guest-book/guest-book.env");
    // A shell reads such an assignment as systemd does (systemd.exec(5), EnvironmentFile=).
    let mut shell = Command::new("sh");
    let output = run("dash", shell.arg("-c").arg(format!("{environment}\nprintf %s \"$GREETING\"")));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "say \"hi\" for 5$ \\ `now` 'x' # y");
}

/// The lines of a unit from `User=` on: who the program is, what it finds, and what it may do.
fn sandbox(unit: &str) -> Vec<&str> {
    let lines = unit.lines().skip_while(|line| !line.starts_with("User=")).take_while(|line| *line != "[Install]");
    lines.filter(|line| line.contains('=') && !line.starts_with('#') && !line.starts_with("MemoryMax=")).collect()
}

#[test]
fn workers_and_timers_are_what_the_app_is() {
    let [rendered, _] = both();
    let unit = |suffix: &str| text_of(&rendered, &format!("/usr/lib/systemd/system/guest-book{suffix}"));
    let app = unit(".service");
    assert!(app.contains("\nMemoryMax=75%\nCPUQuota=150%\n"), "{app}");
    let without_quota = |text: &str| -> Vec<String> {
        sandbox(text).iter().filter(|line| !line.starts_with("CPUQuota=")).map(|line| (*line).to_owned()).collect()
    };
    let of_app = without_quota(&app);
    assert!(of_app.len() > 30 && of_app.contains(&"NoNewPrivileges=yes".to_owned()), "{of_app:?}");
    for suffix in ["-mail.service", "-mail-2.service", "-tidy.service"] {
        assert_eq!(without_quota(&unit(suffix)), of_app, "{suffix}");
    }
    let second = unit("-mail-2.service");
    for line in [
        "Environment=WORKER_NUMBER=2",
        "TimeoutStopSec=5min",
        "MemoryMax=512M",
        "CPUQuota=50%",
        "KillMode=mixed",
        "After=guest-book-secret.service guest-book-restore.service network.target guest-book-database.service",
    ] {
        assert!(second.lines().any(|found| found == line), "no `{line}` in:\n{second}");
    }
    assert!(unit("-tidy.timer").contains("\nOnCalendar=Mon..Fri *:0/15 Europe/Berlin\n"));
    let health = unit("-health.service");
    for argument in
        ["--unit guest-book-mail-2.service", "--unit guest-book-tidy.timer", "--job guest-book-tidy.service"]
    {
        assert!(health.contains(&format!("    {argument} \\\n")), "no `{argument}` in:\n{health}");
    }
}

#[test]
fn sysusers_makes_the_user() {
    let [rendered, _] = both();
    let root = tempfile::tempdir().unwrap();
    lay_out(&rendered, root.path());
    let in_root = format!("--root={}", root.path().display());
    let output = run("systemd", Command::new("systemd-sysusers").arg(&in_root).arg("stackdeb-guest-book.conf"));
    let users = fs::read_to_string(root.path().join("etc/passwd")).unwrap();
    assert!(output.status.success() && users.contains("\nguest-book:x:"), "{output:?}\n{users}");
    assert!(users.contains("\nvalkey:x:"), "{users}");
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
