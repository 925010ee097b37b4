//! The user data of a web machine, as `stackdeb terraform` writes it for Terraform to fill in: its placeholders take JSON,
//! whatever is in it, and what comes out is the YAML that cloud-init is to read.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use support::readers::yaml;
use support::run;
use support::terraform::Project;

/// Values with whatever ends a word, a text or a line somewhere.
const NASTY: &str = "a \"b\" 'c' $HOME ${d} %{e} \\n \\ # : - { [ ü € 😀 `f` & <g>\n\ttwo\n";

/// What PyYAML reads of the user data when each placeholder has that value as JSON.
fn user_data(template: &str, values: &[(&str, serde_json::Value)]) -> serde_json::Value {
    let mut text = template.to_owned();
    for (name, value) in values {
        let place = format!("${{{name}}}");
        assert_eq!(text.matches(&place).count(), 1, "{name}");
        text = text.replace(&place, &value.to_string());
    }
    yaml(&text)
}

#[test]
fn user_data_takes_every_value() {
    let nasty = serde_json::Value::from(NASTY);
    for (more, database) in [("[database]", true), ("", false)] {
        let project = Project::new("shop", more);
        project.write(&[]);
        let template = project.file("user-data.yaml.tftpl");
        assert!(template.starts_with("#cloud-config\n") && !template.contains("%{"), "{template}");
        let mut values = vec![
            ("hostname", nasty.clone()),
            ("ssh_keys", serde_json::json!([NASTY, "second"])),
            ("environment", nasty.clone()),
            ("network", nasty.clone()),
            ("balancer", nasty.clone()),
        ];
        values.extend(database.then(|| ("database_ca", nasty.clone())));
        values.extend(database.then(|| ("database_admin", nasty.clone())));
        assert_eq!(template.matches("${").count(), values.len(), "{template}");
        let data = user_data(&template, &values);
        assert_eq!(data["hostname"], NASTY);
        assert_eq!(data["users"][0]["ssh_authorized_keys"], serde_json::json!([NASTY, "second"]));
        let expected = serde_json::json!({"path": "/etc/shop/shop.env", "owner": "root:shop", "permissions": "0640",
            "append": true, "content": NASTY});
        assert_eq!(data["write_files"][0], expected);
        let ca = serde_json::json!({"path": "/etc/shop/database-ca.pem", "owner": "root:root", "permissions": "0644",
            "content": NASTY});
        let balancer = serde_json::json!({"path": "/etc/shop/balancers.d/terraform.conf", "owner": "root:root",
            "permissions": "0644", "content": NASTY});
        assert_eq!(data["write_files"][1], balancer);
        let admin = serde_json::json!({"path": "/etc/shop/database-admin.env", "owner": "root:root",
            "permissions": "0600", "content": NASTY});
        assert_eq!(data["write_files"].get(2), database.then_some(&admin));
        assert_eq!(data["write_files"].get(3), database.then_some(&ca));
        let reload = serde_json::json!([["systemctl", "try-reload-or-restart", "nginx.service"]]);
        assert_eq!(data["runcmd"], reload);
        assert_eq!(data["bootcmd"][0].as_array().unwrap().last().unwrap(), NASTY);
    }
}

/// The command that gives a machine its private address runs at each boot: as cloud-init runs it, but with a path of its own
/// and a `networkctl` that only tells.
#[test]
fn the_private_address_is_set_once() {
    let project = Project::new("shop", "[database]");
    project.write(&[]);
    let nothing = serde_json::json!("");
    let values = ["hostname", "ssh_keys", "environment", "balancer", "database_ca", "database_admin"]
        .map(|name| (name, nothing.clone()));
    let data = user_data(&project.file("user-data.yaml.tftpl"), &[&values[..], &[("network", NASTY.into())]].concat());
    let command: Vec<&str> = data["bootcmd"][0].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    let (place, bin) = (project.path("70-vpc.network"), project.path("bin"));
    fs::create_dir(&bin).unwrap();
    fs::write(bin.join("networkctl"), format!("#!/bin/sh\necho \"$@\" >> '{}'\n", project.path("told").display()))
        .unwrap();
    fs::set_permissions(bin.join("networkctl"), fs::Permissions::from_mode(0o755)).unwrap();
    let boot = || {
        let words = command.iter().map(|word| match *word {
            "/etc/systemd/network/70-vpc.network" => place.to_str().unwrap(),
            other => other,
        });
        let mut boot = Command::new("/usr/bin/env");
        run(boot.args(words).env("PATH", format!("{}:/usr/bin:/bin", bin.display())));
        assert_eq!(fs::read_to_string(&place).unwrap(), NASTY);
        fs::read_to_string(project.path("told")).unwrap()
    };
    assert!(command.contains(&"/etc/systemd/network/70-vpc.network"), "{command:?}");
    assert_eq!(boot(), "reload\n");
    assert_eq!(boot(), "reload\n");
    fs::write(&place, "another").unwrap();
    assert_eq!(boot(), "reload\nreload\n");
}
