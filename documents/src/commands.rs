//! `docs/commands.md`: what each command's `--help` says.

use std::fmt::Write;

use stackdeb::cli;

/// How many columns a line of a terminal has, for which clap writes the help.
const WIDTH: usize = 100;

pub fn markdown() -> String {
    let mut text = String::from(
        "# Commands\n\n\
         `stackdeb COMMAND --help` says the same. In a clone of the repository, `./just deb`, `./just image` and so on build \
         stackdeb first and hand their arguments on.\n\
         [Files, variables and exit statuses](files.md) has what several commands share.\n\n\
         <!-- Made by: just documents. -->\n",
    );
    let mut program = cli::command().term_width(WIDTH).disable_help_subcommand(true);
    program.build();
    let help = program.render_long_help().to_string();
    section(&mut text, "stackdeb", &help);
    for command in program.get_subcommands_mut() {
        let name = format!("stackdeb {}", command.get_name());
        let help = command.render_long_help().to_string();
        section(&mut text, &name, &help);
        for command in command.get_subcommands_mut() {
            let help = command.render_long_help().to_string();
            section(&mut text, &format!("{name} {}", command.get_name()), &help);
        }
    }
    text
}

fn section(text: &mut String, name: &str, help: &str) {
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    // Writing to a String does not fail.
    let _ = write!(text, "\n## {name}\n\n```text\n{}\n```\n", lines.join("\n").trim_end());
}
