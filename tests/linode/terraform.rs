//! `stackdeb terraform`: what it writes, as a parser of that language, the provider's schema and a YAML parser judge it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::project::write_manifest;
use support::terraform::{Project, problems};
use support::{run, source_folder};

const DATABASE: &str = "[database]";

/// Names, ports and paths that a stack may have.
fn projects() -> [Project; 4] {
    [
        Project::new("shop", DATABASE),
        Project::new("shop", ""),
        Project::new(
            "guest--book",
            "[site]\nport = 8080\ntls = \"self-signed\"\n[health]\npath = \"/a/b-c_d.e~\"\n[database]",
        ),
        Project::new("a-name-of-31-characters-x-x-x-x", DATABASE),
    ]
}

/// A shop with a database, whose configuration is written.
fn shop() -> Project {
    let project = Project::new("shop", DATABASE);
    project.write(&[]);
    project
}

/// The files of a configuration: the path and the text of each.
fn files(project: &Project) -> Vec<(PathBuf, String)> {
    let entries = fs::read_dir(project.path("terraform")).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn a_parser_and_the_provider_s_schema_find_nothing_wrong() {
    for project in projects() {
        project.write(&[]);
        assert_eq!(problems(&project.path("terraform")), "");
    }
}

/// What is judged good above is so because a mistake is found.
#[test]
fn each_kind_of_mistake_is_found() {
    let project = shop();
    let mistakes = [
        (
            "web.tf",
            "interface_generation =",
            "interfaces_generation =",
            "there is no argument or block `interfaces_generation`",
        ),
        ("web.tf", "kernel      =", "hostname = \"x\"\n  kernel =", "linode_instance_config.web: there is no argument"),
        (
            "web.tf",
            "\"linode_placement_group\"",
            "\"linode_placement\"",
            "the provider has no resource `linode_placement`",
        ),
        ("web.tf", "  label     = \"stack\"\n", "", "linode_instance_config.web: `label` is missing"),
        (
            "web.tf",
            "      purpose = interface.value\n",
            "",
            "linode_instance_config.web.interface: `purpose` is missing",
        ),
        (
            "web.tf",
            "    error_message = join",
            "    message = join",
            "check machines_are_as_set: `error_message` is missing",
        ),
        ("web.tf", "web.type == var", "web.typ == var", "linode_instance.web has no attribute `typ`"),
        (
            "interfaces.tf",
            "data \"linode_account_settings\"",
            "data \"linode_settings\"",
            "the provider has no data source `linode_settings`",
        ),
        ("interfaces.tf", "self.interfaces_for_new_linodes", "self.interfaces", "no attribute `interfaces` of its own"),
        ("interfaces.tf", "  public        = {}", "  publik        = {}", "there is no argument or block `publik`"),
        ("interfaces.tf", "address = local", "adress = local", "there is no attribute `adress` to be set"),
        ("database.tf", "settings.current]", "settings.now]", "`data.linode_account_settings.now` is not declared"),
        ("web.tf", "booted    = true", "booted    = \"yes\"", "linode_instance_config.web.booted: is string, not bool"),
        ("web.tf", "specs[0].disk", "specs[0].disks", "linode_instance.web has no attribute `specs.disks`"),
        ("web.tf", "[image, authorized_keys, size]", "[images]", "there is no argument `images` whose changes"),
        (
            "balancer.tf",
            "[linode_instance.web[count.index]]",
            "[linode_instance.webs]",
            "`linode_instance.webs` is not declared",
        ),
        ("web.tf", "index + 1", "counter + 1", "`counter` is nothing that is known here"),
        ("web.tf", "metadata {", "metadata = {", "`metadata` is a block, no argument"),
        ("web.tf", "jsonencode(var.ssh_keys)", "json(var.ssh_keys)", "there is no function `json`"),
        ("database.tf", "private_network = {", "private_network {", "`private_network` is an argument, no block"),
        ("database.tf", "    vpc_id        = linode_vpc.stack.id\n", "", "`vpc_id` is missing"),
        ("database.tf", "[var.subnet]", "[1]", "linode_database_postgresql_v2.stack.allow_list: is number, not string"),
        ("database.tf", "stack.port", "stack.ports", "has no attribute `ports`"),
        ("balancer.tf", "      subnet_id ", "      subnet ", "there is no attribute `subnet` to be set"),
        ("balancer.tf", "port            = 80", "port            = \"80\"", "is string, not number"),
        ("balancer.tf", "check          = \"http\"", "hostname = \"a\"", "there is no argument or block `hostname`"),
        ("firewall.tf", "ports    = \"22\"", "port     = \"22\"", "linode_firewall.web.inbound: there is no argument"),
        ("firewall.tf", "dynamic \"inbound\"", "dynamic \"incoming\"", "there is no block `incoming`"),
        ("image.tf", "local.image_label", "local.image_name", "`local.image_name` is not declared"),
        ("outputs.tf", "web.label =>", "web.labels =>", "linode_instance.web has no attribute `labels`"),
        ("outputs.tf", "stack.host_primary}:", "stack.root_password}:", "output database: shows something secret"),
        ("outputs.tf", "\"http://${", "\"${local.database_url}${", "output url: shows something secret"),
        ("network.tf", "var.region", "var.place", "`var.place` is not declared"),
        ("network.tf", "cidrhost(", "cidr_host(", "there is no function `cidr_host`"),
        ("provider.tf", "api_version =", "api_versions =", "provider linode: there is no argument"),
        (
            "variables.tf",
            "description = \"The plan of a web",
            "text = \"The plan of a web",
            "variable type: there is no argument `text`",
        ),
        ("variables.tf", "variable \"swap\"", "variable \"swop\"", "var.swop: is used nowhere"),
    ];
    for (file, good, bad, expected) in mistakes {
        let path = project.path("terraform").join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(good), "{file} has no `{good}`");
        fs::write(&path, text.replacen(good, bad, 1)).unwrap();
        let found = problems(&project.path("terraform"));
        assert!(found.contains(expected), "{good} -> {bad}: `{expected}` is not in: {found}");
        fs::write(&path, text).unwrap();
    }
    assert_eq!(problems(&project.path("terraform")), "");
}

