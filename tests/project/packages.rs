//! `[[package]]`: several packages from one `stack.toml`, as dpkg and python3-debian read them.

use std::fs;
use std::path::Path;
use std::process::Command;

use support::edition::edit;
use support::readers::python_debian;
use support::{default_stack, listing, run, stackdeb};

use super::package::lintian_is_silent;
use libtest_mimic::Trial;
use support::room::in_namespaces;

pub fn trials() -> Vec<Trial> {
    let first = support::tests![
        a_program_may_link_a_library_of_another_package,
        another_folder_and_time_give_the_same_bytes,
        a_variant_changes_the_first_package_or_all
    ];
    first
        .into_iter()
        .chain(in_namespaces(support::tests![each_package_has_its_files_and_what_policy_asks_for]))
        .collect()
}

const FURTHER: &str = r#"
[[package]]
name = "stack-tools"
summary = "tools for the staff of the shop"
description = """
They print the prices of the day, those of the day before, and those of any other day that somebody asks for.

A seller may change one of them: the shop shows it at once.
"""
section = "utils"
depends = ["stack (= ${binary:Version})", "jq | python3"]

[[package]]
name = "stack-data"
summary = "pictures of what is sold"
breaks = ["stack (<< ${binary:Version})"]
replaces = ["stack (<< ${binary:Version})"]
pre-depends = ["stack (= ${binary:Version})", "dpkg (>= 1.17.14) | dpkg-next"]
recommends = ["stack | shop"]
suggests = ["feh"]
conflicts = ["stack-pictures"]
provides = ["shop-data (= ${source:Version})"]

[[package]]
name = "stack-fast"
summary = "program that counts fast"

[[package]]
name = "stack-slow"
summary = "same program elsewhere"
"#;

const FILES: &str = r#"
[[file]]
path = "/etc/stack/prices.conf"
source = "files/prices"
mode = "0640"
owner = "root:stack"
package = "stack-tools"
[[file]]
path = "/etc/stack-tools.conf"
source = "files/prices"
package = "stack-tools"
[[file]]
path = "/usr/share/stack-data/bread"
source = "files/prices"
package = "stack-data"
[[file]]
path = "/usr/share/stack-data/today"
link = "bread"
package = "stack-data"
[[file]]
path = "/usr/libexec/stack-fast/count"
source = "files/count"
package = "stack-fast"
[[file]]
path = "/usr/libexec/stack-tools/count"
source = "files/count"
package = "stack-slow"
[[file]]
path = "/usr/share/stack-own/bread"
source = "files/prices"
package = "stack"
"#;

/// A project with these further packages and files. `count` is a program in machine code with debugging data.
pub(super) fn project(folder: &Path, further: &str, files: &str) {
    default_stack(folder);
    fs::create_dir(folder.join("files")).unwrap();
    fs::write(folder.join("files/prices"), "bread 3\n").unwrap();
    fs::write(folder.join("files/count.c"), "#include <stdio.h>\nint main(void) { return puts(\"1\") < 0; }\n")
        .unwrap();
    let manifest = fs::read_to_string(folder.join("stack.toml")).unwrap();
    let manifest = manifest.replacen("[package]", "[[package]]", 1);
    let manifest = manifest.replacen("\n[database]", &format!("{further}\n{files}\n[database]"), 1);
    assert!(manifest.contains("[[package]]") && manifest.contains(files));
    fs::write(folder.join("stack.toml"), manifest).unwrap();
}

fn compile(folder: &Path) {
    let harden = ["-g", "-O2", "-fPIE", "-pie", "-Wl,-z,relro,-z,now", "-fstack-protector-strong"];
    let mut gcc = Command::new("gcc");
    gcc.args(harden).args(["-ffile-prefix-map=.=/src", "-o", "count", "count.c"]).current_dir(folder.join("files"));
    run(&mut gcc);
}

