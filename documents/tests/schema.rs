//! Independent programs judge the JSON Schema of stack.toml: a validator, and the language server that editors ask.

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
use std::process::{Command, Output};

use stackdeb::stack;
use stackdeb::stack::new_project::write_project;
use stackdeb::stack::reference::{DOCUMENT, EXAMPLE_FILES, EXAMPLE_SOURCE, Missing, Section, ValueKind};
use tempfile::TempDir;
use toml::{Table, Value};

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

/// What a user may write though it looks odd: the table, and a line of it. `stackdeb check` and the schema accept each.
const ODD: &[(&str, &str)] = &[
    ("package", "name = \"a1\""),
    ("package", "name = \"x23456789012345678901234567890a\""),
    ("package", "maintainer = \"Zoë O'Neill <z.o+deb@lists.example.org>\""),
    ("package", "maintainer = \"Jane Doe < jane@example.org >\""),
    ("package", "summary = \"  servers, clients etc.  \""),
    ("package", "description = \"One.\\r\\n\\r\\nTwo.\""),
    ("package", "homepage = \"http://example.org:8080/a?b=c#d\""),
    ("package", "section = \"non-free/web\""),
    ("package", "license = \"GPL-3.0-or-later\""),
    ("package", "depends = [\"aa [arm64]\", \"python3:any (>= 3.9~)\", \"a1 | b1\"]"),
    ("app", "module = \"app:create_app()\""),
    ("app", "workers = 0x10"),
    ("app", "environment = { _A1 = \"a 'b' \\\"c\\\" $d é\\t%\" }"),
    ("worker", "command = \"sh -c 'a | b > c'\""),
    ("worker", "memory-max = \"25%\""),
    ("timer", "schedule = \"Mon..Fri *:0/15 Europe/Berlin\""),
    ("service.valkey", "memory-max = \"1g\""),
    ("site", "server-names = [\"_\", \"*.example.org\", \".example.org\", \"www.example.*\", \"3com\"]"),
    ("site", "max-body-size = \"7G\""),
    ("site", "max-body-size = \"0\""),
    ("site", "static = []"),
    ("site", "tls = \"off\""),
    ("site", "behind = [\"10.0.0.128/29\", \"fd00::/8\"]"),
    ("site.static", "path = \"/.well-known/a.b~c/\""),
    ("database", "name = \"_a-1\""),
    ("health", "on-boot = \" 1h30min \""),
    ("health", "interval = \"1.5h\""),
    ("health", "interval = \"90\""),
    ("health", "interval = \"60000000 µs\""),
    ("health", "path = \"/\""),
    ("health", "path = \"/a/b-c_d.e~\""),
    ("image", "hostname = \"3com.example.org\""),
    ("image", "free-space = \"1g\""),
    (
        "",
        "package = [{ name = \"a1\", maintainer = \"Jane <jane@example.org>\", summary = \"one of two\", license = \"MIT\" }]",
    ),
    ("", "variant = {}"),
    ("", "variant.staging = {}"),
    ("", "variant.eu-west-1 = { package.name = \"shop\", worker.mail.command = \"true\", database = {} }"),
];

