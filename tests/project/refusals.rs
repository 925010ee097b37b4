//! Builds that cannot succeed: each ends with one clear error and a non-zero status, and leaves what was there before.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use support::room::in_namespaces;
use support::{default_stack, stackdeb, text};

pub fn trials() -> Vec<Trial> {
    let first = support::tests![
        a_tampered_release_file,
        a_package_with_a_wrong_hash,
        a_mirror_that_closes_half_way,
        an_expired_release_file,
        a_key_that_is_not_in_the_keyring,
        a_password_in_a_mirrors_address,
        words_that_act_on_a_terminal,
        a_name_that_the_suite_has
    ];
    first
        .into_iter()
        .chain(in_namespaces(support::tests![a_full_disk, an_image_over_six_gib, an_interrupt_in_the_middle]))
        .collect()
}

/// A project with earlier outputs that must stay, and a cache of its own.
struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    fn new(extra: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        default_stack(folder.path());
        let manifest = folder.path().join("stack.toml");
        let text = fs::read_to_string(&manifest).unwrap();
        let (kind, line) = extra.split_once('\n').unwrap_or((extra, ""));
        let text = if extra.is_empty() {
            text
        } else if text.contains(kind) {
            text.replacen(kind, &format!("{kind}\n{line}"), 1)
        } else {
            format!("{text}\n{kind}\n{line}\n")
        };
        fs::write(&manifest, text).unwrap();
        fs::create_dir(folder.path().join("dist")).unwrap();
        for name in ["stack_1.0.0_amd64.deb", "stack-1.0.0-linode.img.gz", "stack-1.0.0-linode.json"] {
            fs::write(folder.path().join("dist").join(name), "the previous one").unwrap();
        }
        Self { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self) -> Command {
        let mut command = stackdeb();
        command.current_dir(self.path()).env("XDG_CACHE_HOME", self.path().join("cache"));
        command
    }

    /// The build of the image fails with a message that has all of `words`, and nothing is changed.
    #[track_caller]
    fn refuses(&self, command: &mut Command, words: &[&str]) {
        let output = command.output().unwrap();
        self.refused(&output, words);
    }

    #[track_caller]
    fn refused(&self, output: &Output, words: &[&str]) {
        // Messages are wrapped to the width of the terminal.
        let said = text(output).split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
        assert!(!output.status.success(), "it succeeded: {said}");
        for word in words {
            assert!(said.contains(word), "`{word}` is missing:\n{}", text(output));
        }
        assert!(!said.contains("panicked"), "{said}");
        for name in ["stack-1.0.0-linode.img.gz", "stack-1.0.0-linode.json"] {
            assert_eq!(fs::read(self.path().join("dist").join(name)).unwrap(), b"the previous one", "{name}");
        }
        let work = self.path().join("cache/stackdeb/work");
        if work.exists() {
            let left: Vec<_> =
                fs::read_dir(work).unwrap().map(|entry| entry.unwrap().path()).filter(|p| p.is_dir()).collect();
            assert_eq!(left, Vec::<PathBuf>::new(), "unfinished work remained");
        }
    }
}

/// What goes wrong between the mirror and us.
#[derive(Clone, Copy)]
enum Fault {
    /// One byte of each InRelease is another.
    TamperedRelease,
    /// One byte of each package is another.
    TamperedPackage,
    /// Each package's connection is closed in the middle.
    ClosedHalfWay,
}

/// Serves the machine's mirror on a loopback port with a fault, and returns its address.
fn faulty_mirror(fault: Fault) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/debian", listener.local_addr().unwrap());
    let mirror = Arc::new(support::mirror());
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mirror = Arc::clone(&mirror);
            thread::spawn(move || serve(stream, &mirror, fault));
        }
    });
    address
}

fn serve(mut stream: TcpStream, mirror: &str, fault: Fault) -> Option<()> {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        request.push(byte[0]);
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let path = request.split(' ').nth(1)?.strip_prefix("/debian")?.to_owned();
    let answer = Command::new("curl").args(["-s", "-f", &format!("{mirror}{path}")]).output().ok()?;
    if !answer.status.success() {
        let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return None;
    }
    let mut body = answer.stdout;
    let mut sent = body.len();
    match fault {
        Fault::TamperedRelease if path.ends_with("InRelease") => {
            let place = body.windows(8).position(|w| w == b"Origin: ")? + 8;
            body[place] ^= 1;
        }
        Fault::TamperedPackage if path.ends_with(".deb") => *body.last_mut()? ^= 1,
        Fault::ClosedHalfWay if path.ends_with(".deb") => sent /= 2,
        _ => (),
    }
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(&body[..sent]).ok()
}

fn project_with_mirror(fault: Fault) -> Project {
    let security = format!("{}-security", support::mirror());
    Project::new(&format!("[image]\nmirror = \"{}\"\nsecurity-mirror = \"{security}\"", faulty_mirror(fault)))
}

fn a_tampered_release_file() {
    let project = project_with_mirror(Fault::TamperedRelease);
    project.refuses(project.command().arg("image"), &["InRelease", "signature"]);
}