fn field(package: &Path, name: &str) -> String {
    run(Command::new("dpkg-deb").arg("--field").arg(package).arg(name)).trim().to_owned()
}

fn each_package_has_its_files_and_what_policy_asks_for() {
    let folder = tempfile::tempdir().unwrap();
    project(folder.path(), FURTHER, FILES);
    edit(
        &folder.path().join("stack.toml"),
        "\nlicense =",
        "\npre-depends = [\"init-system-helpers (>= 1.54~)\"]\nrecommends = [\"jq\"]\nbreaks = [\"stack-data (<< 1.0)\"]\nlicense =",
    );
    compile(folder.path());
    let check = run(stackdeb().arg("check").current_dir(folder.path()));
    assert!(check.contains("before it is unpacked: init-system-helpers (>= 1.54~)\n"), "{check}");
    assert!(check.contains("stack-data_1.0.0_all.deb, pre-depends on stack (= 1.0.0), dpkg"), "{check}");
    let printed = run(stackdeb().args(["deb", "--changes"]).current_dir(folder.path()));
    let dist = folder.path().join("dist");
    let names = [
        "stack_1.0.0_amd64.deb",
        "stack-tools_1.0.0_all.deb",
        "stack-data_1.0.0_all.deb",
        "stack-fast_1.0.0_amd64.deb",
        "stack-slow_1.0.0_amd64.deb",
        "stack-fast-dbgsym_1.0.0_amd64.deb",
    ];
    for (line, name) in printed.lines().zip(names) {
        assert!(line.contains(&format!("dist/{name} (")) && line.contains("SHA-256"), "{printed}");
    }
    assert_eq!(fs::read_link(dist.join("stack.deb")).unwrap(), Path::new(names[0]));
    // The stack's own package depends on no other one.
    let stack = stackdeb::stack::load(folder.path()).unwrap();
    assert_eq!(stackdeb::build::local::in_image(&stack).unwrap(), [folder.path().join("dist").join(names[0])]);
    // The data of a program that is in two packages are in the first one's alone, because dpkg allows no file twice.
    assert!(!dist.join("stack-slow-dbgsym_1.0.0_amd64.deb").exists());
    let [own, tools, data, fast, _, debug] = names.map(|name| dist.join(name));

    for package in [&tools, &data, &fast, &debug] {
        let of = |name| field(package, name);
        assert_eq!(
            (of("Source"), of("Version"), of("Maintainer")),
            ("stack".into(), "1.0.0".into(), field(&own, "Maintainer"))
        );
        let said = python_debian(package);
        assert!(said.contains("field\tSource\tstack"), "{said}");
    }
    assert_eq!(field(&tools, "Depends"), "stack (= 1.0.0), jq | python3");
    assert_eq!((field(&tools, "Section"), field(&data, "Section")), ("utils".into(), field(&own, "Section")));
    let others = [
        ("Breaks", "stack (<< 1.0.0)"),
        ("Replaces", "stack (<< 1.0.0)"),
        ("Pre-Depends", "stack (= 1.0.0), dpkg (>= 1.17.14) | dpkg-next"),
        ("Recommends", "stack | shop"),
        ("Suggests", "feh"),
        ("Conflicts", "stack-pictures"),
        ("Provides", "shop-data (= 1.0.0)"),
    ];
    for (name, value) in others {
        assert_eq!(field(&data, name), value);
        assert!(!field(&tools, name).contains("1.0.0"), "{name}");
    }
    assert_eq!(
        ["Pre-Depends", "Recommends", "Breaks"].map(|name| field(&own, name)),
        ["init-system-helpers (>= 1.54~)", "logrotate, jq", "stack-data (<< 1.0)"]
    );
    assert_eq!((field(&tools, "Architecture"), field(&data, "Depends")), ("all".into(), String::new()));
    // What dpkg-shlibdeps finds in the same program.
    let control = folder.path().join("debian");
    fs::create_dir(&control).unwrap();
    fs::write(control.join("control"), "Source: x\n\nPackage: x\nArchitecture: any\n").unwrap();
    let shlibs = run(Command::new("dpkg-shlibdeps").args(["-O", "files/count"]).current_dir(folder.path()));
    let libc = |text: &str| text.split("libc6").nth(1).is_some();
    assert!(libc(&field(&fast, "Depends")) && libc(&shlibs), "{shlibs}");
    assert_eq!(field(&fast, "Architecture"), "amd64");
    assert_eq!(field(&debug, "Depends"), "stack-fast (= 1.0.0)");

    let contents = |package: &Path| run(Command::new("dpkg-deb").arg("-c").arg(package));
    for (package, name) in [(&tools, "stack-tools"), (&data, "stack-data"), (&fast, "stack-fast")] {
        let listed = contents(package);
        for paper in ["copyright", "changelog.gz"] {
            assert!(listed.contains(&format!(" ./usr/share/doc/{name}/{paper}\n")), "{listed}");
        }
    }
    assert!(contents(&data).contains("./usr/share/stack-data/today -> bread"));
    assert!(contents(&own).contains("./usr/share/stack-own/bread") && !contents(&own).contains("prices.conf"));
    assert!(contents(&tools).contains("-rw-r----- root/root"), "{}", contents(&tools));
    let control = |package: &Path, file: &str| run(Command::new("dpkg-deb").arg("-I").arg(package).arg(file));
    assert_eq!(control(&tools, "conffiles"), "/etc/stack-tools.conf\n/etc/stack/prices.conf\n");
    assert!(control(&tools, "postinst").contains("set_owner /etc/stack/prices.conf 640 root stack"));
    let unpacked = folder.path().join("unpacked");
    for package in [&tools, &data, &fast] {
        run(Command::new("dpkg-deb").arg("-R").arg(package).arg(&unpacked));
        run(Command::new("md5sum").args(["--quiet", "-c", "DEBIAN/md5sums"]).current_dir(&unpacked));
        fs::remove_dir_all(&unpacked).unwrap();
    }
    let changes = fs::read_to_string(dist.join("stack_1.0.0_amd64.changes")).unwrap();
    let buildinfo = fs::read_to_string(dist.join("stack_1.0.0_amd64.buildinfo")).unwrap();
    for text in [&changes, &buildinfo] {
        assert!(
            text.contains("\nBinary: stack stack-data stack-fast stack-fast-dbgsym stack-slow stack-tools\n"),
            "{text}"
        );
        assert!(text.contains("\nArchitecture: all amd64\n"), "{text}");
        assert!(names.iter().all(|name| text.contains(&format!(" {name}\n"))), "{text}");
    }
    let script = "\"$0\" repo add --url https://packages.example.org dist/*.deb && ls repository/*.sources";
    let mut repository = Command::new("sh");
    repository.args(["-ec", script, env!("CARGO_BIN_EXE_stackdeb")]).current_dir(folder.path());
    let added = run(repository.env("XDG_DATA_HOME", folder.path().join("keys")));
    assert_eq!(added.matches("added ").count(), 6, "{added}");
    assert!(added.ends_with("repository/stack.sources\n"), "{added}");
    // What lintian says of the files themselves is theirs to answer for.
    lintian_is_silent(&tools, &[("non-standard-file-perm", "the project chose it")]);
    lintian_is_silent(&fast, &[]);
}

