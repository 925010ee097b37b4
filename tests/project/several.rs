//! `stackdeb image ONE OTHER`: one image with several stacks, and stacks that cannot be on one machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::Trial;
use serde_json::{Value, json};
use support::edition::edit;
use support::room::in_namespaces;
use support::several::{self, write_project};
use support::{inside, run, stackdeb, text};

pub fn trials() -> Vec<Trial> {
    let first = support::tests![stacks_that_clash_are_refused];
    first.into_iter().chain(in_namespaces(support::tests![one_image_has_several_stacks])).collect()
}

const APP: &str = "def app(environ, start_response):\n    start_response('200 OK', [])\n    return [b'well']\n";

fn one_image_has_several_stacks() {
    let projects = several::built();
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (projects.join("first"), projects.join("second"));
    let image = first.join("dist/both-1.0.0-linode.img.gz");
    assert!(first.join("dist/stack_1.0.0_amd64.deb").exists() && second.join("dist/blog_2.0_amd64.deb").exists());
    assert!(!fs::read_dir(second.join("dist")).unwrap().any(|one| one.unwrap().path().ends_with(".gz")));

    let manifest: Value =
        serde_json::from_slice(&fs::read(first.join("dist/both-1.0.0-linode.json")).unwrap()).unwrap();
    assert_eq!(manifest["name"], "both");
    let site = |name: &str, version: &str, https: bool, host: Value, health: &str| json!({"name": name, "version": version, "port": 80, "https": https, "host": host, "health_path": health});
    let expected = [
        site("stack", "1.0.0", true, Value::Null, "/healthz"),
        site("blog", "2.0", true, json!("blog.example.org"), "/well"),
        site("pages", "2.0", false, json!("pages.example.org"), "/healthz"),
    ];
    assert_eq!(manifest["stacks"], json!(expected));
    // The digest is the one that pypi.org shows for the wheel.
    let digest = "63c132bbbed01578a06712a2d1f497bb62d9c1c0d329b7903a866228027263b2";
    assert_eq!(manifest["libraries"], json!([{"name": "click", "version": "8.1.8", "sha256": digest}]));
    let installed: Vec<&str> =
        manifest["packages"].as_array().unwrap().iter().map(|package| package["name"].as_str().unwrap()).collect();
    assert!(installed.contains(&"stack") && installed.contains(&"blog"));
    // Of the further packages, those that are needed or asked for. All of them are in `dist`.
    for (name, is_there) in
        [("pages", true), ("pages-texts", true), ("pages-fonts", true), ("pages-tools", true), ("pages-rest", false)]
    {
        assert_eq!(installed.contains(&name), is_there, "{name}");
        let architecture = if name == "pages" { "amd64" } else { "all" };
        assert!(projects.join(format!("third/dist/{name}_2.0_{architecture}.deb")).exists(), "{name}");
    }

    // The image's own programs find both, and nginx finds no fault with the two sites together.
    let root = unpacked(&image, folder.path());
    let inside = |script: &str| run(inside(&root).args(["sh", "-ec", script]));
    assert_eq!(
        inside("dpkg-query --show --showformat '${Package} ${Status}\\n' blog stack"),
        "blog install ok installed\nstack install ok installed\n"
    );
    assert_eq!(inside("getent passwd blog stack | cut -d: -f1"), "blog\nstack\n");
    assert_eq!(
        inside("apt-mark showauto | grep '^pages'; stat -c %U:%G /etc/pages-tools"),
        "pages-fonts\npages-texts\npages:root\n"
    );
    for unit in [
        "blog.socket",
        "blog.service",
        "blog-health.timer",
        "blog-valkey.service",
        "blog-orders.service",
        "blog-tick.timer",
        "stack.socket",
        "stack.service",
        "stack-health.timer",
    ] {
        assert_eq!(inside(&format!("systemctl is-enabled {unit}")), "enabled\n", "{unit}");
    }
    // Debian's own instance, which would listen at a port.
    assert_eq!(inside("systemctl is-enabled valkey-server.service || true"), "disabled\n");
    assert_eq!(
        inside("systemctl is-enabled pages-health.timer; ls -d /etc/systemd/system/pages* 2>/dev/null || true"),
        "enabled\n"
    );
    assert_eq!(inside("cat /usr/share/stackdeb-pages/plain/index.html"), "<title>Pages</title>\n");
    assert_eq!(inside("systemctl is-enabled blog-release.service"), "enabled\n");
    // Python takes what was compiled of the packed library for that of its sources.
    let verbose = "PYTHONPATH=/usr/lib/blog/python3 python3 -v -c 'import click' 2>&1";
    let taken = inside(&format!("{verbose} | grep -E '^# /usr/lib/blog/.*/__init__.*pyc matches ' | head -n 1"));
    assert!(taken.contains("click/__init__.py"), "{taken}");
    for name in ["blog", "stack"] {
        let drop_in = root.join(format!("etc/systemd/system/{name}.service.d/10-image.conf"));
        assert!(fs::read_to_string(&drop_in).unwrap().contains("cloud-init"), "{name}");
    }
    let served = inside("nginx -T 2>/dev/null | grep -E '^ *(server_name|listen) ' | sort -u");
    for words in [
        "listen 80 default_server;",
        "server_name blog.example.org;",
        "server_name blog.localhost;",
        "server_name pages.example.org;",
    ] {
        assert!(served.contains(words), "{served}");
    }
    let conditions = fs::read_to_string(root.join("etc/systemd/system/first-boot-cluster.service")).unwrap();
    assert!(conditions.contains("for name in stack; do"), "{conditions}");
    let last = fs::read_to_string(root.join("etc/systemd/system/unattended-upgrades.service.d/10-image.conf")).unwrap();
    assert!(last.contains("After=stack.service blog.service pages.service\n"), "{last}");
    assert_eq!(fs::read_to_string(root.join("etc/hostname")).unwrap(), "stack\n");
}

