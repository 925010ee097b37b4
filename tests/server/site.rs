//! Two stacks on one booted Debian, which share nginx and its port: what each does to the other when it is installed, upgraded
//! and purged. One machine, one boot; the checks run in their order, each on what the one before it left.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use support::ahead::{Ahead, Step};
use support::checks::{Check, checks};
use support::container::{Container, LIMIT};
use support::edition::{edit, edition};
use support::server::Server;
use support::{debian_packages, kept, text};

const CHECKS: &[Check<Container>] = &[
    ("two_stacks_share_a_port", share_a_port),
    ("nginx_serves_static_files_itself", static_files),
    ("a_third_without_names_gets_all_other_names", without_names),
    ("a_fourth_without_names_is_not_enabled_and_harms_nobody", refused),
    ("an_upgrade_of_one_does_not_touch_the_other", upgrade),
    ("files_of_the_version_before_stay_for_pages_that_are_open", earlier_files),
    ("a_purge_of_one_leaves_the_other", purge_one),
    ("the_last_one_gives_nginx_its_default_site_back", purge_last),
];

pub fn trials() -> Vec<Trial> {
    checks("site", boot, CHECKS)
}

/// What the packages need that the image does not have.
static PACKAGES: Ahead<Vec<PathBuf>> = Ahead::new();

pub fn ahead() -> Step {
    PACKAGES.by(|| debian_packages::download("libnginx-mod-http-brotli-static"))
}

/// The stack that ships, under another name and with these names of its site.
fn stack(project: &Path, name: &str, site: &str) {
    let manifest = project.join("stack.toml");
    edit(&manifest, "name = \"stack\"", &format!("name = \"{name}\""));
    edit(&manifest, "[image]", &format!("[site]\n{site}\n[image]"));
    edit(&project.join("app/app.py"), "Hello from Flask", &format!("Hello from {name}"));
}

/// The hash in the name of the style sheet of a version.
fn hash(version: &str) -> String {
    format!("55e7cbb9ba4{}", &version[..1])
}

/// The style sheet of a version: what a bundler would write, long enough to be compressed.
fn style_sheet(version: &str) -> String {
    (0..200).map(|number| format!(".version-{version} .part-{number} {{ margin: {number}px auto; }}\n")).collect()
}

/// Gives a project a folder of static files.
fn with_static_files(project: &Path, version: &str) {
    let folder = project.join("static");
    fs::create_dir_all(folder.join("css")).unwrap();
    fs::write(folder.join(format!("css/app.{}.css", hash(version))), style_sheet(version)).unwrap();
    fs::write(folder.join("robots.txt"), "User-agent: *\n").unwrap();
    fs::write(folder.join(".secret"), "not for visitors").unwrap();
    edit(&project.join("stack.toml"), "[image]", "[[site.static]]\npath = \"/files/\"\nfolder = \"static\"\n[image]");
}

fn boot() -> Container {
    let folder = kept().join("site");
    let machine = Container::boot("site");
    debian_packages::install(&machine, PACKAGES.get());
    let build = |name: &str, version: &str, site: &str| {
        machine.copy(&edition(&folder.join(name), version, |project| {
            stack(project, name, site);
            if name == "shop" {
                with_static_files(project, version);
            }
        }));
    };
    build("blog", "1.0.0", "server-names = [\"blog.example.org\", \"*.blog.example.org\"]");
    build("shop", "1.0.0", "server-names = [\"shop.example.org\"]");
    build("shop", "2.0.0", "server-names = [\"shop.example.org\", \"www.shop.example.org\"]");
    build("shop", "3.0.0", "server-names = [\"shop.example.org\"]");
    build("every", "1.0.0", "");
    build("any", "1.0.0", "");
    machine
}

/// apt goes to a version of a package; what it says.
fn install(machine: &Container, name: &str, version: &str) -> String {
    machine.sh(&format!(
        "cd /root && DEBIAN_FRONTEND=noninteractive apt-get install -y -q ./{name}_{version}_amd64.deb 2>&1 </dev/null"
    ))
}

/// The head and the body of an answer, decoded as a browser does, with further arguments of curl.
fn fetch(machine: &Container, host: &str, path: &str, further: &[&str]) -> (String, String) {
    let mut curl = Command::new("curl");
    curl.args(["-si", "--path-as-is", "--compressed", "-m", "30", "-H", &format!("Host: {host}")]).args(further);
    let output = curl.arg(format!("http://{}{path}", machine.address())).output().unwrap();
    assert!(output.status.success(), "{path}: {}", output.status);
    let answer = text(&output);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (format!("{head}\r\n"), body.to_owned())
}

