//! The packages that are chosen are those that apt-get chooses, on the real archive: this machine's mirror of Debian 13.
//! apt-get works on an empty system of its own, with the same indices.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use libtest_mimic::Trial;
use stackdeb::apt::{
    Archive, Field, InstallStep, Keyring, MirrorClient, MirrorLimits, OlderRelease, Releases, Sources, Suite, Universe,
    install_plan, solve, sources,
};
use stackdeb::control::{Priority, Relations};
use stackdeb::system::cache::Cache;
use stackdeb::system::epoch::Epoch;
use stackdeb::system::progress::Reporter;
use support::room::for_soak;

pub fn trials() -> Vec<Trial> {
    let tests = support::tests![
        the_image_is_what_apt_get_would_install,
        a_mail_server_is_what_apt_get_would_install,
        a_desktop_is_what_apt_get_would_install,
        every_relation_of_the_real_archive_can_be_read,
        the_image_is_unpacked_and_configured_in_an_order_that_policy_allows
    ];
    tests.into_iter().chain(for_soak(support::tests![twenty_sets_are_what_apt_get_would_install])).collect()
}

/// The image of the stack that ships with the project.
const IMAGE: &str = "systemd-sysv linux-image-cloud-amd64 initramfs-tools nginx-light postgresql python3-flask gunicorn \
    python3-psycopg2 cloud-init openssh-server e2fsprogs";
/// Virtual packages and alternatives in plenty.
const MAIL_AND_WEB: &str = "postfix dovecot-imapd roundcube-core apache2 php-fpm mariadb-server default-jre-headless";
/// What people put on servers and on desks, from all over the suite.
const TWENTY: [&str; 20] = [
    "gnome-core gdm3 epiphany-browser",
    "kde-plasma-desktop sddm konsole kate",
    "lxqt sddm falkon qterminal",
    "mate-desktop-environment lightdm",
    "tomcat11 libpostgresql-jdbc-java maven default-jdk-headless",
    "ruby-rails puma ruby-pg redis-server bundler",
    "apache2 libapache2-mod-php php-mysql php-gd php-intl mariadb-server",
    "nginx-full php-fpm php-pgsql composer wordpress",
    "nodejs npm yarnpkg node-express",
    "golang-go git make protobuf-compiler",
    "cargo rustc lld pkgconf libssl-dev",
    "python3-django python3-celery python3-redis uwsgi-plugin-python3 rabbitmq-server",
    "exim4-daemon-heavy dovecot-imapd dovecot-lmtpd spamassassin rspamd",
    "bind9 dnsutils unbound kea-dhcp4-server",
    "samba winbind krb5-user libpam-krb5 libnss-winbind",
    "docker.io docker-compose podman buildah",
    "prometheus prometheus-node-exporter prometheus-alertmanager snmpd",
    "texlive-latex-extra pandoc latexmk ghostscript",
    "build-essential debhelper lintian sbuild devscripts",
    "qemu-system-x86 libvirt-daemon-system virt-manager ovmf",
];
/// Long chains, and conflicts between alternatives.
const DESKTOP: &str = "xfce4 lightdm firefox-esr network-manager-gnome cups libreoffice-writer";

const FIELDS: [Field; 6] =
    [Field::PreDepends, Field::Depends, Field::Provides, Field::Conflicts, Field::Breaks, Field::Replaces];

struct World {
    archive: Archive,
    sources: Sources,
    folder: tempfile::TempDir,
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let suite = Suite::find("trixie").unwrap();
        let sources = sources::find(suite, None, None, Path::new("/")).unwrap();
        let keyring = Keyring::from_bytes("Debian", suite.distribution.keyring()).unwrap();
        let cache = Cache::at(&folder.path().join("cache")).unwrap();
        let client = MirrorClient::new(MirrorLimits::default(), Reporter::Silent);
        let releases =
            Releases::open(&cache, &client, suite, &sources, &keyring, Epoch::now(), OlderRelease::Refused).unwrap();
        let archive = releases.read(&cache, &client).unwrap();
        let world = World { archive, sources, folder };
        world.prepare_apt();
        world
    })
}

impl World {
    fn universe(&self) -> &Universe {
        &self.archive.universe
    }

