//! `stackdeb deploy` in accounts that are set up in different ways: which interfaces new instances may have, which firewall
//! they get, and what the token's user may do.

use std::fs;

use serde_json::{Value, json};
use support::linode_api::{Account, Interfaces};
use support::project::Project;

/// The body of the last request that made an instance.
fn made(project: &Project) -> Value {
    let seen = project.api.seen("POST");
    let last = seen.iter().rfind(|seen| seen.path == "/v4/linode/instances").unwrap();
    serde_json::from_slice(&last.body).unwrap()
}

#[test]
fn each_account_gets_interfaces_that_it_allows() {
    for interfaces in [
        Interfaces::LegacyConfigOnly,
        Interfaces::LegacyConfigDefaultButLinodeAllowed,
        Interfaces::LinodeDefaultButLegacyConfigAllowed,
        Interfaces::LinodeOnly,
    ] {
        let project = Project::new(&[]);
        project.api.set_account(Account { interfaces, ..Account::default() });
        project.home.run(&mut project.deploy(&[])).has(0, &["shop-1 answers"]);
        let (made, linode) = (made(&project), project.api.instances()[0].clone());
        if interfaces == Interfaces::LinodeOnly {
            let interface = json!({"firewall_id": 1001, "default_route": {"ipv4": true, "ipv6": true}, "public": {}});
            assert_eq!((&made["interface_generation"], &made["interfaces"]), (&json!("linode"), &json!([interface])));
            assert_eq!(made["firewall_id"], Value::Null);
        } else {
            assert_eq!((&made["interface_generation"], &made["firewall_id"]), (&json!("legacy_config"), &json!(1001)));
            assert_eq!(made["interfaces"], Value::Null);
        }
        assert_eq!(linode["interface_generation"], made["interface_generation"]);
        // Either way it is behind the stack's firewall.
        assert_eq!(project.api.firewalls()[0]["entities"][0]["id"], linode["id"]);
    }
}

#[test]
fn an_account_whose_settings_the_token_may_not_read_is_served_as_well() {
    for interfaces in [Interfaces::LinodeDefaultButLegacyConfigAllowed, Interfaces::LinodeOnly] {
        let project = Project::new(&[]);
        project.api.set_account(Account { interfaces, ..Account::default() });
        project.api.tell_scopes("images:read_write linodes:read_write firewall:read_write");
        project.home.run(&mut project.deploy(&[])).has(0, &["shop-1 answers"]);
        assert_eq!(project.api.firewalls()[0]["entities"][0]["id"], project.api.instances()[0]["id"]);
    }
}

/// A rule of a firewall for everybody.
fn rule(ports: &str) -> Value {
    json!({"label": "rule", "action": "ACCEPT", "protocol": "TCP", "ports": ports,
        "addresses": {"ipv4": ["0.0.0.0/0"], "ipv6": ["::/0"]}})
}

#[test]
fn a_firewall_that_is_there_is_looked_at_first() {
    let project = Project::new(&[]);
    project.home.run(&mut project.deploy(&[])).has(0, &[]);
    let requests = project.api.seen("POST").len();
    let site = project.port.to_string();
    let office = json!({"label": "ssh", "action": "ACCEPT", "protocol": "TCP", "ports": "22",
        "addresses": {"ipv4": ["192.0.2.0/24"]}});
    // A disabled one protects nothing, even with the right rules.
    project.api.set_firewall(1001, "disabled", json!([rule(&format!("22,80,443,{site}"))]));
    let own = project.home.run(&mut project.deploy(&[])).has(1, &["firewall shop-firewall (1001) is disabled"]);
    assert!(own.said.contains("help:"), "{}", own.said);
    project.home.run(&mut project.deploy(&["--firewall", "1001"])).has(1, &["shop-firewall (1001) is disabled"]);
    // One behind which nobody would reach the site.
    project.api.set_firewall(1001, "enabled", json!([rule("22, 80, 443"), rule("5432")]));
    let words = [&format!("lets nobody reach the site at port {site}")[..], "5432", "add a rule for TCP port"];
    project.home.run(&mut project.deploy(&[])).has(1, &words);
    project.home.run(&mut project.deploy(&["--firewall", "1001"])).has(1, &words);
    assert_eq!(project.api.seen("POST").len(), requests);
    // The administrator's own ways are shown, and used.
    project.api.set_firewall(1001, "enabled", json!([office, rule("80-443"), rule(&site)]));
    let words = [
        "shop-firewall (1001) is not as this stack would make it",
        "only 192.0.2.0/24 can connect to port 22",
        "TCP 80-443 is accepted too",
        "shop-2 answers",
    ];
    project.home.run(&mut project.deploy(&[])).has(0, &words);
    project.home.run(&mut project.deploy(&["--firewall", "77"])).has(1, &["no firewall with the ID 77"]);
    // As it was made, there is nothing to say.
    project.api.set_firewall(1001, "enabled", json!([rule("22"), rule(&site)]));
    let said = project.home.run(&mut project.deploy(&[])).has(0, &["shop-3 answers"]).said;
    assert!(!said.contains("firewall"), "{said}");
    // Until the site answers over HTTPS.
    let manifest = fs::read_to_string(project.path("stack.toml")).unwrap();
    fs::write(project.path("stack.toml"), manifest.replace("[site]\n", "[site]\ntls = \"self-signed\"\n")).unwrap();
    let words = ["shop-firewall (1001) is not as this stack would make it: nobody can connect to port 443"];
    project.home.run(&mut project.deploy(&[])).has(0, &words);
}

