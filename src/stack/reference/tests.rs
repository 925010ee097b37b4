//! The reader and the reference agree: the keys, their defaults, their types and their examples.

use std::collections::BTreeSet;
use std::fs;

use miette::Diagnostic;
use tempfile::TempDir;
use toml::{Table, Value};

use super::{DOCUMENT, EXAMPLE_FILES, EXAMPLE_SOURCE, Key, Missing, Section, ValueKind, schema::schema};
use crate::stack::{LoadError, Problem, Stack, load};

/// A document with nothing in it that may be left out.
const MINIMAL: &str = r#"
[package]
name = "guest-book"
maintainer = "Jane Doe <jane@example.org>"
summary = "web application that counts visits"
license = "MIT"
[[changelog]]
version = "1.0.0"
date = 2026-11-23T10:00:00Z
changes = ["First release."]
"#;

/// A project with every file that an example of the reference names.
struct Project(TempDir);

impl Project {
    fn new() -> Self {
        let project = Self(tempfile::tempdir().unwrap());
        for folder in ["repository", "app/migrations", "app/static", "app/public", "src"] {
            fs::create_dir_all(project.0.path().join(folder)).unwrap();
        }
        for file in EXAMPLE_FILES {
            let text = if file.ends_with(".sources") { EXAMPLE_SOURCE } else { "app = application = None\n" };
            fs::write(project.0.path().join(file), text).unwrap();
        }
        project
    }

    fn load(&self, document: &Table) -> Result<Stack, Vec<Problem>> {
        fs::write(self.0.path().join("stack.toml"), document.to_string()).unwrap();
        load(self.0.path()).map_err(|error| match error {
            LoadError::One(problem) => vec![*problem],
            LoadError::Several { problems, .. } => problems,
            other => panic!("{other}"),
        })
    }

    /// Everything that the program knows of a document that has to be right.
    fn known(&self, document: &Table) -> String {
        format!("{:?}", self.load(document).unwrap_or_else(|problems| panic!("{document}\n{problems:?}")))
    }
}

fn minimal() -> Table {
    MINIMAL.parse().unwrap()
}

/// What stands in a path for the entries of `[[package]]` after the first one.
const FURTHER: [&str; 2] = ["package", "further"];

/// The second entry of `[[package]]`, and a file that is in it. Both are made if they are missing.
fn further(document: &mut Table) -> &mut Table {
    if let Value::Table(first) = document["package"].clone() {
        let section = DOCUMENT.key("package").unwrap().further_section().unwrap();
        let required = section.keys.iter().filter(|key| matches!(key.missing, Missing::Refused));
        let second: Table = required.map(|key| (key.name.to_owned(), example(key))).collect();
        let name = second["name"].as_str().unwrap();
        let file: Value =
            format!("[[file]]\npath = \"/etc/guest-book.conf\"\nsource = \"LICENSE\"\npackage = \"{name}\"")
                .parse::<Table>()
                .unwrap()
                .remove("file")
                .unwrap();
        document.insert("file".to_owned(), file);
        document.insert("package".to_owned(), Value::Array(vec![Value::Table(first), Value::Table(second)]));
    }
    document["package"].as_array_mut().unwrap().get_mut(1).unwrap().as_table_mut().unwrap()
}

/// The table at `path` of a document. Tables that are missing are made, with what they must have.
fn reach<'a>(document: &'a mut Table, path: &[&str]) -> &'a mut Table {
    if path.starts_with(&FURTHER) {
        return further(document);
    }
    let (mut table, mut section) = (document, &DOCUMENT);
    let mut steps = path.iter();
    while let Some(step) = steps.next() {
        let key = section.key(step).unwrap();
        section = key.section().unwrap();
        let required = section.keys.iter().filter(|key| matches!(key.missing, Missing::Refused));
        let whole = || Value::Table(required.map(|key| (key.name.to_owned(), example(key))).collect());
        let below = table.entry(*step).or_insert_with(|| match key.kind {
            ValueKind::Tables(_) => Value::Array(vec![whole()]),
            ValueKind::NamedTables { .. } => {
                let name = steps.clone().next().unwrap_or(&"mail");
                Value::Table([((*name).to_owned(), whole())].into_iter().collect())
            }
            _ => whole(),
        });
        let below = match (&key.kind, below) {
            (ValueKind::NamedTables { .. }, Value::Table(named)) => &mut named[*steps.next().unwrap()],
            (_, below) => below,
        };
        table = match below {
            Value::Array(tables) => tables.first_mut().unwrap().as_table_mut().unwrap(),
            below => below.as_table_mut().unwrap(),
        };
    }
    table
}

