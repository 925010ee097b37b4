//! A row of machines: two web machines from one image, whose user data names a database on a third, on a network of their
//! own and behind a balancer. One boot of each; the checks run in their order, each on what the one before it left.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use support::balancer::Balancer;
use support::checks::{Check, checks};
use support::container::{Cards, Container, LIMIT, Options};
use support::machine::free_port;
use support::server::Server;
use support::{Built, built, kept, metadata, run, stackdeb};

const CHECKS: &[Check<Cluster>] = &[
    ("web_machines_serve_before_their_database_is_there", without_database),
    ("each_machine_is_on_the_network_as_itself", network),
    ("the_database_is_found_when_it_comes", database_comes),
    ("the_app_has_a_role_of_its_own", own_role),
    ("no_postgresql_runs_beside_the_app", no_postgresql),
    ("the_health_check_asks_the_remote_database", health_check),
    ("both_count_in_one_database_over_tls", one_database),
    ("the_balancer_spreads_requests", requests_spread),
    ("another_certificate_is_refused", other_certificate),
    ("a_killed_machine_is_not_missed", machine_killed),
    ("only_root_asks_for_user_data", user_data_is_for_root),
    ("without_its_name_there_is_a_database_here", local_again),
    ("root_follows_no_link_when_it_makes_a_cluster", links_in_the_place_of_a_cluster),
];

const DATABASE_HOST: &str = "10.0.0.2";
const WEB_HOSTS: [&str; 2] = ["10.0.0.11", "10.0.0.12"];
/// As PostgreSQL has it, and as a URL has it.
const PASSWORD: (&str, &str) = ("s3cret@pw/100%", "s3cret%40pw%2F100%25");
/// The administrator of the database's server, who is no superuser, as with a managed database.
const ADMINISTRATOR: (&str, &str) = ("akmadmin", "adm1n-s3cret$x");

pub fn trials() -> Vec<Trial> {
    checks("cluster", Cluster::boot, CHECKS)
}

struct Cluster {
    database: Container,
    web: [Container; 2],
    balancer: Option<Balancer>,
}

impl Cluster {
    /// Switches all machines on; the database's is clean, and has no database yet.
    fn boot() -> Self {
        let folder = kept().join("cluster");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        make_certificates(&folder);
        let database = Options {
            name: "database",
            number: None,
            image: Built::WithoutPackage,
            user_data: None,
            cards: Cards::Two,
        };
        let database = Container::start(&database);
        let web = [0, 1].map(|index| {
            let name = format!("web-{}", index + 1);
            let user_data = web_user_data(&folder, &name, WEB_HOSTS[index]);
            Container::start(&Options {
                name: &name,
                number: None,
                image: Built::Image,
                user_data: Some(&user_data),
                cards: Cards::Two,
            })
        });
        Self { database, web, balancer: None }
    }

    fn addresses(&self) -> [String; 2] {
        self.web.each_ref().map(Server::address)
    }

    fn balancer(&self) -> &Balancer {
        self.balancer.as_ref().expect("an earlier check started it")
    }

    /// What the database's administrator sees.
    #[track_caller]
    fn query(&self, sql: &str) -> String {
        self.database.sh(&format!("cd / && runuser -u postgres -- psql -X -A -t -d shop -c \"{sql}\""))
    }
}

/// An authority with the database server's certificate, and a second authority, which signed nothing here.
fn make_certificates(folder: &Path) {
    let script = format!(
        "cd \"$1\"
         for name in ca other; do
             openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj \"/CN=$name\" \
                 -keyout $name.key -out $name.pem
         done
         openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=database -keyout server.key -out server.csr
         echo 'subjectAltName=IP:{DATABASE_HOST}' >extensions
         openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile extensions -out server.pem"
    );
    run(Command::new("sh").args(["-ec", &script, "sh"]).arg(folder));
}

/// The second card's network, as Terraform's configuration has it (image/terraform/network.tf).
fn network_file(host: &str) -> String {
    format!(
        "[Match]\nName=eth1\n\n[Link]\nRequiredForOnline=no\n\n\
         [Network]\nAddress={host}/24\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n"
    )
}

