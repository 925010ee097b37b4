//! No data are lost: what an instance holds is in its tags, an instance that holds data is deleted only with
//! `--discard-data`, and what is about to be deleted is told. A replacement is for one region, and knows what
//! a failed one has left.

use serde_json::{Value, json};
use support::linode_api::Fault;
use support::project::Project;

const REMOTE: &str = "postgresql://u:pw@db.example.org/shop";

fn tags(project: &Project, label: &str) -> Vec<String> {
    let all = project.api.instances();
    let one = all.iter().find(|linode| linode["label"] == label).unwrap();
    one["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap().to_owned()).collect()
}

/// Nothing was asked for but to be told.
#[track_caller]
fn assert_untouched(project: &Project, requests: usize) {
    assert_eq!((project.api.seen("POST").len(), project.api.seen("DELETE").len()), (requests, 0));
    assert_eq!(project.api.seen("PUT").iter().filter(|seen| seen.path.starts_with("/upload")).count(), 1);
    assert_eq!(project.labels(), ["shop-1"]);
}

#[test]
fn a_database_is_not_deleted_whatever_the_new_settings_are() {
    let project = Project::new(&[]);
    project.home.run(&mut project.deploy(&[])).has(0, &[]);
    assert_eq!(tags(&project, "shop-1"), ["stack:shop", "version:1.0", "data:database", "data:files"]);
    let requests = project.api.seen("POST").len();
    let words = [
        "shop-1 (127.",
        "in us-east, made",
        "ago, holds its database and the app's files in /var/lib/shop/app",
        "Nothing was made, and nothing was removed",
        "stackdeb data save root@127.",
        "stackdeb data restore root@HOST shop-",
        "--discard-data",
    ];
    for more in [&["--replace"][..], &["--replace", "--yes"]] {
        project.home.run(&mut project.deploy(more)).has(1, &words);
        assert_untouched(&project, requests);
        // The new one would use a database elsewhere. The old one does not.
        project.home.run(project.deploy(more).env("DATABASE_URL", REMOTE)).has(1, &words);
        assert_untouched(&project, requests);
    }
    // The new one would have no database at all.
    project.set_version("1.0", "");
    project.home.run(&mut project.deploy(&["--replace", "--yes"])).has(1, &words);
    assert_untouched(&project, requests);
    // A new version, whose image would have to be sent first.
    project.set_version("2.0", "[database]\n");
    std::fs::copy(project.path("dist/shop-1.0-linode.img.gz"), project.path("dist/shop-2.0-linode.img.gz")).unwrap();
    project.home.run(&mut project.deploy(&["--replace", "--yes"])).has(1, &words);
    assert_untouched(&project, requests);
    project
        .home
        .run(&mut project.deploy(&["--replace", "--discard-data"]))
        .has(0, &["shop-1 (127.", "holds its database", "shop-1 is removed"]);
    assert_eq!(project.labels(), ["shop-2"]);
}

#[test]
fn the_files_of_an_app_are_data_as_well() {
    let project = Project::with_database("", &[]);
    project.home.run(&mut project.deploy(&[])).has(0, &[]);
    assert_eq!(tags(&project, "shop-1"), ["stack:shop", "version:1.0", "data:files"]);
    let requests = project.api.seen("POST").len();
    let words = ["shop-1 holds the app's files in /var/lib/shop/app", "stackdeb data save", "--discard-data"];
    project.home.run(&mut project.deploy(&["--replace", "--yes"])).has(1, &words);
    assert_untouched(&project, requests);
    project.home.run(&mut project.stackdeb(&["destroy", "--yes"])).has(1, &words);
    assert_untouched(&project, requests);
}

#[test]
fn a_database_elsewhere_stays_and_is_told_of() {
    let project = Project::new(&[]);
    project.home.run(project.deploy(&[]).env("DATABASE_URL", REMOTE)).has(0, &[]);
    assert_eq!(tags(&project, "shop-1"), ["stack:shop", "version:1.0", "data:remote-database", "data:files"]);
    let words = ["shop-1 holds the app's files", "its database is on another server, and stays"];
    project.home.run(&mut project.stackdeb(&["destroy", "--yes"])).has(1, &words);
    let listed = project.home.run(&mut project.stackdeb(&["instances", "--json"])).has(0, &[]).json();
    assert_eq!(
        (&listed["instances"][0]["data"], &listed["instances"][0]["finished"]),
        (&json!(["files"]), &json!(true))
    );
}

#[test]
fn an_instance_without_tags_about_data_may_hold_anything() {
    let project = Project::with_database("", &[]);
    project.home.run(&mut project.deploy(&[])).has(0, &[]);
    for told in [&["stack:shop", "version:0.9"][..], &["stack:shop", "data:of-a-later-version"]] {
        project.api.set_tags("shop-1", told);
        for command in [&["destroy", "--yes"][..], &["deploy", "--region", "us-east", "--replace", "--yes"]] {
            let words = ["data that no tag describes, perhaps a database", "--discard-data"];
            project.home.run(&mut project.stackdeb(command)).has(1, &words);
        }
    }
    assert_eq!(project.labels(), ["shop-1"]);
}

#[test]
fn destroy_lists_what_it_deletes_and_keeps_data() {
    let project = Project::new(&[]);
    project.home.run(&mut project.deploy(&["--count", "2"])).has(0, &[]);
    let destroy = |more: &[&str]| {
        let mut command = project.stackdeb(&["destroy"]);
        project.home.run(command.args(more))
    };
    let listed = ["shop-1 (127.", "shop-2 (127.", "in us-east, made", "holds its database"];
    destroy(&["--yes"]).has(1, &[&listed[..], &["stackdeb data save root@127.", "--discard-data"]].concat());
    // Who may be asked has still to be asked.
    destroy(&["--discard-data"]).has(1, &[&listed[..], &["no terminal", "--yes"]].concat());
    assert_eq!(project.labels(), ["shop-1", "shop-2"]);
    destroy(&["--yes", "--discard-data"]).has(0, &[&listed[..], &["shop-1 is removed", "shop-2 is removed"]].concat());
    assert_eq!(project.labels(), Vec::<String>::new());
}

#[test]
fn a_person_at_the_terminal_can_still_say_no() {
    let project = Project::new(&[]);
    project.home.run(&mut project.deploy(&[])).has(0, &[]);
    let mut command = project.home.command("sh");
    command.env("LINODE_API_URL", project.api.address());
    let program = env!("CARGO_BIN_EXE_stackdeb");
    let script = format!("echo n | script -qec '{program} deploy --region us-east --replace --discard-data' /dev/null");
    let ended = project.home.run(command.args(["-c", &script]));
    ended.has(1, &["holds its database", "This replaces shop-1.", "[y/N]", "nothing was removed"]);
    assert_eq!(project.labels(), ["shop-1"]);
}

#[test]
fn a_replacement_is_for_its_region() {
    let project = Project::new(&[]);
    project.home.run(&mut project.deploy(&["--count", "2"])).has(0, &[]);
    let mut elsewhere = project.stackdeb(&["deploy", "--region", "nl-ams"]);
    project.home.run(&mut elsewhere).has(0, &["shop-1 runs already in us-east, and goes on"]);
    assert_eq!(project.labels(), ["shop-1", "shop-2", "shop-3"]);
    let mut replace = project.stackdeb(&["deploy", "--region", "nl-ams", "--replace", "--discard-data"]);
    let words = ["shop-1 runs in us-east, and goes on: --replace is for nl-ams only", "shop-3 is removed"];
    project.home.run(&mut replace).has(0, &words);
    assert_eq!(project.labels(), ["shop-1", "shop-2", "shop-4"]);
    let regions: Vec<Value> = project.api.instances().iter().map(|linode| linode["region"].clone()).collect();
    assert_eq!(regions, ["us-east", "us-east", "nl-ams"]);
}

#[test]
fn what_a_failed_replacement_leaves_is_not_doubled() {
    let project = Project::new(&[]);
    project.home.run(&mut project.deploy(&[])).has(0, &[]);
    project.api.set_faults(&[Fault::SiteSick]);
    let failing = ["--replace", "--discard-data", "--timeout", "3"];
    let words = ["shop-2 did not answer", "stackdeb destroy shop-2 --discard-data"];
    project.home.run(&mut project.deploy(&failing)).has(4, &words);
    assert!(tags(&project, "shop-2").contains(&"deploy:unfinished".to_owned()));
    let listed = project.home.run(&mut project.stackdeb(&["instances"])).has(0, &[]);
    assert!(listed.said.contains("its deployment did not finish"), "{}", listed.said);
    project.api.set_faults(&[]);
    // It is told of, with the command that removes it, and nothing else happens to it.
    let told =
        ["shop-2 (127.", "is left over from a deployment that failed", "`stackdeb destroy shop-2 --discard-data`"];
    project.home.run(&mut project.deploy(&["--label", "till"])).has(0, &told);
    assert_eq!(project.labels(), ["shop-1", "shop-2", "till"]);
    project.home.run(&mut project.stackdeb(&["destroy", "--yes", "--discard-data", "till"])).has(0, &[]);
    // One is replaced, so one is made, and the rest goes with it.
    let words = ["shop-1 is removed", "shop-2 is removed", "shop-3 answers"];
    let report = project.home.run(&mut project.deploy(&["--replace", "--discard-data", "--json"])).has(0, &words[..2]);
    assert_eq!(report.json()["instances"].as_array().unwrap().len(), 1);
    assert_eq!(project.labels(), ["shop-3"]);
    assert_eq!(tags(&project, "shop-3"), ["stack:shop", "version:1.0", "data:database", "data:files"]);
}

#[test]
fn an_instance_that_answers_after_all_is_in_use() {
    let project = Project::new(&[]);
    project.home.run(&mut project.deploy(&[])).has(0, &[]);
    project.api.set_tags("shop-1", &["stack:shop", "data:database", "data:files", "deploy:unfinished"]);
    let said = project.home.run(&mut project.deploy(&["--label", "till"])).has(0, &["shop-1 runs already"]).said;
    assert!(!said.contains("left over"), "{said}");
    project.home.run(&mut project.deploy(&["--replace", "--yes"])).has(1, &["shop-1 holds its database"]);
    assert_eq!(project.labels(), ["shop-1", "till"]);
}