/// The document with `key` of the table at `path` set to `value`, and with the kind of application that has the key.
fn with(mut document: Table, path: &[&str], key: &str, value: Value) -> Table {
    let table = reach(&mut document, path);
    if path == ["app"] && ["publish", "fallback"].contains(&key) {
        table.insert("kind".to_owned(), "static".into());
    }
    if path == ["app"] && ["command", "listen", "port", "jit"].contains(&key) {
        table.insert("kind".to_owned(), "exec".into());
        table.insert("command".to_owned(), "node server.js".into());
        if key == "port" {
            table.insert("listen".to_owned(), "port".into());
        }
    }
    if path == ["app"] && ["member", "metadata-variant"].contains(&key) {
        table.insert("kind".to_owned(), "cargo".into());
        table.insert("command".to_owned(), "shop".into());
    }
    if path == ["file"] && !["source", "folder", "link"].contains(&key) {
        table.insert("source".to_owned(), "LICENSE".into());
    }
    table.insert(key.to_owned(), value);
    document
}

/// Where the table of a key is in a document: a table with a name of the user's own is called `mail`.
fn below(path: &[&'static str], key: &Key) -> Vec<&'static str> {
    let named: &[&str] = if matches!(key.kind, ValueKind::NamedTables { .. }) { &["mail"] } else { &[] };
    [path, &[key.name], named].concat()
}

/// Calls `each` with every key of the reference and the names of the tables around it.
fn walk(section: &'static Section, path: &[&'static str], each: &mut impl FnMut(&[&'static str], &'static Key)) {
    for key in section.keys {
        each(path, key);
        if let Some(section) = key.section() {
            walk(section, &below(path, key), each);
        }
        if let Some(section) = key.further_section() {
            walk(section, &FURTHER, each);
        }
    }
}

fn every_key() -> Vec<(Vec<&'static str>, &'static Key)> {
    let mut all = Vec::new();
    walk(&DOCUMENT, &[], &mut |path, key| all.push((path.to_vec(), key)));
    all
}

/// Parses an example, which must set that key and no other.
fn example(key: &Key) -> Value {
    key.example_value().unwrap_or_else(|| panic!("{} is not about {} alone", key.example, key.name))
}

/// The reader lists the keys that it asked for when it meets one that it does not know: the reference has the same.
#[test]
fn what_is_read_is_described_and_what_is_described_is_read() {
    let mut sections = vec![(Vec::new(), &DOCUMENT)];
    walk(&DOCUMENT, &[], &mut |path, key| {
        sections.extend(key.section().map(|section| (below(path, key), section)));
        sections.extend(key.further_section().map(|section| (FURTHER.to_vec(), section)));
    });
    assert_eq!(sections.len(), 16, "a table is missing here");
    let project = Project::new();
    for (path, section) in sections {
        let document = with(minimal(), &path, "no-such-key", Value::Boolean(true));
        let problems = project.load(&document).unwrap_err();
        let [problem] = problems.as_slice() else { panic!("{problems:?}") };
        let help = problem.help().unwrap().to_string();
        let asked: BTreeSet<&str> = help.strip_prefix("the keys here are: ").unwrap().split(", ").collect();
        let described: BTreeSet<&str> = section.keys.iter().map(|key| key.name).collect();
        assert_eq!(asked, described, "in {path:?}");
    }
}

#[test]
fn a_default_is_the_same_as_its_text_in_the_file() {
    let project = Project::new();
    for (path, key) in every_key() {
        let value = match key.missing {
            Missing::Text(text) => Value::from(text),
            Missing::Number(number) => Value::from(i64::from(number)),
            Missing::Texts(texts) => Value::from(texts.to_vec()),
            Missing::Refused | Missing::Described(_) => continue,
        };
        // `[database]` by itself has a meaning: what is compared has it both times.
        let written = with(minimal(), &path, key.name, value);
        let mut without = written.clone();
        reach(&mut without, &path).remove(key.name).unwrap();
        assert_eq!(project.known(&without), project.known(&written), "{path:?} {}", key.name);
    }
}

#[test]
fn what_must_be_there_is_asked_for_with_its_example() {
    let project = Project::new();
    for (path, key) in every_key().into_iter().filter(|(_, key)| matches!(key.missing, Missing::Refused)) {
        let mut document = minimal();
        reach(&mut document, &path).remove(key.name).unwrap();
        let problems = project.load(&document).unwrap_err();
        let missing =
            problems.iter().find(|problem| problem.to_string().ends_with(&format!("{}: is missing", key.name)));
        let help = missing.unwrap_or_else(|| panic!("{}: {problems:?}", key.name)).help().unwrap().to_string();
        assert!(help.ends_with(key.example), "{help}");
    }
}

#[test]
fn every_example_is_accepted() {
    let project = Project::new();
    for (path, key) in every_key() {
        project.known(&with(minimal(), &path, key.name, example(key)));
    }
}

#[test]
fn every_key_refuses_another_type() {
    let project = Project::new();
    for (path, key) in every_key() {
        let problems = project.load(&with(minimal(), &path, key.name, Value::Float(0.5))).unwrap_err();
        let name = [path.as_slice(), &[key.name]].concat().join(".").replace("package.further", "package");
        let said = problems
            .iter()
            .any(|problem| problem.to_string().starts_with(&format!("{name}: is a number with a point")));
        assert!(said, "{name}: {problems:?}");
    }
}

#[test]
fn a_number_ends_where_the_reference_says() {
    let project = Project::new();
    for (path, key) in every_key() {
        let ValueKind::Number { least, most } = key.kind else { continue };
        let of = |number: i64| with(minimal(), &path, key.name, Value::Integer(number));
        for number in [least, most] {
            project.known(&of(i64::from(number)));
        }
        for number in [i64::from(least) - 1, i64::from(most) + 1] {
            assert!(project.load(&of(number)).is_err(), "{} = {number}", key.name);
        }
    }
}

#[test]
fn every_key_is_explained_to_its_end() {
    for (path, key) in every_key() {
        let name = [path.as_slice(), &[key.name]].concat().join(".");
        assert!(key.meaning.ends_with('.') && !key.meaning.contains("  "), "{name}: {}", key.meaning);
        assert!(key.since.split('.').all(|part| part.parse::<u16>().is_ok()), "{name}: {}", key.since);
        assert_eq!(key.meaning.matches('`').count() % 2, 0, "{name}: {}", key.meaning);
    }
}

#[test]
fn the_schema_has_every_key_with_an_example() {
    let schema = schema();
    for (path, key) in every_key() {
        let mut at = &schema;
        for step in path.iter().chain([&key.name]) {
            at = match &at["anyOf"] {
                serde_json::Value::Array(ways) if *step == "further" => {
                    at = &ways.iter().find(|way| way["type"] == "array").unwrap()["additionalItems"];
                    continue;
                }
                serde_json::Value::Array(ways) => ways.iter().find(|way| way["properties"].is_object()).unwrap(),
                _ if at["type"] == "array" => &at["items"],
                _ => at,
            };
            at = if at["additionalProperties"].is_object() {
                &at["additionalProperties"]
            } else {
                &at["properties"][step]
            };
        }
        assert_eq!(at["examples"].as_array().map(Vec::len), Some(1), "{path:?} {}", key.name);
    }
}
