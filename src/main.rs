//! The program: parse, run, report.

use std::process::ExitCode;

use clap::Parser;
use stackdeb::commands::{boot, check, new};

#[derive(Debug, Parser)]
#[command(name = "stackdeb", version, max_term_width = 100)]
enum Cli {
    Check(check::CheckArgs),
    New(new::NewArgs),
    Boot(boot::BootArgs),
}

fn main() -> ExitCode {
    if let Some(status) = stackdeb::rootfs::sandbox::main().or_else(stackdeb::vm::pump::main) {
        return status;
    }
    let result = match Cli::parse() {
        Cli::Check(args) => check::run(&args),
        Cli::Boot(args) => boot::run(&args),
        Cli::New(args) => new::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(report) => {
            eprintln!("{report:?}");
            ExitCode::FAILURE
        }
    }
}