/// What `terraform fmt` leaves alone: two spaces for each bracket that is open, and the `=` of lines that follow
/// each other below each other.
fn assert_formatted(name: &str, text: &str) {
    assert!(text.ends_with('\n') && !text.ends_with("\n\n") && !text.contains("\n\n\n"), "{name}: empty lines");
    let (mut depth, mut group): (usize, Option<(usize, usize)>) = (0, None);
    for (number, line) in text.lines().chain([""]).enumerate() {
        let place = format!("{name}, line {}: {line}", number + 1);
        assert!(!line.contains('\t') && line.trim_end() == line, "{place}");
        let bare = line.trim_start();
        let closing = bare.chars().take_while(|c| "}])".contains(*c)).count();
        let indent = line.len() - bare.len();
        // Brackets that are opened together are closed together, and count as one.
        depth -= usize::from(closing > 0);
        assert!(bare.is_empty() || indent == 2 * depth, "{place}: {indent} spaces, not {}", 2 * depth);
        let opens = !bare.starts_with('#') && bare.ends_with(['{', '[', '(']);
        depth += usize::from(opens);
        let equals = bare.find(" = ").filter(|_| !bare.starts_with('#')).map(|at| at + 1);
        let name_length = equals.map_or(0, |at| bare[..at].trim_end().len());
        // A value of several lines stands alone; so does an element of a list.
        assert!(!opens || equals.is_none_or(|at| at == name_length + 1), "{place}: too far from the name");
        match equals.filter(|_| !opens && name_length > 0) {
            Some(at) => {
                let (column, longest) = group.get_or_insert((at, 0));
                assert_eq!(at, *column, "{place}: `=` is not below the one before");
                *longest = name_length.max(*longest);
            }
            None => {
                if let Some((column, longest)) = group.take() {
                    assert_eq!(column, longest + 1, "{place}: too far from the names before");
                }
            }
        }
    }
    assert_eq!(depth, 0, "{name}");
}

#[test]
fn everything_is_formatted() {
    for project in projects() {
        project.write(&[]);
        let mut seen = 0;
        for (path, text) in files(&project) {
            if path.extension().is_some_and(|extension| extension == "tf") {
                assert_formatted(&path.display().to_string(), &text);
                seen += 1;
            }
        }
        assert!(seen >= 10, "{seen}");
    }
    for bad in [
        "a {\n b = 1\n}\n",
        "a = 1\nbb = 2\n",
        "a  = 1\nb  = 2\n",
        "a {\n  b = [\n    1\n    ]\n}\n",
        "a = 1 \n",
        "a = 1",
    ] {
        assert!(std::panic::catch_unwind(|| assert_formatted("bad", bad)).is_err(), "{bad}");
    }
}

