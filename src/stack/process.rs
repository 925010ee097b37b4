//! What runs beside the web server with the app's code: workers, which run all the time, and timers, whose jobs run at
//! certain times. Each is one or more units of systemd.

use std::borrow::Cow;
use std::fmt;

/// A program that runs all the time, such as one that takes tasks from a queue.
#[derive(Debug, Clone)]
pub struct Worker {
    /// What follows the package's name and a hyphen in the name of its unit.
    pub name: String,
    pub command: CommandLine,
    /// How many of it run at once, 1 or more. Each is a unit of its own.
    pub processes: u16,
    /// How long it may finish what it has begun, as systemd.time(7) writes it.
    pub stop_timeout: String,
    pub limits: ProcessLimits,
}

/// A program that runs at certain times.
#[derive(Debug, Clone)]
pub struct Timer {
    /// As in [`Worker`]; the timer and its service have the same one.
    pub name: String,
    pub command: CommandLine,
    /// A calendar event of systemd.time(7): `daily`.
    pub schedule: String,
    pub stop_timeout: String,
    pub limits: ProcessLimits,
}

/// The most that a unit may use (systemd.resource-control(5)).
#[derive(Debug, Clone, Default)]
pub struct ProcessLimits {
    /// `MemoryMax=`: `512M`, or `25%` of the machine's memory.
    pub memory_max: Option<String>,
    /// `CPUQuota=`: `150%` is one and a half processors.
    pub cpu_quota: Option<String>,
}

/// A program with its arguments. No shell reads them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine {
    /// An absolute path, a path in the app's folder with a `/` in it, or a name that is looked for
    /// in the folders of programs.
    pub program: String,
    pub arguments: Vec<String>,
}

impl Worker {
    /// The names of its units without package and suffix, each with its number, from 1: `mail`, `mail-2`, `mail-3`.
    pub fn unit_stems(&self) -> Vec<(String, u16)> {
        let stem = |number| match number {
            1 => (self.name.clone(), number),
            _ => (format!("{}-{number}", self.name), number),
        };
        (1..=self.processes).map(stem).collect()
    }
}

impl CommandLine {
    /// The path of the program inside the app's folder, if it is there.
    pub fn in_app(&self) -> Option<&str> {
        (!self.program.starts_with('/') && self.program.contains('/'))
            .then(|| self.program.strip_prefix("./").unwrap_or(&self.program))
    }

    /// The words for a shell, with an app that is installed in `app_folder`.
    pub fn for_shell(&self, app_folder: &str) -> String {
        Self { program: self.installed(app_folder).into_owned(), ..self.clone() }.to_string()
    }

    fn installed(&self, app_folder: &str) -> Cow<'_, str> {
        match self.in_app() {
            Some(path) => Cow::from(format!("{app_folder}/{path}")),
            None => Cow::from(&self.program),
        }
    }

    /// The line as `ExecStart=` has it (systemd.service(5), "Command lines"), with an app
    /// that is installed in `app_folder`.
    pub fn exec_start(&self, app_folder: &str) -> String {
        let words = [self.installed(app_folder)].into_iter().chain(self.arguments.iter().map(Cow::from));
        words.map(|word| quoted(&word)).collect::<Vec<_>>().join(" ")
    }
}

impl fmt::Display for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [self.program.as_str()].into_iter().chain(self.arguments.iter().map(String::as_str));
        match shlex::try_join(words) {
            Ok(line) => f.write_str(&line),
            // Only a NUL cannot be quoted, and no command has one.
            Err(_) => Err(fmt::Error),
        }
    }
}

/// A word of `ExecStart=`: neither a specifier nor a variable is replaced in it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./:=,@+-".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    let escaped = word.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_word_means_something_to_systemd() {
        let line = |program: &str, arguments: &[&str]| {
            let arguments = arguments.iter().map(|&word| word.to_owned()).collect();
            CommandLine { program: program.to_owned(), arguments }.exec_start("/usr/share/shop")
        };
        assert_eq!(line("celery", &["-A", "app", "--loglevel=info"]), "celery -A app --loglevel=info");
        assert_eq!(line("./bin/tidy", &[]), "/usr/share/shop/bin/tidy");
        assert_eq!(line("sh", &["-c", "echo \"$HOME\" 5% ; \\"]), r#"sh -c "echo \"$$HOME\" 5%% ; \\""#);
        assert_eq!(line("/usr/bin/env", &["", ";"]), r#"/usr/bin/env "" ";""#);
    }
}
