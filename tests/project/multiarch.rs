//! `--multiarch` for a crate with a library for other programs: the field `Multi-Arch` and the folder that libraries are in, as
//! cargo-deb has them, and what neither value can promise.

use std::fs;
use std::process::Command;

use support::crates::{Unpacked, our_package, ours, small_program, their_package};
use support::{run, text};

use super::crates::{compare_packages, listed};
use libtest_mimic::Trial;

pub fn trials() -> Vec<Trial> {
    support::tests![a_library_for_several_architectures]
}

fn a_library_for_several_architectures() {
    let work = tempfile::tempdir().unwrap();
    let folder = work.path();
    let manifest = "[package]\nname = \"fast-sum\"\nversion = \"1.2.0\"\nedition = \"2021\"\ndescription = \"sums\"\n\
        license = \"MIT\"\nauthors = [\"Jane Doe <jane@example.org>\"]\n[lib]\ncrate-type = [\"cdylib\"]\n\
        [profile.release]\ndebug = true\n[package.metadata.deb]\nassets = [\"$auto\",\n\
        [\"target/release/libfast_sum.so\", \"usr/lib/fast-sum/plug.so\", \"644\"],\n\
        [\"header.h\", \"usr/include/fast-sum/\", \"644\"],\n\
        { dest = \"usr/lib/libfast.so\", link_name = \"libfast_sum.so\" }]\n\
        [package.metadata.deb.variants.tool]\nmerge-assets.append = [\n\
        [\"target/release/tool\", \"usr/bin/\", \"755\"], [\"header.h\", \"usr/lib/sysctl.d/fast-sum.conf\", \"644\"]]\n";
    for (path, content) in [("Cargo.toml", manifest), ("src/lib.rs", ""), ("header.h", "int fast_sum(void);\n")] {
        fs::create_dir_all(folder.join(path).parent().unwrap()).unwrap();
        fs::write(folder.join(path), content).unwrap();
    }
    let built = folder.join("target/release");
    fs::create_dir_all(&built).unwrap();
    let library = "echo 'int fast_sum(void) { return 3; }' | gcc -g -shared -fPIC -o libfast_sum.so -x c -";
    run(Command::new("sh").args(["-ec", library]).current_dir(&built));
    fs::copy(small_program(), built.join("tool")).unwrap();

    for value in ["none", "same", "foreign"] {
        let chosen = ["--multiarch", value];
        let package = our_package(folder, &[&["--no-build", "--dbgsym"][..], &chosen].concat());
        let unpacked = Unpacked::of(&package);
        compare_packages(
            &our_package(folder, &[&["--no-build"][..], &chosen].concat()),
            &their_package(folder, &chosen),
        );
        let of_amd64 = unpacked.files.contains_key("usr/lib/x86_64-linux-gnu/libfast_sum.so");
        assert_eq!(of_amd64, value != "none");
        let debug = Unpacked::of(&package.with_file_name("fast-sum-dbgsym_1.2.0-1_amd64.deb"));
        let same = "same".to_owned();
        assert_eq!(debug.fields.get("Multi-Arch"), (value == "same").then_some(&same), "{value}");
    }
    let tool = ["--no-build", "--variant", "tool", "--multiarch"];
    let refused = ours(folder, &[&tool[..], &["same"]].concat());
    let said = text(&refused).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(!refused.status.success() && said.contains("the package promises to be installed"), "{said}");
    listed("`--multiarch same` with a program");
    let foreign = ours(folder, &[&tool[..], &["foreign"]].concat());
    let said = text(&foreign);
    assert!(foreign.status.success() && said.contains("can link /usr/lib/x86_64-linux-gnu/libfast_sum.so"), "{said}");
    let unpacked = Unpacked::of(&folder.join("dist/fast-sum-tool_1.2.0-1_amd64.deb"));
    listed("`--multiarch`: what is read in `/usr/lib` itself");
    assert!(unpacked.files.contains_key("usr/lib/sysctl.d/fast-sum.conf"), "{:?}", unpacked.files.keys());
    let wrong = ours(folder, &["--no-build", "--multiarch", "allowed"]);
    let said = text(&wrong);
    assert!(!wrong.status.success() && said.contains("'allowed'") && said.contains("none, same, foreign"), "{said}");
}