/// A public key, made once.
fn ssh_key(folder: &Path) -> String {
    let key = folder.join("key");
    if !key.exists() {
        run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"]).arg(&key));
    }
    fs::read_to_string(folder.join("key.pub")).unwrap().trim().to_owned()
}

/// The user data of a web machine. Every value is JSON, which is YAML as well.
fn web_user_data(folder: &Path, name: &str, host: &str) -> String {
    let url = format!(
        "postgresql://shop:{}@{DATABASE_HOST}:5432/shop?sslmode=verify-full&sslrootcert=/etc/stack/database-ca.pem",
        PASSWORD.1
    );
    let values = [
        ("hostname", serde_json::json!(name)),
        ("ssh_keys", serde_json::json!([ssh_key(folder)])),
        ("network", serde_json::json!(network_file(host))),
        ("balancer", serde_json::json!("set_real_ip_from 10.0.0.128/29;\n")),
        ("environment", serde_json::json!(format!("DATABASE_URL=\"{url}\"\n"))),
        ("database_admin", serde_json::json!(administrator_file())),
        ("database_ca", serde_json::json!(fs::read_to_string(folder.join("ca.pem")).unwrap())),
    ];
    let mut text = web_template(folder);
    for (variable, value) in values {
        let place = format!("${{{variable}}}");
        assert!(text.contains(&place), "no {place} in {text}");
        text = text.replace(&place, &value.to_string());
    }
    text
}

/// What the first boot makes the app's role with, as Terraform's configuration has it (image/terraform/database.tf).
fn administrator_file() -> String {
    let (user, password) = ADMINISTRATOR;
    format!(
        "PGHOST=\"{DATABASE_HOST}\"\nPGPORT=\"5432\"\nPGUSER=\"{user}\"\nPGPASSWORD=\"{}\"\nPGDATABASE=\"defaultdb\"\n\
         PGSSLMODE=\"verify-full\"\nPGSSLROOTCERT=\"/etc/stack/database-ca.pem\"\nROLE_NAME=\"shop\"\n\
         ROLE_PASSWORD=\"{}\"\nROLE_DATABASE=\"shop\"\n",
        password.replace('$', "\\$"),
        PASSWORD.0
    )
}

/// What Terraform makes a web machine's user data of, as `stackdeb terraform` writes it.
fn web_template(folder: &Path) -> String {
    let (project, out) = (built(Built::Image), folder.join("terraform"));
    run(stackdeb().arg("terraform").arg(project.parent().unwrap()).arg("--out").arg(&out));
    fs::read_to_string(out.join("user-data.yaml.tftpl")).unwrap()
}

fn without_database(cluster: &mut Cluster) {
    for web in &mut cluster.web {
        assert_eq!(web.get("/", 200), "Hello from Flask via systemd!");
        web.get("/healthz", 503);
    }
}

fn network(cluster: &mut Cluster) {
    cluster.database.wait_until_booted();
    let write = format!("printf %s '{}' >/etc/systemd/network/70-vpc.network", network_file(DATABASE_HOST));
    cluster.database.sh(&format!("{write} && networkctl reload"));
    let machines = [&cluster.database, &cluster.web[0], &cluster.web[1]];
    for (machine, host) in machines.into_iter().zip([DATABASE_HOST, WEB_HOSTS[0], WEB_HOSTS[1]]) {
        wait(|| machine.sh("ip -4 -o address show eth1").contains(&format!("inet {host}/24 ")), "no address");
    }
    let names = machines.map(|machine| machine.sh("hostname"));
    assert_eq!(names[1..], ["web-1", "web-2"]);
    let ids = machines.map(|machine| machine.sh("cat /etc/machine-id"));
    assert_eq!(BTreeSet::from(ids.clone()).len(), 3, "{ids:?}");
    let keys = cluster.web[0].sh("cat /root/.ssh/authorized_keys");
    assert!(keys.contains(&ssh_key(&kept().join("cluster"))), "{keys}");
}

