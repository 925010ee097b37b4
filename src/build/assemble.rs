//! Puts a stack's package together: the rendered files and scripts, the health check's program, and the control data.

use std::fs;
use std::io;
use std::path::Path;

use crate::control::{Architecture, Relations};
use crate::deb::elf::{self, ElfError};
use crate::deb::{Content, Control, Package, PayloadError};
use crate::render::{self, RenderError, Rendered};
use crate::stack::Stack;
use crate::system::epoch::Epoch;

/// Why a stack's package cannot be put together.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum AssembleError {
    /// A template or a file of the app is wrong.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Render(#[from] RenderError),
    /// A file of the project has the path of the health check's program.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Payload(#[from] PayloadError),
    /// The health check's program is not there.
    #[error("cannot read the health check's program {path}: {source}")]
    #[diagnostic(help("it is built with stackdeb (`cargo build --release`) and must stay beside it"))]
    HealthCheck {
        /// Where it was looked for.
        path: String,
        #[source]
        source: io::Error,
    },
    /// The health check's program does not run on a Debian server.
    #[error("the health check's program {path} cannot be packaged")]
    Elf {
        path: String,
        #[source]
        #[diagnostic_source]
        source: ElfError,
    },
}

/// Puts the package of `stack` together. `health_check` is the program's file, built for amd64; `epoch` is the time of
/// everything in the package.
///
/// # Errors
/// When a template or a file of the app is wrong, or the program cannot be read or would not run on a Debian server.
pub fn assemble(stack: &Stack, health_check: &Path, epoch: Epoch) -> Result<Package, AssembleError> {
    let Rendered { mut payload, conffiles, scripts, depends, recommends } = render::package_files(stack)?;
    let path = || health_check.display().to_string();
    let program = fs::read(health_check).map_err(|source| AssembleError::HealthCheck { path: path(), source })?;
    let elf = |source| AssembleError::Elf { path: path(), source };
    let mut needed = elf::dependencies(&program).map_err(elf)?;
    let program = elf::strip(&program).map_err(elf)?;
    payload.add_file(&render::health_check_path(&stack.package.name), Content::Bytes(program), 0o755)?;
    for relation in depends.0 {
        if !needed.0.contains(&relation) {
            needed.0.push(relation);
        }
    }
    Ok(Package {
        control: control(stack, needed, recommends),
        payload,
        conffiles,
        scripts,
        triggers: None,
        compression: stack.package.compression,
        epoch,
    })
}

fn control(stack: &Stack, depends: Relations, recommends: Relations) -> Control {
    let package = &stack.package;
    Control {
        package: package.name.clone(),
        version: package.version.clone(),
        architecture: Architecture::Amd64,
        maintainer: package.maintainer.clone(),
        pre_depends: Relations::default(),
        depends,
        recommends,
        suggests: Relations::default(),
        conflicts: Relations::default(),
        breaks: Relations::default(),
        replaces: Relations::default(),
        provides: Relations::default(),
        section: package.section.clone(),
        priority: package.priority,
        homepage: package.homepage.clone(),
        summary: package.summary.clone(),
        description: filled(&package.description),
        extra: Vec::new(),
    }
}

/// The widest line of a long description, in characters: with the space before it, 80 fit a terminal.
const WIDTH: usize = 79;

/// Breaks the paragraphs of a description into lines of at most [`WIDTH`] characters, because some programs show the lines
/// as they are. A line that begins with a space stays as it is (Debian Policy 5.6.13).
fn filled(description: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut open = false;
    for line in description.lines() {
        if line.is_empty() || line.starts_with([' ', '\t']) {
            lines.push(line.to_owned());
            open = false;
            continue;
        }
        for word in line.split_whitespace() {
            let fits = |last: &String| last.chars().chain([' ']).chain(word.chars()).count() <= WIDTH;
            match lines.last_mut().filter(|last| open && fits(last)) {
                Some(last) => {
                    last.push(' ');
                    last.push_str(word);
                }
                None => lines.push(word.to_owned()),
            }
            open = true;
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_are_filled_and_verbatim_lines_stay() {
        let word = "0123456789".repeat(3);
        let text = format!("{word} {word}\n{word}\n\n  verbatim {word} {word} {word}\nshort\nlines");
        let expected = format!("{word} {word}\n{word}\n\n  verbatim {word} {word} {word}\nshort lines");
        assert_eq!(filled(&text), expected);
        assert!(filled(&"ab ".repeat(100)).lines().all(|line| line.len() <= WIDTH));
    }
}
