//! HTTPS on a booted Debian: a certificate of an authority (Pebble, which is made for tests of such clients), one of
//! the administrator's, and the machine's own until then. One machine, one boot; the checks run in their order, each on
//! what the one before it left.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use support::ahead::{Ahead, Step};
use support::checks::{Check, checks};
use support::container::{Container, LIMIT};
use support::documents::steps;
use support::edition::{edit, edition};
use support::server::Server;
use support::{debian_packages, kept, text};

const CHECKS: &[Check<Container>] = &[
    ("https_answers_at_once_with_the_machines_own_certificate", own_certificate),
    ("a_name_that_does_not_resolve_is_told", unresolved_name),
    ("what_the_authority_refuses_is_told", refusal),
    ("after_eight_failures_the_authority_is_left_alone_for_two_hours", eight_failures),
    ("the_timer_gets_a_certificate_when_the_name_resolves_and_http_leads_to_https", issued),
    ("it_is_renewed_while_connections_go_on", renewed),
    ("a_renewal_that_fails_is_told_and_harms_nobody", renewal_fails),
    ("an_upgrade_with_another_name_gets_a_certificate_with_it", another_name),
    ("files_that_are_missing_or_wrong_break_no_site", files_missing),
    ("an_administrators_own_certificate_is_served", files_served),
    ("a_port_that_is_taken_breaks_no_site", port_taken),
    ("without_https_nothing_of_it_is_left", switched_off),
    ("purge_leaves_nothing", purge),
];

pub fn trials() -> Vec<Trial> {
    checks("https", boot, CHECKS)
}

/// What the packages need that the image does not have, and the authority.
static PACKAGES: Ahead<Vec<PathBuf>> = Ahead::new();

pub fn ahead() -> Step {
    PACKAGES.by(|| debian_packages::download("certbot, pebble"))
}

/// The authority's own certificate, which the machine trusts, as an administrator arranges it for an authority in house. Pebble
/// otherwise refuses one nonce in twenty on purpose (`PEBBLE_WFE_NONCEREJECT`), and the same order comes twice.
const AUTHORITY: &str = "
mkdir -p /srv/pebble && cd /srv/pebble
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=acme.example.org \
    -addext subjectAltName=DNS:acme.example.org -keyout key.pem -out own.pem 2>/dev/null
cp own.pem /usr/local/share/ca-certificates/acme.crt && update-ca-certificates >/dev/null
echo '127.0.0.1 acme.example.org' >>/etc/hosts
printf '[Unit]\nStartLimitIntervalSec=0\n[Service]\nWorkingDirectory=/srv/pebble\nEnvironment=PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=0\nExecStart=pebble -config pebble.json\n' \
    >/etc/systemd/system/pebble.service && systemctl daemon-reload
";

