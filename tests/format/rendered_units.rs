//! The units that are rendered, as systemd judges them: systemd-analyze, systemd-sysusers. One that is missing fails the test
//! and is named with its package.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use stackdeb::render::{RenderedPackage, package_files};
use stackdeb::stack::{AppKind, Listen, Stack, Tls, Unit, UnitStart};

use super::rendered_samples::{
    assert_silent, both, command, exec_stack, files, larger_stack, no_templates, programs, run, smaller_stack,
    static_stack, text_of, with_https, without_programs,
};
use support::stack::stack;

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

/// Lays the rendered files out below `root`, with stand-ins for the programs that the units start.
fn lay_out(rendered: &RenderedPackage, root: &Path) {
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

/// A stack of each kind, which differ in their units.
fn every_kind(folder: &Path) -> [Stack; 6] {
    let mut secure = stack(folder);
    secure.site.tls = Tls::Acme { email: None, server: "https://acme.example.org/".to_owned() };
    [
        larger_stack(folder),
        smaller_stack(folder),
        secure,
        static_stack(folder),
        exec_stack(folder, Listen::Socket),
        exec_stack(folder, Listen::Path),
    ]
}

#[test]
fn the_list_of_units_is_what_the_package_installs() {
    let folder = no_templates();
    for stack in every_kind(folder.path()) {
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

/// Every ordering between two units of the package, as in their `After=` and `Before=`, is also
/// the order of the list.
#[test]
fn the_list_of_units_is_in_the_order_of_their_start() {
    let folder = no_templates();
    for stack in every_kind(folder.path()) {
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
