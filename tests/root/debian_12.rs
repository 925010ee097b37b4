//! What is older on Debian 12 than on Debian 13, with the package in a root of that release: HTTPS (its nginx and certbot), and
//! Redis in place of Valkey. The package's own scripts, nginx and Gunicorn run without systemd. It needs root, as piuparts does.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::LazyLock;

use libtest_mimic::Trial;
use support::edition::edit;
use support::{default_stack, room, run, stackdeb, text};

use crate::piuparts::root;

pub fn trials() -> Vec<Trial> {
    room::unless(room::without_root(), support::tests![https_works, redis_takes_the_place_of_valkey])
}

/// In the root: dpkg installs the package, and the scripts of its units run as systemd would run them. Then the answer of a
/// visitor over HTTPS and over HTTP, what certbot makes of its arguments (nobody listens at the authority's address), and
/// what Redis makes of its.
const SCRIPT: &str = r#"
memory=$1 root=$2 package=$3
mount -t tmpfs -o size=1g tmpfs "$memory"
mkdir "$memory/upper" "$memory/work" "$memory/root"
mount -t overlay -o "lowerdir=$root,upperdir=$memory/upper,workdir=$memory/work" overlay "$memory/root"
cp "$package" "$memory/root/srv/stack.deb"
mount -t proc proc "$memory/root/proc"
ip link set lo up
inside() { chroot "$memory/root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }
inside dpkg --install /srv/stack.deb >&2
inside /usr/libexec/stack/make-certificate
inside nginx -t -q
inside nginx
inside sh -c 'mkdir -p /run/stack && cd /usr/share/stack && gunicorn --daemon -b unix:/run/stack/stack.sock app:app'
ask() { curl -sk -m 30 --retry 60 --retry-delay 1 --retry-all-errors -f --resolve '*:80:127.0.0.1' --resolve '*:443:127.0.0.1' "$@"; }
ask -w ' HTTP %{http_version} %{http_code}\n' https://shop.example.org/
ask -w ' HTTP %{http_version} %{http_code}\n' http://shop.example.org/
inside grep '^served=' /var/lib/stack/tls/state
inside /usr/libexec/stack/obtain-certificate 2>&1 || true
inside nginx -s stop
inside pkill gunicorn || true
inside python3 -IBc "$4" 2>&1
"#;

/// Starts Redis as the unit says, waits until it tells systemd that it is ready, stores something as the app and tries to as
/// another user, and has the package's own program for data count it and make a snapshot, which Redis's own program judges.
const REDIS: &str = r#"
import os
import pwd
import shlex
import shutil
import socket
import subprocess
import sys

SOCKET = "/run/stack/valkey/valkey.sock"
unit = open("/usr/lib/systemd/system/stack-valkey.service").read().splitlines()
of = {key: value for key, _, value in (line.partition("=") for line in unit)}
assert (of["User"], of["Group"], of["Type"]) == ("valkey", "stack", "notify"), of
for folder in ("/run/stack/valkey", "/var/lib/stack/valkey"):
    os.makedirs(folder, 0o750)
    shutil.chown(folder, of["User"], of["Group"])
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind("/run/notify")
os.chmod("/run/notify", 0o666)
listener.settimeout(60)
command = [word.replace("$$", "$") for word in shlex.split(of["ExecStart"])]
environment = {"PATH": "/usr/bin:/bin", "NOTIFY_SOCKET": "/run/notify"}
server = subprocess.Popen(command, user=of["User"], group=of["Group"], extra_groups=[], env=environment, umask=0o027)
while b"READY=1" not in listener.recv(4096):
    pass


def redis(user, *words):
    group = pwd.getpwnam(user).pw_gid
    command = ["redis-cli", "-e", "-s", SOCKET, *words]
    return subprocess.run(command, user=user, group=group, extra_groups=[], capture_output=True, text=True)


print("version", redis("stack", "info", "server").stdout.partition("redis_version:")[2].split()[0])
print("stored", redis("stack", "set", "lamp", "brass").stdout.strip())
print("policy", redis("stack", "config", "get", "maxmemory-policy").stdout.split()[-1])
print("another user", redis("www-data", "get", "lamp").returncode != 0)
sys.path.insert(0, "/usr/libexec/stack")
import data_valkey

print("place", data_valkey.place(), data_valkey.lasting())
with data_valkey.snapshot(lambda: None) as (file, size):
    with open("/srv/dump.rdb", "wb") as copy:
        shutil.copyfileobj(file, copy)
print(subprocess.run(["redis-check-rdb", "/srv/dump.rdb"], capture_output=True, text=True).stdout)
server.terminate()
print("ended", server.wait(60), sorted(os.listdir("/var/lib/stack/valkey")))
"#;

/// Runs both with mounts, processes and a network of their own, which end with them.
fn in_a_copy(package: &Path) -> Output {
    let (root, memory) = (root("bookworm"), tempfile::tempdir().unwrap());
    let mut command = Command::new("unshare");
    command.args(["--mount", "--pid", "--net", "--fork", "--kill-child", "sh", "-ec", SCRIPT, "sh"]);
    command.arg(memory.path()).arg(root).arg(package).arg(REDIS).output().unwrap()
}

/// What all of it printed, made by whichever test comes first.
static SAID: LazyLock<String> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    default_stack(folder.path());
    let site = "[site]\nserver-names = [\"shop.example.org\"]\ntls = \"acme\"\nemail = \"jane@example.org\"\n\
        acme-server = \"https://127.0.0.1:14000/directory\"\n\n[service.valkey]\n\n[database]";
    edit(&folder.path().join("stack.toml"), "[database]", site);
    run(stackdeb().arg("deb").current_dir(folder.path()));
    let output = in_a_copy(&folder.path().join("dist/stack_1.0.0_amd64.deb"));
    let said = text(&output);
    assert!(output.status.success(), "{said}");
    said
});

#[track_caller]
fn check(parts: &[&str]) {
    for part in parts {
        assert!(SAID.contains(part), "no `{part}` in: {}", *SAID);
    }
}

fn https_works() {
    check(&["Hello from Flask via systemd! HTTP 2 200", "Hello from Flask via systemd! HTTP 1.1 200"]);
    // certbot has tried, and knows each of its arguments.
    check(&["served=self-signed", "Connection refused"]);
    assert!(!SAID.contains("unrecognized"), "{}", *SAID);
}

fn redis_takes_the_place_of_valkey() {
    check(&["version 7.0.", "stored OK", "policy noeviction", "another user True", "place here [['db0', 1]]"]);
    check(&["RDB looks OK", "ended 0 ['appendonlydir'"]);
}
