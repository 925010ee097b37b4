//! The documents are true: each command line parses, each piece of configuration is valid, each link leads
//! somewhere. What more is done with a block of commands, `support::documents` says.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use stackdeb::stack::reference::{DOCUMENT, Key, ValueKind};
use support::documents::{Block, blocks, blocks_of, files};
use support::{run, source_folder};

/// Programs of others that the documents call.
const OTHERS: &[&str] = &["cargo", "cat", "cd", "debsign", "dput", "git", "scp", "ssh", "terraform"];

fn place(block: &Block) -> String {
    format!("{}:{}", block.file.display(), block.line)
}

#[test]
fn every_block_has_a_kind() {
    let mut seen = BTreeSet::new();
    for block in blocks() {
        let known = match (block.language.as_str(), block.kind.as_str()) {
            ("sh", kind) => ["run", "linode", "server", "ssh", "clone", "parse"].contains(&kind),
            ("toml" | "yaml" | "text" | "rust", "") => true,
            _ => false,
        };
        assert!(
            known,
            "{}: ```{} {} is not a kind that is in tests/support/documents.rs",
            place(&block),
            block.language,
            block.kind
        );
        seen.insert(block.kind);
    }
    assert!(seen.contains("run") && seen.contains("parse"), "{seen:?}");
}

#[test]
fn every_command_line_parses() {
    let recipes = recipes();
    let mut parsed = 0;
    for block in blocks().iter().filter(|block| block.language == "sh") {
        let mut shell = Command::new("bash");
        run(shell.args(["-n", "-c", &block.text]));
        for words in commands(&block.text) {
            let said = format!("{}: {words:?}", place(block));
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let words = match words.as_slice() {
                ["./just" | "just", recipe, rest @ ..] => {
                    assert!(recipes.iter().any(|known| known == recipe), "{said}: the justfile has no such recipe");
                    // Those that hand their arguments on to stackdeb are called as its commands.
                    if stackdeb::cli::examples(recipe).is_empty() {
                        continue;
                    } else {
                        [&["stackdeb", recipe], rest].concat()
                    }
                }
                words => words.to_vec(),
            };
            if words.first() == Some(&"stackdeb") {
                parsed += 1;
                let parsed = stackdeb::cli::command().try_get_matches_from(&words);
                assert!(parsed.is_ok(), "{said}\n{}", parsed.unwrap_err());
            } else if block.kind == "parse" {
                assert!(OTHERS.contains(&words[0]), "{said}: is `{}` a program?", words[0]);
            }
        }
    }
    assert!(parsed > 20, "only {parsed} command lines");
}

/// The names of the justfile's recipes.
fn recipes() -> Vec<String> {
    let justfile = fs::read_to_string(source_folder().join("justfile")).unwrap();
    let heads = justfile.lines().filter(|line| !line.starts_with([' ', '#', '[']) && !line.contains(":="));
    let names = heads.filter_map(|line| line.split_once(':')?.0.split_whitespace().next());
    let names: Vec<String> = names.map(str::to_owned).collect();
    assert!(names.contains(&"image".to_owned()) && names.contains(&"check".to_owned()), "{names:?}");
    names
}

/// The words of each simple command: without here-documents, comments, redirections and assignments before it.
fn commands(script: &str) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    let mut lines = script.lines();
    while let Some(line) = lines.next() {
        let mut rest = words(line);
        if let Some(at) = rest.iter().position(|word| word.starts_with("<<")) {
            let end = rest[at].trim_start_matches("<<").to_owned();
            assert!(lines.by_ref().any(|line| line == end), "{line}: no line `{end}`");
            rest.truncate(at);
        }
        for command in rest.split(|word| ["&&", "||", "|", ";"].contains(&word.as_str())) {
            let skip =
                command.iter().take_while(|word| word.split_once('=').is_some_and(|(name, _)| is_name(name))).count();
            let end =
                command.iter().position(|word| [">", ">>", "<"].contains(&word.as_str())).unwrap_or(command.len());
            if skip < end {
                commands.push(command[skip..end].to_vec());
            }
        }
    }
    commands
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A line's words as a shell sees them, up to a comment; quotes are taken off.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quote) = (None::<String>, None);
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => break,
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[test]
fn words_are_those_of_a_shell() {
    let script = "A=1 b 'c d' \"e|f\" | g && h > i # j\ncat >> x <<'END'\nstackdeb nonsense\nEND\nk\n";
    let expected: [&[&str]; 5] = [&["b", "c d", "e|f"], &["g"], &["h"], &["cat"], &["k"]];
    assert_eq!(commands(script), expected);
}