/// Asks for a path by a name, and returns the status and the body.
fn ask(machine: &Container, host: &str, path: &str) -> (u16, String) {
    let url = format!("http://{}{path}", machine.address());
    let mut curl = Command::new("curl");
    curl.args(["-s", "-m", "30", "-w", "\n%{http_code}", "-H", &format!("Host: {host}"), &url]);
    let answer = text(&curl.output().unwrap());
    let (body, status) = answer.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), body.trim().to_owned())
}

/// Asks until a stack answers by that name.
#[track_caller]
fn assert_answers(machine: &Container, host: &str, name: &str) {
    let begin = Instant::now();
    loop {
        let found = ask(machine, host, "/");
        if found == (200, format!("Hello from {name} via systemd!")) {
            return;
        }
        assert!(begin.elapsed() < LIMIT, "{host} answers {found:?}");
        thread::sleep(Duration::from_millis(500));
    }
}

#[track_caller]
fn assert_is_no_name(machine: &Container, host: &str) {
    let (status, body) = ask(machine, host, "/");
    assert!(status == 421 && !body.contains("Hello"), "{host}: {status} {body}");
}

fn share_a_port(machine: &mut Container) {
    for name in ["shop", "blog"] {
        let said = install(machine, name, "1.0.0");
        assert!(!said.contains(&format!("{name}: ")), "{said}");
    }
    for (host, name) in [("shop.example.org", "shop"), ("blog.example.org", "blog"), ("x.blog.example.org", "blog")] {
        assert_answers(machine, host, name);
    }
    for host in ["example.org", "evil.example", machine.host()] {
        assert_is_no_name(machine, host);
    }
    // Databases, counters and health checks of their own; a balancer asks for the health page by the address.
    assert_eq!(ask(machine, "shop.example.org", "/visits").0, 200);
    assert_eq!(machine.sh("runuser -u shop -- psql -At shop -c 'select count(*) from visits'"), "1");
    assert_eq!(machine.sh("runuser -u blog -- psql -At blog -c 'select count(*) from visits'"), "0");
    for host in [machine.host(), "shop.localhost", "blog.localhost"] {
        assert_eq!(ask(machine, host, "/healthz").0, 200, "{host}");
    }
    machine.sh("systemctl start shop-health.service blog-health.service");
    for name in ["shop", "blog"] {
        let get = "import sys, urllib.request as r; print(r.urlopen(r.Request(sys.argv[1], headers={'Host': sys.argv[2]})).read().decode())";
        let page = machine.sh(&format!("python3 -c \"{get}\" http://127.0.0.1/health-report {name}.localhost"));
        assert!(page.contains(&format!("<h1>Health of {name}</h1>")), "{page}");
    }
    machine.sh("test ! -e /etc/nginx/sites-enabled/default && nginx -t 2>&1 | tee /dev/stderr | grep -v -q -i warn");
}

const IMMUTABLE: &str = "\r\nCache-Control: public, max-age=31536000, immutable\r\n";

fn static_files(machine: &mut Container) {
    let get = |path: &str, further: &[&str]| fetch(machine, "shop.example.org", path, further);
    let css = format!("/files/css/app.{}.css", hash("1.0.0"));
    // What is served has nothing to do with the app.
    machine.sh("systemctl stop shop.service shop.socket");
    for (accepted, encoding) in [("gzip, deflate, br", "br"), ("gzip", "gzip")] {
        let (head, body) = get(&css, &["-H", &format!("Accept-Encoding: {accepted}")]);
        for line in ["Content-Type: text/css", "Vary: Accept-Encoding", &format!("Content-Encoding: {encoding}")] {
            assert!(head.contains(&format!("\r\n{line}\r\n")), "{line}: {head}");
        }
        assert!(head.starts_with("HTTP/1.1 200 ") && head.contains(IMMUTABLE), "{head}");
        assert_eq!(body, style_sheet("1.0.0"));
    }
    let (head, body) = get(&css, &["-H", "Accept-Encoding:"]);
    assert!(!head.contains("Content-Encoding") && body == style_sheet("1.0.0"), "{head}");
    let (head, body) = get("/files/robots.txt", &[]);
    assert!(head.contains("\r\nCache-Control: public, max-age=60\r\n") && body == "User-agent: *\n", "{head}");
    let etag = head.lines().find_map(|line| line.strip_prefix("ETag: ")).unwrap();
    let (head, _) = get("/files/robots.txt", &["-H", &format!("If-None-Match: {etag}")]);
    assert!(head.starts_with("HTTP/1.1 304 "), "{head}");
    for path in ["/files/", "/files/none.css", "/files/.secret", "/files/../../shop/app.py", "/files/%2e%2e/app.py"] {
        let (head, body) = get(path, &[]);
        assert!(!head.starts_with("HTTP/1.1 200 ") && !body.contains("not for") && !body.contains("import"), "{path}");
    }
    assert!(get("/files/none.css", &[]).0.starts_with("HTTP/1.1 404 "));
    machine.sh("systemctl start shop.socket shop.service");
}

