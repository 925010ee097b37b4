//! What `stackdeb boot` is made of, without a whole image: the metadata service for curl, the disks for Debian's own
//! tools, a machine that runs no more than GRUB, and the errors for what is missing.

use std::cell::Cell;
use std::fs;
use std::io::{self, Write};
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use libtest_mimic::Trial;

use stackdeb::system::cache::Cache;
use stackdeb::vm::accelerator::Accelerator;
use stackdeb::vm::arguments::{BootMethod, Forward};
use stackdeb::vm::console::Stage;
use stackdeb::vm::first_answer::wait_for_first_answer;
use stackdeb::vm::loader;
use stackdeb::vm::machine::{self, Machine, MachineError, MachineOptions};
use stackdeb::vm::metadata::{EmulatedInstance, MetadataServer};
use stackdeb::vm::scratch;
use support::machine::without_qemu;
use support::room::unless;
use tempfile::TempDir;

pub fn trials() -> Vec<Trial> {
    let tests = support::tests![
        the_metadata_service_answers_as_linodes_does,
        the_metadata_service_wants_a_token,
        the_pump_joins_standard_input_and_output_to_the_service,
        the_root_disk_begins_with_the_image_however_it_is_compressed,
        what_is_no_image_is_refused,
        the_swap_disk_is_swap_to_others
    ];
    let machines = support::tests![
        the_chosen_accelerator_works,
        a_machine_boots_the_images_menu_again_and_again,
        an_image_without_a_menu_fails_at_once,
        nothing_that_the_image_says_acts_on_the_terminal,
        the_emulators_own_panic_is_given_a_second_boot_and_no_other_is,
        what_is_missing_is_named
    ];
    tests.into_iter().chain(unless(without_qemu(), machines)).collect()
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_stackdeb");
const LIMIT: Duration = Duration::from_secs(60);

fn output(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

#[track_caller]
fn run(command: &mut Command) -> String {
    let output = output(command);
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn service(user_data: &[u8]) -> MetadataServer {
    let instance = EmulatedInstance {
        id: 123_456,
        label: "web-1".into(),
        region: "nl-ams".into(),
        plan: "g6-nanode-1".into(),
        memory_mib: 1024,
        cpus: 1,
        disk_mib: 25_600,
        user_data: user_data.to_vec(),
        ssh_keys: Vec::new(),
    };
    MetadataServer::start(instance).unwrap()
}

/// Status code and body of a request by curl.
fn curl(server: &MetadataServer, path: &str, arguments: &[&str]) -> (u16, String) {
    let url = format!("http://{}{path}", server.address());
    let answer = run(Command::new("curl").args(["-s", "-m", "10", "-w", "\n%{http_code}"]).args(arguments).arg(url));
    let (body, status) = answer.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), body.to_owned())
}

fn token(server: &MetadataServer) -> String {
    let (status, token) = curl(server, "/v1/token", &["-X", "PUT", "-H", "Metadata-Token-Expiry-Seconds: 300"]);
    assert_eq!(status, 200);
    token
}

fn the_metadata_service_answers_as_linodes_does() {
    let data = b"#cloud-config\nhostname: \xc3\xbc\n";
    let server = service(data);
    let header = format!("Metadata-Token: {}", token(&server));
    let (status, encoded) = curl(&server, "/v1/user-data", &["-H", &header]);
    assert_eq!(status, 200);
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), encoded).unwrap();
    assert_eq!(output(Command::new("base64").arg("-d").arg(file.path())).stdout, data);

    let (_, json) = curl(&server, "/v1/instance", &["-H", &header, "-H", "Accept: application/json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["id"], &json["specs"]["memory"]), (&123_456.into(), &1024.into()));
    let (_, text) = curl(&server, "/v1/instance", &["-H", &header]);
    assert!(text.lines().any(|line| line == "label: web-1"), "{text}");
    let (status, keys) = curl(&server, "/v1/ssh-keys", &["-H", &header, "-H", "Accept: application/json"]);
    assert_eq!((status, keys.as_str()), (200, r#"{"users":{"root":[]}}"#));
}

fn the_metadata_service_wants_a_token() {
    let server = service(b"");
    for path in ["/v1/instance", "/v1/network", "/v1/ssh-keys", "/v1/user-data"] {
        assert_eq!(curl(&server, path, &[]).0, 401, "{path}");
        assert_eq!(curl(&server, path, &["-H", "Metadata-Token: guessed"]).0, 401, "{path}");
    }
    assert_eq!(curl(&server, "/v1/token", &["-X", "PUT"]).0, 400);
    assert_eq!(curl(&server, "/v1/token", &["-X", "PUT", "-H", "Metadata-Token-Expiry-Seconds: 86401"]).0, 400);
    assert_eq!(curl(&server, "/v1/token", &[]).0, 405);
    let one = "Metadata-Token-Expiry-Seconds: 1";
    let (_, short) = curl(&server, "/v1/token", &["-X", "PUT", "-H", one]);
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(curl(&server, "/v1/instance", &["-H", &format!("Metadata-Token: {short}")]).0, 401);
}

fn the_pump_joins_standard_input_and_output_to_the_service() {
    let server = service(b"");
    let header = format!("Metadata-Token: {}", token(&server));
    let mut pump = Command::new(PROGRAM)
        .args(["metadata-pump", &server.address().to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // Standard input stays open, as QEMU leaves it: the end of the answer must end the pump.
    let mut input = pump.stdin.take().unwrap();
    write!(input, "GET /v1/network HTTP/1.1\r\nHost: 169.254.169.254\r\n{header}\r\n\r\n").unwrap();
    let answer = pump.wait_with_output().unwrap();
    let text = String::from_utf8(answer.stdout).unwrap();
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.ends_with("ipv4.public: 169.254.10.15/16\n"), "{text}");
}

/// An ext4 file system with a GRUB menu in it, and nothing else.
fn image(folder: &Path, menu: Option<&str>) -> PathBuf {
    let tree = folder.join("tree");
    fs::create_dir_all(tree.join("boot/grub")).unwrap();
    if let Some(menu) = menu {
        fs::write(tree.join("boot/grub/grub.cfg"), menu).unwrap();
    }
    let image = folder.join("image.img");
    run(Command::new("/sbin/mke2fs").args(["-q", "-t", "ext4", "-d"]).arg(&tree).arg(&image).arg("16M"));
    image
}

fn descriptor(file: &fs::File) -> String {
    format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd())
}

fn the_root_disk_begins_with_the_image_however_it_is_compressed() {
    let folder = TempDir::new().unwrap();
    let plain = image(folder.path(), Some("# menu\n"));
    let bytes = fs::read(&plain).unwrap();
    let members = folder.path().join("members.img.gz");
    let script = "(head -c 5000000 \"$0\" | gzip -1; tail -c +5000001 \"$0\" | gzip -1) > \"$1\"";
    run(Command::new("sh").args(["-c", script]).arg(&plain).arg(&members));
    for path in [&plain, &members] {
        let disk = scratch::root_disk(path, 64 << 20, folder.path()).unwrap();
        assert_eq!(disk.metadata().unwrap().len(), 64 << 20);
        let copy = fs::read(descriptor(&disk)).unwrap();
        assert!(copy[..bytes.len()] == bytes && copy[bytes.len()..].iter().all(|byte| *byte == 0), "{path:?}");
        run(Command::new("/sbin/e2fsck").arg("-fn").arg(descriptor(&disk)));
    }
    assert_eq!(fs::read(&plain).unwrap(), bytes, "the image was written to");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "a disk has a name");
}

fn what_is_no_image_is_refused() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let plain = image(folder.path(), None);
    run(Command::new("sh").args(["-c", "gzip -1 < \"$0\" | head -c 3000 > \"$1\""]).arg(&plain).arg(at("cut.gz")));
    run(Command::new("truncate").args(["-s", "1M"]).arg(at("zeros")));
    fs::write(at("short"), "x").unwrap();
    // A master boot record: one Linux partition from sector 2048 on, and the signature.
    let mut record = vec![0; 1 << 20];
    record[446..462].copy_from_slice(&[0x80, 0, 0, 0, 0x83, 0, 0, 0, 0, 8, 0, 0, 0, 8, 0, 0]);
    record[510..512].copy_from_slice(&[0x55, 0xaa]);
    fs::write(at("disk"), record).unwrap();
    assert!(run(Command::new("file").arg(at("disk"))).contains("partition 1 : ID=0x83"));
    let cases = [
        ("missing", "cannot open the image"),
        ("cut.gz", "cannot read the image"),
        ("zeros", "no ext4 file system"),
        ("short", "no ext4 file system"),
        ("disk", "partition table"),
    ];
    for (name, words) in cases {
        let error = scratch::root_disk(&at(name), 64 << 20, folder.path()).unwrap_err().to_string();
        assert!(error.contains(words) && error.contains(name), "{error}");
    }
    let error = scratch::root_disk(&plain, 8 << 20, folder.path()).unwrap_err().to_string();
    assert!(error.contains("16 MiB long") && error.contains("8 MiB"), "{error}");
}

fn the_swap_disk_is_swap_to_others() {
    let folder = TempDir::new().unwrap();
    let disk = scratch::swap_disk(512 << 20, folder.path()).unwrap();
    let found = run(Command::new("/sbin/blkid").args(["-p", "-o", "export"]).arg(descriptor(&disk)));
    assert!(found.contains("TYPE=swap\n") && found.contains("VERSION=1\n"), "{found}");
    let found = run(Command::new("file").args(["-L", "-b", "-s"]).arg(descriptor(&disk)));
    // `pages` counts from zero, as in file(1).
    assert!(found.contains("swap file, 4k page size") && found.contains("size 131071 pages"), "{found}");
}

fn the_chosen_accelerator_works() {
    let qemu = machine::find_qemu().unwrap();
    assert!(Accelerator::Tcg.works(&qemu));
    assert!(Accelerator::choose(&qemu).works(&qemu));
    assert!(!Accelerator::Tcg.works(Path::new("/bin/true")), "whatever exits is taken for a success");
}

/// GRUB as the program itself makes it, kept for the next run.
fn loader() -> PathBuf {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock();
    let cache = Cache::at(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("boot-machine")).unwrap();
    loader::find_or_make(&cache, None).unwrap()
}

fn options(folder: &Path, menu: Option<&str>) -> MachineOptions {
    let boot = BootMethod::Grub { loader: loader() };
    let image = image(folder, menu);
    MachineOptions::smallest(&image, boot, Accelerator::Tcg, Path::new(PROGRAM), folder)
}

fn start(folder: &Path, menu: Option<&str>) -> Machine {
    Machine::start(&options(folder, menu), io::sink()).unwrap()
}

/// The processes that run QEMU as children of this one.
fn machines() -> usize {
    let list = output(Command::new("pgrep").args(["-c", "-P", &std::process::id().to_string(), "qemu-system"]));
    String::from_utf8(list.stdout).unwrap().trim().parse().unwrap()
}

fn a_machine_boots_the_images_menu_again_and_again() {
    let folder = TempDir::new().unwrap();
    // A menu that leaves traces: GRUB has the image as its first disk and the swap disk as its second.
    let menu = "ls (hd1)\necho Welcome to $root of $prefix\nsleep 600\n";
    let machine = start(folder.path(), Some(menu));
    machine.wait_for_stage(Stage::Systemd, LIMIT).unwrap();
    let text = machine.console().text();
    assert!(text.contains("Welcome to hd0 of (hd0)/boot/grub"), "{text}");
    machine.reset().unwrap();
    machine.wait_for_stage(Stage::Systemd, LIMIT).unwrap();
    assert_eq!(machine.console().text().matches("Welcome to hd0").count(), 2);
    machine.check().unwrap();
    let before = machines();
    machine.kill();
    assert!(machines() < before, "the machine still runs");
}

fn an_image_without_a_menu_fails_at_once() {
    let folder = TempDir::new().unwrap();
    let machine = start(folder.path(), None);
    let error = machine.wait_for_stage(Stage::Kernel, LIMIT).unwrap_err();
    assert!(matches!(error, MachineError::Failed { .. }), "{error}");
    assert!(error.to_string().contains("/boot/grub/grub.cfg"), "{error}");
}

/// A title, a question that a terminal answers, and a line written over.
const HOSTILE: &str = "\x1b]0;owned\x07 \x1b[6n \x1b[2Jover";

fn nothing_that_the_image_says_acts_on_the_terminal() {
    let folder = TempDir::new().unwrap();
    let menu = format!("echo 'begin {HOSTILE} end'\nsleep 600\n");
    let (image, said) = (image(folder.path(), Some(&menu)), folder.path().join("said"));
    // With the GRUB that is kept.
    loader();
    symlink(Path::new(env!("CARGO_TARGET_TMPDIR")).join("boot-machine"), folder.path().join("stackdeb")).unwrap();
    let mut boot = Command::new(PROGRAM);
    boot.arg("boot").arg(image).args(["--port", "0"]).env("XDG_CACHE_HOME", folder.path());
    let output = fs::File::create(&said).unwrap();
    let mut boot = boot.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output).spawn().unwrap();
    let begin = std::time::Instant::now();
    let read = || String::from_utf8(fs::read(&said).unwrap()).unwrap();
    while !read().contains(" end") && begin.elapsed() < LIMIT {
        std::thread::sleep(Duration::from_millis(100));
    }
    run(Command::new("kill").arg(boot.id().to_string()));
    boot.wait().unwrap();
    let said = read();
    assert!(said.contains("begin \\u{1b}]0;owned\\u{7} \\u{1b}[6n over end"), "{said}");
    let acts = |char: char| char.is_control() && !matches!(char, '\n' | '\t');
    assert!(!said.contains(acts), "{said:?}");
}

