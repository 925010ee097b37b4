//! What `stackdeb check` says about the further packages of a stack: their control data → lines, and JSON.

use serde_json::json;

use crate::control::Stanza;
use crate::stack::Stack;

/// A line for each package: its file, and what it needs.
pub(super) fn lines(stack: &Stack, further: &[Stanza]) -> Vec<String> {
    let line = |control: &Stanza| {
        let needs = [("Pre-Depends", "pre-depends"), ("Depends", "depends")];
        let needs =
            needs.map(|(field, verb)| control.get(field).map(|all| format!(", {verb} on {all}")).unwrap_or_default());
        format!("{}/{}{}", stack.shown_dist(), file(stack, control), needs.concat())
    };
    further.iter().map(line).collect()
}

/// What `check --json` says of each package.
pub(super) fn values(stack: &Stack, further: &[Stanza]) -> Vec<serde_json::Value> {
    let value = |control: &Stanza| {
        let [name, architecture, summary, pre_depends, depends] =
            ["Package", "Architecture", "Description", "Pre-Depends", "Depends"]
                .map(|field| control.get(field).unwrap_or_default());
        json!({
            "name": name,
            "package": file(stack, control),
            "architecture": architecture,
            "summary": summary.lines().next(),
            "pre-depends": pre_depends,
            "depends": depends,
        })
    };
    further.iter().map(value).collect()
}

fn file(stack: &Stack, control: &Stanza) -> String {
    let [name, architecture] = ["Package", "Architecture"].map(|field| control.get(field).unwrap_or_default());
    format!("{name}_{}_{architecture}.deb", stack.package.version.in_file_name())
}
