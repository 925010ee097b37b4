//! Doc comments say what a name cannot: a unit, a range, who owns it, when it fails, what it costs. One that only repeats
//! the name is deleted. No lint of Rust or Clippy looks for such comments; `missing_docs` even asks for them, so it is off.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Words that say nothing by themselves.
const FILLERS: &str = "a all an and are as at be been by each every for from has have here how in is it its must of on one or \
                       own that the their there these they this those to was were what when where whether which who whom \
                       whose why with";

/// Words that mean the same as a name which is common in this project.
const SYNONYMS: [(&str, &str); 13] = [
    ("as", "text"),
    ("bytes", "size"),
    ("content", "inside"),
    ("folder", "directory"),
    ("id", "number"),
    ("kind", "sort type"),
    ("length", "long size"),
    ("name", "called"),
    ("path", "file folder"),
    ("reason", "cause said went wrong"),
    ("sha256", "digest hash"),
    ("source", "cause error reason said system went wrong"),
    ("url", "address"),
];

#[test]
fn no_doc_comment_only_repeats_a_name() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["benches", "documents", "health-check", "src", "tests"] {
        find_sources(&repository.join(folder), &mut files);
    }
    assert!(files.len() > 200, "only {} files were found", files.len());
    let mut found = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        found.extend(repetitions(&text).into_iter().map(|repetition| format!("{}:{repetition}", file.display())));
    }
    assert!(found.is_empty(), "{} doc comments say no more than the name:\n{}", found.len(), found.join("\n"));
}

#[test]
fn every_module_begins_with_what_it_is_for() {
    let mut files = Vec::new();
    for folder in ["src", "health-check/src", "documents/src"] {
        find_sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut files);
    }
    files.retain(|file| !file.ends_with("tests.rs"));
    let without = |file: &&PathBuf| !fs::read_to_string(file).unwrap().starts_with("//! ");
    let found: Vec<&PathBuf> = files.iter().filter(without).collect();
    assert!(found.is_empty(), "these modules do not begin with a paragraph: {found:?}");
}

#[test]
fn a_repetition_is_found() {
    for text in [
        "struct Mirror {\n    /// The mirror's URL.\n    pub url: String,\n}",
        "/// The path of the file.\n#[derive(Debug)]\nstruct FilePath(PathBuf);",
        "enum E {\n    Read {\n        /// What the system said.\n        #[source]\n        source: io::Error,\n    },\n}",
        "impl Package {\n    /// The name\n    /// of the package.\n    fn name(&self) -> &str {",
    ] {
        assert_eq!(repetitions(text).len(), 1, "{text}");
    }
    for text in [
        "struct Mirror {\n    /// Without a slash at the end.\n    pub url: String,\n}",
        "enum Comparison {\n    /// `<<`\n    Earlier,\n}",
        "    /// The plan\n    #[arg(long)]\n    plan: String,",
        "/// In bytes.\nconst BUFFER: usize = 1;",
    ] {
        assert!(repetitions(text).is_empty(), "{text}");
    }
}

pub fn find_sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            find_sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Returns the doc comments of which all words are in the declaration below them or in the name of the type around them.
/// Comments of command line arguments are left out, because they are the text of `--help`.
fn repetitions(source: &str) -> Vec<String> {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let mut found = Vec::new();
    let mut around = String::new();
    let mut at = 0;
    while at < lines.len() {
        if let Some(name) = type_name(lines[at]) {
            around = name;
        }
        let comment: Vec<&str> = lines[at..].iter().map_while(|line| line.strip_prefix("///")).collect();
        if comment.is_empty() {
            at += 1;
            continue;
        }
        let below = at + comment.len();
        let attributes = attribute_lines(&lines[below..]);
        let is_help = lines[below..below + attributes]
            .iter()
            .any(|line| line.starts_with("#[arg") || line.starts_with("#[command"));
        let declaration = lines.get(below + attributes).copied().unwrap_or_default();
        let said = stems(&comment.join(" "));
        // The value of a constant is not a part of its name.
        let declaration = declaration.split(" = ").next().unwrap_or_default();
        let known = known_stems(&format!("{declaration} {around}"));
        if !is_help && !said.is_empty() && said.is_subset(&known) {
            found.push(format!("{}: {} ({declaration})", at + 1, comment.join(" ").trim()));
        }
        at = below;
    }
    found
}

fn type_name(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    let keyword = words.iter().position(|word| ["struct", "enum", "trait", "impl"].contains(word))?;
    let plain = line.starts_with("pub") || keyword == 0;
    plain.then(|| words[keyword + 1..].join(" "))
}

/// The number of lines that the attributes at the beginning take up.
fn attribute_lines(lines: &[&str]) -> usize {
    let mut open = 0;
    let mut count = 0;
    for line in lines {
        if open == 0 && !line.starts_with("#[") {
            break;
        }
        let brackets = |wanted: [char; 2]| line.matches(wanted).count();
        open = open + brackets(['[', '(']) - brackets([']', ')']);
        count += 1;
    }
    count
}

/// The words of a text or of names, in lower case and without their endings. Fillers are left out.
fn stems(text: &str) -> BTreeSet<String> {
    let mut spaced = String::new();
    for c in text.chars() {
        if c.is_uppercase() && spaced.ends_with(char::is_lowercase) {
            spaced.push(' ');
        }
        spaced.push(c);
    }
    let words = spaced.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase);
    let fillers: BTreeSet<&str> = FILLERS.split_whitespace().collect();
    words.filter(|word| word.len() > 1 && !fillers.contains(word.as_str())).map(|word| stem(&word).to_owned()).collect()
}

fn stem(word: &str) -> &str {
    let ending = ["ies", "ing", "es", "ed", "s", "e", "y"].iter().find_map(|ending| word.strip_suffix(ending));
    ending.filter(|rest| rest.len() > 2).unwrap_or(word)
}

fn known_stems(declaration: &str) -> BTreeSet<String> {
    let mut known = stems(declaration);
    let plain: BTreeSet<String> = declaration.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase).collect();
    for (name, synonyms) in SYNONYMS {
        if plain.contains(name) {
            known.extend(stems(synonyms));
        }
    }
    known
}