/// Starts the authority, which refuses `refused`. Pebble forgets its accounts when it ends, as a real authority does not.
fn start_authority(machine: &Container, refused: &str) {
    let configuration = format!(
        r#"{{"pebble": {{"listenAddress": "127.0.0.1:14000", "managementListenAddress": "127.0.0.1:15000",
        "certificate": "own.pem", "privateKey": "key.pem", "httpPort": 80, "tlsPort": 443,
        "ocspResponderURL": "", "externalAccountBindingRequired": false, "domainBlocklist": ["{refused}"],
        "retryAfter": {{"authz": 1, "order": 1}}, "certificateValidityPeriod": 7776000}}}}"#
    );
    machine.sh(&format!(
        "rm -rf /var/lib/shop/tls/certbot/accounts; echo '{configuration}' >/srv/pebble/pebble.json && \
         systemctl restart pebble.service && \
         python3 -c '
import socket, time
for _ in range(100):
    try: socket.create_connection((\"127.0.0.1\", 14000)); break
    except OSError: time.sleep(0.1)
'"
    ));
    // The timer may have begun an attempt without an authority. The next one would join it.
    machine.sh("while [ \"$(systemctl is-active shop-acme.service)\" = activating ]; do sleep 0.2; done");
}

/// The stack that ships, under another name and with this site.
fn package(machine: &Container, name: &str, version: &str, site: &str) {
    machine.copy(&edition(&kept().join("https").join(name), version, |project| {
        let manifest = project.join("stack.toml");
        edit(&manifest, "name = \"stack\"", &format!("name = \"{name}\""));
        edit(&manifest, "[image]", &format!("[site]\n{site}\n[image]"));
        edit(&project.join("app/app.py"), "Hello from Flask", &format!("Hello from {name}"));
    }));
}

fn boot() -> Container {
    let machine = Container::boot("https");
    debian_packages::install(&machine, PACKAGES.get());
    machine.sh(AUTHORITY);
    let acme = "tls = \"acme\"\nemail = \"admin@example.org\"\nacme-server = \"https://acme.example.org:14000/dir\"";
    package(&machine, "shop", "1.0.0", &format!("server-names = [\"shop.example.org\"]\n{acme}"));
    package(&machine, "shop", "2.0.0", &format!("server-names = [\"shop.example.org\", \"www.example.org\"]\n{acme}"));
    package(&machine, "shop", "3.0.0", "server-names = [\"shop.example.org\"]");
    let files = "tls = { certificate = \"/etc/ssl/blog.pem\", key = \"/etc/ssl/private/blog.key\" }";
    package(&machine, "blog", "1.0.0", &format!("server-names = [\"blog.example.org\"]\n{files}"));
    machine
}

/// Installs that version with apt; returns apt's output.
fn install(machine: &Container, name: &str, version: &str) -> String {
    machine.sh(&format!(
        "cd /root && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --allow-downgrades ./{name}_{version}_amd64.deb \
         2>&1 </dev/null"
    ))
}

/// curl for a URL by name, which leads to the machine.
fn curl(machine: &Container, further: &[&str], url: &str) -> Output {
    let mut curl = Command::new("curl");
    curl.args(["-sS", "-m", "30", "--noproxy", "*", "--connect-to", &format!("::{}:", machine.host())]);
    curl.args(further).arg(url).output().unwrap()
}

/// The status, the version of HTTP, the place that a redirection leads to, and the body. The certificate is not looked at.
fn fetch(machine: &Container, url: &str) -> (String, String) {
    let output = curl(machine, &["-k", "-w", "\n%{http_code} %{http_version} %{redirect_url}"], url);
    assert!(output.status.success(), "{url}: {}", text(&output));
    let answer = text(&output);
    let (body, summary) = answer.trim_end().rsplit_once('\n').unwrap();
    (summary.trim_end().to_owned(), body.trim().to_owned())
}

/// Waits until the app answers.
#[track_caller]
fn assert_hello(machine: &Container, url: &str, name: &str, summary: &str) {
    let begin = Instant::now();
    loop {
        let found = fetch(machine, url);
        if found == (summary.to_owned(), format!("Hello from {name} via systemd!")) {
            return;
        }
        assert!(begin.elapsed() < LIMIT, "{url}: {found:?}");
        thread::sleep(Duration::from_millis(300));
    }
}

/// The certificate that is served for a name, as openssl prints that property.
fn served(machine: &Container, name: &str, property: &str) -> String {
    machine.sh(&format!(
        "openssl s_client -connect 127.0.0.1:443 -servername {name} </dev/null 2>/dev/null | openssl x509 -noout -{property}"
    ))
}

/// What the health check of a stack finds: the state file.
fn health(machine: &Container, name: &str) -> serde_json::Value {
    let _ = machine.try_sh(&format!("systemctl start {name}-health.service"));
    serde_json::from_str(&machine.sh(&format!("cat /var/lib/{name}/health/health.json"))).unwrap()
}

/// Asks the authority, as the timer does, and at once.
fn ask_authority(machine: &Container) {
    machine.sh("systemctl start shop-acme.service");
}

fn own_certificate(machine: &mut Container) {
    let said = install(machine, "shop", "1.0.0");
    assert!(!said.contains("shop: "), "{said}");
    assert_hello(machine, "https://shop.example.org/", "shop", "200 2");
    assert_hello(machine, "http://shop.example.org/", "shop", "200 1.1");
    let subject = served(machine, "shop.example.org", "ext subjectAltName");
    assert!(subject.contains("DNS:shop.example.org"), "{subject}");
    assert_eq!(machine.sh("stat -c '%a %U' /var/lib/shop/tls/own.key"), "600 root");
    // Root writes in these, and nginx reads its configuration there: nobody else can put a link in their place.
    let folders = "stat -c '%a %U' /var/lib/shop /var/lib/shop/tls /var/lib/shop/acme /var/lib/shop/nginx";
    assert_eq!(machine.sh(folders), ["755 root"; 4].join("\n"));
    // Another name gets no page over HTTPS either.
    assert_eq!(fetch(machine, "https://evil.example/").0, "421 2");
    assert_eq!(machine.sh("systemctl is-enabled shop-acme.timer"), "enabled");
}

fn unresolved_name(machine: &mut Container) {
    start_authority(machine, "none.example.org");
    ask_authority(machine);
    let found = health(machine, "shop");
    let problems = found["problems"].to_string();
    assert!(problems.contains("HTTPS has a self-signed certificate only: shop.example.org: "), "{problems}");
    assert!(problems.contains("lookup shop.example.org"), "{problems}");
    assert_eq!(found["certificate"]["served"], "self-signed", "{found}");
    assert_hello(machine, "http://shop.example.org/", "shop", "200 1.1");
    assert_eq!(machine.sh("systemctl --failed --no-legend --plain | cut -d' ' -f1"), "shop-health.service");
}

/// Has the site's names lead to the machine.
fn resolve_names(machine: &Container) {
    machine.sh(&format!("echo '{} shop.example.org www.example.org' >>/etc/hosts", machine.host()));
}

fn refusal(machine: &mut Container) {
    resolve_names(machine);
    start_authority(machine, "shop.example.org");
    // As the how-to has it: what the authority says is in the journal.
    let [ask, _] = steps("https.md", "server");
    let said = machine.sh(&ask.replace("journalctl", "journalctl --sync\njournalctl"));
    assert!(said.contains("issuance is forbidden by policy"), "{said}");
    let problems = health(machine, "shop")["problems"].to_string();
    assert!(problems.contains("Order included an identifier for which issuance is forbidden by policy"), "{problems}");
}

/// The authority itself counts how often it is asked. The file has a line for each failure.
fn eight_failures(machine: &mut Container) {
    let failures = "/var/lib/shop/tls/acme-failure";
    // How often it is asked by two attempts, one after the other.
    let asked = || {
        let orders = || -> u32 {
            machine
                .sh("journalctl --sync; journalctl -u pebble.service -o cat | grep -c 'POST /order-plz' || true")
                .parse()
                .unwrap()
        };
        let before = orders();
        ask_authority(machine);
        ask_authority(machine);
        orders() - before
    };
    machine.sh("systemctl stop shop-acme.timer");
    machine.sh(&format!("for number in 1 2 3 4 5 6 7; do echo refused; done >{failures}"));
    assert_eq!(asked(), 1);
    assert_eq!(machine.sh(&format!("wc -l <{failures}")), "8");
    assert_eq!(asked(), 0);
    machine.sh(&format!("touch -d '2 hours ago' {failures}"));
    assert_eq!(asked(), 1);
    machine.sh("systemctl start shop-acme.timer");
}

/// Asks for the page as a browser does that trusts the authority.
#[track_caller]
fn assert_trusted(machine: &Container, name: &str) {
    let python = "import ssl, urllib.request as r; c = ssl.create_default_context(cafile=\"/srv/pebble/own.pem\"); \
         print(r.urlopen(\"https://acme.example.org:15000/roots/0\", context=c).read().decode())";
    let root = kept().join("https-root.pem");
    std::fs::write(&root, machine.sh(&format!("python3 -c '{python}'"))).unwrap();
    let begin = Instant::now();
    loop {
        let output = curl(machine, &["--cacert", root.to_str().unwrap()], &format!("https://{name}/"));
        if output.status.success() && text(&output) == "Hello from shop via systemd!" {
            return;
        }
        // nginx's old workers accept connections for a moment after a reload.
        assert!(begin.elapsed() < LIMIT, "{name}: {} {}", output.status, text(&output));
        thread::sleep(Duration::from_millis(300));
    }
}

/// Makes the timer fire every two seconds instead of every fifteen minutes. Its first attempts find no address of the name.
const SHORT: &str = "sed -i '/ shop.example.org /d' /etc/hosts && rm -f /var/lib/shop/tls/acme-failure && \
    mkdir -p /etc/systemd/system/shop-acme.timer.d && \
    printf '[Timer]\nOnActiveSec=\nOnActiveSec=1s\nOnUnitInactiveSec=2s\nAccuracySec=100ms\n' \
        >/etc/systemd/system/shop-acme.timer.d/short.conf && \
    systemctl daemon-reload && systemctl restart shop-acme.timer && \
    for i in $(seq 300); do grep -q 'lookup shop.example.org' /var/lib/shop/tls/acme-failure && exit; sleep 0.2; done; exit 1";

/// Stops that timer: from here on, only the tests ask the authority.
const NO_TIMER: &str = "systemctl stop shop-acme.timer && rm -r /etc/systemd/system/shop-acme.timer.d && \
    systemctl daemon-reload && until [ \"$(systemctl is-active shop-acme.service)\" = inactive ]; do sleep 0.2; done";

fn issued(machine: &mut Container) {
    start_authority(machine, "none.example.org");
    let nginx = machine.sh("systemctl show -P MainPID nginx.service");
    machine.sh(SHORT);
    resolve_names(machine);
    assert_trusted(machine, "shop.example.org");
    machine.sh(NO_TIMER);
    assert_eq!(fetch(machine, "http://shop.example.org/a?b=c").0, "308 1.1 https://shop.example.org/a?b=c");
    assert_hello(machine, "https://shop.example.org/", "shop", "200 2");
    // What is asked for without a browser.
    assert_eq!(fetch(machine, "http://shop.example.org/healthz").0, "200 1.1");
    assert_eq!(fetch(machine, "http://shop.example.org/.well-known/acme-challenge/none").0, "404 1.1");
    let found = health(machine, "shop");
    assert_eq!((&found["healthy"], &found["certificate"]["days_left"]), (&true.into(), &89.into()), "{found}");
    assert!(machine.sh("tail -n 1 /var/log/shop/health_check.log").contains(" | Certificate: 89 days"));
    assert_eq!(machine.sh("systemctl show -P MainPID nginx.service"), nginx);
    // Neither the app nor nginx's workers can read the keys.
    for user in ["shop", "www-data"] {
        let keys = "/var/lib/shop/tls/own.key /var/lib/shop/tls/certbot/live/shop/privkey.pem";
        assert!(!machine.try_sh(&format!("runuser -u {user} -- cat {keys}")).stdout.starts_with(b"-----"), "{user}");
    }
    // Until it is due, nobody asks.
    let serial = served(machine, "shop.example.org", "serial");
    ask_authority(machine);
    assert_eq!(served(machine, "shop.example.org", "serial"), serial);
}

/// Half a day passes, and the certificate is due: certbot's own setting says when that is.
const DUE: &str = "touch -d '13 hours ago' /var/lib/shop/tls/acme-done && \
    sed -i 's/^# renew_before_expiry = .*/renew_before_expiry = 200 days/' /var/lib/shop/tls/certbot/renewal/shop.conf && \
    grep -q '^renew_before_expiry' /var/lib/shop/tls/certbot/renewal/shop.conf";

fn renewed(machine: &mut Container) {
    let serial = served(machine, "shop.example.org", "serial");
    machine.sh(DUE);
    ask_authority(machine);
    let begin = Instant::now();
    while served(machine, "shop.example.org", "serial") == serial {
        assert!(begin.elapsed() < LIMIT, "the old certificate is still served");
        thread::sleep(Duration::from_millis(300));
    }
    assert_trusted(machine, "shop.example.org");
}

fn renewal_fails(machine: &mut Container) {
    machine.sh("systemctl stop pebble.service");
    machine.sh(DUE);
    ask_authority(machine);
    let found = health(machine, "shop");
    // There is time left, so that is no problem yet.
    assert_eq!(found["healthy"], true, "{found}");
    let failure = found["certificate"]["failure"].to_string();
    assert!(failure.contains("acme.example.org") && failure.contains("Connection refused"), "{failure}");
    assert_hello(machine, "https://shop.example.org/", "shop", "200 2");
    start_authority(machine, "none.example.org");
}

fn another_name(machine: &mut Container) {
    install(machine, "shop", "2.0.0");
    ask_authority(machine);
    assert_trusted(machine, "www.example.org");
    assert_trusted(machine, "shop.example.org");
    assert_eq!(health(machine, "shop")["certificate"]["failure"], serde_json::Value::Null);
}

fn files_missing(machine: &mut Container) {
    let said = install(machine, "blog", "1.0.0");
    assert!(!said.contains("blog: "), "{said}");
    assert_hello(machine, "https://blog.example.org/", "blog", "200 2");
    assert_hello(machine, "http://blog.example.org/", "blog", "200 1.1");
    assert_trusted(machine, "shop.example.org");
    let problems = health(machine, "blog")["problems"].to_string();
    assert!(problems.contains("HTTPS has a self-signed certificate only: cannot read /etc/ssl/blog.pem"), "{problems}");
    machine.sh(
        "cp /srv/pebble/own.pem /etc/ssl/blog.pem && openssl genpkey -algorithm ED25519 -out /etc/ssl/private/blog.key",
    );
    let problems = health(machine, "blog")["problems"].to_string();
    assert!(problems.contains("/etc/ssl/private/blog.key is not the key of /etc/ssl/blog.pem"), "{problems}");
    machine.sh("systemctl restart nginx.service");
    assert_trusted(machine, "shop.example.org");
}

fn files_served(machine: &mut Container) {
    machine.sh("cp /srv/pebble/key.pem /etc/ssl/private/blog.key");
    // As the how-to has it, about a site of another name: the files are used at once.
    let [_, use_files] = steps("https.md", "server");
    machine.sh(&use_files.replace("shop", "blog"));
    let begin = Instant::now();
    while !served(machine, "blog.example.org", "subject").contains("acme.example.org") {
        assert!(begin.elapsed() < LIMIT, "the machine's own certificate is still served");
        thread::sleep(Duration::from_millis(300));
    }
    let found = health(machine, "blog");
    assert_eq!((&found["certificate"]["served"], &found["certificate"]["days_left"]), (&"own".into(), &29.into()));
    assert_eq!(fetch(machine, "http://blog.example.org/").0, "308 1.1 https://blog.example.org/");
    assert!(served(machine, "shop.example.org", "ext subjectAltName").contains("www.example.org"));
    machine.sh("apt-get purge -y blog");
    assert_trusted(machine, "shop.example.org");
}

fn port_taken(machine: &mut Container) {
    machine.sh("apt-get remove -y shop && systemctl restart nginx.service");
    let server = "import socket, time; s = socket.create_server((\"\", 443)); time.sleep(600)";
    machine.sh(&format!("systemd-run -q --unit=taken python3 -c '{server}'"));
    install(machine, "shop", "2.0.0");
    assert_hello(machine, "http://shop.example.org/", "shop", "200 1.1");
    let problems = health(machine, "shop")["problems"].to_string();
    assert!(problems.contains("there is no HTTPS: another program listens on port 443"), "{problems}");
    // nginx also starts, with all other sites.
    machine.sh(
        "systemctl restart nginx.service && systemctl stop taken.service && systemctl start shop-certificate.service",
    );
    assert_trusted(machine, "shop.example.org");
    assert_eq!(health(machine, "shop")["healthy"], true);
    assert_eq!(fetch(machine, "http://shop.example.org/").0, "308 1.1 https://shop.example.org/");
}

fn switched_off(machine: &mut Container) {
    install(machine, "shop", "3.0.0");
    assert_hello(machine, "http://shop.example.org/", "shop", "200 1.1");
    assert!(!curl(machine, &["-k"], "https://shop.example.org/").status.success());
    assert_eq!(machine.sh("systemctl list-timers --all --no-legend 'shop-acme*'"), "");
    assert_eq!(machine.sh("find /etc/systemd /var/lib/systemd -name 'shop-acme*'"), "");
    assert_eq!(health(machine, "shop")["certificate"], serde_json::Value::Null);
    install(machine, "shop", "1.0.0");
    assert_hello(machine, "https://shop.example.org/", "shop", "200 2");
}

fn purge(machine: &mut Container) {
    machine.sh("apt-get purge -y shop");
    let left = "find /etc /usr /var/lib /run -xdev -regex '.*/\\(shop\\|blog\\)[^/]*' -not -path '/etc/ssl/*' -not -path '/usr/share/doc/*'";
    assert_eq!(machine.sh(left), "");
    machine.sh("nginx -t -q");
    assert_eq!(machine.sh("systemctl list-units --all --no-legend --state=active,failed 'shop*' 'blog*'"), "");
}
