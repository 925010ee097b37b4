//! From the reference's text to the lines of a man page (man(7)): what is in backquotes becomes bold.

use clap_mangen::roff::{Inline, Roff, bold, roman};

/// Splits a text at its backquotes. What is between two of them becomes bold.
pub fn inlines(text: &str) -> Vec<Inline> {
    text.split('`').enumerate().map(|(at, words)| if at % 2 == 0 { roman(words) } else { bold(words) }).collect()
}

/// Paragraphs that are separated by empty lines.
pub fn paragraphs(page: &mut Roff, text: &str) {
    for paragraph in text.split("\n\n") {
        page.control("PP", []).text(inlines(paragraph));
    }
}

/// Lines that are shown as they stand, indented.
pub fn literal(page: &mut Roff, text: &str) {
    page.control("RS", ["4"]).control("nf", []);
    for line in text.lines() {
        page.text([roman(if line.is_empty() { " " } else { line })]);
    }
    page.control("fi", []).control("RE", []);
}