fn a_package_with_a_wrong_hash() {
    let project = project_with_mirror(Fault::TamperedPackage);
    project.refuses(project.command().arg("image"), &[".deb", "SHA-256"]);
}

fn a_mirror_that_closes_half_way() {
    let project = project_with_mirror(Fault::ClosedHalfWay);
    project.refuses(project.command().arg("image"), &[".deb"]);
}

fn an_expired_release_file() {
    let project = Project::new("");
    let mut command = Command::new("faketime");
    command.args(["-f", "+60d", env!("CARGO_BIN_EXE_stackdeb"), "image"]);
    command.current_dir(project.path()).env("XDG_CACHE_HOME", project.path().join("cache"));
    project.refuses(&mut command, &["InRelease", "expired"]);
}

fn a_key_that_is_not_in_the_keyring() {
    let project = Project::new("[image]\nkeyring = \"ours.gpg\"");
    let home = project.path().join("gnupg");
    fs::create_dir(&home).unwrap();
    let make = "chmod 700 \"$GNUPGHOME\"; gpg --batch --quiet --passphrase '' --quick-gen-key test@example.org ed25519 && gpg --export > ours.gpg";
    support::run(Command::new("sh").args(["-ec", make]).current_dir(project.path()).env("GNUPGHOME", &home));
    project.refuses(project.command().arg("image"), &["InRelease", "key"]);
}

fn a_password_in_a_mirrors_address() {
    let project = Project::new("[image]\nmirror = \"http://anna:hunter2@mirror.example/debian\"");
    for verb in ["check", "deb", "image"] {
        let output = project.command().arg(verb).output().unwrap();
        project.refused(&output, &["http://mirror.example/debian", "password"]);
        assert!(!text(&output).contains("hunter2"), "{}", text(&output));
    }
}

fn words_that_act_on_a_terminal() {
    let project = Project::new("");
    let output = project.command().args(["deb", "no\x1b]0;owned\x07such\x1b[2Jfolder"]).output().unwrap();
    project.refused(&output, &["no\\u{1b}]0;owned\\u{7}such\\u{1b}[2Jfolder"]);
    assert!(!text(&output).contains(['\x1b', '\x07']), "{:?}", text(&output));
}

fn a_full_disk() {
    let project = Project::new("");
    let script = "mkdir -p cache && mount -t tmpfs -o size=64m tmpfs cache && \"$0\" image; status=$?; \
                  umount cache; exit $status";
    let mut command = Command::new("unshare");
    command.args(["--mount", "--map-root-user"]);
    if support::run(Command::new("id").arg("-u")).trim() == "0" {
        command = Command::new("unshare");
        command.arg("--mount");
    }
    command.args(["sh", "-c", script, env!("CARGO_BIN_EXE_stackdeb")]).current_dir(project.path());
    command.env("XDG_CACHE_HOME", project.path().join("cache"));
    project.refuses(&mut command, &["No space left on device"]);
}

fn an_image_over_six_gib() {
    let project = Project::new("[image]\nfree-space = \"5900M\"");
    let mut command = stackdeb();
    project.refuses(command.arg("image").current_dir(project.path()), &["6 GiB", "free-space"]);
}

fn a_name_that_the_suite_has() {
    let project = Project::new("");
    let manifest = project.path().join("stack.toml");
    let text = fs::read_to_string(&manifest).unwrap().replace("name = \"stack\"", "name = \"hello\"");
    fs::write(&manifest, text).unwrap();
    project.refuses(project.command().arg("image"), &["Debian 13", "package hello of its own", "apt upgrade"]);
}

fn an_interrupt_in_the_middle() {
    let project = Project::new("");
    // A cache of its own, so that the unfinished work in it is this build's; with the packages of others in it.
    let kept = project.path().join("cache/stackdeb");
    fs::create_dir_all(&kept).unwrap();
    support::run(Command::new("cp").arg("-r").arg(support::cache().join("pool")).arg(&kept));
    let begin = Instant::now();
    let mut child = project.command().arg("image").stderr(std::process::Stdio::piped()).spawn().unwrap();
    // Once the root is being made, the sandbox is at work.
    while !has_root(&kept.join("work")) && begin.elapsed() < Duration::from_secs(120) {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it could be interrupted");
        thread::sleep(Duration::from_millis(50));
    }
    thread::sleep(Duration::from_secs(4));
    support::run(Command::new("kill").args(["-INT", &child.id().to_string()]));
    let output = child.wait_with_output().unwrap();
    project.refused(&output, &["interrupted"]);
    assert_eq!(output.status.code(), Some(130));
    assert!(!has_root(&kept.join("work")), "an unfinished root remained");
}

/// Whether a root is being made in the cache's folder for unfinished work: with an overlay on it or without.
fn has_root(work: &Path) -> bool {
    let has = |folder: &Path| ["base/tree", "root"].iter().any(|root| folder.join(root).join("var/lib/dpkg").exists());
    fs::read_dir(work).into_iter().flatten().flatten().any(|entry| has(&entry.path()))
}