/// What is wrong whatever files there are: `stackdeb check` and the schema refuse each.
const WRONG: &[(&str, &str)] = &[
    ("", "imgae = {}"),
    ("", "package = []"),
    ("", "variant.Staging = {}"),
    ("", "variant.a--b = {}"),
    ("", "variant.staging.variant.more = {}"),
    ("", "variant.staging.sites.port = 80"),
    ("", "variant.staging.site.port = 0"),
    ("", "variant.staging.site.static = [{ path = \"/static/\" }]"),
    ("package", "colour = \"red\""),
    ("package", "name = \"Guest\""),
    ("package", "name = \"a.b\""),
    ("package", "name = \"0ad\""),
    ("package", "name = \"ab-\""),
    ("package", "name = \"x23456789012345678901234567890ab\""),
    ("package", "name = 5"),
    ("package", "version = \"1_0\""),
    ("package", "maintainer = \"Jane Doe\""),
    ("package", "maintainer = \"<jane@example.org>\""),
    ("package", "summary = \"\""),
    (
        "package",
        "summary = \"web application that is far too long for one line, since a line may have 80 characters only\"",
    ),
    ("package", "homepage = \"example.org\""),
    ("package", "section = \"wob\""),
    ("package", "priority = \"extra\""),
    ("package", "copyright = []"),
    ("package", "license = \"MIT or so\""),
    ("package", "depends = [\"bb, cc\"]"),
    ("package", "depends = \"nginx\""),
    ("package", "compression = \"bzip2\""),
    ("app", "folder = \"\""),
    ("app", "module = \"app\""),
    ("app", "module = \"app:app; rm\""),
    ("app", "workers = 0"),
    ("app", "threads = 1025"),
    ("app", "threads = 1.5"),
    ("app", "environment = { \"A-B\" = \"x\" }"),
    ("app", "environment = { A = \"x\\ny\" }"),
    ("app", "environment = { A = 1 }"),
    ("site", "port = 0"),
    ("site", "port = 65536"),
    ("site", "port = \"80\""),
    ("site", "max_body_size = \"1m\""),
    ("site", "max-body-size = \"10m;\""),
    ("site", "server-names = []"),
    ("site", "server-names = [\"a.org; return 200\"]"),
    ("site", "tls = \"on\""),
    ("site", "tls = { certificate = \"/etc/ssl/a.pem\" }"),
    ("site", "email = \"admin\""),
    ("site", "acme-server = \"http://acme.example.org\""),
    ("site.tls", "key = \"relative\""),
    ("site", "behind = \"cloud\""),
    ("site", "behind = [\"10.0.0.1\"]"),
    ("site.static", "path = \"static\""),
    ("site.static", "path = \"/static\""),
    ("site.static", "path = \"/a;/\""),
    ("site.static", "folder = \"\""),
    ("site.static", "hashed = [\"/absolute\"]"),
    ("file", "path = \"etc/x\""),
    ("file", "path = \"/etc/a b\""),
    ("file", "mode = \"4755\""),
    ("file", "owner = \"root\""),
    ("file", "folder = \"yes\""),
    ("image", "repository = \"shop.list\""),
    ("database", "name = \"a'b\""),
    ("database", "migrations = \"\""),
    ("health", "interval = \"soon\""),
    ("health", "path = \"healthz\""),
    ("health", "path = \"/a b\""),
    ("image", "suite = \"Debian 13\""),
    ("image", "hostname = \"a_b\""),
    ("image", "keyring = \"\""),
    ("image", "free-space = \"1.5M\""),
    ("image", "mirror = \"ftp://example.org\""),
    ("image", "mirror = \"http://user@deb.example.org/debian\""),
    ("changelog", "version = \"\""),
    ("app", "kind = \"rsgi\""),
    ("worker", "cpu-quota = \"half\""),
    ("worker", "processes = 65"),
    ("worker", "command = \"\""),
    ("timer", "schedul = \"daily\""),
    ("service.valkey", "eviction = \"never\""),
    ("changelog", "date = 2026-11-23"),
    ("changelog", "date = \"yesterday\""),
    ("changelog", "changes = []"),
    ("changelog", "author = \"Jane\""),
];

