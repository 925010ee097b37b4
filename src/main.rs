//! The program: parses the arguments, runs the command and reports its error.

use std::process::ExitCode;

use stackdeb::cli::{Cli, exit_status};
use stackdeb::system::{http, interrupt, print, report};

fn main() -> ExitCode {
    if let Some(status) = stackdeb::inner_program() {
        return status;
    }
    let cli = match Cli::from_environment() {
        Ok(cli) => cli,
        Err(status) => return status,
    };
    http::keep_proxy_passwords_secret();
    let interrupts = || interrupt::install().map_err(|error| miette::miette!("{error}"));
    match report::install().and_then(|()| interrupts()).and_then(|()| cli.run()) {
        Ok(status) => status,
        Err(_) if interrupt::requested() => {
            print::note("stackdeb: interrupted; unfinished files are removed, and earlier outputs are unchanged");
            ExitCode::from(interrupt::exit_status())
        }
        Err(report) => {
            print::note(format_args!("{report:?}"));
            ExitCode::from(exit_status(&report))
        }
    }
}
