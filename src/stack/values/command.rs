//! Checks the commands of workers and timers: the text of a command → its program and arguments.

use std::path::Path;

use miette::Diagnostic;

use crate::deb::elf;
use crate::stack::process::CommandLine;

/// Why a text is not valid as a command.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum CommandError {
    #[error("is empty")]
    #[diagnostic(help("name a program and its arguments: \"python3 worker.py\""))]
    Empty,
    #[error("has a quote that is not closed, or a `\\` at its end")]
    #[diagnostic(help("close it; a single quote keeps everything up to the next one: \"sh -c 'echo one'\""))]
    Quotes,
    #[error("has a control character in it, U+{:04X}", u32::from(*.0))]
    #[diagnostic(help("write the command on one line"))]
    Control(char),
    #[error("has `{0}`, which only a shell understands, and no shell runs it")]
    #[diagnostic(help("have a shell run it: \"sh -c 'one | two'\""))]
    Shell(String),
    #[error("`{0}` is not the name or the path of a program")]
    #[diagnostic(help(
        "begin with a name such as `celery`, a path in the app's folder such as `bin/tidy`, or an absolute path; set variables in [app] environment"
    ))]
    Program(String),
    #[error("there is no file {0}")]
    #[diagnostic(help(
        "write it, or correct the command: a program with a `/` in its name is one of the app's folder"
    ))]
    NotThere(String),
    #[error("{0} is not executable")]
    #[diagnostic(help("`chmod +x` it, or begin the command with its interpreter: \"python3 {1}\""))]
    NotExecutable(String, String),
}

/// Words that end a command or redirect it in a shell.
const OF_SHELLS: &[&str] = &["|", "||", "&", "&&", ";", ">", ">>", "<", "2>", "2>&1"];

/// Splits a command into words as a shell does, without anything else that a shell does. A program of the app must
/// be in `folder`, and executable, or in machine code, which is packed as executable. `None` when the folder is not known, or
/// when a command makes the program later.
///
/// # Errors
/// When a quote is not closed, the first word is not a program, or the app has not that program.
pub fn command_line(text: &str, folder: Option<&Path>) -> Result<CommandLine, CommandError> {
    if let Some(control) = text.chars().find(|c| c.is_control()) {
        return Err(CommandError::Control(control));
    }
    let mut words = shlex::split(text).ok_or(CommandError::Quotes)?.into_iter();
    let program = words.next().ok_or(CommandError::Empty)?;
    let arguments: Vec<String> = words.collect();
    let in_name = |c: char| c.is_ascii_alphanumeric() || "_./+-".contains(c);
    let goes_up = program.split('/').any(|part| part == "..");
    if !program.starts_with(|c: char| c.is_ascii_alphanumeric() || "_./".contains(c))
        || !program.chars().all(in_name)
        || program.ends_with('/')
        || goes_up
    {
        return Err(CommandError::Program(program.escape_debug().to_string()));
    }
    if let Some(word) = arguments.iter().find(|word| OF_SHELLS.contains(&word.as_str())) {
        return Err(CommandError::Shell(word.clone()));
    }
    let line = CommandLine { program, arguments };
    if let (Some(path), Some(folder)) = (line.in_app(), folder) {
        let file = folder.join(path);
        let shown = || file.display().to_string();
        let data = std::fs::metadata(&file).map_err(|_| CommandError::NotThere(shown()))?;
        if !data.is_file() {
            return Err(CommandError::NotThere(shown()));
        }
        let is_executable = std::os::unix::fs::PermissionsExt::mode(&data.permissions()) & 0o111 != 0;
        if !is_executable && !elf::is_elf(&file) {
            return Err(CommandError::NotExecutable(shown(), path.to_owned()));
        }
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_split_as_a_shell_splits_it() {
        let line = command_line(r#"python3 -c 'print("a b")' x\ y "#, None).unwrap();
        assert_eq!(line.program, "python3");
        assert_eq!(line.arguments, ["-c", "print(\"a b\")", "x y"]);
        for text in ["celery -A app worker -n w@%h", "/usr/bin/psql shop", "sh -c 'a | b'", "rq worker 'a;b'"] {
            assert!(command_line(text, None).is_ok(), "{text}");
        }
        for text in ["", "  ", "a 'b", "a \\", "a | b", "a && b", "A=1 b", "-x", "../x", "a/", "a\nb", "é", "a > b"] {
            assert!(command_line(text, None).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_program_of_the_app_is_there_and_executable() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tidy"), "#!/bin/sh\n").unwrap();
        let of_app = |text| command_line(text, Some(folder.path()));
        assert!(matches!(of_app("./tidy now"), Err(CommandError::NotExecutable(..))));
        assert!(matches!(of_app("bin/tidy now"), Err(CommandError::NotThere(_))));
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path().join("tidy"), executable).unwrap();
        assert_eq!(of_app("./tidy now").unwrap().in_app(), Some("tidy"));
    }
}