/// A library that Debian does not have is found in another package of the stack.
fn a_program_may_link_a_library_of_another_package() {
    let folder = tempfile::tempdir().unwrap();
    let packages = ["stack-bread", "stack-fast"];
    let further =
        packages.map(|name| format!("\n[[package]]\nname = \"{name}\"\nsummary = \"part that counts\"\n")).concat();
    let files = [("stack-bread", "/usr/lib/x86_64-linux-gnu", "libbread.so.1"), ("stack-fast", "/usr/bin", "count")]
        .map(|(name, place, file)| {
            format!("[[file]]\npath = \"{place}/{file}\"\nsource = \"files/{file}\"\npackage = \"{name}\"\n")
        });
    project(folder.path(), &further, &files.concat());
    let script = "echo 'int price(void) { return 3; }' | gcc -shared -fPIC -Wl,-soname,libbread.so.1 -o libbread.so.1 -x c - && \
        echo 'int price(void); int main(void) { return price(); }' | gcc -o count -x c - -x none ./libbread.so.1";
    run(Command::new("sh").args(["-ec", script]).current_dir(folder.path().join("files")));
    run(stackdeb().arg("deb").current_dir(folder.path()));
    let depends = |name: &str| field(&folder.path().join(format!("dist/{name}_1.0.0_amd64.deb")), "Depends");
    assert!(depends("stack-fast").contains("stack-bread (= 1.0.0)"), "{}", depends("stack-fast"));
    assert!(!depends("stack-bread").contains("stack-"), "{}", depends("stack-bread"));
    assert!(!depends("stack").contains("stack-"), "{}", depends("stack"));
}