#[test]
fn without_a_firewall_the_account_s_default_is_told_of() {
    for interfaces in [Interfaces::LinodeDefaultButLegacyConfigAllowed, Interfaces::LinodeOnly] {
        let project = Project::new(&[]);
        let account = Account { interfaces, ..Account::default() };
        project.api.set_account(account.clone());
        project.home.run(&mut project.deploy(&[])).has(0, &[]);
        let said = project.home.run(&mut project.deploy(&["--no-firewall"])).has(0, &["shop-2 answers"]).said;
        assert!(!said.contains("firewall"), "{said}");
        project.api.set_account(Account { default_firewall: Some(1001), ..account });
        let words = [
            "shop-firewall (1001), which the account gives to every instance in spite of --no-firewall",
            "shop-3 is behind the firewall shop-firewall (1001), the account's default",
        ];
        project.home.run(&mut project.deploy(&["--no-firewall"])).has(0, &words);
        // A token that may not read the settings sees it afterwards.
        project.api.tell_scopes("images:read_write linodes:read_write");
        let words = [
            "in spite of --no-firewall: that is looked at once they are made",
            "shop-4 is behind the firewall shop-firewall (1001)",
        ];
        project.home.run(&mut project.deploy(&["--no-firewall"])).has(0, &words);
    }
}

#[test]
fn a_default_firewall_that_closes_the_site_is_refused_before_anything_is_made() {
    let project = Project::new(&[]);
    project.home.run(&mut project.deploy(&[])).has(0, &[]);
    let requests = project.api.seen("POST").len();
    project.api.set_firewall(1001, "enabled", json!([rule("22")]));
    project.api.set_account(Account { default_firewall: Some(1001), ..Account::default() });
    let words = ["which the account gives to every instance", "lets nobody reach the site"];
    project.home.run(&mut project.deploy(&["--no-firewall"])).has(1, &words);
    assert_eq!(project.api.seen("POST").len(), requests);
}

#[test]
fn a_restricted_user_is_told_which_grant_is_missing() {
    let project = Project::new(&[]);
    let restricted = |grants: Value| Account { grants: Some(grants), ..Account::default() };
    // It may make instances, but not tag them.
    let all = json!({"add_linodes": true, "add_images": true, "add_firewalls": true, "account_access": "read_only"});
    project.api.set_account(restricted(all.clone()));
    let words = ["user is restricted", "account_access: read_write (to set tags)", "cloud.linode.com/account/users"];
    let said = project.home.run(&mut project.deploy(&[])).has(3, &words).said;
    assert!(!said.contains("add_linodes"), "{said}");
    project.api.set_account(restricted(json!({"account_access": "read_write", "add_images": true})));
    project.home.run(&mut project.deploy(&[])).has(3, &["lacks the grants for this: add_linodes, add_firewalls"]);
    assert!(project.api.seen("POST").is_empty());
    // A token that may not read the grants learns it from the refusal.
    project.api.set_account(restricted(all));
    project.api.tell_scopes("images:read_write linodes:read_write firewall:read_write");
    let words = ["create an image", "needs the grant add_images", "account_access: read_write to set tags"];
    project.home.run(&mut project.deploy(&[])).has(3, &words);
    assert!(project.labels().is_empty());
    // With all of them it is as good as any other.
    let project = Project::new(&[]);
    let full = json!({"add_linodes": true, "add_images": true, "add_firewalls": true, "account_access": "read_write"});
    project.api.set_account(restricted(full));
    project.home.run(&mut project.deploy(&[])).has(0, &["shop-1 answers"]);
}

#[test]
fn tags_are_as_long_as_linode_takes_them() {
    let project = Project::new(&[]);
    let (fits, longer) = ("t".repeat(50), "t".repeat(51));
    project.home.run(&mut project.deploy(&["--tag", &longer])).has(1, &["is not a valid tag", "3 to 50"]);
    assert!(project.api.all_paths().is_empty());
    project.home.run(&mut project.deploy(&["--tag", &fits])).has(0, &["shop-1 answers"]);
    // A version that no tag can hold is no reason to fail after the image was sent.
    let version = format!("1.0+git{}", "2".repeat(50));
    project.set_version(&version, "[database]\n");
    fs::rename(
        project.path("dist/shop-1.0-linode.img.gz"),
        project.path(&format!("dist/shop-{version}-linode.img.gz")),
    )
    .unwrap();
    let force = project.home.run(&mut project.deploy(&[]));
    force.has(0, &["shop-2 answers"]);
}
