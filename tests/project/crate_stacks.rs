//! `[app] kind = "cargo"`: a crate whose files are in the package of a stack.

use std::fs;
use std::path::Path;
use std::process::Command;

use libtest_mimic::Trial;
use support::crates::Unpacked;
use support::edition::edit;
use support::{crate_stack, run, stackdeb, text};

pub fn trials() -> Vec<Trial> {
    support::tests![
        a_crates_files_are_in_the_package_of_its_stack,
        a_member_of_a_workspace_is_named,
        a_variant_of_the_metadata_is_chosen,
        mistakes_are_named_and_nothing_is_written
    ]
}

/// What a command says of the project, without the line breaks of a terminal.
fn said(folder: &Path, command: &str) -> (bool, String) {
    let output = stackdeb().arg(command).current_dir(folder).output().unwrap();
    let words: Vec<String> = text(&output).split_whitespace().filter(|word| *word != "│").map(str::to_owned).collect();
    (output.status.success(), words.join(" "))
}

fn a_crates_files_are_in_the_package_of_its_stack() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path();
    crate_stack::write(project, "1.0.0");
    edit(&project.join("stack.toml"), "[[changelog]]", "[database]\nmigrations = \"migrations\"\n\n[[changelog]]");
    fs::create_dir(project.join("migrations")).unwrap();
    fs::write(project.join("migrations/0001_goods.sql"), "CREATE TABLE goods (name text);\n").unwrap();
    let (done, told) = said(project, "deb");
    assert!(done, "{told}");
    // The stack's own unit takes the place of the crate's.
    assert!(told.contains("systemd-units: a stack does not have it"), "{told}");

    let package = Unpacked::of(&project.join("dist/shop_1.0.0_amd64.deb"));
    // /usr/bin/shop is the stack's own program, `shop run`.
    for path in ["usr/lib/shop/bin/shop", "usr/share/shop/goods/lamp.txt", "usr/share/shop/migrations/0001_goods.sql"] {
        assert!(package.files.contains_key(path), "{path}");
    }
    let own = package.files["usr/bin/shop"].content.as_deref().unwrap_or_default();
    assert!(own.starts_with(b"#!"), "/usr/bin/shop is not the stack's own program");
    assert!(!package.files.keys().any(|path| path.ends_with("main.rs") || path.ends_with("Cargo.toml")));
    assert!(package.control_text("conffiles").lines().any(|path| path == "/etc/shop/prices.conf"));
    let depends: Vec<&str> = package.fields["Depends"].split(", ").collect();
    assert!(
        depends.iter().any(|one| one.starts_with("libc6 (>= ")) && depends.contains(&"ca-certificates"),
        "{depends:?}"
    );
    let unit = fs::read_to_string(package.path("usr/lib/systemd/system/shop.service")).unwrap();
    for line in ["ExecStart=shop --all", "WorkingDirectory=/usr/share/shop", "MemoryDenyWriteExecute=yes"] {
        assert!(unit.lines().any(|one| one == line), "no `{line}` in {unit}");
    }
    let debug = Unpacked::of(&project.join("dist/shop-dbgsym_1.0.0_amd64.deb"));
    assert_eq!(debug.fields["Depends"], "shop (= 1.0.0)");
    let bare = run(Command::new("readelf").arg("-S").arg(package.path("usr/lib/shop/bin/shop")));
    assert!(!bare.contains(".debug_line"), "{bare}");

    let first = fs::read(project.join("dist/shop_1.0.0_amd64.deb")).unwrap();
    assert!(said(project, "check").0);
    assert!(said(project, "deb").0);
    assert!(
        fs::read(project.join("dist/shop_1.0.0_amd64.deb")).unwrap() == first,
        "the second build gives other bytes"
    );
}

fn a_member_of_a_workspace_is_named() {
    let folder = tempfile::tempdir().unwrap();
    crate_stack::write(&folder.path().join("server"), "1.0.0");
    fs::rename(folder.path().join("server/stack.toml"), folder.path().join("stack.toml")).unwrap();
    edit(&folder.path().join("server/Cargo.toml"), "[workspace]\n", "");
    fs::create_dir_all(folder.path().join("tool/src")).unwrap();
    fs::write(folder.path().join("tool/src/main.rs"), "compile_error!(\"nobody asked for it\");\n").unwrap();
    let tool = "[package]\nname = \"tool\"\nversion = \"1.0.0\"\nedition = \"2024\"\n";
    fs::write(folder.path().join("tool/Cargo.toml"), tool).unwrap();
    fs::write(folder.path().join("Cargo.toml"), "[workspace]\nmembers = [\"server\", \"tool\"]\nresolver = \"3\"\n")
        .unwrap();
    let member = |name: &str| format!("kind = \"cargo\"\nmember = \"{name}\"");
    edit(&folder.path().join("stack.toml"), "kind = \"cargo\"", &member("shopp"));
    let (done, told) = said(folder.path(), "deb");
    assert!(!done && told.contains("no member `shopp`: did you mean `shop`?"), "{told}");
    edit(&folder.path().join("stack.toml"), &member("shopp"), &member("shop"));
    let (done, told) = said(folder.path(), "deb");
    assert!(done, "{told}");
}

