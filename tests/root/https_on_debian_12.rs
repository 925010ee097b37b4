//! HTTPS on Debian 12, whose nginx and certbot are older than those of Debian 13: the package in a root of that release, with
//! its own scripts, nginx and Gunicorn in place of systemd, and a visitor. It needs root, as piuparts does.

use std::path::Path;
use std::process::{Command, Output};

use libtest_mimic::Trial;
use support::edition::edit;
use support::{default_stack, room, run, stackdeb, text};

use crate::piuparts::root;

pub fn trials() -> Vec<Trial> {
    room::unless(room::without_root(), support::tests![https_works_on_debian_12])
}

/// In the root: dpkg installs the package, and the scripts of its units run as systemd would run them. Then the answer of a
/// visitor over HTTPS and over HTTP, and what certbot makes of its arguments: nobody listens at the authority's address.
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
"#;

/// Runs it with mounts, processes and a network of its own, which end with it.
fn in_a_copy(package: &Path) -> Output {
    let (root, memory) = (root("bookworm"), tempfile::tempdir().unwrap());
    let mut command = Command::new("unshare");
    command.args(["--mount", "--pid", "--net", "--fork", "--kill-child", "sh", "-ec", SCRIPT, "sh"]);
    command.arg(memory.path()).arg(root).arg(package).output().unwrap()
}

fn https_works_on_debian_12() {
    let folder = tempfile::tempdir().unwrap();
    default_stack(folder.path());
    let site = "[site]\nserver-names = [\"shop.example.org\"]\ntls = \"acme\"\nemail = \"jane@example.org\"\n\
        acme-server = \"https://127.0.0.1:14000/directory\"\n\n[database]";
    edit(&folder.path().join("stack.toml"), "[database]", site);
    run(stackdeb().arg("deb").current_dir(folder.path()));
    let output = in_a_copy(&folder.path().join("dist/stack_1.0.0_amd64.deb"));
    let said = text(&output);
    assert!(output.status.success(), "{said}");
    for part in
        ["Hello from Flask via systemd! HTTP 2 200", "Hello from Flask via systemd! HTTP 1.1 200", "served=self-signed"]
    {
        assert!(said.contains(part), "no `{part}` in: {said}");
    }
    // certbot has tried, and knows each of its arguments.
    assert!(said.contains("Connection refused") && !said.contains("unrecognized"), "{said}");
}
