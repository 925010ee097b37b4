//! A question before something that cannot be undone.

use std::io::{self, BufRead, IsTerminal, Write};

/// How a question ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// A person at a terminal said yes.
    Yes,
    /// A person said anything else.
    No,
    /// There is nobody to ask.
    Nobody,
}

/// Asks on standard error, and reads a line from standard input, if that is a terminal.
///
/// # Errors
/// When the terminal cannot be read.
pub fn ask(question: &str) -> io::Result<Answer> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return Ok(Answer::Nobody);
    }
    eprint!("{question} [y/N] ");
    io::stderr().flush()?;
    let mut line = String::new();
    stdin.lock().read_line(&mut line)?;
    let yes = ["y", "yes"].contains(&line.trim().to_lowercase().as_str());
    Ok(if yes { Answer::Yes } else { Answer::No })
}
