//! What stackdeb says of `[package.metadata.deb]` that is wrong, and crates that cargo compiles for a package.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use libtest_mimic::Trial;
use support::crates::{Unpacked, our_package, ours, small_program};
use support::{run, source_folder, text};

pub fn trials() -> Vec<Trial> {
    support::tests![
        mistakes_are_named_and_nothing_is_written,
        options_are_for_crates_and_name_what_is_there,
        versions_variants_and_papers_are_as_the_metadata_say,
        cargo_compiles_the_member_with_its_features,
        the_how_tos_example_is_packaged
    ]
}

const MANIFEST: &str = "[package]\nname = \"sample_app\"\nversion = \"1.2.0-beta.1\"\nedition = \"2021\"\n\
                        description = \"a sample\"\nauthors = [\"Jane Doe <jane@example.org>\"]\nlicense = \"MIT\"\n\
                        repository = \"https://example.org/sample\"\n\n[package.metadata.deb]\n";

fn sample(folder: &Path, metadata: &str) {
    fs::create_dir_all(folder.join("src")).unwrap();
    fs::create_dir_all(folder.join("target/release")).unwrap();
    fs::write(folder.join("Cargo.toml"), format!("{MANIFEST}{metadata}")).unwrap();
    fs::write(folder.join("src/main.rs"), "fn main() {}\n").unwrap();
    fs::copy(small_program(), folder.join("target/release/sample_app")).unwrap();
}

/// What a command said, without the line breaks of a terminal.
fn said(output: &Output) -> String {
    text(output).split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ")
}

/// The metadata, and words of the error.
const MISTAKES: [(&str, &str); 20] = [
    ("maintaner = 'Jane Doe <jane@example.org>'", "did you mean `maintainer`?"),
    ("asset = []", "did you mean `assets`?"),
    ("something-else = 1", "there is no key `something-else`"),
    ("systemd-units = { enabel = true }", "did you mean `enable`?"),
    ("systemd-units = { usr-merge = false }", "not supported"),
    ("assets = [{ source = 'src/main.rs', dset = 'usr/share/x/' }]", "did you mean `dest`?"),
    ("[package.metadata.deb.variants.small]\nnmae = 'small'", "did you mean `name`?"),
    ("maintainer = 3", "this is a number, not a text"),
    ("default-features = 'no'", "this is a text, not true or false"),
    ("depends = 'foo (>> 1, bar baz'", "depends"),
    ("conflicts = 'foo | bar'", "alternatives"),
    ("priority = 'high'", "priority"),
    ("name = 'Sample'", "name"),
    ("revision = 'a b'", "version"),
    ("assets = [['src/none.rs', 'usr/share/x/', '644']]", "`src/none.rs` names no file"),
    ("assets = [['src/main.rs', 'usr/share/x/', '9']]", "octal"),
    ("assets = [['target/debug/sample_app', 'usr/bin/', '755']]", "target/release"),
    ("assets = [['src/main.rs', 'usr/../etc/x', '644']]", ".."),
    ("conf-files = ['/usr/share/none']", "not in the package"),
    ("license-file = 'NONE'", "`NONE` cannot be read"),
];

fn mistakes_are_named_and_nothing_is_written() {
    for (metadata, words) in MISTAKES {
        let folder = tempfile::tempdir().unwrap();
        sample(folder.path(), metadata);
        let output = ours(folder.path(), &["--no-build"]);
        let said = said(&output);
        assert!(!output.status.success() && said.contains(words), "{metadata}: {said}");
        assert!(said.contains("help:"), "{metadata}: {said}");
        let dist = folder.path().join("dist");
        assert!(fs::read_dir(&dist).map_or(true, |mut files| files.next().is_none()), "{metadata}");
    }
}

fn options_are_for_crates_and_name_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    sample(folder.path(), "");
    for (arguments, words) in [
        (&["--no-build", "-p", "sample_ap"][..], "did you mean `sample_app`?"),
        (&["--no-build", "--variant", "small"], "there is no variant `small`"),
        (&["--no-build", "--target", "aarch64-unknown-linux-gnu"], "not supported yet"),
        (&["--no-build", "--deb-version", "a b"], "--deb-version"),
    ] {
        let output = ours(folder.path(), arguments);
        assert!(!output.status.success() && said(&output).contains(words), "{arguments:?}: {}", text(&output));
    }
    fs::write(folder.path().join("stack.toml"), "").unwrap();
    let output = ours(folder.path(), &["--no-build"]);
    assert!(!output.status.success() && said(&output).contains("--no-build is for a crate"), "{}", text(&output));
    our_package(folder.path(), &["--no-build", "-p", "sample_app"]);
}

