//! What a command does when its output cannot be written, when signals come, and when the system sets limits.

use std::fs::{self, OpenOptions};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use support::{default_stack, stackdeb, text};

pub fn trials() -> Vec<Trial> {
    support::tests![
        a_reader_that_has_gone_is_no_mistake,
        a_full_disk_behind_standard_output_is_an_error_in_words,
        a_standard_error_that_cannot_be_written_changes_no_exit_status,
        a_signal_ends_a_build_and_leaves_nothing,
        a_limit_on_the_size_of_files_ends_in_words,
        a_temporary_folder_that_is_not_there_is_named,
        a_time_that_does_not_fit_is_out_of_range,
        what_new_prints_is_a_command_that_works,
        a_new_project_of_any_name_passes
    ]
}

fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    default_stack(folder.path());
    let manifest = folder.path().join("stack.toml");
    let small = fs::read_to_string(&manifest).unwrap().replacen("license =", "compression = \"none\"\nlicense =", 1);
    fs::write(manifest, small).unwrap();
    fs::create_dir_all(folder.path().join("cache/stackdeb")).unwrap();
    folder
}

fn run_in(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = stackdeb();
    command.args(arguments).current_dir(folder).env("XDG_CACHE_HOME", folder.join("cache"));
    command.env("NO_COLOR", "1");
    command
}

/// The commands that print and need nothing but a project.
const COMMANDS: [&[&str]; 11] = [
    &["deb"],
    &["check"],
    &["check", "--json"],
    &["schema"],
    &["terraform", "--force"],
    &["new", "other", "--folder", "o"],
    &["cache"],
    &["cache", "--json"],
    &["--help"],
    &["deploy", "--help"],
    &["--version"],
];

/// A pipe whose reader is gone.
fn closed_pipe() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

fn a_reader_that_has_gone_is_no_mistake() {
    for arguments in COMMANDS {
        let folder = project();
        let output = run_in(folder.path(), arguments).stdout(closed_pipe()).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{arguments:?}: {}", text(&output));
    }
}

fn a_full_disk_behind_standard_output_is_an_error_in_words() {
    for arguments in COMMANDS {
        let folder = project();
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = run_in(folder.path(), arguments).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", text(&output));
        let said = text(&output);
        assert!(
            said.contains("cannot write to standard output") && !said.contains("panicked"),
            "{arguments:?}: {said}"
        );
    }
}

fn a_standard_error_that_cannot_be_written_changes_no_exit_status() {
    for stderr in ["2>&-", "2>/dev/full"] {
        for (arguments, status) in [("deb", 0), ("check nowhere", 1), ("deb nowhere", 1), ("nonsense", 2)] {
            let folder = project();
            // Something to say on standard error also when the command succeeds.
            fs::write(folder.path().join("app/id_rsa"), "").unwrap();
            let script = format!("exec \"$0\" {arguments} {stderr}");
            let mut shell = Command::new("sh");
            shell.args(["-c", &script]).arg(support::program("stackdeb")).current_dir(folder.path());
            assert_eq!(shell.output().unwrap().status.code(), Some(status), "{arguments} {stderr}");
        }
    }
}

/// The folders of builds below a cache.
fn work_folders(cache: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(cache.join("stackdeb/work")).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

/// Starts a build of an image whose mirror does not answer, and waits until it has a folder to work in.
fn waiting_build(folder: &Path) -> (Child, (TcpListener, TcpStream)) {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/debian", silent.local_addr().unwrap());
    let manifest = folder.join("stack.toml");
    let image = format!("[image]\nmirror = \"{address}\"\nsecurity-mirror = \"{address}\"");
    let text = fs::read_to_string(&manifest).unwrap().replacen("[image]", &image, 1);
    fs::write(&manifest, text).unwrap();
    let child = run_in(folder, &["image"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begin = Instant::now();
    while work_folders(&folder.join("cache")).is_empty() {
        assert!(begin.elapsed() < Duration::from_secs(60), "the build has no work folder");
        thread::sleep(Duration::from_millis(10));
    }
    // The package is built in it before the mirror is asked.
    let (connection, _) = silent.accept().unwrap();
    (child, (silent, connection))
}

fn signalled(signals: &[&str]) -> Output {
    let folder = project();
    let (child, mirror) = waiting_build(folder.path());
    for signal in signals {
        support::run(Command::new("kill").arg(signal).arg(child.id().to_string()));
    }
    // The read from the mirror ends, as it would when the mirror closes the connection.
    drop(mirror);
    let output = child.wait_with_output().unwrap();
    let left = work_folders(&folder.path().join("cache"));
    assert_eq!(left, Vec::<PathBuf>::new(), "{signals:?}: unfinished work remained\n{}", text(&output));
    output
}

fn a_signal_ends_a_build_and_leaves_nothing() {
    // `timeout` sends each signal twice: to the process, and to its group.
    for (signals, status) in
        [(["-TERM"].as_slice(), 143), (&["-TERM", "-TERM"], 143), (&["-INT"], 130), (&["-INT", "-INT", "-TERM"], 130)]
    {
        let output = signalled(signals);
        assert_eq!(output.status.code(), Some(status), "{signals:?}: {}", text(&output));
        assert!(text(&output).contains("interrupted"), "{}", text(&output));
    }
}

fn a_limit_on_the_size_of_files_ends_in_words() {
    let folder = project();
    let script = "ulimit -f 100; exec \"$0\" deb";
    let mut shell = Command::new("sh");
    shell.args(["-c", script]).arg(support::program("stackdeb")).current_dir(folder.path());
    let output = shell.output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("File too large") && text(&output).contains("ulimit -f"), "{}", text(&output));
    assert!(!folder.path().join("dist/stack_1.0.0_amd64.deb").exists());
}

fn a_temporary_folder_that_is_not_there_is_named() {
    let folder = project();
    let output = run_in(folder.path(), &["deb"]).env("TMPDIR", "/nowhere/at-all").output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("in /nowhere/at-all:") && text(&output).contains("TMPDIR"), "{}", text(&output));
}

fn a_time_that_does_not_fit_is_out_of_range() {
    let folder = project();
    for (epoch, words) in [("4294967296", "out of range"), ("-1", "out of range"), ("soon", "not a whole number")] {
        let output = run_in(folder.path(), &["deb"]).env("SOURCE_DATE_EPOCH", epoch).output().unwrap();
        let said = text(&output).split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
        assert!(!output.status.success() && said.contains(words), "{epoch}: {said}");
    }
}

fn what_new_prints_is_a_command_that_works() {
    for folder in ["my folder", "it's $HOME", "-x", "plain"] {
        let home = tempfile::tempdir().unwrap();
        let output = run_in(home.path(), &["new", "guest", &format!("--folder={folder}")]).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{said}");
        let command = said.split_once("Next: ").unwrap().1.lines().next().unwrap();
        let (cd, rest) = command.rsplit_once(" && ").unwrap();
        assert_eq!(rest, "stackdeb deb");
        let printed = support::run(Command::new("sh").args(["-c", &format!("{cd} && pwd")]).current_dir(home.path()));
        assert_eq!(printed.trim(), home.path().join(folder).display().to_string());
    }
}

fn a_new_project_of_any_name_passes() {
    for name in ["web", "counter", "visits", "web-app", "small"] {
        let home = tempfile::tempdir().unwrap();
        for arguments in [["new", name], ["check", name]] {
            let output = run_in(home.path(), &arguments).output().unwrap();
            assert!(output.status.success(), "{arguments:?}: {}", text(&output));
        }
    }
}