/// Lays the files of an image out below `folder`. Only root gives them their owners.
fn unpacked(image: &Path, folder: &Path) -> PathBuf {
    let (raw, root) = (folder.join("raw"), folder.join("root"));
    run(Command::new("sh").args(["-c", "gzip -dc \"$0\" >\"$1\""]).arg(image).arg(&raw));
    fs::create_dir(&root).unwrap();
    run(Command::new("debugfs").args(["-R", &format!("rdump / {}", root.display())]).arg(&raw));
    root
}

fn stacks_that_clash_are_refused() {
    let names = "[site]\nserver-names = [\"a.example.org\"]\n";
    // Both projects' tables, the second one's name, and the words of the refusal.
    let cases = [
        ("", "[site]\nport = 81", "shop", "are both called `shop`"),
        (
            "[[file]]\npath = \"/etc/x\"\nfolder = true",
            "[[package]]\nname = \"shop\"\nsummary = \"another shop\"\n[[file]]\npath = \"/opt/x\"\nfolder = true\npackage = \"shop\"\n[site]\nport = 81",
            "blog",
            "both make a package `shop`",
        ),
        (
            "[[file]]\npath = \"/etc/x\"\nlink = \"y\"",
            "[[package]]\nname = \"blog-x\"\nsummary = \"another shop\"\n[[file]]\npath = \"/etc/x\"\nfolder = true\npackage = \"blog-x\"\n[site]\nport = 81",
            "blog",
            "both install /etc/x",
        ),
        ("", "", "blog", "both answer to every name at port 80"),
        (
            "[site]\ntls = \"self-signed\"",
            "[site]\nport = 81\ntls = \"self-signed\"",
            "blog",
            "both answer to every name at port 443",
        ),
        (names, names, "blog", "both answer to the name `a.example.org` at port 80"),
        (
            "[database]\nname = \"data\"",
            "[site]\nport = 81\n[database]\nname = \"data\"",
            "blog",
            "both have the database `data`",
        ),
        (
            "[app]\nkind = \"exec\"\ncommand = \"sleep 9\"\nlisten = \"port\"",
            "[app]\nkind = \"exec\"\ncommand = \"sleep 9\"\nlisten = \"port\"\n[site]\nport = 81",
            "blog",
            "both need the port 8000 of the loopback",
        ),
        ("[worker.mail]\ncommand = \"sleep 9\"", "[site]\nport = 81", "shop-mail", "both have the unit `shop-"),
        ("", "[site]\nport = 81\n[image]\nsuite = \"noble\"", "blog", "is for the suite trixie, and second for noble"),
    ];
    for (one, other, name, words) in cases {
        let folder = tempfile::tempdir().unwrap();
        write_project(&folder.path().join("first"), "shop", APP, one);
        write_project(&folder.path().join("second"), name, APP, other);
        if other.contains("[[package]]") {
            edit(
                &folder.path().join("second/stack.toml"),
                "[package]\nname = \"blog\"",
                "[[package]]\nname = \"blog\"",
            );
        }
        let output = stackdeb().args(["image", "first", "second"]).current_dir(folder.path()).output().unwrap();
        let said = text(&output).split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
        let said = said.replace(&format!("{}/", folder.path().display()), "");
        assert!(!output.status.success() && said.contains(words), "{words}: {said}");
        assert!(!folder.path().join("first/dist").exists());
    }
}