fn without_names(machine: &mut Container) {
    let said = install(machine, "every", "1.0.0");
    assert!(!said.contains("every: "), "{said}");
    assert_answers(machine, "evil.example", "every");
    assert_answers(machine, "shop.example.org", "shop");
}

fn refused(machine: &mut Container) {
    let said = install(machine, "any", "1.0.0");
    assert!(said.contains("any: nginx refuses the site together with the sites that it has (see above)"), "{said}");
    assert!(said.contains("duplicate default server"), "{said}");
    machine.sh("nginx -t -q && test ! -e /etc/nginx/sites-enabled/any && systemctl is-active any.service");
    for (host, name) in [("evil.example", "every"), ("shop.example.org", "shop"), ("blog.example.org", "blog")] {
        assert_answers(machine, host, name);
    }
    machine.sh("apt-get purge -y any every");
    assert_is_no_name(machine, "evil.example");
}

fn upgrade(machine: &mut Container) {
    let blog = "systemctl show -P MainPID -P ExecMainStartTimestampMonotonic blog.service";
    let before = machine.sh(blog);
    install(machine, "shop", "2.0.0");
    assert_answers(machine, "www.shop.example.org", "shop");
    assert_answers(machine, "blog.example.org", "blog");
    assert_eq!(machine.sh(blog), before);
    assert_eq!(machine.sh("runuser -u shop -- psql -At shop -c 'select count(*) from visits'"), "1");
}

fn earlier_files(machine: &mut Container) {
    let sheet = |version: &str| format!("/files/css/app.{}.css", hash(version));
    let get = |version: &str| fetch(machine, "shop.example.org", &sheet(version), &[]);
    let assert_is_there = |version: &str| {
        let (head, body) = get(version);
        assert!(head.starts_with("HTTP/1.1 200 ") && head.contains(IMMUTABLE), "{version}: {head}");
        assert_eq!(body, style_sheet(version));
    };
    let assert_is_gone = |version: &str| assert!(get(version).0.starts_with("HTTP/1.1 404 "), "{version}");
    // 2.0.0 was installed over 1.0.0. To install it once more changes nothing.
    for _ in 0..2 {
        assert_is_there("1.0.0");
        assert_is_there("2.0.0");
        machine.sh("cd /root && apt-get install -y --reinstall ./shop_2.0.0_amd64.deb");
    }
    install(machine, "shop", "3.0.0");
    assert_is_gone("1.0.0");
    assert_is_there("2.0.0");
    assert_is_there("3.0.0");
}

/// The one that took nginx's default site away goes first.
fn purge_one(machine: &mut Container) {
    machine.sh("test -L /var/lib/shop/nginx/default");
    machine.sh("apt-get purge -y shop");
    assert_answers(machine, "blog.example.org", "blog");
    for host in ["shop.example.org", "evil.example"] {
        assert_is_no_name(machine, host);
    }
    machine.sh("nginx -t -q && test ! -e /etc/nginx/sites-enabled/default && test ! -e /var/lib/shop");
    machine.sh("runuser -u blog -- psql -At blog -c 'select count(*) from visits'");
    machine.sh("systemctl start blog-health.service");
}

fn purge_last(machine: &mut Container) {
    machine.sh("apt-get purge -y blog");
    assert!(ask(machine, "evil.example", "/").1.contains("Welcome to nginx"));
    assert_eq!(machine.sh("readlink /etc/nginx/sites-enabled/default"), "/etc/nginx/sites-available/default");
    assert_eq!(machine.sh("find /etc /usr /var/lib -xdev -name 'shop*' -o -name 'blog*' -o -name 'every*' | grep -v -e /dpkg/ -e /postgresql/ -e /perl -e /share/doc || true"), "");
    assert_eq!(machine.sh("systemctl --failed --no-legend"), "");
}