/// The variants of the crate's metadata are not those of the stack, which may choose one of them.
fn a_variant_of_the_metadata_is_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path();
    crate_stack::write(project, "1.0.0");
    let metadata = "[features]\nlamps = []\n[package.metadata.deb.variants.lamps]\ndepends = \"$auto, lsb-base\"\n\
        features = [\"lamps\"]\nmerge-assets.append = [[\"goods/lamp.txt\", \"usr/share/shop/lamps/\", \"644\"]]\n[workspace]\n";
    edit(&project.join("Cargo.toml"), "[workspace]\n", metadata);
    let words = "if cfg!(feature = \"lamps\") { \"built with lamps:\" } else { \"built without:\" }";
    edit(
        &project.join("src/main.rs"),
        "format!(\"1.0.0 {}\", goods())",
        &format!("format!(\"{{}}{{}}\", {words}, goods())"),
    );
    edit(
        &project.join("stack.toml"),
        "[[changelog]]",
        "[variant.staging.app]\nmetadata-variant = \"lamps\"\n[[changelog]]",
    );
    for (arguments, file, has_lamps) in [
        (&["deb"][..], "dist/shop_1.0.0_amd64.deb", false),
        (&["deb", "--variant", "staging"], "dist/staging/shop_1.0.0_amd64.deb", true),
    ] {
        run(stackdeb().args(arguments).current_dir(project));
        let package = Unpacked::of(&project.join(file));
        assert_eq!(package.fields["Package"], "shop");
        let program = fs::read(package.path("usr/lib/shop/bin/shop")).unwrap();
        let mark = b"built with lamps:";
        assert_eq!(program.windows(mark.len()).any(|part| part == mark), has_lamps, "{file}");
        assert_eq!(package.files.contains_key("usr/share/shop/lamps/lamp.txt"), has_lamps, "{file}");
        assert!(package.files.contains_key("usr/share/shop/goods/lamp.txt"), "{file}");
        let depends: Vec<&str> = package.fields["Depends"].split(", ").collect();
        assert_eq!((depends.contains(&"lsb-base"), depends.contains(&"ca-certificates")), (has_lamps, !has_lamps));
    }
    for (wrong, words) in [
        (
            "metadata-variant = \"lamp\"",
            &["no variant `lamp`: did you mean `lamps`?", "`metadata-variant` in [app]"][..],
        ),
        ("metadata-variant = \"lamps\"\nkind = \"exec\"\nfolder = \"src\"", &["app.metadata-variant", "kind `exec`"]),
    ] {
        edit(&project.join("stack.toml"), "metadata-variant = \"lamps\"", wrong);
        let output = stackdeb().args(["check", "--variant", "staging"]).current_dir(project).output().unwrap();
        let told = text(&output).split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
        assert!(!output.status.success(), "{told}");
        assert!(words.iter().all(|word| told.contains(word)), "{told}");
        edit(&project.join("stack.toml"), wrong, "metadata-variant = \"lamps\"");
    }
}

fn mistakes_are_named_and_nothing_is_written() {
    let file = |file: &'static str, from: &'static str, to: &'static str| (file, from, to);
    for ((name, from, to), words) in [
        (file("stack.toml", "command = \"shop --all\"", ""), &["app.command: is missing"][..]),
        (file("stack.toml", "shop --all", "./shop"), &["app.command", "where its assets install them"]),
        (file("stack.toml", "shop --all", "shp"), &["installs no such program", "/usr/lib/shop/bin/shop"]),
        (
            file("stack.toml", "kind = \"cargo\"", "kind = \"cargo\"\nfolder = \"goods\""),
            &["no Cargo.toml in", "goods"],
        ),
        (
            file("stack.toml", "kind = \"cargo\"", "kind = \"cargo\"\nexclude = [\"*.txt\"]"),
            &["app.exclude", "kind `cargo`"],
        ),
        (
            file("stack.toml", "kind = \"cargo\"", "kind = \"exec\"\nfolder = \"src\"\nmember = \"a\""),
            &["app.member", "kind `exec`"],
        ),
        (file("stack.toml", "\"cargo\"", "\"crago\""), &["did you mean `cargo`?"]),
        (file("Cargo.toml", "[\"goods/*.txt\"", "[\"godos/*.txt\""), &["`godos/*.txt` names no file"]),
        (file("Cargo.toml", "etc/shop/prices.conf", "etc/shop"), &["cannot be there", "prices.conf"]),
        (file("Cargo.toml", "etc/shop/prices.conf", "etc/shop/health.toml"), &["/etc/shop/health.toml", "prices.conf"]),
        (file("Cargo.toml", "depends = ", "dependz = "), &["did you mean `depends`?"]),
        (file("src/main.rs", "fn main", "fn mian"), &["`cargo build` failed"]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        crate_stack::write(folder.path(), "1.0.0");
        edit(&folder.path().join(name), from, to);
        let (done, told) = said(folder.path(), "deb");
        assert!(!done && told.contains("help:"), "`{to}`: {told}");
        for word in words {
            assert!(told.contains(word), "`{to}` gives no `{word}`: {told}");
        }
        assert!(!folder.path().join("dist").exists(), "`{to}`");
    }
}