/// Waits until `so` says yes, at most `LIMIT`.
#[track_caller]
fn wait(mut so: impl FnMut() -> bool, otherwise: &str) {
    let begin = Instant::now();
    while !so() {
        assert!(begin.elapsed() < LIMIT, "{otherwise}");
        thread::sleep(Duration::from_secs(2));
    }
}

fn database_comes(cluster: &mut Cluster) {
    let database = &cluster.database;
    for file in ["server.pem", "server.key"] {
        database.copy(&kept().join("cluster").join(file));
    }
    let settings = format!(
        "listen_addresses = '{DATABASE_HOST}'\nssl = on\nssl_cert_file = '/etc/postgresql/server.pem'\n\
         ssl_key_file = '/etc/postgresql/server.key'"
    );
    database.sh(&format!(
        "set -e; cd /root; install -o postgres -g postgres -m 600 server.pem server.key /etc/postgresql
         cd /etc/postgresql/*/main; echo \"{settings}\" >conf.d/remote.conf
         echo 'hostssl all all 10.0.0.0/24 scram-sha-256' >>pg_hba.conf
         cd /; runuser -u postgres -- psql -X -q <<'END'
CREATE ROLE {} LOGIN CREATEROLE CREATEDB PASSWORD '{}';
CREATE DATABASE defaultdb OWNER {0};
END
         systemctl restart 'postgresql@*-main.service'",
        ADMINISTRATOR.0, ADMINISTRATOR.1
    ));
    for web in &cluster.web {
        // Nobody restarts anything there.
        web.get("/healthz", 200);
        let active = "systemctl is-active stack-database.service || true";
        wait(|| web.sh(active) == "active", "the migrations were not run");
        assert_ne!(web.sh("systemctl show -P NRestarts stack-database.service"), "0");
        assert_eq!(web.sh("systemctl show -P NRestarts stack.service"), "0");
    }
}

/// The machines have made it at the database's server, as the administrator there; the app never sees that password.
fn own_role(cluster: &mut Cluster) {
    let rights = "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication FROM pg_roles WHERE rolname = 'shop'";
    assert_eq!(cluster.query(rights), "f|f|f|f");
    let owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'shop'";
    assert_eq!(cluster.query(owner), "shop");
    for web in &cluster.web {
        wait(|| web.sh("test -e /etc/stack/database-admin.env || echo gone") == "gone", "the file is still there");
        assert_eq!(web.sh("systemctl show -P Result stack-database-role.service"), "success");
        let app = "tr '\\0' '\\n' </proc/$(systemctl show -P MainPID stack.service)/environ | grep -c adm1n || true";
        assert_eq!(web.sh(app), "0");
    }
}

fn no_postgresql(cluster: &mut Cluster) {
    for web in &cluster.web {
        assert_eq!(web.sh("pgrep -c -x postgres || true"), "0");
        assert_eq!(web.sh("pg_lsclusters --no-header; ls -A /var/lib/postgresql/*/ 2>/dev/null || true"), "");
        assert_eq!(web.sh("ss -Hlnt 'sport = 5432'; ls -A /run/postgresql | grep PGSQL || true"), "");
        assert_eq!(web.sh("systemctl is-active first-boot-cluster.service || true"), "inactive");
        web.settle();
        assert_eq!(web.sh("systemctl --failed --no-legend"), "");
    }
}

fn health_check(cluster: &mut Cluster) {
    for web in &cluster.web {
        web.sh("systemctl start stack-health.service");
        let line = web.sh("tail -n 1 /var/log/stack/health_check.log");
        assert!(line.ends_with(&format!("| PostgreSQL {DATABASE_HOST}:5432: ok")), "{line}");
        // The password is in nothing that the units wrote, in no argument of a process, and for root alone.
        let places = "/var/log/stack /var/lib/stack /run/stack /run/systemd/units";
        for word in ["s3cret", "s3cret%40", "adm1n"] {
            assert_eq!(web.sh(&format!("grep -rl '{word}' {places} || true")), "");
            assert_eq!(web.sh(&format!("journalctl -b | grep -c '[{}]{}' || true", &word[..1], &word[1..])), "0");
            assert_eq!(
                web.sh(&format!(
                    "cat /proc/[0-9]*/cmdline | tr '\\0' '\\n' | grep -c '[{}]{}' || true",
                    &word[..1],
                    &word[1..]
                )),
                "0"
            );
        }
        assert_eq!(web.sh("stat -c '%U:%G %a' /etc/stack/stack.env"), "root:stack 640");
    }
}

fn number(body: &str) -> u64 {
    body.trim().parse().unwrap_or_else(|_| panic!("`{body}` is no number"))
}

fn one_database(cluster: &mut Cluster) {
    let first = number(&cluster.web[0].get("/visits", 200));
    for (count, number_of_web) in [(1, 1), (2, 0), (3, 1)] {
        assert_eq!(number(&cluster.web[number_of_web].get("/visits", 200)), first + count);
    }
    assert_eq!(number(&cluster.query("SELECT count(*) FROM visits")), first + 3);
    let connections = "SELECT DISTINCT client_addr, ssl, version FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                       WHERE usename = 'shop' ORDER BY client_addr";
    let expected = WEB_HOSTS.map(|host| format!("{host}|t|TLSv1.3")).join("\n");
    assert_eq!(cluster.query(connections), expected);
}

fn requests_spread(cluster: &mut Cluster) {
    let port = free_port();
    cluster.balancer = Some(Balancer::start(&kept().join("cluster/balancer"), port, &cluster.addresses()));
    let balancer = cluster.balancer();
    let before = number(&cluster.query("SELECT count(*) FROM visits"));
    for count in 1..=20 {
        let (status, body) = balancer.get("/visits");
        assert_eq!(status, 200, "{body}");
        assert_eq!(number(&body), before + count);
    }
    let asked = balancer.asked("/visits", 20);
    let shares = cluster.addresses().map(|address| asked.iter().filter(|asked| **asked == address).count());
    assert!(shares.iter().sum::<usize>() == 20 && shares.iter().all(|share| *share >= 8), "{shares:?}");
}

fn other_certificate(cluster: &mut Cluster) {
    let web = &cluster.web[1];
    web.copy(&kept().join("cluster/other.pem"));
    web.sh("cd /etc/stack && cp database-ca.pem /root/ca.pem && cat /root/other.pem >database-ca.pem");
    web.sh("systemctl restart stack.service");
    web.get("/healthz", 503);
    let said = web.sh("journalctl -b -u stack.service -o cat | grep 'certificate verify failed' | tail -n 1");
    assert!(said.contains("database: ") && !said.contains("s3cret"), "{said}");
    // Migrations are not sent there, either.
    let migrated = web.try_sh("timeout 120 systemctl restart stack-database.service");
    assert!(!migrated.status.success(), "the migrations were run");
    // The balancer has seen it, and sends everything to the other.
    let (balancer, addresses) = (cluster.balancer(), cluster.addresses());
    balancer.wait_until_inside(&addresses[..1], LIMIT);
    web.sh("cat /root/ca.pem >/etc/stack/database-ca.pem && systemctl restart stack-database.service stack.service");
    web.get("/healthz", 200);
    balancer.wait_until_inside(&addresses, LIMIT);
}

fn machine_killed(cluster: &mut Cluster) {
    cluster.web[0].kill();
    let (balancer, addresses) = (cluster.balancer(), cluster.addresses());
    balancer.wait_until_inside(&addresses[1..], LIMIT);
    // Those of the check before the last one.
    let already = balancer.asked("/visits", 20).len();
    let before = number(&cluster.query("SELECT count(*) FROM visits"));
    let answers: Vec<(u16, String)> = (0..60).map(|_| balancer.get("/visits")).collect();
    let good: Vec<(u16, String)> = (1..=60).map(|count| (200, (before + count).to_string())).collect();
    assert_eq!(answers, good);
    assert!(balancer.asked("/visits", already + 60)[already..].iter().all(|address| *address == addresses[1]));
}

/// A metadata service on the machines' wire, as the provider has it.
fn user_data_is_for_root(cluster: &mut Cluster) {
    let [v4, v6] = metadata::ADDRESSES;
    run(Command::new("ip").args(["address", "add", &format!("{v4}/32"), "dev", "bridge"]));
    run(Command::new("ip").args(["address", "add", &format!("{v6}/64"), "dev", "bridge", "nodad"]));
    for address in [format!("{v4}:80"), format!("[{v6}]:80")] {
        let listener = TcpListener::bind(address).unwrap();
        thread::spawn(move || listener.incoming().for_each(drop));
    }
    let web = &cluster.web[1];
    web.sh(&format!(
        "ip route add {v4} dev eth0 && sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0 && \
         ip address add fd00:a9fe:a9fe::2/64 dev eth0 nodad"
    ));
    metadata::only_root_asks(web, &metadata::ADDRESSES);
}

/// What the next boot does, asked for at once.
fn local_again(cluster: &mut Cluster) {
    let web = &cluster.web[1];
    let begin = "systemctl start first-boot-cluster.service";
    // Each restart of PostgreSQL's unit starts this one. systemd's limit is five in ten seconds.
    web.sh(&format!("for n in 1 2 3 4 5 6 7; do {begin} || exit; done"));
    assert_eq!(web.sh("pg_lsclusters --no-header"), "", "with DATABASE_URL");
    web.sh("sed -i '/^DATABASE_URL=/d' /etc/stack/stack.env");
    web.sh(&format!("{begin} && systemctl start 'postgresql@17-main.service'"));
    web.sh("systemctl restart stack-database.service stack.service");
    web.get("/healthz", 200);
    assert_eq!(web.get("/visits", 200), "1");
    web.sh("systemctl start stack-health.service");
    let line = web.sh("tail -n 1 /var/log/stack/health_check.log");
    assert!(line.ends_with("| PostgreSQL: ok"), "{line}");
}

/// As the user `postgres`: the cluster is removed, and links are in its place when the machine boots again.
fn links_in_the_place_of_a_cluster(cluster: &mut Cluster) {
    let web = &cluster.web[1];
    let state = "find /srv /etc/cron.d -printf '%p %U:%G %m %l\\n' | sort; md5sum /srv/outside/main/precious";
    web.sh("mkdir -p /srv/outside/main /srv/empty && echo precious >/srv/outside/main/precious");
    let before = web.sh(state);
    web.sh("systemctl stop 'postgresql@17-main.service' first-boot-cluster.service");
    web.sh(
        "runuser -u postgres -- sh -ec 'cd /var/lib/postgresql; rm -rf 17 /etc/postgresql/17/main; ln -s /srv/outside 17; \
         ln -s /etc/cron.d/planted .first-boot; ln -s /srv/empty /etc/postgresql/17/main'",
    );
    for interrupted in
        ["true", "touch /var/lib/first-boot-cluster/unfinished", "ln -sfn /etc/cron.d /var/lib/postgresql/.first-boot"]
    {
        web.sh(&format!("{interrupted}; systemctl stop first-boot-cluster.service"));
        // There is nothing to make a cluster in, so it may fail.
        web.try_sh("systemctl start first-boot-cluster.service");
        assert_eq!(web.sh(state), before, "after `{interrupted}`");
    }
    // Without the links there is one again.
    web.sh("cd /var/lib/postgresql && rm -rf 17 .first-boot /etc/postgresql/17/main");
    web.sh("systemctl restart first-boot-cluster.service && systemctl start 'postgresql@17-main.service'");
    assert_eq!(web.sh("stat -c '%U:%G %a' /var/log/postgresql/postgresql-17-main.log"), "postgres:adm 640");
    assert_eq!(web.sh("cd / && runuser -u postgres -- psql -X -At -c 'show ssl'"), "on");
    web.sh("systemctl restart stack-database.service stack.service");
    assert_eq!(web.get("/visits", 200), "1");
}
