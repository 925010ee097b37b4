//! The man pages: stackdeb(1), one for each command, and stack.toml(5).

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use miette::IntoDiagnostic;
use stackdeb::cli::{self, Example};
use stackdeb::stack::reference::{DOCUMENT, Key, Section, ValueKind};

use crate::reference::{WITHOUT_FURTHER, default, further_header, header, kind, without};
use crate::roff::{inlines, literal, paragraphs};
use crate::{Document, facts};

/// What each page names at its end, beside the other pages.
const SITE: &str = "/usr/share/doc/stackdeb/";

pub fn pages() -> miette::Result<Vec<Document>> {
    let mut program = cli::command().disable_help_subcommand(true);
    program.build();
    let mut pages = vec![Document::new("man/stack.toml.5", stack_toml()), page(&program)?];
    for command in program.get_subcommands() {
        pages.push(page(command)?);
        for command in command.get_subcommands() {
            pages.push(page(command)?);
        }
    }
    Ok(pages)
}

fn page_name(command: &Command) -> String {
    command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned()
}

/// The page of a command. It names the pages of its own commands.
fn page(command: &Command) -> miette::Result<Document> {
    let name = page_name(command);
    let is_program = name == "stackdeb";
    let words: Vec<&str> = name.split('-').collect();
    let line = words.join(" ");
    let notes = notes(words.get(1..).unwrap_or_default());
    // The help's own end is shown as sections of their own below.
    let bare = command.clone().after_help(None::<&str>);
    let man = Man::new(bare).source(format!("stackdeb {}", env!("CARGO_PKG_VERSION")));
    let mut text = Vec::new();
    man.render_title(&mut text).into_diagnostic()?;
    man.render_name_section(&mut text).into_diagnostic()?;
    man.render_synopsis_section(&mut text).into_diagnostic()?;
    man.render_description_section(&mut text).into_diagnostic()?;
    man.render_options_section(&mut text).into_diagnostic()?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut text).into_diagnostic()?;
    }
    let mut page = Roff::new();
    if let Some(notes) = notes {
        page.control("SH", ["NOTES"]);
        paragraphs(&mut page, &notes);
    }
    page.control("SH", ["EXAMPLES"]);
    for Example { line, meaning } in cli::examples_of(&line) {
        page.control("TP", []).text([bold(*line)]).text(inlines(meaning));
    }
    if is_program {
        facts::sections(&mut page);
    }
    page.control("SH", ["SEE ALSO"]);
    let own = (!is_program).then(|| "stackdeb(1)".to_owned());
    let others = command.get_subcommands().map(|command| format!("{}(1)", page_name(command)));
    let names: Vec<String> =
        own.into_iter().chain(others).chain(["stack.toml(5)".to_owned(), SITE.to_owned()]).collect();
    page.text([roman(names.join(", "))]);
    page.to_writer(&mut text).into_diagnostic()?;
    Ok(Document::new(format!("man/{name}.1"), String::from_utf8(text).into_diagnostic()?))
}

/// What a command's help says after its options and before its examples.
fn notes(command: &[&str]) -> Option<String> {
    let mut found = cli::command_without_examples();
    for word in command {
        found = found.find_subcommand(word)?.clone();
    }
    found.get_after_help().map(ToString::to_string)
}

/// The page of the file.
fn stack_toml() -> String {
    let mut page = Roff::new();
    let version = format!("stackdeb {}", env!("CARGO_PKG_VERSION"));
    page.control("TH", ["stack.toml", "5", "", &version, "File formats"]);
    page.control("SH", ["NAME"]).text([roman("stack.toml - describes a web application and its server for stackdeb")]);
    page.control("SH", ["DESCRIPTION"]);
    paragraphs(&mut page, DOCUMENT.meaning);
    for key in DOCUMENT.keys {
        if let Some(section) = key.section() {
            table(&mut page, &header("", key), &without(key), section);
            if let Some(section) = key.further_section() {
                table(&mut page, &further_header(key), WITHOUT_FURTHER, section);
            }
        } else {
            page.control("SH", [header("", key).as_str()]);
            paragraphs(&mut page, key.meaning);
            paragraphs(&mut page, &format!("Without the table: {}.", default(&key.missing)));
            literal(&mut page, key.example);
        }
    }
    page.control("SH", ["EXAMPLE"]);
    let example: Vec<&str> = DOCUMENT.keys.iter().map(|key| key.example).collect();
    literal(&mut page, &example.join("\n\n"));
    page.control("SH", ["SEE ALSO"]);
    page.text([roman(format!("stackdeb(1), stackdeb-check(1), stackdeb-schema(1), deb-control(5), {SITE}"))]);
    page.to_roff()
}

/// A table, and after it the tables inside it.
fn table(page: &mut Roff, name: &str, without: &str, section: &Section) {
    page.control("SH", [name]);
    paragraphs(page, section.meaning);
    paragraphs(page, without);
    for key in section.keys {
        entry(page, key);
    }
    for inner in section.keys {
        if let Some(section) = inner.section() {
            table(page, &header(name, inner), &self::without(inner), section);
        }
    }
}

fn entry(page: &mut Roff, key: &Key) {
    page.control("TP", []).text([bold(key.name)]);
    let (kind_text, default) = (kind(&key.kind), default(&key.missing));
    page.text(inlines(&format!("Type: {kind_text}. Default: {default}. Since {}.", key.since)));
    page.control("RS", []);
    paragraphs(page, key.meaning);
    if let ValueKind::Word(words) | ValueKind::WordOrTable(words, _) = &key.kind {
        page.control("PP", []).text([roman(format!("Known: {}.", (words.known)().join(", ")))]);
    }
    literal(page, key.example);
    page.control("RE", []);
}
