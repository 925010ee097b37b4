//! The built image as a Linode. `stackdeb deploy` gives it to a Linode in memory, which boots the bytes and the user data that
//! it received, through GRUB and with metadata for cloud-init; what the instance is to be is looked up on that machine. Beside
//! it, the image boots straight from its kernel, and one with several stacks as a second machine on the same network.
//!
//! The checks of a machine go forward: none begins at the state of an earlier one, so no snapshot (`savevm`) is taken. The image
//! boots four times; `boot_machine.rs` starts QEMU as well, but with nothing behind GRUB.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use serde_json::json;
use support::account::{Ended, Home, TOKEN};
use support::checks::{Check, checks};
use support::linode_api::{Api, Machines};
use support::machine::{BOOT_LIMIT, Machine, free_port, user_data, without_qemu};
use support::room::unless;
use support::server::Server;
use support::{Built, built, default_stack, faults, kept, metadata, run, several};

use crate::watch;

const CHECKS: &[Check<Instance>] = &[
    ("what_is_deployed_boots", is_deployed),
    ("cloud_init_found_linode", cloud_init),
    ("the_host_name_and_key_of_user_data_are_in_place", user_data_in_place),
    ("the_app_was_started_with_its_environment", environment_in_place),
    ("it_is_listed_as_what_it_is", is_listed),
    ("everything_runs", everything_runs),
    ("only_root_asks_for_user_data", only_root_asks),
    ("no_certificate_authority_is_asked_from_here", no_authority_is_asked),
    ("the_root_grew_and_swap_is_on", root_grew),
    ("nothing_of_the_build_remains", nothing_remains),
    ("a_change_of_the_project_is_soon_in_the_machine", |instance| {
        watch::change_is_soon_there(&instance.machine, &kept().join("boots/project"));
    }),
    ("a_worker_takes_all_memory", |instance| faults::out_of_memory(&instance.machine)),
    ("the_clock_is_set_back", |instance| faults::clock_set_back(&instance.machine)),
    ("boots_straight_from_its_kernel_with_swapped_disks_and_new_identities", boots_straight),
    ("boot_check_gives_a_verdict_on_several_stacks_on_the_same_network", boot_check),
    ("the_power_is_cut", |instance| {
        faults::power_cut(&mut instance.machine);
    }),
    ("the_file_system_is_whole", |instance| faults::check_file_system(&instance.machine)),
];

/// What was deployed, and by whom.
struct Instance {
    machine: Machine,
    home: Home,
    api: Api,
    port: u16,
    /// Output and status of `stackdeb deploy`.
    ended: Ended,
}

impl Instance {
    fn sh(&self, command: &str) -> String {
        self.machine.sh(command)
    }
}

pub fn trials() -> Vec<Trial> {
    unless(without_qemu(), checks("image_boots", boot, CHECKS))
}

fn image() -> PathBuf {
    built(Built::Image).join("stack-1.0.0-linode.img.gz")
}

/// The number of the network that both machines are on.
fn network() -> String {
    static NETWORK: LazyLock<u16> = LazyLock::new(free_port);
    NETWORK.to_string()
}