#[test]
fn port_443_is_open_for_a_site_with_https_alone() {
    for (tables, open) in [("[site]\n", false), ("[site]\ntls = \"self-signed\"\n", true)] {
        let project = Project::new("shop", tables);
        project.write(&[]);
        let read = |name: &str| fs::read_to_string(project.path("terraform").join(name)).unwrap();
        assert_eq!(read("firewall.tf").contains("\"443\""), open);
        assert_eq!(read("balancer.tf").contains("port            = 443"), open);
    }
}

/// The image's manifest lists a stack at the same port, one with HTTPS at a name of its own and one at another port.
#[test]
fn the_ports_of_all_stacks_in_the_image_are_open_and_no_others() {
    for (own, served) in [(80, [(80, 80), (443, 443), (8081, 8081)]), (8080, [(80, 80), (443, 443), (8080, 8080)])] {
        let project = Project::new("shop", &format!("[site]\nport = {own}\n"));
        let further = [("till", 80, true, "/"), ("blog", if own == 80 { 8081 } else { 80 }, false, "/w${e}ll")];
        fs::create_dir(project.path("dist")).unwrap();
        write_manifest(
            &project.path("dist/shop-1.0-linode.json"),
            &[&[("shop", own, false, "/healthz")], &further[..]].concat(),
        );
        let said = project.write(&[]);
        assert!(said.contains("the image has till, blog as well"), "{said}");
        assert_eq!(problems(&project.path("terraform")), "");
        // nginx believes the balancer for each of them.
        let user_data = project.file("user-data.yaml.tftpl");
        for name in ["shop", "till", "blog"] {
            let place = format!("path: /etc/{name}/balancers.d/terraform.conf\n");
            assert_eq!(user_data.matches(&place).count(), 1, "{user_data}");
        }
        for (path, text) in files(&project).iter().filter(|(path, _)| path.extension().is_some_and(|end| end == "tf")) {
            assert_formatted(&path.display().to_string(), text);
        }
        let (firewall, balancer) = (project.file("firewall.tf"), project.file("balancer.tf"));
        let from_balancer = firewall.split("  inbound {").skip(1).filter(|rule| rule.contains("balancer_network"));
        let mut accepted: Vec<u16> =
            from_balancer.map(|rule| field(rule, "ports").trim_matches('"').parse().unwrap_or(own)).collect();
        accepted.sort_unstable();
        assert_eq!(accepted, served.map(|(_, machine)| machine), "{firewall}");
        let configs = balancer.split("resource \"linode_nodebalancer_config\"").skip(1);
        let mut open: Vec<u16> = configs.map(|config| field(config, "port").parse().unwrap()).collect();
        open.sort_unstable();
        assert_eq!(open, served.map(|(public, _)| public), "{balancer}");
        let end = if own == 80 { "}/\"" } else { "}:8080/\"" };
        assert!(project.file("outputs.tf").contains(&format!("stack.hostname{end}")), "{}", project.file("outputs.tf"));
    }
}

/// The value of the first argument of that name.
fn field<'a>(text: &'a str, name: &str) -> &'a str {
    let line = text.lines().find_map(|line| line.trim().strip_prefix(name)?.trim_start().strip_prefix("= "));
    line.unwrap_or_else(|| panic!("no {name}: {text}"))
}

#[test]
fn the_stack_is_in_it() {
    let project = Project::new("guest--book", "[site]\nport = 8080\n[health]\npath = \"/up\"\n[database]");
    project.write(&[]);
    let stack = project.file("stack.tf");
    for expected in ["= 8080\n", "= \"/up\"\n", "= \"${path.module}/../dist/guest--book-1.0-linode.img.gz\"\n"] {
        assert!(stack.contains(expected), "{expected}: {stack}");
    }
    assert!(project.file("variables.tf").contains("default     = \"guest-book\""));
    assert!(project.file("database.tf").contains("sslmode=verify-full&sslrootcert=/etc/guest--book/database-ca.pem\""));
    assert!(
        project.file("database.tf").contains("\"postgresql://guest--book:%s@%s:%d/guest--book?sslmode=verify-full")
    );

    // The way to the image is right from everywhere.
    project.write(&["--out", "deploy/to/linode"]);
    let stack = fs::read_to_string(project.path("deploy/to/linode/stack.tf")).unwrap();
    assert!(stack.contains("\"${path.module}/../../../dist/guest--book-1.0-linode.img.gz\""), "{stack}");
    assert_eq!(problems(&project.path("deploy/to/linode")), "");
}