/// What Debian 13's kernel said on a machine with two processors, when QEMU had a thread for each.
const OOPS: &str = "Oops: int3: 0000 [#1] PREEMPT SMP PTI";
const PANIC: &str = "Kernel panic - not syncing: Fatal exception in interrupt";

fn the_emulators_own_panic_is_given_a_second_boot_and_no_other_is() {
    // Lines of the console, and how often the machine is booted. The menu says the same at every boot.
    let cases: [(&[&str], usize); 3] = [
        (&[OOPS, PANIC], 2),
        (&["Run /init as init process", OOPS, PANIC], 1),
        (&["Kernel panic - not syncing: VFS: Unable to mount root fs"], 1),
    ];
    for (lines, expected) in cases {
        let folder = TempDir::new().unwrap();
        let mut menu: String = lines.iter().map(|line| format!("echo '{line}'\n")).collect();
        menu.push_str("sleep 600\n");
        let port = machine::choose_port(0).unwrap();
        let mut options = options(folder.path(), Some(&menu));
        options.forwards = vec![Forward { host: port, guest: 80 }];
        let (consoles, told) = (Cell::new(0), Cell::new(0));
        let console = || -> Box<dyn Write + Send> {
            consoles.set(consoles.get() + 1);
            Box::new(io::sink())
        };
        let booted = wait_for_first_answer(&options, port, LIMIT, console, || told.set(told.get() + 1)).unwrap();
        let error = booted.answer.unwrap_err();
        assert_eq!((consoles.get(), told.get()), (expected, expected - 1), "{error}");
        assert_eq!(matches!(error, MachineError::EmulatorPanic { .. }), expected == 2, "{error}");
        // Also the second time, the console is shown.
        assert!(error.to_string().contains("Kernel panic - not syncing"), "{error}");
    }
}

fn boot(cache: &Path, arguments: &[&str]) -> String {
    let output =
        output(Command::new(PROGRAM).arg("boot").args(arguments).env("XDG_CACHE_HOME", cache).current_dir(cache));
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    // Lines are folded to the terminal's width.
    message.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ")
}

fn what_is_missing_is_named() {
    let folder = TempDir::new().unwrap();
    assert!(boot(folder.path(), &[]).contains("there is no image in the folder dist"));
    let image = image(folder.path(), None).display().to_string();
    let message = boot(folder.path(), &[&image, "--user-data", "none.yaml"]);
    assert!(message.contains("cannot read user data none.yaml"), "{message}");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let _listener = TcpListener::bind(taken).unwrap();
    let message = boot(folder.path(), &[&image, "--port", &taken.port().to_string()]);
    assert!(message.contains(&format!("port {}", taken.port())) && message.contains("another port"), "{message}");
    let mut without = Command::new(PROGRAM);
    without.args(["boot", &image, "--port", "0"]).env("PATH", folder.path()).env("XDG_CACHE_HOME", folder.path());
    let message = String::from_utf8(output(&mut without).stderr).unwrap();
    assert!(message.contains("qemu-system-x86_64 is not installed") && message.contains("apt install"), "{message}");
}