/// What is shown of stack.toml has keys and tables that there are. User data is YAML.
#[test]
fn every_piece_of_configuration_is_valid() {
    let (mut toml, mut yaml) = (0, 0);
    for block in blocks() {
        if block.language == "toml" && !block.file.ends_with("stack-toml.md") {
            let document: toml::Table = block.text.parse().unwrap_or_else(|error| panic!("{}: {error}", place(&block)));
            // Of a Cargo.toml: `project/crate_metadata.rs` packages it.
            if document.get("package").and_then(|package| package.get("metadata")).is_some() {
                continue;
            }
            // A variant has the same tables.
            let variants = document.get("variant").and_then(toml::Value::as_table).into_iter().flatten();
            let variants = variants.flat_map(|(_, variant)| variant.as_table().unwrap());
            for (table, value) in document.iter().filter(|(table, _)| *table != "variant").chain(variants) {
                let section = DOCUMENT.key(table).and_then(Key::section);
                let section = section.unwrap_or_else(|| panic!("{}: [{table}]", place(&block)));
                let named = DOCUMENT.key(table).is_some_and(|key| matches!(key.kind, ValueKind::NamedTables { .. }));
                let value = if named { value.as_table().and_then(|all| all.values().next()).unwrap() } else { value };
                let entries = value.as_table().or_else(|| value.as_array()?.first()?.as_table()).unwrap();
                for key in entries.keys() {
                    assert!(section.key(key).is_some(), "{}: [{table}] {key}", place(&block));
                }
            }
            toml += 1;
        }
        if block.language == "yaml" && block.text.starts_with("#cloud-config\n") {
            let script = "import sys, yaml; assert isinstance(yaml.safe_load(sys.argv[1]), dict)";
            run(Command::new("/usr/bin/python3").args(["-c", script, &block.text]));
            yaml += 1;
        }
    }
    assert!(toml > 2 && yaml > 0, "{toml} {yaml}");
}

#[test]
fn every_link_leads_somewhere() {
    let mut links = 0;
    for file in files() {
        let text = prose(&fs::read_to_string(source_folder().join(&file)).unwrap());
        for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')').map(|(link, _)| link)) {
            if link.starts_with("https://") || link.starts_with("http://") {
                continue;
            }
            links += 1;
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { file.clone() } else { file.with_file_name("").join(path) };
            let whole = source_folder().join(&target);
            assert!(whole.exists(), "{}: {link}", file.display());
            if !anchor.is_empty() {
                assert!(anchors(&whole).contains(anchor), "{}: {link} has no such heading", file.display());
            }
        }
    }
    assert!(links > 30, "only {links} links");
}

/// Every document in docs/ can be found from its first page.
#[test]
fn every_document_is_linked() {
    let text = |file: &Path| fs::read_to_string(source_folder().join(file)).unwrap();
    let index = text(Path::new("docs/README.md")) + &text(Path::new("docs/reasons/README.md"));
    for file in files().iter().filter(|file| file.starts_with("docs") && !file.ends_with("README.md")) {
        let name = file.file_name().unwrap().to_str().unwrap();
        assert!(
            index.contains(&format!("{name})")) || index.contains(&format!("/{name})")),
            "{} is linked nowhere",
            file.display()
        );
    }
}

/// The text without its blocks and without what is in backquotes.
fn prose(text: &str) -> String {
    let mut open = false;
    let lines = text.lines().filter(|line| {
        let fence = line.starts_with("```");
        open ^= fence;
        !open && !fence
    });
    lines.map(|line| line.split('`').step_by(2).collect::<Vec<_>>().join("`") + "\n").collect()
}

/// The anchors that GitHub gives a document's headings.
fn anchors(file: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(file).unwrap();
    let headings = text.lines().filter_map(|line| line.strip_prefix('#')?.trim_start_matches('#').strip_prefix(' '));
    let slug = |heading: &str| {
        let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect::<String>()
    };
    headings.map(slug).collect()
}

/// README is what a stranger reads first: it fits on a page or two, and everything else is a link away.
#[test]
fn the_readme_is_short() {
    let readme = fs::read_to_string(source_folder().join("README.md")).unwrap();
    assert!(readme.lines().count() <= 100, "README.md has {} lines", readme.lines().count());
    assert!(readme.lines().all(|line| line.starts_with('|') || line.contains("](") || line.chars().count() <= 120));
}

#[test]
fn blocks_are_found() {
    let tutorial = blocks_of(Path::new("docs/tutorial.md"));
    assert!(
        tutorial.iter().any(|block| block.kind == "run" && block.text.contains("stackdeb new shop")),
        "{tutorial:?}"
    );
}
