//! The commands of the documents that reach a server with ssh: those of the kind `ssh`. A reader types them in the folder of a
//! project, `shop`, and has two names for one server, which runs its first version.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use libtest_mimic::Trial;
use support::ahead::{Ahead, Step};
use support::checks::{Check, checks};
use support::container::{Cards, Container, Options};
use support::documents::{scripts, shell};
use support::server::Server;
use support::ssh::SshUser;
use support::terminal;
use support::{Built, built, debian_packages, run, text};
use tempfile::TempDir;

use crate::documents::{say_yes, typed_at_home};

const CHECKS: &[Check<Reached>] = &[("the_commands_of_the_documents_do_what_they_are_for", commands)];

static PACKAGES: Ahead<Vec<PathBuf>> = Ahead::new();

pub fn trials() -> Vec<Trial> {
    checks("documents_from_home", Reached::boot, CHECKS)
}

pub fn ahead() -> Step {
    PACKAGES.by(|| debian_packages::download("valkey-server, rsync"))
}

/// The project, and another one whose package the server has as well.
const PROJECTS: &str = r#"stackdeb new blog
printf '\n[site]\nserver-names = ["blog.example.org"]\n' >> blog/stack.toml
stackdeb deb blog
stackdeb new shop
cat >> shop/stack.toml <<'END'

[site]
server-names = ["shop.example.org"]

[service.valkey]
END
stackdeb deb shop"#;

/// A web server for `https://packages.example.org`, which is this server as well: it serves `/srv/packages`.
const PACKAGES_SITE: &str = r#"apt-get install rsync
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=packages.example.org \
    -addext subjectAltName=DNS:packages.example.org -keyout /etc/ssl/private/packages.key \
    -out /usr/local/share/ca-certificates/packages.crt 2>/dev/null
update-ca-certificates
echo '127.0.0.1 packages.example.org' >>/etc/hosts
cat >/etc/nginx/sites-enabled/packages <<'END'
server {
    listen 443 ssl;
    server_name packages.example.org;
    ssl_certificate /usr/local/share/ca-certificates/packages.crt;
    ssl_certificate_key /etc/ssl/private/packages.key;
    root /srv/packages;
}
END
nginx -t -q && systemctl reload nginx"#;

/// The repository of the document, with both versions of this project. Its key is made as a reader's is.
const REPOSITORY: &str = "stackdeb repo add --url https://packages.example.org shop/dist/shop_1.0.0_amd64.deb shop/dist/shop_1.1.0_amd64.deb\n";

/// Another database, with the address that the application of a web machine has. This server is `old` and `web-1` at once, so
/// the application is not started again.
const ELSEWHERE: &str = r#"cd /
runuser -u postgres -- psql -c "create role elsewhere login password 'sword/fish'" -c 'create database elsewhere owner elsewhere'
echo 'DATABASE_URL=postgresql://elsewhere:sword%2Ffish@127.0.0.1:5432/elsewhere' >>/etc/shop/shop.env"#;

/// Asks for the page of the health check at the end of the tunnel, as a browser does that opens `shop.localhost`.
const BROWSER: &str =
    "(until curl -fsS -H 'Host: shop.localhost' http://127.0.0.1:8000/health-report >page; do sleep 0.2; done) &";
const LOG_OUT: &str = "until grep -q 'GET /health-report.* 200 ' /var/log/nginx/access.log; do sleep 0.2; done; exit";

/// Makes these files the computer's own, for one command.
const WITH_FILES: &str =
    "mount --bind \"$1\" /etc/hosts; mount --bind \"$2\" /etc/ssh/ssh_config; shift 2; exec \"$@\"";

struct Reached {
    user: SshUser,
    server: Container,
    /// In it is the reader's home, with the project.
    folder: TempDir,
}