/// The same of a further package.
const WRONG_FURTHER: &[&str] = &[
    "maintainer = \"Jane Doe <jane@example.org>\"",
    "version = \"1.0.0\"",
    "name = \"Tools\"",
    "depends = \"jq\"",
    "section = \"wob\"",
];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn judge(name: &str) -> Command {
    let mut command = Command::new(source().join("documents/judges"));
    command.arg(name);
    command
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Projects, each in a folder of its own, with the files that the examples of the reference name.
struct Projects(TempDir, Vec<PathBuf>);

impl Projects {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap(), Vec::new())
    }

    fn add(&mut self, document: &Table) {
        let folder = self.0.path().join(self.1.len().to_string());
        for path in ["repository", "app/migrations", "app/static", "app/public", "src"] {
            fs::create_dir_all(folder.join(path)).unwrap();
        }
        for path in EXAMPLE_FILES {
            let content = match path.rsplit('.').next() {
                Some("py") => "app = application = create_app = dict\n",
                Some("sources") => EXAMPLE_SOURCE,
                _ => "text\n",
            };
            fs::write(folder.join(path), content).unwrap();
        }
        self.1.push(folder.join("stack.toml"));
        fs::write(self.1.last().unwrap(), document.to_string()).unwrap();
    }

    /// The files that the validator refuses.
    fn refused(&self) -> Vec<PathBuf> {
        let schema = self.0.path().join("schema.json");
        fs::write(&schema, stack::reference::schema_text()).unwrap();
        let mut validator = judge("check-jsonschema");
        let output = validator.args(["-o", "json", "--schemafile"]).arg(&schema).args(&self.1).output().unwrap();
        let report: serde_json::Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output)));
        assert_eq!(report["parse_errors"].as_array().map_or(0, Vec::len), 0, "{report}");
        let errors = report["errors"].as_array().unwrap();
        assert_eq!(errors.is_empty(), output.status.success(), "{report}");
        errors.iter().map(|error| PathBuf::from(error["filename"].as_str().unwrap())).collect()
    }
}

/// `MINIMAL` with a line in one of its tables.
fn with_line(table: &str, line: &str) -> Table {
    let (key, value) =
        line.parse::<Table>().unwrap_or_else(|error| panic!("{line}: {error}")).into_iter().next().unwrap();
    with(table, key, value)
}

fn with(table: &str, key: String, value: Value) -> Table {
    let mut document: Table = MINIMAL.parse().unwrap();
    let (mut target, mut section) = (&mut document, &DOCUMENT);
    for step in table.split('.').filter(|step| !step.is_empty()) {
        let described = section.key(step).unwrap();
        section = described.section().unwrap();
        let required = section.keys.iter().filter(|key| matches!(key.missing, Missing::Refused));
        let whole = || Value::Table(required.map(|key| (key.name.to_owned(), key.example_value().unwrap())).collect());
        let below = target.entry(step).or_insert_with(|| match described.kind {
            ValueKind::Tables(_) => Value::Array(vec![whole()]),
            ValueKind::NamedTables { .. } => Value::Table([("mail".to_owned(), whole())].into_iter().collect()),
            _ => whole(),
        });
        let below = match (&described.kind, below) {
            (ValueKind::NamedTables { .. }, Value::Table(named)) => &mut named["mail"],
            (_, below) => below,
        };
        target = match below {
            Value::Array(tables) => tables[0].as_table_mut().unwrap(),
            below => below.as_table_mut().unwrap(),
        };
    }
    // Keys that only some kinds of applications have.
    if table == "app" && ["publish", "fallback"].contains(&key.as_str()) {
        target.insert("kind".to_owned(), "static".into());
    }
    if table == "file" && !["source", "folder", "link"].contains(&key.as_str()) {
        target.insert("source".to_owned(), "LICENSE".into());
    }
    if table == "app" && ["command", "listen", "port", "jit"].contains(&key.as_str()) {
        target.insert("kind".to_owned(), "exec".into());
        target.insert("command".to_owned(), "node server.js".into());
        target.insert("listen".to_owned(), "port".into());
    }
    if table == "app" && ["member", "metadata-variant"].contains(&key.as_str()) {
        target.insert("kind".to_owned(), "cargo".into());
        target.insert("command".to_owned(), "shop".into());
    }
    target.insert(key, value);
    document
}

#[test]
fn the_schema_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let schema = folder.path().join("schema.json");
    fs::write(&schema, stack::reference::schema_text()).unwrap();
    let output = judge("check-jsonschema").arg("--check-metaschema").arg(&schema).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
}

