//! `stackdeb deploy` against a Linode in memory whose instances are sites on this machine.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use stackdeb::system::hash::Sha256;
use support::account::sh;
use support::linode_api::Fault;
use support::project::{Project, write_manifest};

/// YAML as cloud-init reads it, in JSON.
fn yaml(text: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("user-data");
    fs::write(&path, text).unwrap();
    let script = "python3 -c 'import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))' \"$1\"";
    serde_json::from_str(&sh(script, &[&path])).unwrap()
}

#[test]
fn from_an_image_file_to_an_instance_that_answers() {
    let project = Project::new(&[]);
    let arguments = ["--env", "GREETING=say \"hi\" for 5$ \\ `x` é", "--env", "SECRET_KEY", "--tag", "web", "--json"];
    let mut command = project.deploy(&arguments);
    let ended = project.home.run(command.env("SECRET_KEY", "swordfish")).has(
        0,
        &[
            "jane@home",
            "shop-1 will cost $0.0075 an hour",
            "private/15 is being made",
            "shop-1 is made at 127.",
            "shop-1 answers at",
        ],
    );
    assert!(!ended.said.contains("swordfish"));
    let report = ended.json();
    let linode = &project.api.instances()[0];
    let address = linode["ipv4"][0].as_str().unwrap();
    let expected = json!({"stack": "shop", "image": "private/15", "version": "1.0", "uploaded": true,
        "region": "us-east", "type": "g6-nanode-1", "price": {"hourly": 0.0075, "monthly": 5.0}, "firewall": 1001,
        "removed": []});
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&report[key], value, "{key}");
    }
    let one = &report["instances"][0];
    assert_eq!((&one["id"], &one["label"]), (&json!(1002), &json!("shop-1")));
    assert_eq!((&one["url"], &one["healthy"]), (&json!(format!("http://{address}:{}", project.port)), &json!(true)));
    let seconds = |key: &str| one[key].as_f64().unwrap();
    assert!(seconds("running_after_seconds") > 0.0);
    assert!(seconds("healthy_after_seconds") >= seconds("running_after_seconds"));

    // What Linode was asked for.
    assert_eq!(linode["tags"], json!(["stack:shop", "version:1.0", "data:database", "data:files", "web"]));
    assert_eq!(project.api.kernel("shop-1"), "linode/grub2");
    let made: Value = serde_json::from_slice(&project.api.seen("POST").last().unwrap().body).unwrap();
    assert_eq!((&made["authorized_keys"], &made["kernel"]), (&json!([project.key()]), &json!("linode/grub2")));
    let firewall = &project.api.firewalls()[0];
    assert_eq!((&firewall["label"], &firewall["tags"]), (&json!("shop-firewall"), &json!(["stack:shop"])));
    assert_eq!((&firewall["rules"]["inbound_policy"], &firewall["entities"][0]["id"]), (&json!("DROP"), &json!(1002)));
    let ports: Vec<&str> =
        firewall["rules"]["inbound"].as_array().unwrap().iter().map(|rule| rule["ports"].as_str().unwrap()).collect();
    assert_eq!(ports, ["22", &project.port.to_string()]);

    // Nothing that does not change is asked for twice, although the upload needs the regions as well.
    let count = |request: &str| project.api.all_paths().iter().filter(|seen| *seen == request).count();
    for list in ["regions", "images", "linode/types", "linode/instances", "networking/firewalls"] {
        assert_eq!(count(&format!("GET /{list}")), 1, "{list}");
    }

    // What the instance is told.
    let told = yaml(&project.api.user_data("shop-1"));
    assert_eq!(told["hostname"], "shop-1");
    assert_eq!(told["users"][0]["ssh_authorized_keys"], json!([project.key()]));
    let files = told["write_files"].as_array().unwrap();
    let content = "GREETING=\"say \\\"hi\\\" for 5\\$ \\\\ \\`x\\` é\"\nSECRET_KEY=\"swordfish\"\n";
    let expected = json!([{"path": "/etc/shop/shop.env", "owner": "root:shop", "permissions": "0640", "append": true,
        "content": content}]);
    assert_eq!(files, expected.as_array().unwrap());
    assert!(project.api.user_data("shop-1").starts_with("#cloud-config\n"));
}