#[test]
fn without_a_database_nothing_is_left_of_one() {
    let project = Project::new("shop", "");
    project.write(&[]);
    assert!(!project.path("terraform/database.tf").exists());
    for (path, text) in files(&project) {
        assert!(!text.to_lowercase().contains("database"), "{}", path.display());
    }
}

#[test]
fn it_holds_no_secret_and_keeps_the_state_out_of_git() {
    let project = shop();
    let variables = project.file("variables.tf");
    let token = variables.split("variable \"").find(|text| text.starts_with("token\"")).unwrap();
    assert!(token.contains("default     = null") && token.contains("sensitive   = true"), "{token}");
    let folder = project.path("terraform");
    for name in ["terraform.tfstate", "terraform.tfstate.backup", "terraform.tfvars", "plan.tfplan"] {
        fs::write(folder.join(name), "secret").unwrap();
    }
    fs::create_dir(folder.join(".terraform")).unwrap();
    fs::write(folder.join(".terraform/x"), "").unwrap();
    run(Command::new("git").args(["init", "--quiet"]).current_dir(&folder));
    let seen = run(Command::new("git").args(["status", "--porcelain", "--untracked-files=all"]).current_dir(&folder));
    assert!(seen.contains("web.tf") && seen.contains(".stackdeb") && !seen.contains("terraform."), "{seen}");
    assert!(!seen.contains("tfplan") && !seen.contains(".terraform/"), "{seen}");
}

#[test]
fn labels_are_within_linode_s_limits() {
    let names = ["shop", "a1", "guest--book", "a-name-of-31-characters-x-x-x-x", "a-name-with-23-letters-and-more"];
    for name in names {
        let project = Project::new(name, DATABASE);
        project.write(&[]);
        let variables = project.file("variables.tf");
        let of_name = variables.split("variable \"").find(|text| text.starts_with("name\"")).unwrap();
        let label = of_name.split("default     = \"").nth(1).unwrap().split('"').next().unwrap();
        let longest = format!("{label}-database");
        assert!((3..=32).contains(&longest.len()) && !longest.contains("--"), "{longest}");
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(label.chars().all(good) && label.starts_with(|c: char| c.is_ascii_lowercase()), "{label}");
    }
}

#[test]
fn the_stack_that_ships_has_one() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("terraform");
    run(support::stackdeb().arg("terraform").arg(source_folder()).arg("--out").arg(&out));
    assert_eq!(problems(Path::new(&out)), "");
}

#[test]
fn the_image_s_hash_is_a_value_and_no_read() {
    let project = Project::new("shop", DATABASE);
    // Without the image there is nothing to apply, and the command and the plan say what to do.
    let said = project.write(&[]);
    assert!(said.contains("Next: `stackdeb image`") && said.contains("shop-1.0-linode.img.gz"), "{said}");
    assert!(project.file("stack.tf").contains("image_hash  = \"\"\n"));
    assert!(project.file("image.tf").contains("condition     = local.image_hash != \"\""));
    fs::create_dir(project.path("dist")).unwrap();
    let image = project.path("dist/shop-1.0-linode.img.gz");
    fs::write(&image, "an image").unwrap();
    let said = project.write(&[]);
    assert!(said.contains("terraform init && terraform apply"), "{said}");
    let sum = run(Command::new("md5sum").arg(&image));
    let hash = sum.split_whitespace().next().unwrap();
    assert!(project.file("stack.tf").contains(&format!("image_hash  = \"{hash}\"\n")));
    // No function of the configuration opens it: a plan and a destruction work without it.
    for (path, text) in files(&project) {
        for reader in ["filemd5", "filesha", "filebase64", " file(", "(file(", "fileexists", "templatefile(local"] {
            assert!(!text.contains(reader), "{} has {reader}", path.display());
        }
    }
    // Another file is another image.
    fs::write(&image, "another image").unwrap();
    project.write(&[]);
    assert!(!project.file("stack.tf").contains(hash));
}

