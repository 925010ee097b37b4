//! How other modules run the target's own programs without knowing the sandbox.

/// The standard output of a command, or why it failed: it could not be started, or its exit status was not 0.
pub type CommandResult = Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>>;

/// Runs a command (the program and its arguments) in a root and waits for its end.
pub type RunInRoot<'a> = &'a dyn Fn(&[&str]) -> CommandResult;