#[test]
fn the_firewall_is_for_every_stack_in_the_image() {
    let project = Project::new(&[]);
    let stacks = [("shop", project.port, false, "/healthz"), ("till", 80, true, "/"), ("blog", 8081, false, "/")];
    write_manifest(&project.path("dist/shop-1.0-linode.json"), &stacks);
    let ports = ["22", "80", "443", "8081", &project.port.to_string()].join(", ");
    project.home.run(&mut project.deploy(&[])).has(0, &[&format!("accepts connections to the ports {ports} only")]);
    let firewall = project.api.firewalls()[0].clone();
    let rules = firewall["rules"]["inbound"].as_array().unwrap();
    let open: Vec<&str> = rules.iter().map(|rule| rule["ports"].as_str().unwrap()).collect();
    assert_eq!(open.join(", "), ports);
    // The image in the account is known by the manifest too.
    let image = project.path("dist/shop-1.0-linode.img.gz");
    let said_of = |sha256: Sha256| {
        let path = project.path("dist/shop-1.0-linode.json");
        let mut manifest: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        manifest["compressed"] = json!({"bytes": 1, "sha256": sha256.to_string()});
        fs::write(path, manifest.to_string()).unwrap();
    };
    said_of(Sha256::of(&fs::read(&image).unwrap()));
    fs::remove_file(image).unwrap();
    let warning = "the ports of till, blog are those of the image that was built last, and private/15 is another one";
    let ended = project.home.run(&mut project.deploy(&[])).has(0, &["shop-2 (private/15)"]);
    assert!(!ended.said.contains(warning), "{}", ended.said);
    said_of(Sha256::of(b"another"));
    project.home.run(&mut project.deploy(&["--image", "private/15"])).has(0, &["shop-3 (private/15)", warning]);
    // A firewall from before does not let anybody reach a stack that has come to the image.
    write_manifest(&project.path("dist/shop-1.0-linode.json"), &[("new", 8082, false, "/")]);
    project.home.run(&mut project.deploy(&[])).has(1, &["lets nobody reach the site at port 8082"]);
    assert_eq!(project.labels(), ["shop-1", "shop-2", "shop-3"]);
}

#[test]
fn the_image_is_sent_once_and_one_in_the_account_does() {
    let project = Project::with_database("", &[]);
    project
        .home
        .run(&mut project.deploy(&["--count", "2", "--no-firewall"]))
        .has(0, &["shop-1 (private/15)", "shop-2"]);
    project
        .home
        .run(&mut project.deploy(&["--label", "till"]))
        .has(0, &["before as private/15", "shop-1 runs already", "shop-2 runs already"]);
    // Without the file, the account's own of this version.
    fs::remove_dir_all(project.path("dist")).unwrap();
    project.home.run(&mut project.deploy(&[])).has(0, &["shop-3 (private/15)"]);
    project.home.run(&mut project.deploy(&["--image", "private/15", "--region", "nl-ams"])).has(2, &["--region"]);
    let mut elsewhere = project.stackdeb(&["deploy", "--region", "ca-central", "--image", "private/15"]);
    project.home.run(&mut elsewhere).has(0, &["shop-4 (private/15)"]);
    project.set_version("2.0", "");
    project.home.run(&mut project.deploy(&[])).has(1, &["neither shop-2.0-linode.img.gz in dist", "stackdeb image"]);
    assert_eq!(project.labels(), ["shop-1", "shop-2", "till", "shop-3", "shop-4"]);
    let uploads = project.api.seen("PUT").iter().filter(|seen| seen.path.starts_with("/upload")).count();
    assert_eq!((uploads, project.api.firewalls().len()), (1, 1));
    assert!(!project.api.user_data("shop-1").contains("write_files"));
    assert_eq!(project.api.images()[0]["tags"], json!(["stack:shop"]));
}

#[test]
fn a_region_that_takes_no_images_is_served_from_another() {
    let project = Project::new(&[]);
    let mut command = project.stackdeb(&["deploy", "--region", "ca-central"]);
    project.home.run(&mut command).has(1, &["ca-central takes no images"]);
    let mut command = project.stackdeb(&["deploy", "--region", "ca-central", "--upload-region", "nl-ams"]);
    project.home.run(&mut command).has(0, &["shop-1 answers"]);
    assert_eq!(project.api.instances()[0]["region"], "ca-central");
}

