//! `docs/stack-toml.md`: every table and key of `stack.toml`.

use std::fmt::Write;

use stackdeb::stack::reference::{DOCUMENT, Key, Missing, Section, ValueKind};

/// What stands before the tables.
const INTRODUCTION: &str = "\
## In an editor

An editor with the language server taplo (\"Even Better TOML\" in Visual Studio Code) completes the keys, shows what they mean
and marks mistakes, when the first line of `stack.toml` names the JSON Schema:

```toml
#:schema ./stack.schema.json
```

`stackdeb new` writes this line and the file; `stackdeb schema > stack.schema.json` makes the file again. `stackdeb check`
checks more than a schema can: that files are there, that names are free, and that values agree with each other.
";

pub fn markdown() -> String {
    let mut text = String::from("# stack.toml\n\n<!-- Made by: just documents. -->\n\n");
    paragraphs(&mut text, DOCUMENT.meaning);
    text.push_str("```toml\n");
    let required: Vec<&str> = DOCUMENT.keys.iter().filter(|key| is_required(key)).map(|key| key.example).collect();
    text.push_str(&required.join("\n\n"));
    text.push_str("\n```\n\n");
    text.push_str(INTRODUCTION);
    for key in DOCUMENT.keys {
        if let Some(section) = key.section() {
            table(&mut text, &header("", key), &without(key), section);
            if let Some(section) = key.further_section() {
                table(&mut text, &further_header(key), WITHOUT_FURTHER, section);
            }
        } else {
            let _ = write!(text, "\n## {}\n\n", header("", key));
            paragraphs(&mut text, key.meaning);
            let _ = write!(text, "Without the table: {}.\n\n", default(&key.missing));
            let _ = write!(text, "```toml\n{}\n```\n\nSince {}.\n", key.example, key.since);
        }
    }
    text
}

/// What holds without further entries of a list.
pub const WITHOUT_FURTHER: &str = "Without such entries: there is the first one alone.";

/// What holds without the table of a key.
pub fn without(key: &Key) -> String {
    match &key.missing {
        Missing::Described(phrase) => format!("Without the table: {phrase}."),
        Missing::Text(word) => format!("In the place of the table, a word: `\"{word}\"` and others."),
        _ => "The table is required.".to_owned(),
    }
}

/// The header of the entries of a list after the first one.
pub fn further_header(key: &Key) -> String {
    format!("further [[{}]]", key.name)
}

fn is_required(key: &Key) -> bool {
    matches!(key.missing, Missing::Refused)
}

/// A table, and after it the tables inside it.
fn table(text: &mut String, header: &str, without: &str, section: &Section) {
    // Writing to a String does not fail, here and below.
    let _ = write!(text, "\n## {header}\n\n");
    paragraphs(text, section.meaning);
    paragraphs(text, without);
    let _ = writeln!(text, "| key | type | default |\n|---|---|---|");
    for key in section.keys {
        let anchor = anchor(header, key.name);
        let _ = writeln!(text, "| [`{}`](#{anchor}) | {} | {} |", key.name, kind(&key.kind), default(&key.missing));
    }
    for key in section.keys {
        let _ = write!(text, "\n### {header} {}\n\n", key.name);
        paragraphs(text, key.meaning);
        if let ValueKind::Word(words) | ValueKind::WordOrTable(words, _) = &key.kind {
            let quoted: Vec<String> = (words.known)().iter().map(|word| format!("`{word}`")).collect();
            let also = if words.others.is_some() { ", or another one" } else { "" };
            let table = if matches!(key.kind, ValueKind::WordOrTable(..)) { ", or a table (below)" } else { "" };
            let _ = write!(text, "One of {}{also}{table}.\n\n", quoted.join(", "));
        }
        let _ = write!(text, "```toml\n{}\n```\n\nSince {}.\n", key.example, key.since);
    }
    for inner in section.keys {
        if let Some(section) = inner.section() {
            table(text, &self::header(header, inner), &self::without(inner), section);
        }
    }
}

/// `[app]`, `[[changelog]]`, `[[site.static]]`. `outer` is the header of the table around it, or empty.
pub fn header(outer: &str, key: &Key) -> String {
    let outer = outer.trim_matches(['[', ']']);
    let name = if outer.is_empty() { key.name.to_owned() } else { format!("{outer}.{}", key.name) };
    match key.kind {
        ValueKind::Tables(_) => format!("[[{name}]]"),
        ValueKind::NamedTables { .. } | ValueKind::Variants { .. } => format!("[{name}.NAME]"),
        _ => format!("[{name}]"),
    }
}

/// The anchor that GitHub gives the heading of a key.
fn anchor(header: &str, name: &str) -> String {
    format!("{}-{name}", header.replace(['[', ']', '.'], "").replace(' ', "-").to_lowercase())
}

pub fn kind(kind: &ValueKind) -> String {
    match kind {
        ValueKind::Text(form) => format!("string: {}", form.noun),
        ValueKind::Word(words) => format!("string: {}", words.noun),
        ValueKind::WordOrTable(words, _) => format!("string: {}; or a table", words.noun),
        ValueKind::Number { least, most } => format!("whole number from {least} to {most}"),
        ValueKind::Flag => "`true` or `false`".to_owned(),
        ValueKind::Texts { form, empty } => {
            format!("list of strings{}: each {}", if *empty { "" } else { " (not empty)" }, form.noun)
        }
        ValueKind::TextsOrWord { form, word } => format!("list of strings: each {}; or `\"{word}\"`", form.noun),
        ValueKind::Date => "date with time and offset (RFC 3339)".to_owned(),
        ValueKind::Variables => "table of strings: each key a variable's name".to_owned(),
        ValueKind::Table(_) => "table".to_owned(),
        ValueKind::TableOrTables { .. } => "table, or a list of tables".to_owned(),
        ValueKind::Tables(_) => "list of tables".to_owned(),
        ValueKind::NamedTables { name, .. } | ValueKind::Variants { name } => format!("tables: each key {}", name.noun),
    }
}

pub fn default(missing: &Missing) -> String {
    match missing {
        Missing::Refused => "required".to_owned(),
        Missing::Text(text) => format!("`\"{text}\"`"),
        Missing::Number(number) => format!("`{number}`"),
        Missing::Texts(texts) => {
            let quoted: Vec<String> = texts.iter().map(|text| format!("\"{text}\"")).collect();
            format!("`[{}]`", quoted.join(", "))
        }
        Missing::Described(phrase) => (*phrase).to_owned(),
    }
}

fn paragraphs(text: &mut String, meaning: &str) {
    for paragraph in meaning.split("\n\n") {
        let _ = write!(text, "{paragraph}\n\n");
    }
}