    /// Gives apt-get a root of its own, with nothing installed.
    fn prepare_apt(&self) {
        let root = self.folder.path().join("apt");
        for folder in ["etc/apt/preferences.d", "var/lib/apt/lists/partial", "var/cache/apt/archives/partial"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        fs::write(root.join("keyring.gpg"), Suite::find("trixie").unwrap().distribution.keyring()).unwrap();
        fs::write(root.join("status"), "").unwrap();
        let (Sources { main, security }, key) = (&self.sources, root.join("keyring.gpg").display().to_string());
        let line = |base: &str, suite: &str| format!("deb [signed-by={key}] {base} {suite} main\n");
        let lines = [line(main, "trixie"), line(main, "trixie-updates"), line(security, "trixie-security")].concat();
        fs::write(root.join("etc/apt/sources.list"), lines).unwrap();
        let shown = root.display();
        let settings = format!(
            "Dir \"{shown}\";\nDir::State::status \"{shown}/status\";\nAPT::Architecture \"amd64\";\n\
             APT::Architectures {{ \"amd64\"; }};\nAPT::Sandbox::User \"root\";\n\
             APT::Install-Recommends \"false\";\nAcquire::Languages \"none\";\n"
        );
        fs::write(root.join("apt.conf"), settings).unwrap();
        self.apt_get(&["update"]);
    }

    fn apt_get(&self, arguments: &[&str]) -> String {
        let output = Command::new("apt-get")
            .env("APT_CONFIG", self.folder.path().join("apt/apt.conf"))
            .args(arguments)
            .output()
            .expect("apt-get, of the package apt");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What apt-get would install, as `name version`.
    fn by_apt(&self, names: &[String]) -> BTreeSet<String> {
        let mut arguments = vec!["-s", "install"];
        arguments.extend(names.iter().map(String::as_str));
        let output = self.apt_get(&arguments);
        let lines = output.lines().filter_map(|line| line.strip_prefix("Inst "));
        lines
            .map(|line| {
                let (name, rest) = line.split_once(' ').unwrap();
                let version = rest.trim_start_matches('(').split([' ', ')']).next().unwrap();
                format!("{name} {version}")
            })
            .collect()
    }

    fn by_us(&self, wanted: &Relations) -> BTreeSet<String> {
        let chosen = solve(self.universe(), std::slice::from_ref(wanted)).unwrap();
        chosen.iter().map(|record| format!("{} {}", record.name, record.version)).collect()
    }

    /// Compares for what is named and the base of every system.
    #[track_caller]
    fn compare(&self, names: &str) {
        let [only_apt, only_us] = self.differences(names);
        assert!(only_apt.is_empty() && only_us.is_empty(), "{names}: only apt-get: {only_apt:?}; only we: {only_us:?}");
    }

    /// What only apt-get would install, and what only we would.
    fn differences(&self, names: &str) -> [Vec<String>; 2] {
        let mut wanted = self.universe().essential();
        wanted.0.extend(self.universe().of_priority(Priority::Required).0);
        wanted.0.extend(relations(names).0);
        let list: Vec<String> = wanted.0.iter().map(ToString::to_string).collect();
        let (apt, us) = (self.by_apt(&list), self.by_us(&wanted));
        assert!(apt.len() > 100, "apt-get chose only {apt:?}");
        [apt.difference(&us).cloned().collect(), us.difference(&apt).cloned().collect()]
    }
}

fn relations(names: &str) -> Relations {
    names.split_whitespace().collect::<Vec<_>>().join(", ").parse().unwrap()
}

fn the_image_is_what_apt_get_would_install() {
    world().compare(IMAGE);
}

fn a_mail_server_is_what_apt_get_would_install() {
    world().compare(MAIL_AND_WEB);
}

fn a_desktop_is_what_apt_get_would_install() {
    world().compare(DESKTOP);
}

fn twenty_sets_are_what_apt_get_would_install() {
    for names in TWENTY {
        world().compare(names);
    }
}

fn every_relation_of_the_real_archive_can_be_read() {
    let records = world().universe().records();
    assert!(records.len() > 60_000, "{}", records.len());
    for record in records {
        for field in FIELDS {
            if let Err(error) = record.relations(field) {
                panic!("{} {}: {error}", record.name, field.as_str());
            }
        }
    }
}

fn the_image_is_unpacked_and_configured_in_an_order_that_policy_allows() {
    let universe = world().universe();
    let chosen = solve(universe, &[universe.essential(), relations(IMAGE)]).unwrap();
    let steps = install_plan(&chosen).unwrap();
    let (mut unpacked, mut configured) = (BTreeSet::new(), BTreeSet::new());
    for (number, step) in steps.iter().enumerate() {
        match step {
            InstallStep::Unpack(records) => {
                for record in records {
                    for group in record.relations(Field::PreDepends).unwrap().0.iter().filter(|_| number > 0) {
                        let mut members = group.0.iter().flat_map(|relation| universe.satisfying(relation));
                        let done = members.any(|id| configured.contains(universe.record(id).name.as_str()));
                        assert!(done, "{} is unpacked before {group} is configured", record.name);
                    }
                    assert!(unpacked.insert(record.name.as_str()), "{} is unpacked twice", record.name);
                }
            }
            InstallStep::Configure(records) => {
                for record in records {
                    assert!(unpacked.contains(record.name.as_str()), "{} is not unpacked", record.name);
                    assert!(configured.insert(record.name.as_str()), "{} is configured twice", record.name);
                }
            }
        }
    }
    assert_eq!(configured.len(), chosen.len());
}