#[test]
fn a_remote_database_is_named_in_the_user_data_and_nowhere_else() {
    const PASSWORD: &str = "hunter2-correct-horse";
    let project = Project::new(&[]);
    let pem = "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIU\n-----END CERTIFICATE-----\n";
    fs::write(project.path("ca.pem"), pem).unwrap();
    let url = format!("postgresql://shop:{PASSWORD}@db.example.org:5432/shop");
    let mut command = project.deploy(&["--database-ca", "ca.pem", "--json"]);
    let ended = project.home.run(command.env("DATABASE_URL", &url)).has(0, &[]);
    let file = project.path("url");
    fs::write(&file, format!("{url}?sslmode=require\n")).unwrap();
    let second = project.home.run(&mut project.deploy(&["--database-url-file", "url"])).has(0, &[]);
    fs::remove_file(file).unwrap();
    for said in [&ended.said, &ended.stdout, &second.said] {
        assert!(!said.contains("hunter2"), "{said}");
    }
    sh("! grep -rq hunter2 \"$1\"", &[project.home.path()]);

    let files = yaml(&project.api.user_data("shop-1"))["write_files"].clone();
    let address = format!("DATABASE_URL=\"{url}?sslmode=verify-full&sslrootcert=/etc/shop/database-ca.pem\"\n");
    assert_eq!(files[0]["content"], address);
    let expected =
        json!({"path": "/etc/shop/database-ca.pem", "owner": "root:root", "permissions": "0644", "content": pem});
    assert_eq!(files[1], expected);
    let files = yaml(&project.api.user_data("shop-2"))["write_files"].clone();
    assert_eq!(
        files,
        json!([{"path": "/etc/shop/shop.env", "owner": "root:shop", "permissions": "0640",
        "append": true, "content": format!("DATABASE_URL=\"{url}?sslmode=require\"\n")}])
    );
}

#[test]
fn a_project_may_have_user_data_of_its_own() {
    let project = Project::new(&[]);
    fs::create_dir(project.path("image")).unwrap();
    fs::write(project.path("image/user-data"), "#cloud-config\nhostname: {{hostnam}}\n").unwrap();
    project.home.run(&mut project.deploy(&[])).has(1, &["image/user-data", "line 2", "hostnam"]);
    assert!(project.api.seen("POST").is_empty());
    fs::write(project.path("image/user-data"), "#cloud-config\nhostname: {{yaml hostname}}\n").unwrap();
    project.home.run(&mut project.deploy(&["--label", "till"])).has(0, &[]);
    assert_eq!(project.api.user_data("till"), "#cloud-config\nhostname: \"till\"\n");
}

#[test]
fn keys_come_from_files_and_the_agent() {
    let project = Project::new(&[]);
    let folder = tempfile::tempdir().unwrap();
    let agent = folder.path().join("agent");
    let script = "ssh-keygen -q -t ecdsa -N '' -C agents -f \"$1.key\"; eval \"$(ssh-agent -a \"$1\")\" >/dev/null; \
                  SSH_AUTH_SOCK=\"$1\" ssh-add -q \"$1.key\"; rm \"$1.key\"; echo \"$SSH_AGENT_PID\"";
    let process = sh(script, &[&agent]);
    let mut command = project.deploy(&[]);
    project.home.run(command.env("SSH_AUTH_SOCK", &agent)).has(0, &["ecdsa-sha2-nistp256 agents"]);
    let mut command = project.deploy(&["--ssh-agent", "--ssh-key", ".ssh/id_ed25519.pub"]);
    project.home.run(command.env("SSH_AUTH_SOCK", &agent)).has(0, &["ed25519 jane@home", "nistp256 agents"]);
    sh("kill \"$1\"", &[Path::new(&process)]);
    let keys = |label: &str| yaml(&project.api.user_data(label))["users"][0]["ssh_authorized_keys"].clone();
    let of_agent = fs::read_to_string(folder.path().join("agent.key.pub")).unwrap().trim().to_owned();
    assert_eq!(keys("shop-1"), json!([of_agent]));
    assert_eq!(keys("shop-2"), json!([project.key(), of_agent]));
}

#[test]
fn every_version_of_the_api_ends_with_the_image_s_own_kernel() {
    // One that does not know the field.
    let project = Project::new(&[Fault::NoKernelField]);
    project.home.run(&mut project.deploy(&[])).has(0, &["shop-1 answers"]);
    assert_eq!(project.api.kernel("shop-1"), "linode/grub2");
    let made: Value = serde_json::from_slice(&project.api.seen("POST")[3].body).unwrap();
    assert_eq!((&made["booted"], &made["kernel"]), (&json!(false), &Value::Null));
    assert_eq!(project.api.paths("POST").last().unwrap(), "/linode/instances/1002/boot");
    // An API that ignores `kernel`.
    let project = Project::new(&[Fault::IgnoresKernel]);
    project.home.run(&mut project.deploy(&[])).has(0, &["shop-1 answers"]);
    assert_eq!(project.api.kernel("shop-1"), "linode/grub2");
    assert_eq!(project.api.paths("POST").last().unwrap(), "/linode/instances/1002/reboot");
}

