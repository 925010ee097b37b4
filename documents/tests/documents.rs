//! The documents in the repository are those that the program makes, and the pages and completions do what they are for.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    reason = "a test ends in a panic when something is not as it should be"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use stackdeb::system::epoch::Epoch;
use stackdeb_documents::{Document, package, repository};

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

/// The package's files, in a new folder.
fn written() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for Document { path, text } in package(Epoch::from_seconds(1_795_428_000).unwrap()).unwrap() {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

#[track_caller]
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error} (tests/setup installs it)"));
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && errors.is_empty(), "{command:?}: {}\n{errors}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_repository_has_what_the_program_says() {
    for Document { path, text } in repository().unwrap() {
        let there = fs::read_to_string(docs().join(&path)).unwrap_or_default();
        let first = there.lines().zip(text.lines()).position(|(old, new)| old != new);
        assert!(there == text, "docs/{} differs from line {first:?} on: run `just documents`", path.display());
    }
}

#[test]
fn man_formats_each_page_without_a_warning() {
    let folder = written();
    let mut pages = 0;
    for entry in fs::read_dir(folder.path().join("man")).unwrap() {
        let path = entry.unwrap().path();
        let mut man = Command::new("man");
        let text = run(man
            .args(["--warnings", "-E", "UTF-8", "-l"])
            .arg(&path)
            .env("MANWIDTH", "80")
            .env("LC_ALL", "C.UTF-8"));
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(text.contains(name) && text.contains("SEE ALSO"), "{text}");
        let examples = if name == "stack.toml" { "EXAMPLE" } else { "EXAMPLES" };
        assert!(text.lines().any(|line| line == examples), "{name} has no examples:\n{text}");
        pages += 1;
    }
    assert!(pages >= 13, "only {pages} pages");
}

#[test]
fn bash_completes_commands_and_options() {
    let folder = written();
    let script = "source \"$1\"; COMP_WORDS=(stackdeb boot --user); COMP_CWORD=2; \
                  _stackdeb stackdeb --user boot; printf '%s\\n' \"${COMPREPLY[@]}\"; \
                  COMP_WORDS=(stackdeb dep); COMP_CWORD=1; _stackdeb stackdeb dep stackdeb; printf '%s\\n' \"${COMPREPLY[@]}\"";
    let path = folder.path().join("completions/bash/stackdeb");
    let words = run(Command::new("bash").args(["-c", script, "bash"]).arg(path));
    assert_eq!(words, "--user-data\ndeploy\n");
}

#[test]
fn fish_completes_commands_and_options() {
    let folder = written();
    let script = format!(
        "source {}; complete -C 'stackdeb boot --user'; complete -C 'stackdeb dep'",
        folder.path().join("completions/fish/stackdeb.fish").display()
    );
    let home = tempfile::tempdir().unwrap();
    let lines = run(Command::new("fish").args(["--no-config", "-c", &script]).env("HOME", home.path()));
    let words: Vec<&str> = lines.lines().filter_map(|line| line.split('\t').next()).collect();
    assert_eq!(words, ["--user-data", "deploy"]);
}

/// zsh's completion has no entry from outside its line editor, so a terminal of zsh's own asks it.
#[test]
fn zsh_completes_commands_and_options() {
    let folder = written();
    let path = folder.path().join("completions/zsh");
    let script = "
zmodload zsh/zpty
zpty shell 'zsh -f -i'
zpty -w shell \"PROMPT=; fpath=($1 \\$fpath); autoload -U compinit; compinit -u -D; LISTMAX=0; print ready\"
zpty -r shell answer '*ready*ready*'
zpty -w -n shell $'stackdeb boot --user\\t'
zpty -r -m shell answer '*--user-data*' && print -- --user-data
zpty -w -n shell $'\\x15stackdeb dep\\t'
zpty -r -m shell answer '*deploy*' && print deploy
";
    let home = tempfile::tempdir().unwrap();
    let mut zsh = Command::new("timeout");
    zsh.args(["30", "zsh", "-f", "-c", script, "zsh"]).arg(path).env("HOME", home.path()).env("TERM", "dumb");
    assert_eq!(run(&mut zsh), "--user-data\ndeploy\n");
}
