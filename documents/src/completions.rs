//! Completions for bash, zsh and fish, named as each shell looks for them.

use clap_complete::{Generator, Shell, generate};
use stackdeb::cli;

use crate::Document;

pub fn scripts() -> impl Iterator<Item = Document> {
    let folders = [(Shell::Bash, "bash"), (Shell::Zsh, "zsh"), (Shell::Fish, "fish")];
    folders.into_iter().map(|(shell, folder)| {
        let mut script = Vec::new();
        generate(shell, &mut cli::command(), "stackdeb", &mut script);
        // Debian's folder of bash completions has files without a suffix.
        let file = if shell == Shell::Bash { "stackdeb".to_owned() } else { shell.file_name("stackdeb") };
        Document::new(format!("completions/{folder}/{file}"), String::from_utf8_lossy(&script).into_owned())
    })
}
