//! A question to the user before something that cannot be undone.

use std::io::{self, BufRead, IsTerminal};

use super::print;
use super::words::shown;

/// The answer to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmation {
    /// `y` or `yes`, in upper or lower case.
    Yes,
    /// Any other line, or none.
    No,
    /// Standard input is not a terminal, so nobody was asked.
    Nobody,
}

/// Asks a question on standard error and reads the answer from standard input, if this is a terminal.
///
/// # Errors
/// When the terminal cannot be read.
pub fn ask(question: &str) -> io::Result<Confirmation> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return Ok(Confirmation::Nobody);
    }
    print::prompt(format_args!("{} [y/N] ", shown(question)));
    let mut line = String::new();
    stdin.lock().read_line(&mut line)?;
    let yes = ["y", "yes"].contains(&line.trim().to_lowercase().as_str());
    Ok(if yes { Confirmation::Yes } else { Confirmation::No })
}
