//! The files of a crate for a stack of the kind `cargo`: cargo builds its programs, and `[package.metadata.deb]` says what is
//! installed.

use std::borrow::Cow;

use crate::cargo::{CratePlan, Options};
use crate::stack::{AppKind, CrateOrigin, Program, ProgramOrigin, Stack};

/// The stack with the files of its crate. A stack of another kind stays as it is.
///
/// # Errors
/// When the metadata are wrong, cargo fails, or a file is missing. What cargo says is printed to standard error.
pub(super) fn built(stack: &Stack) -> miette::Result<Cow<'_, Stack>> {
    let AppKind::Exec(program) = &stack.app.kind else { return Ok(Cow::Borrowed(stack)) };
    let Some(origin) = program.of_crate() else { return Ok(Cow::Borrowed(stack)) };
    let package = &stack.package;
    let options = Options {
        package: origin.member.clone(),
        variant: origin.metadata_variant.clone(),
        maintainer: Some(package.maintainer.clone()),
        ..Options::default()
    };
    let plan = CratePlan::read(&stack.app.folder, &options)?;
    plan.compile()?;
    let files = plan.files_of_stack(&package.name)?;
    let origin = ProgramOrigin::Crate(CrateOrigin { files, ..origin.clone() });
    let mut changed = stack.clone();
    changed.app.kind = AppKind::Exec(Program { origin, ..program.clone() });
    Ok(Cow::Owned(changed))
}
