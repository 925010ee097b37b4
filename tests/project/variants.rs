//! `[variant.NAME]`: what a variant changes is shown, built beside the stack, and checked whether it is chosen or not.

use std::fs;
use std::path::Path;
use std::process::Output;

use libtest_mimic::Trial;
use support::run;
use tempfile::TempDir;

pub fn trials() -> Vec<Trial> {
    support::tests![
        check_shows_each_key_with_both_values,
        a_variant_is_built_beside_the_stack,
        a_variant_may_have_a_lock_and_has_a_configuration_of_its_own,
        a_name_that_no_variant_has_is_answered_with_those_that_there_are,
        a_mistake_is_shown_where_it_stands_whichever_variant_is_built
    ]
}

const STACK: &str = r#"[package]
name = "guest-book"
maintainer = "Jane Doe <jane@example.org>"
summary = "web application that counts visits"
license = "MIT"
[app]
depends = ["python3-flask"]
environment = { GREETING = "Good day", COLOUR = "red" }
[site]
server-names = ["www.example.org"]
[worker.mail]
command = "sleep infinity"
[[changelog]]
version = "1.0.0"
date = 2026-11-23T10:00:00Z
changes = ["First release."]
"#;

const STAGING: &str = r#"[variant.staging.app.environment]
GREETING = "Hello, tester"
[variant.staging.site]
server-names = ["staging.example.org"]
port = 8080
[variant.staging.database]
[variant.staging.worker.mail]
processes = 2
[variant.small.image]
free-space = "10M"
"#;

fn project(manifest: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("app")).unwrap();
    fs::write(folder.path().join("app/app.py"), "app = None\n").unwrap();
    fs::write(folder.path().join("stack.toml"), manifest).unwrap();
    folder
}

fn stackdeb(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = support::stackdeb();
    command.current_dir(folder).args(arguments).env("NO_COLOR", "1").env("HOME", folder).output().unwrap()
}

