//! `cargo run -p stackdeb-documents`: writes `docs/`'s reference, and with `--package FOLDER` the files of stackdeb's own
//! package. Files that are already as they should be are not written again.

use std::path::{Path, PathBuf};

use clap::Parser;
use miette::miette;
use stackdeb::system::epoch::Epoch;
use stackdeb::system::output;
use stackdeb_documents::{Document, package, repository};

/// Writes the documents that are made from the program itself
#[derive(Debug, Parser)]
struct Arguments {
    /// Write the man pages and completions of stackdeb's package to this folder, and not the reference in docs/
    #[arg(long, value_name = "FOLDER")]
    package: Option<PathBuf>,
}

fn main() -> miette::Result<()> {
    let (folder, documents) = match Arguments::parse().package {
        Some(folder) => {
            let now = Epoch::from_environment()?;
            (folder, package(now.ok_or_else(|| miette!("SOURCE_DATE_EPOCH is not set: documents/package sets it"))?)?)
        }
        None => (Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs"), repository()?),
    };
    for Document { path, text } in documents {
        let path = folder.join(path);
        if std::fs::read(&path).is_ok_and(|old| old == text.as_bytes()) {
            continue;
        }
        output::write_file(&path, text.as_bytes())?;
        println!("{}", path.display());
    }
    Ok(())
}
