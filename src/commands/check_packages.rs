//! What `stackdeb check` says about the further packages of a stack: their control data → lines, and JSON.

use serde_json::json;

use crate::control::Stanza;
use crate::stack::Stack;

/// A line for each package: its file, and what it depends on.
pub(super) fn lines(stack: &Stack, further: &[Stanza]) -> Vec<String> {
    let line = |control: &Stanza| {
        let depends = control.get("Depends").map(|depends| format!(", depends on {depends}")).unwrap_or_default();
        format!("{}/{}{depends}", stack.shown_dist(), file(stack, control))
    };
    further.iter().map(line).collect()
}

/// What `check --json` says of each package.
pub(super) fn values(stack: &Stack, further: &[Stanza]) -> Vec<serde_json::Value> {
    let value = |control: &Stanza| {
        let [name, architecture, summary, depends] =
            ["Package", "Architecture", "Description", "Depends"].map(|field| control.get(field).unwrap_or_default());
        json!({
            "name": name,
            "package": file(stack, control),
            "architecture": architecture,
            "summary": summary.lines().next(),
            "depends": depends,
        })
    };
    further.iter().map(value).collect()
}

fn file(stack: &Stack, control: &Stanza) -> String {
    let [name, architecture] = ["Package", "Architecture"].map(|field| control.get(field).unwrap_or_default());
    format!("{name}_{}_{architecture}.deb", stack.package.version.in_file_name())
}