fn another_folder_and_time_give_the_same_bytes() {
    let build = |folder: &Path, script: &str| {
        project(folder, FURTHER, FILES);
        fs::copy("/bin/true", folder.join("files/count")).unwrap();
        run(Command::new("sh").args(["-c", script, env!("CARGO_BIN_EXE_stackdeb")]).current_dir(folder));
        let mut files = listing(&folder.join("dist"));
        files.sort();
        let read = |path: &std::path::PathBuf| (path.file_name().unwrap().to_owned(), fs::read(path).unwrap());
        files.iter().filter(|path| path.is_file()).map(read).collect::<Vec<_>>()
    };
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = build(one.path(), "exec \"$0\" deb");
    let elsewhere =
        "umask 077; TZ=Pacific/Kiritimati LC_ALL=tr_TR.UTF-8 exec faketime '2031-05-06 07:08:09' \"$0\" deb";
    let second = build(&other.path().join("elsewhere"), elsewhere);
    assert_eq!(first.len(), 6, "five packages and the link");
    assert!(first == second, "the packages differ");
}

/// A folder may be in two packages, and a variant changes the stack's own package or replaces all of them.
fn a_variant_changes_the_first_package_or_all() {
    let folder = tempfile::tempdir().unwrap();
    let shared = "[[file]]\npath = \"/opt/shared\"\nfolder = true\n[[file]]\npath = \"/opt/shared/x\"\nsource = \"files/prices\"\npackage = \"stack-tools\"\n";
    let tools = "\n[[package]]\nname = \"stack-tools\"\nsummary = \"tools for the shop\"\n";
    let variants = "[variant.staging.package]\nsummary = \"shop that is tried\"\ndepends = [\"stack-tools (>= ${source:Version})\"]\n";
    project(folder.path(), tools, &format!("{shared}{variants}"));
    let check = run(stackdeb().args(["check", "--variant", "staging"]).current_dir(folder.path()));
    assert!(check.contains("dist/staging/stack-tools_1.0.0_all.deb"), "{check}");
    assert!(check.contains("changed   package.summary: ") && check.contains("\"shop that is tried\""), "{check}");
    run(stackdeb().args(["deb", "--variant", "staging"]).current_dir(folder.path()));
    let dist = folder.path().join("dist/staging");
    assert!(field(&dist.join("stack.deb"), "Depends").contains("stack-tools (>= 1.0.0)"));
    assert_eq!(field(&dist.join("stack-tools_1.0.0_all.deb"), "Package"), "stack-tools");
    let json: serde_json::Value =
        serde_json::from_str(&run(stackdeb().args(["check", "--json"]).current_dir(folder.path()))).unwrap();
    assert_eq!(json["further-packages"][0]["package"], "stack-tools_1.0.0_all.deb");
}
