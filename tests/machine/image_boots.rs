//! The built image as a Linode: through GRUB with metadata for cloud-init, and straight from its kernel. Two machines;
//! the checks of each run in their order.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use support::checks::{Check, checks};
use support::machine::{BOOT_LIMIT, Machine, free_port, user_data};
use support::server::Server;
use support::{Built, built, faults, kept, metadata, run};

const CHECKS: &[Check<Machine>] = &[
    ("the_site_answers", site_answers),
    ("cloud_init_found_linode", cloud_init),
    ("the_host_name_and_key_of_user_data_are_in_place", user_data_in_place),
    ("everything_runs", everything_runs),
    ("only_root_asks_for_user_data", only_root_asks),
    ("the_root_grew_and_swap_is_on", root_grew),
    ("nothing_of_the_build_remains", nothing_remains),
    ("visits_survive_a_reboot", visits_survive),
    ("a_worker_takes_all_memory", |machine| faults::out_of_memory(machine)),
    ("the_clock_is_set_back", |machine| faults::clock_set_back(machine)),
    ("boots_straight_from_its_kernel_with_swapped_disks_and_new_identities", boots_straight),
    ("boot_check_gives_a_verdict_on_a_second_machine_on_the_same_network", boot_check),
    ("the_power_is_cut", |machine| {
        faults::power_cut(machine);
    }),
    ("the_file_system_is_whole", |machine| faults::check_file_system(machine)),
];

pub fn trials() -> Vec<Trial> {
    checks("image_boots", boot, CHECKS)
}

fn image() -> PathBuf {
    built(Built::Image).join("stack-1.0.0-linode.img.gz")
}

/// The number of the network that both machines are on.
fn network() -> String {
    static NETWORK: LazyLock<u16> = LazyLock::new(free_port);
    NETWORK.to_string()
}

fn boot() -> Machine {
    let folder = kept().join("boots");
    let user_data = user_data(&folder, "web-1");
    let options = ["--network", &network()];
    let mut machine = Machine::start_with(&image(), &user_data, &folder, free_port(), &options, BOOT_LIMIT);
    machine.wait_for_ssh();
    machine
}

fn site_answers(machine: &mut Machine) {
    assert_eq!(machine.get("/", 200), "Hello from Flask via systemd!");
    machine.get("/healthz", 200);
}

fn cloud_init(machine: &mut Machine) {
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

fn user_data_in_place(machine: &mut Machine) {
    assert_eq!(machine.sh("hostname; hostnamectl --static"), "web-1\nweb-1");
    // That a shell opens with the key at all is the proof that the key is in place; here, that it is the only one.
    assert_eq!(machine.sh("grep -c ssh- /root/.ssh/authorized_keys"), "1");
}

fn everything_runs(machine: &mut Machine) {
    machine.settle();
    assert_eq!(
        machine.sh("systemctl is-enabled stack.socket stack.service stack-health.timer serial-getty@ttyS0.service"),
        "enabled\nenabled\nenabled\nenabled"
    );
}

/// The user data has the secrets of the app.
fn only_root_asks(machine: &mut Machine) {
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

fn root_grew(machine: &mut Machine) {
    let gib: u64 = machine.sh("df --output=size -B1G / | tail -n 1").parse().unwrap();
    assert!(gib > 10, "the root has {gib} GiB of a disk that has more");
    assert_eq!(machine.sh("swapon --show --noheadings | wc -l"), "1");
    machine.sh("findmnt -no OPTIONS / | grep -w rw");
}

fn nothing_remains(machine: &mut Machine) {
    assert_eq!(machine.sh("dpkg --audit"), "");
    // What the image does without is missing, and nothing else is; nothing is changed.
    let without = "^missing  .* /usr/(share/(doc|man|info|lintian|linda|groff|locale|i18n)/\
                   |lib/postgresql/.*/(bitcode|llvmjit)|lib/(x86_64-linux-gnu|llvm-[0-9]*/lib)/(libLLVM|libz3))";
    assert_eq!(machine.sh(&format!("dpkg -V | grep -v -E '{without}' || true")), "");
    assert_eq!(machine.sh("ls /etc/ssh/ssh_host_*_key"), "/etc/ssh/ssh_host_ed25519_key");
    machine.sh("test ! -e /usr/sbin/policy-rc.d && apt-get check");
    assert_eq!(machine.sh("ss -Htln | awk '{print $4}' | grep -v -E '^(127|\\[::1\\]|.*:(22|80)$)' || true"), "");
}

fn visits_survive(machine: &mut Machine) {
    let before = machine.get("/visits", 200);
    machine.get("/visits", 200);
    machine.reboot();
    let number = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>().parse::<u64>().unwrap();
    assert_eq!(number(&machine.get("/visits", 200)), number(&before) + 2);
    machine.settle();
}

/// What tells one machine from another.
const IDENTITY: &str =
    "cat /etc/machine-id; cut -d' ' -f2 /etc/ssh/ssh_host_ed25519_key.pub; cat /var/lib/stack/secret.env";

fn boots_straight(machine: &mut Machine) {
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

/// Two machines with the same `--network` see each other as eth1, each with an address of its own.
fn boot_check(machine: &mut Machine) {
    machine.sh("ip address add 10.0.0.11/24 dev eth1 && ip link set eth1 up");
    let folder = kept().join("boot-check");
    fs::create_dir_all(&folder).unwrap();
    let user_data = folder.join("user-data");
    fs::write(
        &user_data,
        "#cloud-config\nbootcmd:\n  - ip address add 10.0.0.12/24 dev eth1\n  - ip link set eth1 up\n",
    )
    .unwrap();
    let mut check = support::stackdeb();
    check.args(["boot", "--check", "--port", "0", "--network", &network(), "--user-data"]).arg(user_data).arg(image());
    let check = thread::spawn(move || check.output().unwrap());
    let seen = "for i in $(seq 400); do nc -z -w 1 10.0.0.12 22 && exit; sleep 0.5; done; exit 1";
    let seen = machine.try_sh(&seen.replace("nc -z -w 1 10.0.0.12 22", CONNECT));
    let verdict = check.join().unwrap();
    assert!(verdict.status.success(), "{}", support::text(&verdict));
    assert!(seen.status.success(), "the second machine was not seen: {}", support::text(&seen));
    let addresses = machine.sh("cat /sys/class/net/eth1/address; ip -4 neigh show 10.0.0.12 | cut -d' ' -f5");
    let addresses: Vec<&str> = addresses.lines().collect();
    assert!(addresses.len() == 2 && addresses[0] != addresses[1], "{addresses:?}");
}

/// Connects to the second machine's SSH.
const CONNECT: &str = "python3 -c 'import socket; socket.create_connection((\"10.0.0.12\", 22), 1)' 2>/dev/null";

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
            .args(["-accel", "tcg", "-cpu", "Nehalem,-cx16", "-m", "1024", "-display", "none", "-nodefaults"])
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