impl Reached {
    fn boot() -> Self {
        let user = SshUser::new("documents");
        let user_data = user.user_data("reached");
        let server = Container::start(&Options {
            name: "reached",
            number: None,
            image: Built::WithoutPackage,
            user_data: Some(&user_data),
            cards: Cards::One,
        });
        let folder = typed_at_home(PROJECTS);
        let dist = folder.path().join("home/shop/dist");
        fs::copy(built(Built::Image).join("stack.deb"), dist.join("stack.deb")).unwrap();
        server.wait_until_booted();
        debian_packages::offer(&server, PACKAGES.get());
        for file in ["shop/dist/shop_1.0.0_amd64.deb", "shop/dist/shop.deb", "blog/dist/blog.deb"] {
            server.copy(&folder.path().join("home").join(file));
        }
        say_yes(&server);
        server.sh("cd /root && DEBIAN_FRONTEND=noninteractive apt-get install ./shop_1.0.0_amd64.deb");
        let key = server.sh("cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub");
        fs::write(user.folder().join("known_hosts"), format!("server,www.example.org,old,web-1 {key}\n")).unwrap();
        let names = format!("127.0.0.1 localhost\n{} server www.example.org old web-1\n", server.host());
        fs::write(user.folder().join("hosts"), names).unwrap();
        Self { user, server, folder }
    }

    /// Types a script in a folder of the reader's home, at a terminal where these questions are answered.
    fn type_there(&self, folder: &str, file: &Path, script: &str, answers: &[(&str, &str)]) {
        // A home has its programs once.
        let _ = fs::remove_dir_all(self.folder.path().join("bin"));
        let typed = shell(self.folder.path(), script);
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-ec", WITH_FILES, "sh"]);
        command.arg(self.user.folder().join("hosts")).arg(self.user.folder().join("config"));
        command.args(terminal::words(answers)).arg(typed.get_program()).args(typed.get_args());
        for (name, value) in typed.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        command
            .env_remove("SSH_AUTH_SOCK")
            .stdin(Stdio::null())
            .current_dir(self.folder.path().join("home").join(folder));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}: {}\n{}", file.display(), output.status, text(&output));
    }

    fn version(&self) -> String {
        self.server.sh("dpkg-query -W -f '${Version}' shop")
    }
}

fn commands(reached: &mut Reached) {
    for (file, script) in scripts("ssh") {
        if file.ends_with("release-a-version.md") {
            // What the document says about stack.toml; then its block that brings the version, and the last one, which goes back.
            let manifest = reached.folder.path().join("home/shop/stack.toml");
            let text = fs::read_to_string(&manifest).unwrap();
            fs::write(manifest, text.replace("version = \"1.0.0\"", "version = \"1.1.0\"")).unwrap();
            let (bring, back) = script.split_at(script.rfind("echo '== ").unwrap());
            reached.type_there("shop", &file, bring, &[]);
            assert_eq!(reached.version(), "1.1.0");
            reached.type_there("shop", &file, back, &[]);
            assert_eq!(reached.version(), "1.0.0");
        } else if file.ends_with("repository.md") {
            // After the document about a release, so there are two versions, and the server has the first.
            reached.server.sh(PACKAGES_SITE);
            reached.type_there("", &file, &format!("{REPOSITORY}{script}"), &[]);
            assert_eq!(reached.version(), "1.1.0");
        } else if file.ends_with("data.md") {
            // A server with data: its reader is asked before they are replaced.
            let visits = format!("http://{}/visits", reached.server.host());
            run(Command::new("curl").args(["-fsS", "-m", "30", "-H", "Host: shop.example.org"]).arg(visits));
            reached.type_there("shop", &file, &script, &[("Go on?", "y")]);
        } else if file.ends_with("grow.md") {
            reached.server.sh(ELSEWHERE);
            reached.type_there("shop", &file, &script, &[]);
            let brought = "runuser -u postgres -- psql -At -d elsewhere -c 'select count(*) from visits'";
            assert_eq!(reached.server.sh(&format!("cd /; {brought}; sed -i /elsewhere/d /etc/shop/shop.env")), "1");
        } else if file.ends_with("health.md") {
            // The reader logs out when the page has come.
            reached.server.sh("systemctl start shop-health.service");
            reached.type_there("shop", &file, &format!("{BROWSER}\n{script}\nwait"), &[("root@reached:~#", LOG_OUT)]);
            let page = fs::read_to_string(reached.folder.path().join("home/shop/page")).unwrap();
            assert!(page.contains("<title>Health of shop</title>"), "{page}");
        } else {
            reached.type_there("shop", &file, &script, &[]);
        }
        reached.server.get("/healthz", 200);
    }
}
