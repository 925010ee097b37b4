//! `stackdeb instances`, `destroy` and `deploy --replace` against a Linode in memory, which Linode's own command-line client
//! finds to be one: what a stack runs is listed, and just that goes.

use std::fs;

use serde_json::{Value, json};
use support::account::{image, sh};
use support::project::Project;

#[test]
fn the_old_goes_when_the_new_answers() {
    let project = Project::with_database("", &[]);
    project.home.run(&mut project.deploy(&["--count", "2"])).has(0, &[]);
    let report = project.home.run(&mut project.deploy(&["--replace", "--discard-data", "--json"])).has(0, &[]).json();
    assert_eq!(project.labels(), ["shop-3", "shop-4"]);
    let removed: Vec<&Value> = report["removed"].as_array().unwrap().iter().map(|one| &one["label"]).collect();
    assert_eq!(removed, ["shop-1", "shop-2"]);
    // In that order: both new ones were running, as their last look said, before the first was deleted.
    let seen = project.api.all_paths();
    let first_deletion = seen.iter().position(|seen| seen.starts_with("DELETE")).unwrap();
    let last_creation = seen.iter().rposition(|seen| seen == "POST /linode/instances").unwrap();
    let last_look = seen.iter().rposition(|seen| seen == "GET /linode/instances/1005").unwrap();
    assert!(last_creation < last_look && last_look < first_deletion, "{seen:?}");
}

/// The stack and its variant have one name and one version, and neither command touches what is the other's.
#[test]
fn a_variant_s_instances_and_images_are_its_own() {
    let project = Project::with_database("", &[]);
    let mut manifest = fs::read_to_string(project.path("stack.toml")).unwrap();
    manifest.push_str(
        "[variant.staging.site]\nserver-names = [\"staging.example.org\"]\n[variant.staging.service.valkey]\n",
    );
    fs::write(project.path("stack.toml"), manifest).unwrap();
    fs::create_dir(project.path("dist/staging")).unwrap();
    let other = "dist/staging/shop-1.0@staging-linode.img.gz";
    // Another file, so that it is another image for Linode: gzip(1) reads several members as one.
    sh("cp \"$1\" \"$2\"; printf '' | gzip -n >> \"$2\"", &[image(), &project.path(other)]);
    let staging = ["--variant", "staging"];
    project.home.run(&mut project.deploy(&[])).has(0, &["shop-1 answers at"]);
    let ended = project.home.run(project.deploy(&staging).arg("--json")).has(0, &["shop-staging-1 answers at"]);
    assert_eq!(ended.json()["stack"], "shop@staging");
    assert_eq!(ended.json()["version"], "1.0");
    assert_eq!(
        project.api.instances()[1]["tags"],
        json!(["stack:shop@staging", "version:1.0", "data:valkey", "data:files"])
    );
    let firewalls: Vec<Value> = project.api.firewalls().iter().map(|firewall| firewall["label"].clone()).collect();
    assert_eq!(firewalls, ["shop-firewall", "shop-staging-firewall"]);
    assert_ne!(project.api.instances()[0]["image"], project.api.instances()[1]["image"]);

    let listed = |arguments: &[&str]| project.home.run(&mut project.stackdeb(arguments)).has(0, &[]).stdout;
    assert!(!listed(&["instances"]).contains("staging"));
    assert!(!listed(&["instances", "--variant", "staging"]).contains("shop-1 "));
    project.home.run(project.deploy(&staging).args(["--replace", "--discard-data"])).has(0, &[]);
    assert_eq!(project.labels(), ["shop-1", "shop-staging-2"]);

    // An image of the one cannot stand for that of the other, from a file and from the account.
    let image_of = |number: usize| project.api.instances()[number]["image"].as_str().unwrap().to_owned();
    let refused = ["is an image of the variant staging, and this is the stack without a variant", "--variant"];
    project.home.run(&mut project.deploy(&["--replace", "--discard-data", other])).has(1, &refused);
    project.home.run(&mut project.deploy(&["--replace", "--discard-data", "--image", &image_of(1)])).has(1, &refused);
    let refused = ["is an image of the stack without a variant, and this is the variant staging"];
    project.home.run(project.deploy(&staging).args(["--image", &image_of(0)])).has(1, &refused);
    assert_eq!(project.labels(), ["shop-1", "shop-staging-2"]);
    project.home.run(&mut project.stackdeb(&["destroy", "--discard-data", "--yes"])).has(0, &["shop-1 is removed"]);
    assert_eq!(project.labels(), ["shop-staging-2"]);
}