/// The body of a block of the configuration, by its first line.
fn block<'a>(text: &'a str, first: &str) -> &'a str {
    let begin = text.find(first).unwrap_or_else(|| panic!("no {first}"));
    &text[begin..begin + text[begin..].find("\n}\n").unwrap()]
}

#[test]
fn no_change_of_a_variable_restarts_all_machines_at_once() {
    let project = shop();
    let web = project.file("web.tf");
    for (resource, ignored) in [
        ("resource \"linode_instance\" \"web\"", "ignore_changes = [metadata, type]"),
        ("resource \"linode_instance_disk\" \"root\"", "ignore_changes = [image, authorized_keys, size]"),
        ("resource \"linode_instance_disk\" \"swap\"", "ignore_changes = [size]"),
    ] {
        assert!(block(&web, resource).contains(ignored), "{resource}");
    }
    // The plan says which machines are not as set, and the command for each.
    let check = block(&web, "check \"machines_are_as_set\"");
    assert!(check.contains("terraform apply -replace='linode_instance.web[${index}]'"), "{check}");
    assert!(check.contains("Replace one after the other"), "{check}");
    for compared in
        ["web.type == var.type", "swap[index].size == var.swap", "root[index].image == linode_image.stack.id"]
    {
        assert!(web.contains(compared), "{compared}");
    }
}

#[test]
fn a_database_is_not_destroyed_by_a_plan() {
    let project = shop();
    let database = project.file("database.tf");
    let body = block(&database, "resource \"linode_database_postgresql_v2\" \"stack\"");
    assert!(body.contains("lifecycle {\n    prevent_destroy = true\n  }"), "{body}");
}

#[test]
fn interfaces_are_those_that_the_account_allows() {
    let project = shop();
    let web = project.file("web.tf");
    let instance = block(&web, "resource \"linode_instance\" \"web\"");
    assert!(instance.contains("interface_generation = var.interfaces"), "{instance}");
    assert!(instance.contains("firewall_id = var.interfaces == \"legacy_config\" ? linode_firewall.web.id : null"));
    let interfaces = project.file("interfaces.tf");
    for resource in ["resource \"linode_interface\" \"public\"", "resource \"linode_interface\" \"private\""] {
        let body = block(&interfaces, resource);
        assert!(body.contains("count = var.interfaces == \"linode\" ? var.instances : 0"), "{body}");
        assert!(body.contains("= linode_firewall.web.id"), "{body}");
    }
    // Nobody waits half an hour for a database that no machine can use.
    let database = project.file("database.tf");
    let body = block(&database, "resource \"linode_database_postgresql_v2\" \"stack\"");
    assert!(body.contains("depends_on = [data.linode_account_settings.current]"), "{body}");
    assert!(project.file("variables.tf").contains("contains([\"legacy_config\", \"linode\"], var.interfaces)"));
}

#[test]
fn networks_for_ssh_are_networks() {
    let project = shop();
    let variables = project.file("variables.tf");
    let body = block(&variables, "variable \"ssh_networks\"");
    assert!(body.contains("alltrue([for network in var.ssh_networks : can(cidrhost(network, 0))])"), "{body}");
}

#[test]
fn nginx_believes_the_balancer_s_network_alone() {
    let project = shop();
    let expected = "balancer    = jsonencode(\"set_real_ip_from ${local.balancer_network};\\n\")";
    assert!(project.file("web.tf").contains(expected), "{}", project.file("web.tf"));
    // It is the network from which the balancer connects.
    assert!(project.file("balancer.tf").contains("ipv4_range = local.balancer_network"));
}

#[test]
fn the_app_is_not_the_database_s_root_user() {
    let project = shop();
    let database = project.file("database.tf");
    let begin = database.find("  database_url = format(").unwrap();
    let url = &database[begin..begin + database[begin..].find("\n  )\n").unwrap()];
    assert!(url.contains("random_password.database.result") && !url.contains("root_"), "{url}");
    // What the app reads has this address, and root's file has the other as well.
    let web = project.file("web.tf");
    let settings = web.lines().find(|line| line.trim_start().starts_with("settings ")).unwrap();
    assert!(settings.contains("DATABASE_URL = local.database_url"), "{settings}");
    for (path, text) in files(&project) {
        let uses = text.lines().filter(|line| line.contains("local.database_admin ")).count();
        assert_eq!(uses, usize::from(path.ends_with("web.tf")), "{}", path.display());
    }
}