#[test]
fn the_networks_of_balancers_reach_nginx() {
    let project = Project::new(&[]);
    for bad in ["10.0.0.1", "10.0.0.1/24", "0.0.0.0/0", "x/8", "10.0.0.0/8; include /etc/passwd"] {
        project.home.run(&mut project.deploy(&["--balancer", bad])).has(1, &["is not a network", "--balancer"]);
    }
    assert!(project.api.all_paths().is_empty());
    let networks = ["--balancer", "192.168.255.0/24", "--balancer", "2001:db8::/32"];
    project.home.run(&mut project.deploy(&networks)).has(0, &[]);
    let content = "set_real_ip_from 192.168.255.0/24;\nset_real_ip_from 2001:db8::/32;\n";
    let expected = json!([{"path": "/etc/shop/balancers.d/deploy.conf", "owner": "root:root", "permissions": "0644",
        "content": content}]);
    let told = yaml(&project.api.user_data("shop-1"));
    assert_eq!(told["write_files"], expected);
    // nginx may have started before.
    assert_eq!(told["runcmd"], json!([["systemctl", "try-reload-or-restart", "nginx.service"]]));
    // Another stack in the image is behind them as well.
    write_manifest(&project.path("dist/shop-1.0-linode.json"), &[("till", project.port, false, "/")]);
    project.home.run(&mut project.deploy(&networks)).has(0, &[]);
    let told = yaml(&project.api.user_data("shop-2"));
    let files = told["write_files"].as_array().unwrap();
    let found: Vec<[&str; 2]> =
        files.iter().map(|file| ["path", "content"].map(|key| file[key].as_str().unwrap())).collect();
    let expected =
        ["/etc/shop/balancers.d/deploy.conf", "/etc/till/balancers.d/deploy.conf"].map(|path| [path, content]);
    assert_eq!(found, expected);
}

#[test]
fn the_app_gets_a_role_of_its_own_in_a_managed_database() {
    let project = Project::new(&[]);
    let root = "postgresql://akmadmin:r00t-swordfish@db.example.org:5432/defaultdb";
    let own = "postgresql://shop:0wn-swordfish@db.example.org:5432/shop";
    fs::write(project.path("root-url"), format!("{root}\n")).unwrap();
    let words = ["names akmadmin, who administers the database server", "--database-admin-url-file"];
    let ended = project.home.run(project.deploy(&[]).env("DATABASE_URL", root)).has(1, &words);
    assert!(!ended.said.contains("swordfish"), "{}", ended.said);
    let with_admin = ["--database-admin-url-file", "root-url"];
    project.home.run(&mut project.deploy(&with_admin)).has(1, &["needs the app's own address", "DATABASE_URL"]);
    // For YAML, this is the end of a line.
    fs::write(project.path("odd-url"), root.replace("r00t", "%E2%80%A8r00t")).unwrap();
    let odd = ["--database-admin-url-file", "odd-url"];
    project.home.run(project.deploy(&odd).env("DATABASE_URL", own)).has(1, &["its password has a line break"]);
    assert!(project.api.all_paths().is_empty());
    let ended = project.home.run(project.deploy(&with_admin).env("DATABASE_URL", own)).has(0, &[]);
    assert!(!ended.said.contains("swordfish"), "{}", ended.said);
    // The app's file has its own address alone. Root's has both, and nobody else reads it.
    let files = yaml(&project.api.user_data("shop-1"))["write_files"].clone();
    assert_eq!(files[0]["content"], format!("DATABASE_URL=\"{own}?sslmode=require\"\n"));
    let both = "PGHOST=\"db.example.org\"\nPGPORT=\"5432\"\nPGUSER=\"akmadmin\"\nPGPASSWORD=\"r00t-swordfish\"\n\
                PGDATABASE=\"defaultdb\"\nPGSSLMODE=\"require\"\nROLE_NAME=\"shop\"\nROLE_PASSWORD=\"0wn-swordfish\"\n\
                ROLE_DATABASE=\"shop\"\n";
    let expected = json!({"path": "/etc/shop/database-admin.env", "owner": "root:root", "permissions": "0600",
        "content": both});
    assert_eq!(files[1], expected);
}