#[test]
fn what_runs_is_listed_and_just_that_is_destroyed() {
    let project = Project::new(&[]);
    project.home.run(&mut project.stackdeb(&["instances"])).has(0, &["shop runs nowhere"]);
    project.home.run(&mut project.deploy(&["--count", "3"])).has(0, &[]);
    // Another stack's, made by Linode's own client.
    let key = project.key();
    let other = [
        "linodes",
        "create",
        "--region",
        "us-east",
        "--type",
        "g6-nanode-1",
        "--image",
        "private/15",
        "--label",
        "shop-9",
        "--authorized_keys",
        &key,
        "--tags",
        "stack:shop-admin",
        "--kernel",
        "linode/grub2",
        "--interface_generation",
        "legacy_config",
        "--json",
    ];
    project.home.run(&mut project.linode_cli(&other)).has(0, &[]);
    project.api.limit_pages(2);
    let listed = project.home.run(&mut project.stackdeb(&["instances", "--json"])).has(0, &[]).json();
    let instances = listed["instances"].as_array().unwrap();
    let seen: Vec<(&Value, &Value, &Value, &Value)> = instances
        .iter()
        .map(|one| (&one["label"], &one["image"], &one["version"], &one["health"]["verdict"]))
        .collect();
    let expect = |label: &str| (json!(label), json!("private/15"), json!("1.0"), json!("well"));
    let expected = ["shop-1", "shop-2", "shop-3"].map(expect);
    assert_eq!(seen, expected.iter().map(|(a, b, c, d)| (a, b, c, d)).collect::<Vec<_>>());
    let words = ["shop-1 127.", "us-east private/15 version 1.0 well"];
    project.home.run(&mut project.stackdeb(&["instances"])).has(0, &words);

    let destroy = |arguments: &[&str]| {
        let mut command = project.stackdeb(&["destroy"]);
        command.args(arguments);
        command
    };
    project.home.run(&mut destroy(&["--discard-data"])).has(1, &["no terminal", "shop-1 (127.", "--yes"]);
    project
        .home
        .run(&mut destroy(&["--yes", "--discard-data", "shop-1", "shop-9"]))
        .has(1, &["no instance of this stack is called shop-9"]);
    assert_eq!(project.labels(), ["shop-1", "shop-2", "shop-3", "shop-9"]);
    let report = project
        .home
        .run(&mut destroy(&["--yes", "--discard-data", "--json", "shop-2"]))
        .has(0, &["shop-2 is removed"])
        .json();
    assert_eq!((&report["stack"], &report["removed"][0]["label"]), (&json!("shop"), &json!("shop-2")));
    // At a terminal, a person is asked.
    let at_terminal = |answer: &str| {
        let mut command = project.home.command("sh");
        command.env("LINODE_API_URL", project.api.address());
        let script = format!(
            "echo {answer} | script -qec '{} destroy --discard-data' /dev/null",
            env!("CARGO_BIN_EXE_stackdeb")
        );
        project.home.run(command.args(["-c", &script]))
    };
    at_terminal("n").has(1, &["This removes shop-1", "shop-3", "[y/N]", "nothing was removed"]);
    assert_eq!(project.labels(), ["shop-1", "shop-3", "shop-9"]);
    at_terminal("y").has(0, &["shop-1 is removed", "shop-3 is removed"]);
    assert_eq!(project.labels(), ["shop-9"]);
    project.home.run(&mut destroy(&[])).has(0, &["shop runs nowhere"]);
}

#[test]
fn linode_s_own_client_sees_the_same() {
    let project = Project::new(&[]);
    let cli = |arguments: &[&str]| project.home.run(&mut project.linode_cli(arguments)).has(0, &[]);
    project.home.run(&mut project.deploy(&["--label", "ours"])).has(0, &[]);
    // The same instance, made by Linode's client, differs in nothing that has not to be unique.
    let user_data = String::from_utf8(project.api.seen("POST").last().unwrap().body.clone()).unwrap();
    let made: Value = serde_json::from_str(&user_data).unwrap();
    let text = |key: &str| made[key].as_str().unwrap().to_owned();
    let (key, firewall) = (project.key(), made["firewall_id"].to_string());
    cli(&[
        "linodes",
        "create",
        "--region",
        &text("region"),
        "--type",
        &text("type"),
        "--image",
        &text("image"),
        "--label",
        "theirs",
        "--authorized_keys",
        &key,
        "--metadata.user_data",
        made["metadata"]["user_data"].as_str().unwrap(),
        "--kernel",
        &text("kernel"),
        "--firewall_id",
        &firewall,
        "--interface_generation",
        "legacy_config",
        "--tags",
        "stack:shop",
        "--tags",
        "version:1.0",
        "--tags",
        "data:database",
        "--tags",
        "data:files",
        "--booted",
        "true",
        "--no-defaults",
        "--json",
    ]);
    let listed = cli(&["linodes", "list", "--json"]).json();
    let find = |label: &str| listed.as_array().unwrap().iter().find(|one| one["label"] == label).cloned().unwrap();
    let (mut ours, mut theirs) = (find("ours"), find("theirs"));
    for different in ["id", "label", "ipv4", "ipv6", "status"] {
        assert_ne!(ours[different], theirs[different], "{different}");
        (ours[different], theirs[different]) = (Value::Null, Value::Null);
    }
    assert_eq!(ours, theirs);
    assert_eq!(project.api.user_data("ours"), project.api.user_data("theirs"));
    let firewalls = cli(&["firewalls", "list", "--json"]).json();
    assert_eq!(firewalls[0]["label"], "shop-firewall");
    let configurations = cli(&["linodes", "configs-list", &find("theirs")["id"].to_string(), "--json"]).json();
    assert_eq!(configurations, json!([]), "it is still being made");

    // And ours sees theirs, which nobody has switched on yet as far as was looked.
    let listed = project.home.run(&mut project.stackdeb(&["instances", "--json"])).has(0, &[]).json();
    let labels: Vec<&Value> = listed["instances"].as_array().unwrap().iter().map(|one| &one["label"]).collect();
    assert_eq!(labels, ["ours", "theirs"]);
    cli(&["linodes", "delete", &find("ours")["id"].to_string()]);
    assert_eq!(project.labels(), ["theirs"]);
    assert!(project.api.file("private/15").unwrap() == fs::read(image()).unwrap());
}
