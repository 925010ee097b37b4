//! `stackdeb terraform` in a folder that somebody works in: what they wrote is theirs.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use support::run;
use support::terraform::{Project, problems};

/// The bytes of each file, by its path below `folder`.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect()
}

fn edit(project: &Project, name: &str) -> String {
    let edited = project.file(name) + "# edited\n";
    fs::write(project.path("terraform").join(name), &edited).unwrap();
    edited
}

#[test]
fn the_same_stack_gives_the_same_bytes() {
    let (one, other) = (Project::new("shop", "[database]"), Project::new("shop", "[database]"));
    one.write(&[]);
    other.write(&[]);
    let first = contents(&one.path("terraform"));
    assert_eq!(first, contents(&other.path("terraform")));
    one.write(&[]);
    one.write(&["--force"]);
    assert_eq!(first, contents(&one.path("terraform")));
    // The record is what it says it is.
    run(Command::new("sha256sum").args(["--check", "--strict", ".stackdeb"]).current_dir(one.path("terraform")));
}

#[test]
fn a_new_version_reaches_what_nobody_edited() {
    let project = Project::new("shop", "[database]");
    project.write(&[]);
    let edited = edit(&project, "web.tf");
    for (name, text) in
        [("terraform.tfvars", "region = \"us-east\"\n"), ("terraform.tfstate", "{}"), ("dns.tf", "# mine\n")]
    {
        fs::write(project.path("terraform").join(name), text).unwrap();
    }
    let before = contents(&project.path("terraform"));

    // web.tf is the same in the new version, so there is nothing to lose.
    project.set("shop", "1.1", "[database]");
    let said = project.write(&[]);
    assert!(said.contains("web.tf was edited: left as it is"), "{said}");
    assert_eq!(project.file("web.tf"), edited);
    assert!(project.file("stack.tf").contains("shop-1.1-linode.img.gz"));
    let after = contents(&project.path("terraform"));
    let changed: Vec<&String> = after.keys().filter(|name| before.get(*name) != after.get(*name)).collect();
    assert_eq!(changed, [".stackdeb", "stack.tf"]);
    // It is still known to be edited.
    assert!(project.write(&[]).contains("web.tf was edited: left as it is"));
}

#[test]
fn an_edit_is_not_lost_to_something_new() {
    let project = Project::new("shop", "[database]");
    project.write(&[]);
    edit(&project, "stack.tf");
    edit(&project, "database.tf");
    let before = contents(&project.path("terraform"));
    project.set("shop", "1.1", "");
    project.refuses(
        &[],
        &["edited files for which there is something new: stack.tf, database.tf;", "--force", "nothing was changed"],
    );
    assert_eq!(before, contents(&project.path("terraform")));

    project.write(&["--force"]);
    assert!(project.file("stack.tf").contains("shop-1.1") && !project.file("stack.tf").contains("# edited"));
    assert!(!project.path("terraform/database.tf").exists());
    assert_eq!(problems(&project.path("terraform")), "");
}

#[test]
fn a_database_comes_and_goes() {
    let project = Project::new("shop", "");
    project.write(&[]);
    project.set("shop", "1.0", "[database]");
    project.write(&[]);
    assert_eq!(problems(&project.path("terraform")), "");
    assert!(project.path("terraform/database.tf").exists());
    project.set("shop", "1.0", "");
    assert!(project.write(&[]).contains("database.tf is not needed any more: removed"));
    assert_eq!(problems(&project.path("terraform")), "");
}

#[test]
fn a_folder_of_somebody_else_is_left_alone() {
    let project = Project::new("shop", "[database]");
    let folder = project.path("terraform");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("main.tf"), "# mine\n").unwrap();
    fs::write(folder.join("web.tf"), "# mine too\n").unwrap();
    let before = contents(&folder);
    project.refuses(&[], &["Terraform files that stackdeb did not write: main.tf, web.tf", "--out", "--force"]);
    assert_eq!(before, contents(&folder));
    project.write(&["--out", "other"]);
    project.write(&["--force"]);
    assert_eq!(project.file("main.tf"), "# mine\n");
    assert!(project.file("web.tf").contains("linode_instance"));

    // Neither does a record that was tampered with give leave to remove a state.
    fs::write(folder.join("terraform.tfstate"), "{}").unwrap();
    let sum = run(Command::new("sha256sum").arg("terraform.tfstate").current_dir(&folder));
    fs::write(folder.join(".stackdeb"), project.file(".stackdeb") + &sum).unwrap();
    project.write(&["--force"]);
    assert_eq!(project.file("terraform.tfstate"), "{}");

    fs::write(project.path("file"), "").unwrap();
    project.refuses(&["--out", "file"], &["cannot read", "--out"]);
    assert_eq!(fs::read(project.path("file")).unwrap(), b"");
}

#[test]
fn a_project_may_have_templates_of_its_own() {
    let project = Project::new("shop", "[database]");
    project.write(&[]);
    let before = contents(&project.path("terraform"));
    let own = project.path("image/terraform/image.tf");
    fs::create_dir_all(own.parent().unwrap()).unwrap();
    fs::write(&own, "# {{name}}\n# {{typo}}\n").unwrap();
    project.refuses(
        &[],
        &["image/terraform/image.tf uses a variable in line 2 that does not exist: `typo`", "health_path"],
    );
    assert_eq!(before, contents(&project.path("terraform")));
    fs::write(&own, "# {{name}} {{hcl health_path}}\n").unwrap();
    project.write(&[]);
    assert_eq!(project.file("image.tf"), "# shop /healthz\n");
}

/// The path of the image goes into the configuration. Folders may have any name.
#[test]
fn a_project_s_folder_may_have_any_name() {
    let project = Project::new("shop", "");
    let names = [
        "a \"b\" ${c} %{d} \\ ü",
        "${var.token}",
        "%{ if true }x",
        "back\\slash",
        "it's ünï",
        "$x $$ %% {y}",
        "new\nline",
        "\\u0041",
    ];
    for name in names {
        let folder = project.path(name);
        fs::create_dir(&folder).unwrap();
        fs::copy(project.path("stack.toml"), folder.join("stack.toml")).unwrap();
        run(Command::new("cp").arg("-r").args([project.path("app"), folder.clone()]));
        let out = project.path("out");
        let output = project.run(&[folder.to_str().unwrap(), "--out", out.to_str().unwrap()]);
        assert!(output.status.success(), "{name:?}: {}", support::text(&output));
        assert_eq!(problems(&out), "", "{name:?}");
        let text = fs::read_to_string(out.join("stack.tf")).unwrap();
        let line = text.lines().find_map(|line| line.trim().strip_prefix("image_file  = ")).unwrap();
        // The escapes of Terraform's strings are JSON's, and two signs stand for one before a bracket.
        let read: String = serde_json::from_str(&line.replacen("${path.module}", "HERE", 1)).unwrap();
        let read = read.replace("$${", "${").replace("%%{", "%{");
        assert_eq!(read, format!("HERE/../{name}/dist/shop-1.0-linode.img.gz"), "{line}");
        fs::remove_dir_all(&out).unwrap();
    }
}
