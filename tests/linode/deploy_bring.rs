//! `deploy --replace --bring-data` as Linode sees it, with an `ssh` that plays the servers: everything is looked at
//! before anything is made, the old instance is deleted last, and after any failure its site is put back into service.
//! Booted machines do it in `server::bring`.

use std::fs;
use std::process::Command;

use support::project::Project;

use crate::played_servers::{SSH, SUMS, answer, play};

struct Fleet {
    project: Project,
}

impl Fleet {
    /// An account with one instance of the stack, and an `ssh` that answers for it.
    fn new() -> Self {
        let project = Project::new(&[]);
        play(&project);
        project.home.run(&mut project.deploy(&[])).has(0, &[]);
        Self { project }
    }

    fn bring(&self, more: &[&str]) -> Command {
        let mut command = self.project.deploy(&["--replace", "--bring-data", "--yes"]);
        let path = std::env::var("PATH").unwrap();
        command.args(more).env("PATH", format!("{}:{path}", self.project.home.path().display()));
        answer(&mut command);
        command
    }

    /// What the servers were asked for: `save 127.1.0.1`.
    fn asked(&self) -> Vec<String> {
        let text = fs::read_to_string(self.project.path("asked")).unwrap_or_default();
        let _ = fs::remove_file(self.project.path("asked"));
        text.lines().map(str::to_owned).collect()
    }

    fn address(&self, index: usize) -> String {
        self.project.api.instances()[index]["ipv4"][0].as_str().unwrap().to_owned()
    }
}

#[test]
fn the_old_instance_is_deleted_when_the_new_one_has_its_data() {
    let fleet = Fleet::new();
    let old = fleet.address(0);
    let ended = fleet.project.home.run(&mut fleet.bring(&[])).has(
        0,
        &[
            "shop-1 is in maintenance",
            "shop-2: COLOUR stays",
            "shop-2 has the data of shop-1: 5 rows in 1 tables, 1 files of 2 bytes",
            "shop-1 is removed",
        ],
    );
    assert_eq!(fleet.project.labels(), ["shop-2"], "{}", ended.said);
    let new = fleet.address(0);
    let expected = ["list O", "info O", "list N", "on O", "restore N", "save O", "sums O", "stay O"];
    let mut asked = fleet.asked();
    let mut expected: Vec<String> = expected.iter().map(|line| line.replace('O', &old).replace('N', &new)).collect();
    // These two run side by side.
    asked[4..6].sort();
    expected[4..6].sort();
    assert_eq!(asked, expected);
    let same = |name: &str| fs::read(fleet.project.path(name)).unwrap();
    assert!(same("received.tar") == same("save.tar"));
    // The computer that made it knows its host key.
    let told = fleet.project.api.user_data("shop-2");
    let known = fs::read_to_string(fleet.project.path(".local/state/stackdeb/known_hosts")).unwrap();
    let line = known.lines().find(|line| line.starts_with(&format!("{new} "))).unwrap();
    assert!(told.contains("ed25519_private: |") && told.contains(line.split_once(' ').unwrap().1), "{told}\n{known}");
}

#[test]
fn whatever_fails_the_old_site_is_put_back() {
    for word in ["on", "save", "restore", "sums", "stay"] {
        let fleet = Fleet::new();
        let old = fleet.address(0);
        let words = [&format!("no {word} today") as &str, "shop-2 (127.", "exists and costs", "shop-1 runs as before"];
        fleet.project.home.run(fleet.bring(&[]).env("FAIL", word)).has(1, &words);
        assert_eq!(fleet.project.labels(), ["shop-1", "shop-2"]);
        assert!(fleet.project.api.seen("DELETE").is_empty());
        let asked = fleet.asked();
        assert_eq!(asked.last().unwrap() == &format!("off {old}"), word != "on", "{word}: {asked:?}");
    }
    // What has arrived is not what is on the old one now.
    let fleet = Fleet::new();
    fs::write(fleet.project.path("ssh"), SSH.replace("word=sums; answer=$SUMS", "word=sums; answer=$OTHER")).unwrap();
    let other = SUMS.replace(",5,", ",6,");
    fleet.project.home.run(fleet.bring(&[]).env("OTHER", other)).has(1, &["data of shop-1 changed", "cron job"]);
    assert_eq!(fleet.project.labels(), ["shop-1", "shop-2"]);
    assert!(fleet.asked().last().unwrap().starts_with("off "));
}

#[test]
fn everything_is_looked_at_before_anything_is_made() {
    let fleet = Fleet::new();
    let project = &fleet.project;
    let requests = project.api.seen("POST").len();
    let refused = |command: &mut Command, status: i32, words: &[&str]| {
        project.home.run(command).has(status, words);
        assert_eq!((project.api.seen("POST").len(), project.labels().len()), (requests, 1));
    };
    refused(&mut project.deploy(&["--bring-data"]), 2, &["--replace"]);
    refused(&mut fleet.bring(&["--discard-data"]), 2, &["cannot be used with"]);
    refused(&mut fleet.bring(&["--count", "2"]), 1, &["there are 1 old and 2 new"]);
    refused(
        fleet.bring(&[]).env("FAIL", "list").env("STATUS", "255"),
        4,
        &["connection to root@127.", "no list today"],
    );
    refused(fleet.bring(&[]).env("LIST", "shop/await-app"), 1, &["no package", "shop there is too old"]);
    refused(fleet.bring(&[]).env("LIST", "blog/data"), 1, &["called shop; it has blog"]);
    refused(fleet.bring(&[]).env("PLACE", "elsewhere"), 1, &["database of shop-1 is on another server"]);
    let url = "postgresql://u:pw@db.example.org/shop";
    refused(fleet.bring(&[]).env("DATABASE_URL", url), 1, &["is on its own disk", "DATABASE_URL is set"]);
    assert!(fleet.asked().iter().all(|line| line.starts_with("list ") || line.starts_with("info ")));
    project.set_version("1.0", "");
    refused(&mut fleet.bring(&[]), 1, &["this stack has no database"]);
    project.set_version("1.0", "[database]\n");
    fs::create_dir(project.path("image")).unwrap();
    fs::write(project.path("image/user-data"), "#cloud-config\nhostname: {{yaml hostname}}\n").unwrap();
    refused(&mut fleet.bring(&[]), 1, &["host keys", "ssh_keys"]);
}