/// What a command printed that must succeed.
#[track_caller]
fn printed(folder: &TempDir, arguments: &[&str]) -> String {
    let output = stackdeb(folder.path(), arguments);
    assert!(output.status.success(), "{}", support::text(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// The words of the report of a command that must fail, without the frame that they are drawn in.
#[track_caller]
fn refusal(manifest: &str, arguments: &[&str]) -> String {
    let folder = project(manifest);
    let output = stackdeb(folder.path(), arguments);
    assert_eq!(output.status.code(), Some(1), "{}", support::text(&output));
    assert!(!folder.path().join("dist").exists());
    let text = String::from_utf8(output.stderr).unwrap();
    let words = text.split(|c: char| c.is_whitespace() || c == '│').filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

fn check_shows_each_key_with_both_values() {
    let folder = project(&format!("{STACK}{STAGING}"));
    let plain = printed(&folder, &["check"]);
    assert!(plain.contains("variants  small, staging\n") && !plain.contains("changed"), "{plain}");
    let staging = printed(&folder, &["check", "--variant", "staging"]);
    let changed: Vec<&str> = staging.lines().filter_map(|line| line.strip_prefix("changed")).map(str::trim).collect();
    assert_eq!(
        changed,
        [
            "app.environment.GREETING: \"Good day\" → \"Hello, tester\"",
            "database: not set → {}",
            "site.port: 80 (the default) → 8080",
            "site.server-names: [\"www.example.org\"] → [\"staging.example.org\"]",
            "worker.mail.processes: 1 (the default) → 2",
        ]
    );
    assert!(staging.contains("dist/staging/guest-book_1.0.0_amd64.deb"), "{staging}");
    // What is not named stays, and what is named holds.
    for words in ["port 8080, staging.example.org", "mail (2 × sleep infinity)", "guest-book, no migrations"] {
        assert!(staging.contains(words), "{words}: {staging}");
    }
    let json = printed(&folder, &["check", "--json", "--variant", "staging"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["variants"], serde_json::json!(["small", "staging"]));
    let expected = serde_json::json!({"key": "site.port", "old": 80, "old-from": "default", "new": 8080});
    assert_eq!(json["changes"][2], expected);
}

fn a_variant_is_built_beside_the_stack() {
    let folder = project(&format!("{STACK}{STAGING}").replace("[app]", "compression = \"none\"\n[app]"));
    let deb = |dist: &str| folder.path().join(dist).join("guest-book_1.0.0_amd64.deb");
    let environment = |deb: &Path| {
        let mut tar = std::process::Command::new("sh");
        run(tar
            .args(["-euc", "dpkg-deb --fsys-tarfile \"$1\" | tar -xO ./etc/guest-book/guest-book.env", "sh"])
            .arg(deb))
    };
    printed(&folder, &["deb", "--variant", "staging"]);
    assert!(!deb("dist").exists());
    printed(&folder, &["deb"]);
    let (plain, staging) = (environment(&deb("dist")), environment(&deb("dist/staging")));
    assert!(plain.contains("Good day") && !plain.contains("Hello, tester"), "{plain}");
    assert!(
        staging.contains("Hello, tester") && staging.contains("COLOUR=") && !staging.contains("Good day"),
        "{staging}"
    );
    let before = fs::read(deb("dist")).unwrap();
    printed(&folder, &["deb", "--variant", "staging"]);
    assert_eq!(fs::read(deb("dist")).unwrap(), before);
    assert_eq!(
        fs::read_link(folder.path().join("dist/staging/guest-book.deb")).unwrap(),
        Path::new("guest-book_1.0.0_amd64.deb")
    );
    // A file stands where the folder of the outputs has to be.
    fs::write(folder.path().join("dist/small"), "mine").unwrap();
    let output = stackdeb(folder.path(), &["deb", "--variant", "small"]);
    assert!(!output.status.success() && support::text(&output).contains("is not a folder; nothing was changed"));
}

fn a_variant_may_have_a_lock_and_has_a_configuration_of_its_own() {
    let folder =
        project(&format!("{STACK}{STAGING}").replace("[app]\n", "[app]\nrequirements = \"requirements.txt\"\n"));
    let refused = |arguments: &[&str]| {
        let output = stackdeb(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(1), "{}", support::text(&output));
        support::text(&output)
    };
    fs::write(folder.path().join("requirements.txt"), "web\n").unwrap();
    fs::write(folder.path().join("stack.staging.lock"), "lock-version = \"1.0\"\n").unwrap();
    assert!(refused(&["deb"]).contains("has no exact version"));
    assert!(refused(&["deb", "--variant", "small"]).contains("has no exact version"));
    assert!(refused(&["deb", "--variant", "staging"]).contains("stack.staging.lock"));

    let folder = project(&format!("{STACK}{STAGING}"));
    printed(&folder, &["terraform", "--variant", "staging"]);
    assert!(!folder.path().join("terraform").exists());
    let text = fs::read_to_string(folder.path().join("terraform-staging/stack.tf")).unwrap();
    assert!(text.contains("../dist/staging/guest-book-1.0.0@staging-linode.img.gz"), "{text}");
    let text = fs::read_to_string(folder.path().join("terraform-staging/variables.tf")).unwrap();
    assert!(text.contains("\"guest-book-staging\""), "{text}");
}

fn a_name_that_no_variant_has_is_answered_with_those_that_there_are() {
    let with = format!("{STACK}{STAGING}");
    let commands: [&[&str]; 12] = [
        &["check"],
        &["lock"],
        &["deb"],
        &["image"],
        &["boot"],
        &["upload", "--region", "us-east"],
        &["deploy", "--region", "us-east"],
        &["instances"],
        &["destroy"],
        &["terraform"],
        &["data", "save", "root@localhost"],
        &["check", "--json"],
    ];
    for command in commands {
        let said = refusal(&with, &[command, &["--variant", "stagin"]].concat());
        for words in ["has no variant `stagin`: did you mean `staging`?", "its variants are: small, staging"] {
            assert!(said.contains(words), "{command:?}: {said}");
        }
    }
    let none = refusal(STACK, &["deb", "--variant", "staging"]);
    assert!(none.contains("it has none at all") && none.contains("[variant.staging]"), "{none}");
}

fn a_mistake_is_shown_where_it_stands_whichever_variant_is_built() {
    // What is appended from line 17 on, and the words of the report.
    let cases: &[(&str, &[&str])] = &[
        (
            "[variant.staging.site]\nport = 0\n",
            &["stack.toml:18:8", "variant.staging.site.port: 0 is not a whole number"],
        ),
        (
            "[variant.staging.site]\nprot = 80\n",
            &["stack.toml:18:1", "variant.staging.site.prot: there is no such key: did you mean `port`?"],
        ),
        (
            "[variant.staging.iamge]\n",
            &["stack.toml:17:", "variant.staging.iamge: there is no such key: did you mean `image`?"],
        ),
        (
            "[variant.staging.worker.more]\nprocesses = 2\n",
            &["stack.toml:17:", "variant.staging.worker.more.command: is missing"],
        ),
        ("[variant.staging.variant.more]\n", &["stack.toml:17:", "cannot have variants of its own"]),
        ("[variant.Staging]\n", &["stack.toml:17:", "`Staging` is not a name for a variant"]),
        ("[variant]\nstaging = 5\n", &["stack.toml:18:", "variant.staging: is a whole number, but must be a table"]),
        // The line of the stack is good by itself.
        (
            "[variant.staging.app]\nkind = \"asgi\"\n[variant.staging.site.tls]\nkey = 5\n",
            &[
                "stack.toml:20:",
                "variant.staging.site.tls.key: is a whole number",
                "variant.staging.site.tls.certificate: is missing",
            ],
        ),
        (
            "[variant.staging.package]\nversion = \"2.0\"\n",
            &["stack.toml:18:11", "variant.staging.package.version: 2.0 is not 1.0.0"],
        ),
    ];
    for (variant, words) in cases {
        for arguments in [&["check"][..], &["deb"], &["deb", "--variant", "staging"]] {
            let said = refusal(&format!("{STACK}{variant}"), arguments);
            for words in *words {
                assert!(said.contains(words), "{variant}{words}: {said}");
            }
        }
    }
    // A list of the stack that does not fit to a value of the variant is named with it.
    let manifest =
        format!("{STACK}[variant.staging.package]\nname = \"mail\"\n").replace("python3-flask", "guest-book");
    let said = refusal(&manifest, &["check"]);
    assert!(said.contains("app.depends: ") && !said.contains("(with the variant staging)"), "{said}");
    let manifest = format!("{STACK}[variant.staging.package]\nname = \"guests\"\n").replace("python3-flask", "guests");
    let said = refusal(&manifest, &["check"]);
    assert!(said.contains("stack.toml:7:") && said.contains("app.depends (with the variant staging): "), "{said}");
    // A mistake of the stack is shown once, and not for each variant again.
    let said =
        refusal(&format!("{STACK}{STAGING}").replace("license = \"MIT\"", "license = \"MIT or so\""), &["check"]);
    assert!(said.matches("package.license").count() == 1 && !said.contains("mistakes"), "{said}");
}