fn boot() -> Instance {
    let (home, api, port) = (Home::new(), Api::start(TOKEN, &[]), free_port());
    let folder = kept().join("boots");
    let _ = fs::remove_dir_all(&folder);
    user_data(&folder, "only-for-its-key");
    // The machine's port 80 is another of this computer's, and that is where deploy has to look.
    default_stack(home.path());
    let manifest = fs::read_to_string(home.path().join("stack.toml")).unwrap();
    fs::write(home.path().join("stack.toml"), format!("{manifest}\n[site]\nport = {port}\n")).unwrap();

    let booted: Arc<Mutex<Option<Machine>>> = Arc::default();
    let (machine, here, watched) = (Arc::clone(&booted), folder.clone(), folder.join("project"));
    default_stack(&watched);
    api.set_machines(Machines::Hook(Arc::new(move |started| {
        assert_eq!((started.label.as_str(), started.kernel.as_str()), ("till-1", "linode/grub2"));
        let (image, user_data) = (here.join("received.img.gz"), here.join("received-user-data"));
        fs::write(&image, &started.image).unwrap();
        fs::write(&user_data, &started.user_data).unwrap();
        let of_project = watched.join("dist/stack-1.0.0-linode.img.gz");
        fs::create_dir(of_project.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(&image, of_project).unwrap();
        *machine.lock().unwrap() = Some(Machine::start_with(&user_data, &here, port, |boot| {
            boot.args(["--network", &network(), "--watch"]).current_dir(&watched);
        }));
    })));
    let mut command = home.command(env!("CARGO_BIN_EXE_stackdeb"));
    command.env("LINODE_API_URL", api.address()).args(["deploy", "--region", "us-east", "--label", "till-1", "--json"]);
    command.arg("--ssh-key").arg(folder.join("key.pub")).args(["--timeout", &BOOT_LIMIT.as_secs().to_string()]);
    command.args(["--env", "GREETING=5$ \\ \"a\" `b` #c é", "--env", "WEB_CONCURRENCY=2"]).arg(image());
    let output = command.output().unwrap();
    let mut machine = booted.lock().unwrap().take().expect("nothing was booted");
    let ended = home.ended(output);
    assert_eq!(ended.status, Some(0), "{}\n{}", ended.said, machine.console());
    machine.wait_for_ssh();
    Instance { machine, home, api, port, ended }
}

fn is_deployed(instance: &mut Instance) {
    let one = &instance.ended.json()["instances"][0];
    assert_eq!((&one["label"], &one["healthy"]), (&json!("till-1"), &json!(true)));
    assert_eq!(one["url"], format!("http://127.0.0.1:{}", instance.port));
    assert!(fs::read(kept().join("boots/received.img.gz")).unwrap() == fs::read(image()).unwrap());
    assert_eq!(instance.machine.get("/", 200), "Hello from Flask via systemd!");
    instance.machine.get("/healthz", 200);
}

fn cloud_init(instance: &mut Instance) {
    let machine = &instance.machine;
    machine.system_state();
    assert_eq!(machine.sh("cloud-id"), "akamai");
    let status = machine.try_sh("cloud-init status --wait --format json").stdout;
    let status: serde_json::Value = serde_json::from_slice(&status).unwrap();
    assert_eq!((&status["status"], status["errors"].as_array().map(Vec::len)), (&"done".into(), Some(0)), "{status}");
    let errors: Vec<String> = status["recoverable_errors"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|messages| messages.as_array().unwrap())
        .map(|message| message.as_str().unwrap().to_owned())
        // When the emulator is slow, its DHCP answers too late for the first of the two stages that ask for metadata. The id
        // above says that the second found them.
        .filter(|message| {
            !["DHCP lease", "EphemeralIPNetwork", "DataSourceAkamaiLocal"].iter().any(|late| message.contains(late))
        })
        .collect();
    assert!(errors.is_empty(), "{status}");
}

fn user_data_in_place(instance: &mut Instance) {
    assert_eq!(instance.sh("hostname; hostnamectl --static"), "till-1\ntill-1");
    let key = fs::read_to_string(kept().join("boots/key.pub")).unwrap();
    let keys = instance.sh("grep ssh- /root/.ssh/authorized_keys");
    // The other is the one with which `stackdeb boot --watch` comes.
    assert!(keys.lines().count() == 2 && keys.lines().any(|line| line == key.trim()), "{keys}");
}

fn environment_in_place(instance: &mut Instance) {
    assert_eq!(instance.sh("stat -c '%U:%G %a' /etc/stack/stack.env"), "root:stack 640");
    // What the package has there is still before it.
    let lines = instance.sh("head -n 1 /etc/stack/stack.env; tail -n 2 /etc/stack/stack.env");
    let added = "GREETING=\"5\\$ \\\\ \\\"a\\\" \\`b\\` #c é\"\nWEB_CONCURRENCY=\"2\"";
    assert!(lines.starts_with("# Environment variables of stack") && lines.ends_with(added), "{lines}");
    // And the app has read it, before it was started for the first time.
    let environment =
        "tr '\\0' '\\n' < /proc/$(systemctl show -P MainPID stack.service)/environ | grep -E '^(GREETING|WEB_)'";
    assert_eq!(instance.sh(environment), "GREETING=5$ \\ \"a\" `b` #c é\nWEB_CONCURRENCY=2");
    assert_eq!(instance.sh("systemctl show -P NRestarts stack.service"), "0");
}

fn is_listed(instance: &mut Instance) {
    let mut command = instance.home.command(env!("CARGO_BIN_EXE_stackdeb"));
    let listed = instance.home.run(command.env("LINODE_API_URL", instance.api.address()).args(["instances"]));
    listed.has(0, &["till-1 127.0.0.1 us-east private/15 version 1.0.0 well"]);
}

fn everything_runs(instance: &mut Instance) {
    let machine = &instance.machine;
    machine.settle();
    assert_eq!(
        machine.sh("systemctl is-enabled stack.socket stack.service stack-health.timer serial-getty@ttyS0.service"),
        "enabled\nenabled\nenabled\nenabled"
    );
}

/// The user data has the secrets of the app.
fn only_root_asks(instance: &mut Instance) {
    let machine = &instance.machine;
    metadata::only_root_asks(machine, &metadata::ADDRESSES[..1]);
    metadata::no_unit_asks(machine, &metadata::ADDRESSES[..1]);
    // cloud-init keeps a copy.
    for user in ["stack", "www-data", "postgres"] {
        let found = format!(
            "runuser -u {user} -- grep -rl ssh_authorized_keys /var/lib/cloud /run/cloud-init /var/log 2>/dev/null || true"
        );
        assert_eq!(machine.sh(&format!("cd / && {found}")), "", "{user}");
    }
}

/// The condition of the unit that asks, which this image has not, as a machine of `stackdeb boot` sees it.
fn no_authority_is_asked(instance: &mut Instance) {
    let unit = include_str!("../../units/acme.service");
    let condition = unit.lines().find(|line| line.starts_with("ConditionCredential=")).unwrap();
    instance.sh(&format!(
        "printf '[Unit]\\n{condition}\\n[Service]\\nType=oneshot\\nExecStart=touch /run/asked\\n' \
         >/run/systemd/system/asks.service && systemctl daemon-reload && systemctl start asks.service && test ! -e /run/asked"
    ));
    assert_eq!(instance.sh("systemctl show -P ConditionResult asks.service"), "no");
}

fn root_grew(instance: &mut Instance) {
    let machine = &instance.machine;
    let gib: u64 = machine.sh("df --output=size -B1G / | tail -n 1").parse().unwrap();
    assert!(gib > 10, "the root has {gib} GiB of a disk that has more");
    assert_eq!(machine.sh("swapon --show --noheadings | wc -l"), "1");
    machine.sh("findmnt -no OPTIONS / | grep -w rw");
}

fn nothing_remains(instance: &mut Instance) {
    let machine = &instance.machine;
    assert_eq!(machine.sh("dpkg --audit"), "");
    assert_eq!(machine.sh("ls /etc/ssh/ssh_host_*_key"), "/etc/ssh/ssh_host_ed25519_key");
    machine.sh("test ! -e /usr/sbin/policy-rc.d && apt-get check");
    assert_eq!(machine.sh("ss -Htln | awk '{print $4}' | grep -v -E '^(127|\\[::1\\]|.*:(22|80)$)' || true"), "");
}

/// What tells one machine from another.
const IDENTITY: &str =
    "cat /etc/machine-id; cut -d' ' -f2 /etc/ssh/ssh_host_ed25519_key.pub; cat /var/lib/stack/secret.env";

fn boots_straight(instance: &mut Instance) {
    let machine = &instance.machine;
    let folder = kept().join("straight");
    let straight = Straight::boot(&image(), &folder);
    let identity = straight.wait_for_identity();
    assert_eq!(straight.get("/"), "Hello from Flask via systemd!");
    let other = machine.sh(IDENTITY);
    let (ours, theirs): (Vec<&str>, Vec<&str>) = (identity.lines().collect(), other.lines().collect());
    assert_eq!((ours.len(), theirs.len()), (3, 3), "{identity}\n{other}");
    assert!(
        ours.iter().zip(&theirs).all(|(one, other)| one != other),
        "two machines have an identity in common: {identity}"
    );
}

/// Two machines with the same `--network` see each other as eth1, each with an address of its own. The second one has several
/// stacks. One of them is well only after somebody was there over HTTPS, so the verdict comes after the visitor.
fn boot_check(instance: &mut Instance) {
    let machine = &instance.machine;
    machine.sh("ip address add 10.0.0.11/24 dev eth1 && ip link set eth1 up");
    let folder = kept().join("boot-check");
    fs::create_dir_all(&folder).unwrap();
    let user_data = folder.join("user-data");
    fs::write(
        &user_data,
        "#cloud-config\nbootcmd:\n  - ip address add 10.0.0.12/24 dev eth1\n  - ip link set eth1 up\n",
    )
    .unwrap();
    let [port, https_port] = [free_port(), free_port()];
    let mut check = support::stackdeb();
    check.args(["boot", "--check", "--port", &port.to_string(), "--https-port", &https_port.to_string()]);
    check.args(["--network", &network(), "--user-data"]).arg(user_data);
    check.arg(several::built().join("first/dist/both-1.0.0-linode.img.gz"));
    let check = thread::spawn(move || check.output().unwrap());
    let visitor = thread::spawn(move || visit_all(port, https_port));
    let seen = machine.try_sh(&format!("python3 -c '{WAIT_FOR_SECOND}'"));
    let verdict = check.join().unwrap();
    let said = support::text(&verdict);
    assert!(verdict.status.success(), "{said}");
    visitor.join().unwrap();
    let over_https = format!("http://localhost:{port} and https://localhost:{https_port} by the name blog.example.org");
    let of_blog = format!("ok  blog /well: A blog. ['worked', 'came', 'visited', '{}']", several::RELEASED);
    let at_blog = format!("blog is at {over_https}");
    for part in [at_blog.as_str(), &of_blog, "ok  pages /: <title>Pages</title>", "ok  /healthz: ok"] {
        assert!(said.contains(part), "no `{part}` in: {said}");
    }
    assert!(seen.status.success(), "the second machine was not seen: {}", support::text(&seen));
    let addresses = machine.sh("cat /sys/class/net/eth1/address; ip -4 neigh show 10.0.0.12 | cut -d' ' -f5");
    let addresses: Vec<&str> = addresses.lines().collect();
    assert!(addresses.len() == 2 && addresses[0] != addresses[1], "{addresses:?}");
}

/// Asks each site by each way to it, from this computer, until it answers.
fn visit_all(port: u16, https_port: u16) {
    let visit_page = |scheme: &str, name: &str, path: &str, expected: &str| {
        let port = if scheme == "https" { https_port } else { port };
        let at = format!("--resolve {name}:{port}:127.0.0.1");
        wait_for_words(&format!("curl -skSf -m 20 {at} {scheme}://{name}:{port}{path}"), expected);
    };
    let visit = |scheme: &str, name: &str, expected: &str| visit_page(scheme, name, "/", expected);
    visit("http", "localhost", "Hello from Flask via systemd!");
    visit("http", "pages.example.org", "<title>Pages</title>");
    visit("http", "blog.example.org", "A blog.");
    visit_page("http", "blog.example.org", "/files/blog.css", several::STYLE_SHEET);
    visit("https", "localhost", "Hello from Flask via systemd!");
    // After its visitor over HTTPS the machine may end at any time, so its certificate is looked at before.
    let certificate =
        format!("openssl s_client -connect 127.0.0.1:{https_port} -servername blog.example.org </dev/null");
    wait_for_words(
        &format!("{certificate} | openssl x509 -noout -checkhost blog.example.org"),
        "does match certificate",
    );
    visit("https", "blog.example.org", "A blog.");
}

/// Repeats a shell command until it prints that.
#[track_caller]
fn wait_for_words(command: &str, words: &str) {
    let begin = Instant::now();
    loop {
        let said = support::text(&Command::new("sh").args(["-c", command]).output().unwrap());
        if said.contains(words) {
            return;
        }
        assert!(begin.elapsed() < BOOT_LIMIT, "{command} does not print `{words}`: {said}");
        thread::sleep(Duration::from_secs(1));
    }
}

/// Waits until the second machine's SSH takes a connection. One process, because to start Python takes half a second there.
const WAIT_FOR_SECOND: &str = "
import socket, time
for _ in range(400):
    try:
        socket.create_connection((\"10.0.0.12\", 22), 1).close()
        break
    except OSError:
        time.sleep(0.5)
else:
    raise SystemExit(\"no answer\")
";

/// A machine started by hand: the image's own kernel and initramfs from QEMU's command line, the disks the other way
/// round, other options than ours. No metadata server is there, so cloud-init finds nothing.
struct Straight {
    child: Child,
    folder: PathBuf,
    port: u16,
}

impl Straight {
    fn boot(image: &Path, folder: &Path) -> Self {
        let _ = fs::remove_dir_all(folder);
        fs::create_dir_all(folder).unwrap();
        let raw = folder.join("image");
        run(Command::new("sh").args(["-c", "gzip -dc \"$0\" > \"$1\" && truncate -s 8G \"$1\""]).arg(image).arg(&raw));
        // Swap, so that it is there to be mistaken for the root; and a way in, for the identities to be read.
        let swap = folder.join("swap");
        run(Command::new("truncate").args(["-s", "512M"]).arg(&swap));
        run(Command::new("mkswap").arg(&swap));
        let links = run(Command::new("debugfs").args(["-R", "stat /vmlinuz"]).arg(&raw));
        let version = links.split("vmlinuz-").nth(1).unwrap().split('"').next().unwrap().trim().to_owned();
        for name in ["vmlinuz", "initrd.img"] {
            let dump = format!("dump /boot/{name}-{version} {}", folder.join(name).display());
            run(Command::new("debugfs").args(["-R", &dump]).arg(&raw));
        }
        let uuid = run(Command::new("blkid").args(["-o", "value", "-s", "UUID"]).arg(&raw));
        let port = free_port();
        let console = fs::File::create(folder.join("console")).unwrap();
        let disk = |id: &str, path: &Path| format!("if=none,id={id},format=raw,file={}", path.display());
        let child = Command::new("qemu-system-x86_64")
            .args([
                "-accel",
                "tcg",
                "-cpu",
                "Nehalem,-cx16,vendor=AuthenticAMD",
                "-m",
                "1024",
                "-display",
                "none",
                "-nodefaults",
            ])
            .arg("-kernel")
            .arg(folder.join("vmlinuz"))
            .arg("-initrd")
            .arg(folder.join("initrd.img"))
            .args(["-append", &format!("root=UUID={} ro console=ttyS0,9600 systemd.log_level=info", uuid.trim())])
            .args(["-device", "virtio-scsi-pci,id=scsi", "-serial", "stdio"])
            .args(["-drive", &disk("swap", &swap), "-device", "scsi-hd,drive=swap,bus=scsi.0,scsi-id=0"])
            .args(["-drive", &disk("root", &raw), "-device", "scsi-hd,drive=root,bus=scsi.0,scsi-id=1"])
            .args([
                "-netdev",
                &format!("user,id=net,hostfwd=tcp:127.0.0.1:{port}-:80"),
                "-device",
                "virtio-net-pci,netdev=net",
            ])
            .stdin(Stdio::null())
            .stdout(console)
            .spawn()
            .unwrap();
        Self { child, folder: folder.to_owned(), port }
    }

    fn console(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.join("console")).unwrap()).into_owned()
    }

    fn get(&self, path: &str) -> String {
        let begin = Instant::now();
        loop {
            let url = format!("http://127.0.0.1:{}{path}", self.port);
            let output = Command::new("curl").args(["-s", "-f", "-m", "20", &url]).output().unwrap();
            if output.status.success() {
                return String::from_utf8_lossy(&output.stdout).trim().to_owned();
            }
            assert!(begin.elapsed() < BOOT_LIMIT, "{url} does not answer\n{}", self.console());
            thread::sleep(Duration::from_secs(2));
        }
    }

    /// Waits until the site answers, gives the disk time to take what was written, and reads the identity from it.
    fn wait_for_identity(&self) -> String {
        self.get("/healthz");
        let read = |path: &str| {
            let command = format!("cat {path}");
            run(Command::new("debugfs").args(["-c", "-R", &command]).arg(self.folder.join("image"))).trim().to_owned()
        };
        let begin = Instant::now();
        loop {
            let (id, key) = (read("/etc/machine-id"), read("/etc/ssh/ssh_host_ed25519_key.pub"));
            let secret = read("/var/lib/stack/secret.env");
            if id.len() == 32 && key.starts_with("ssh-ed25519 ") && secret.starts_with("SECRET_KEY=") {
                return format!("{id}\n{}\n{secret}", key.split(' ').nth(1).unwrap());
            }
            assert!(begin.elapsed() < BOOT_LIMIT, "machine-id `{id}`, host key `{key}`\n{}", self.console());
            thread::sleep(Duration::from_secs(5));
        }
    }
}

impl Drop for Straight {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