fn versions_variants_and_papers_are_as_the_metadata_say() {
    let folder = tempfile::tempdir().unwrap();
    sample(
        folder.path(),
        "section = 'web'\nassets = ['$auto', ['docs/**/*', 'usr/share/sample/', '640'], ['x.conf', 'etc/sample/x.conf', '600'],\
         { dest = 'usr/share/sample/link', link_name = '/usr/bin/sample_app' }]\nchangelog = 'debian-changelog'\n\
         [package.metadata.deb.variants.small]\nrevision = '2'\n\
         merge-assets.by.dest = [['y.conf', 'etc/sample/x.conf', '644']]\n",
    );
    let at = |path: &str| folder.path().join(path);
    fs::create_dir_all(at("docs/deep")).unwrap();
    for file in ["docs/a", "docs/deep/b", "x.conf", "y.conf", "debian-changelog"] {
        fs::write(at(file), file).unwrap();
    }
    let package = our_package(folder.path(), &["--no-build"]);
    // `beta.1` is earlier than the release itself.
    assert_eq!(package.file_name().unwrap(), "sample-app_1.2.0~beta.1-1_amd64.deb");
    assert_eq!(fs::read_link(at("dist/sample-app.deb")).unwrap(), Path::new("sample-app_1.2.0~beta.1-1_amd64.deb"));
    let unpacked = Unpacked::of(&package);
    assert_eq!(unpacked.control_text("conffiles"), "/etc/sample/x.conf\n");
    let mode = |path: &str| unpacked.files[path].mode;
    assert_eq!(
        (mode("usr/share/sample/a"), mode("usr/share/sample/deep/b"), mode("usr/bin/sample_app")),
        (0o640, 0o640, 0o755)
    );
    assert_eq!(unpacked.files["usr/share/sample/link"].target.as_deref(), Some("../../bin/sample_app"));
    assert_eq!(unpacked.files["etc/sample/x.conf"].content.as_deref(), Some(&b"x.conf"[..]));
    let changelog = &unpacked.files["usr/share/doc/sample-app/changelog.Debian.gz"];
    assert_eq!(changelog.content.as_deref(), Some(&b"debian-changelog"[..]));
    assert!(unpacked.fields["Depends"].contains("libc6 (>= "), "{:?}", unpacked.fields);

    let small = our_package(folder.path(), &["--no-build", "--variant", "small"]);
    assert_eq!(small.file_name().unwrap(), "sample-app-small_1.2.0~beta.1-2_amd64.deb");
    let small = Unpacked::of(&small);
    assert_eq!(small.files["etc/sample/x.conf"].content.as_deref(), Some(&b"y.conf"[..]));
    let renamed = our_package(folder.path(), &["--no-build", "--deb-version", "1:7-3"]);
    assert_eq!(Unpacked::of(&renamed).fields["Version"], "1:7-3");
    let revised = our_package(folder.path(), &["--no-build", "--deb-revision", "9~x"]);
    assert_eq!(Unpacked::of(&revised).fields["Version"], "1.2.0~beta.1-9~x");
}

/// A member of a workspace with a feature: cargo compiles it, and only it.
fn cargo_compiles_the_member_with_its_features() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, content: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    };
    write("Cargo.toml", "[workspace]\nmembers = [\"one\", \"two\"]\nresolver = \"2\"\n");
    let features =
        "features = [\"loud\"]\ndefault-features = false\n[features]\ndefault = [\"quiet\"]\nloud = []\nquiet = []\n";
    write("one/Cargo.toml", &format!("{}{features}", MANIFEST.replace("sample_app", "one")));
    write(
        "one/src/main.rs",
        "fn main() { println!(\"{} {}\", cfg!(feature = \"loud\"), cfg!(feature = \"quiet\")) }\n",
    );
    write("two/Cargo.toml", &MANIFEST.replace("sample_app", "two"));
    write("two/src/main.rs", "compile_error!(\"nobody asked for it\");\n");

    let output = ours(folder.path(), &[]);
    assert!(!output.status.success() && text(&output).contains("one, two"), "{}", text(&output));
    let package = Unpacked::of(&our_package(folder.path(), &["-p", "one"]));
    assert_eq!(run(&mut Command::new(package.path("usr/bin/one"))), "true false\n");
    let symbols = Command::new("nm").arg(package.path("usr/bin/one")).output().unwrap();
    assert!(text(&symbols).contains("no symbols"), "{}", text(&symbols));
    let failed = ours(folder.path(), &["-p", "two"]);
    assert!(!failed.status.success() && text(&failed).contains("nobody asked for it"), "{}", text(&failed));
    assert_eq!(fs::read_dir(folder.path().join("dist")).unwrap().count(), 2, "only the package of `one`, and its link");
}

fn the_how_tos_example_is_packaged() {
    let how_to = fs::read_to_string(source_folder().join("docs/how-to/crates.md")).unwrap();
    let example = how_to.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    sample(folder.path(), "");
    let manifest = MANIFEST.replace("sample_app", "shop").replace("[package.metadata.deb]\n", example);
    let files = [
        ("Cargo.toml", manifest.as_str()),
        ("config/shop.toml", "a = 1\n"),
        ("docs/a.md", "text\n"),
        ("debian/shop.service", "[Service]\nExecStart=/usr/bin/shop\n\n[Install]\nWantedBy=multi-user.target\n"),
    ];
    for (path, content) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    fs::copy(small_program(), folder.path().join("target/release/shop")).unwrap();
    let package = Unpacked::of(&our_package(folder.path(), &["--no-build"]));
    for path in ["usr/bin/shop", "usr/share/doc/shop/a.md", "usr/lib/systemd/system/shop.service"] {
        assert!(package.files.contains_key(path), "{path}");
    }
    assert_eq!(package.control_text("conffiles"), "/etc/shop/shop.toml\n");
    assert!(package.control_text("postinst").contains("'shop.service'"));
    assert!(package.fields["Depends"].ends_with("adduser"), "{:?}", package.fields);
}
