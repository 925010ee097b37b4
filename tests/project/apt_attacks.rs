//! A mirror that wants to wear out the machine of a user who builds from it, and whose key is trusted: what it sends is refused
//! with a reason, before it has taken much memory or time.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use support::edition::edit;
use support::mirror::Mirror;
use support::repository::{Repository, compressed, keys};
use support::{default_stack, program, text};

pub fn trials() -> Vec<Trial> {
    support::tests![
        an_index_of_more_than_a_gibibyte,
        an_index_of_a_million_packages,
        an_index_of_nothing_but_relations,
        an_index_of_nothing_but_names,
        a_chain_of_twenty_thousand_dependencies,
        a_field_of_nothing_but_alternatives,
        dependencies_of_nothing_but_relations,
        alternatives_without_a_way_out
    ]
}

/// The most memory that the program may take, with all of its threads' stacks and its libraries, in KiB.
const MEMORY: u32 = 900 * 1024;
/// The longest that it may take. This computer may be busy.
const TIME: Duration = Duration::from_secs(120);

/// What `stackdeb image` says of a mirror with these files. It ends as it does after every error, whatever memory it wants.
#[track_caller]
fn refusal(files: HashMap<String, Vec<u8>>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (project, mirror) = (folder.path().join("project"), Mirror::start(files));
    default_stack(&project);
    fs::write(project.join("mirror.gpg"), keys().certificate("good")).unwrap();
    let address = &mirror.address;
    let keys = format!("[image]\nmirror = \"{address}\"\nsecurity-mirror = \"{address}\"\nkeyring = \"mirror.gpg\"\n");
    edit(&project.join("stack.toml"), "[image]\n", &keys);
    let begin = Instant::now();
    let mut build = Command::new("sh");
    build.args(["-c", &format!("ulimit -v {MEMORY} && exec \"$0\" image"), &program("stackdeb")]);
    let output = build.current_dir(&project).env("XDG_CACHE_HOME", folder.path().join("cache")).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(begin.elapsed() < TIME, "{:?}", begin.elapsed());
    assert!(!Path::exists(&project.join("dist")), "{}", text(&output));
    // Lines are folded to the terminal's width.
    text(&output).split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ")
}

fn stanza(name: &str, more: &str) -> String {
    let hash = "0".repeat(64);
    format!("Package: {name}\nVersion: 1\nArchitecture: all\nFilename: a.deb\nSize: 1\nSHA256: {hash}\n{more}\n")
}

#[track_caller]
fn assert_says(said: &str, words: &[&str]) {
    for word in words {
        assert!(said.contains(word), "`{word}` is missing: {said}");
    }
}

/// The index has a few megabytes as it is downloaded. What is behind the limit cuts a stanza in two, which is no other error.
fn an_index_of_more_than_a_gibibyte() {
    for more in ["Description: x\n", "Architecture-of-no-machine: x\n"] {
        let line = format!(" {}\n", "x".repeat(1000));
        let stanza = stanza("aa", &format!("{more}{}", line.repeat(30)));
        let stanza = if more.starts_with("Arch") { stanza.replace(": all", ": sparc") } else { stanza };
        let part = compressed(&stanza.repeat((64 << 20) / stanza.len() + 1));
        let index = part.repeat(16);
        assert!(index.len() < 32 << 20, "{}", index.len());
        let said = refusal(Repository::default().files_with(index));
        assert_says(&said, &["the package index", "more than 1024 MiB when it is decompressed", "another mirror"]);
    }
}

fn an_index_of_a_million_packages() {
    let index: String = (0..1_000_000).map(|number| stanza(&format!("a{number}"), "")).collect();
    let said = refusal(Repository::default().files_with(compressed(&index)));
    assert_says(&said, &["the package index", "more than 250000 packages", "another mirror"]);
}