/// `MINIMAL` with a further package, of which one key is another one.
fn with_further(key: &str, value: Value) -> Table {
    let mut document: Table = MINIMAL.parse().unwrap();
    let further: Table = "name = \"guest-book-tools\"\nsummary = \"tools for the guest book\"".parse().unwrap();
    let mut packages = vec![document["package"].clone(), Value::Table(further)];
    packages[1].as_table_mut().unwrap().insert(key.to_owned(), value);
    document.insert("package".to_owned(), Value::Array(packages));
    let file: Table = "path = \"/etc/x\"\nsource = \"LICENSE\"\npackage = \"guest-book-tools\"".parse().unwrap();
    document.insert("file".to_owned(), Value::Array(vec![Value::Table(file)]));
    document
}

/// Adds a project for each example of a table and of the tables inside it.
fn examples(projects: &mut Projects, table: &str, section: &Section) {
    for key in section.keys {
        projects.add(&with(table, key.name.to_owned(), key.example_value().unwrap()));
        if let Some(section) = key.section() {
            examples(projects, format!("{table}.{}", key.name).trim_start_matches('.'), section);
        }
    }
}

#[test]
fn what_stackdeb_accepts_the_schema_accepts() {
    let mut projects = Projects::new();
    projects.add(&MINIMAL.parse().unwrap());
    for (table, line) in ODD {
        projects.add(&with_line(table, line));
    }
    examples(&mut projects, "", &DOCUMENT);
    for key in DOCUMENT.key("package").unwrap().further_section().unwrap().keys {
        projects.add(&with_further(key.name, key.example_value().unwrap()));
    }
    for manifest in &projects.1 {
        let read = stack::load(manifest);
        assert!(read.is_ok(), "{}\n{:?}", fs::read_to_string(manifest).unwrap(), read.err());
    }
    let refused: Vec<String> = projects.refused().iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    assert_eq!(refused, Vec::<String>::new(), "the schema refuses what stackdeb accepts");
}

#[test]
fn what_is_wrong_whatever_files_there_are_the_schema_refuses() {
    let mut projects = Projects::new();
    for (table, line) in WRONG {
        projects.add(&with_line(table, line));
    }
    for missing in ["package", "changelog"] {
        let mut document: Table = MINIMAL.parse().unwrap();
        document.remove(missing).unwrap();
        projects.add(&document);
    }
    for missing in ["name", "maintainer", "summary", "license"] {
        let mut document: Table = MINIMAL.parse().unwrap();
        document["package"].as_table_mut().unwrap().remove(missing).unwrap();
        projects.add(&document);
    }
    for line in WRONG_FURTHER {
        let (key, value) = line.parse::<Table>().unwrap().into_iter().next().unwrap();
        projects.add(&with_further(&key, value));
    }
    let mut document = with_further("depends", Value::Array(Vec::new()));
    document["package"].as_array_mut().unwrap()[1].as_table_mut().unwrap().remove("summary").unwrap();
    projects.add(&document);
    let refused = projects.refused();
    for manifest in &projects.1 {
        let document = fs::read_to_string(manifest).unwrap();
        assert!(stack::load(manifest).is_err(), "stackdeb accepts:\n{document}");
        assert!(refused.contains(manifest), "the schema accepts:\n{document}");
    }
}

#[test]
fn the_projects_that_there_are_pass_and_editors_find_their_schema() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("shop");
    write_project("shop", Some(&project)).unwrap();
    for manifest in [project.join("stack.toml"), source().join("stack.toml")] {
        let first = fs::read_to_string(&manifest).unwrap().lines().next().unwrap().to_owned();
        let schema = first.strip_prefix("#:schema ").unwrap_or_else(|| panic!("{first}"));
        let schema = manifest.with_file_name(schema);
        let output = judge("check-jsonschema").arg("--schemafile").arg(&schema).arg(&manifest).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
        let output = judge("taplo").arg("lint").arg(&manifest).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
    }
    let manifest = project.join("stack.toml");
    let slip = fs::read_to_string(&manifest).unwrap().replace("migrations =", "migration =");
    fs::write(&manifest, slip).unwrap();
    let output = judge("taplo").arg("lint").arg(&manifest).output().unwrap();
    assert!(!output.status.success() && text(&output).contains("'migration' was unexpected"), "{}", text(&output));
}