/// 64 bytes of a field become some kilobytes when its relations are read.
fn an_index_of_nothing_but_relations() {
    let names = vec!["aa"; 9_000].join(",");
    let depends = compressed(&stanza("aa", &format!("Depends: {names}\n")).repeat(100)).repeat(25);
    let said = refusal(Repository::default().files_with(depends));
    assert_says(&said, &["the package index", "more than 64 MiB of relations", "another mirror"]);
    let provides: String =
        (0..120).map(|number| stanza(&format!("a{number}"), &format!("Provides: {names}\n"))).collect();
    let said = refusal(Repository::default().files_with(compressed(&provides)));
    assert_says(&said, &["provide more than 1000000 names", "another mirror"]);
}

/// Names of packages are remembered, also those in fields that are of no other use here.
fn an_index_of_nothing_but_names() {
    let names = |stanza: u32| (0..9_000).map(|number| format!("n{stanza}-{number}")).collect::<Vec<_>>().join(",");
    let index: String = (0..60).map(|stanza_of| stanza("aa", &format!("Suggests: {}\n", names(stanza_of)))).collect();
    let said = refusal(Repository::default().files_with(compressed(&index)));
    assert_says(&said, &["the package index", "more than 500000 names of packages", "another mirror"]);
}

fn a_chain_of_twenty_thousand_dependencies() {
    const LENGTH: u32 = 20_000;
    for field in ["Depends", "Pre-Depends"] {
        let one = |number: u32| {
            let essential = if number == 0 { "Essential: yes\n" } else { "" };
            let next = if number < LENGTH { format!("{field}: p{:05}\n", number + 1) } else { String::new() };
            stanza(&format!("p{number:05}"), &format!("{essential}{next}"))
        };
        let index: String = (0..=LENGTH).map(one).collect();
        let said = refusal(Repository::default().files_with(compressed(&index)));
        assert_says(&said, &["the dependencies of `p00000 1` are more than 1000 packages deep", "another mirror"]);
    }
}

/// A field of a megabyte, where Debian's longest has 76 kB.
fn a_field_of_nothing_but_alternatives() {
    for (field, separator) in [("Depends", "|"), ("Conflicts", ",")] {
        let many = vec!["aa"; 300_000].join(separator);
        let index = stanza("aa", &format!("Essential: yes\n{field}: {many}\n"));
        let said = refusal(Repository::default().files_with(compressed(&index)));
        assert_says(&said, &[&format!("the field {field} has more than 10000 relations"), "package `aa`"]);
    }
}

/// Each field is as long as it may be: 2,000 packages that the first one needs have 18 million relations.
fn dependencies_of_nothing_but_relations() {
    let many = vec!["aa"; 9_000].join(",");
    let all: Vec<String> = (0..2_000).map(|number| format!("p{number}")).collect();
    let mut index = stanza("aa", &format!("Essential: yes\nDepends: {}\n", all.join(",")));
    index.extend(all.iter().map(|name| stanza(name, &format!("Depends: {many}\n"))));
    let said = refusal(Repository::default().files_with(compressed(&index)));
    assert_says(&said, &["bring the search to more than 1000000 relations", "another mirror"]);
}

/// What cannot be installed is remembered with its reason: each of 9,000 alternatives needs a chain of 900 packages that ends
/// at one which is missing.
fn alternatives_without_a_way_out() {
    let long = |number: usize| format!("p{number:03}{}", "x".repeat(200));
    let all: Vec<String> = (0..9_000).map(|number| format!("a{number}")).collect();
    let mut index = stanza("aa", &format!("Essential: yes\nDepends: {}\n", all.join(" | ")));
    index.extend(all.iter().map(|name| stanza(name, &format!("Depends: {}\n", long(0)))));
    index.extend((0..900).map(|number| stanza(&long(number), &format!("Depends: {}\n", long(number + 1)))));
    let said = refusal(Repository::default().files_with(compressed(&index)));
    assert_says(&said, &["`aa` cannot be installed", "there is no package p900"]);
}
