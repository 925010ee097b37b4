//! The app's libraries from the Python Package Index: what `[app] requirements` names, for the Python of `[image] suite`.

use super::installed::InstalledInRoots;
use super::lock_file::lock_to_read;
use super::pip::SuitePip;
use super::source_build::SourceBuild;
use super::{debian_libraries, linked};
use crate::apt::Suite;
use crate::python::lock::{self, Pin, PinnedLibraries, Requirements};
use crate::python::{
    Held, Libraries, LibraryIndex, PythonTarget, Sandboxed, WheelNeeds, address, choose_versions, gather,
};
use crate::stack::Stack;
use crate::system::cache::Cache;
use crate::system::progress::Reporter;

/// Which libraries a stack has; `None` when it names no requirements. Nothing is downloaded.
///
/// # Errors
/// When the suite is not known, or the requirements have a mistake.
pub fn plan(stack: &Stack) -> miette::Result<Option<PinnedLibraries>> {
    let Some(path) = &stack.app.requirements else { return Ok(None) };
    let target = PythonTarget::of(Suite::find(&stack.image.suite)?)?;
    Ok(Some(lock::read(path, &stack.folder, &lock_to_read(stack), &stack.image.suite, &target)?))
}

/// The libraries of a stack, downloaded if they are not in the cache; none when it names no requirements. Where
/// [`PinnedLibraries::may_build`] says so, the process must be root, if only in a namespace. Returns as well what was
/// installed where some of them were built.
///
/// # Errors
/// When the suite is not known, the requirements have a mistake or lack something, or a library cannot be had.
pub fn of(stack: &Stack, reporter: Reporter) -> miette::Result<(Libraries, InstalledInRoots)> {
    let Some(plan) = plan(stack)? else { return Ok((Libraries::default(), InstalledInRoots::default())) };
    let suite = Suite::find(&stack.image.suite)?;
    let target = PythonTarget::of(suite)?;
    let cache = Cache::open()?;
    let address = address(stack.app.index.as_deref(), plan.index.as_deref())?;
    let index = LibraryIndex::new(address, cache.clone(), reporter);
    let debian = debian_libraries::of(stack, suite, &cache, reporter)?;
    let builder = SourceBuild::new(stack, suite, &cache, reporter);
    let mut libraries = gather(&plan, &debian, &target, &index, &cache, &builder)?;
    add_linked(&mut libraries.needs, stack, suite, reporter)?;
    Ok((libraries, builder.installed()))
}

/// Adds the packages that the compiled parts need. A part that is never used may need a library that nobody has.
fn add_linked(needs: &mut WheelNeeds, stack: &Stack, suite: &'static Suite, reporter: Reporter) -> miette::Result<()> {
    let target = linked::TargetSuite { suite, image: Some(&stack.image) };
    let needed = linked::packages_and_unknown(&needs.programs, target, reporter)?;
    needed.relations.0.into_iter().for_each(|relation| needs.depends.add(relation));
    needs.warnings.extend(needed.unknown.into_iter().map(|(library, wheel)| {
        format!(
            "{wheel} needs {library}, and no package of {} is known that has it; if the app uses that part, name the package \
             in [app] depends",
            suite.title()
        )
    }));
    Ok(())
}

/// Whether `stackdeb lock` can choose the versions of a stack's libraries: it asks for some, and not with a lock of another
/// tool.
///
/// # Errors
/// When the file of requirements cannot be read, or has a mistake.
pub(super) fn can_be_locked(stack: &Stack) -> miette::Result<bool> {
    match &stack.app.requirements {
        None => Ok(false),
        Some(path) => Ok(Requirements::read(path, &stack.folder)?.is_some()),
    }
}

/// The libraries that the lock of a stack has, whatever its requirements are now; `None` if it has no part with libraries, or no
/// build uses that part.
///
/// # Errors
/// When the lock or the file of requirements cannot be read or has a mistake, or the lock was made for another suite.
pub(super) fn locked(stack: &Stack) -> miette::Result<Option<Vec<Pin>>> {
    let path = lock_to_read(stack);
    if !path.is_file() || !can_be_locked(stack)? {
        return Ok(None);
    }
    let target = PythonTarget::of(Suite::find(&stack.image.suite)?)?;
    Ok(lock::pins(&path, &stack.folder, &stack.image.suite, &target)?)
}

/// Chooses the versions of what `[app] requirements` asks for. Returns the libraries, and the text of a lock with them. With
/// `held`, most libraries stay at the versions that they have.
///
/// # Errors
/// When the stack names no requirements or names a lock, uv is not installed and pip cannot be run, or no versions fit.
pub(super) fn choose(stack: &Stack, held: Option<Held>, reporter: Reporter) -> miette::Result<(Libraries, String)> {
    let Some(path) = &stack.app.requirements else {
        return Err(miette::miette!(
            help = "name the file that asks for the libraries: [app] requirements = \"requirements.txt\"",
            "stack.toml has no [app] requirements, so there is nothing to lock"
        ));
    };
    let Some(asked) = Requirements::read(path, &stack.folder)? else {
        return Err(miette::miette!(
            help = "the tool that wrote it changes it; or name a requirements.txt or pyproject.toml in its place",
            "{} is a lock already",
            path.display()
        ));
    };
    let suite = Suite::find(&stack.image.suite)?;
    let target = PythonTarget::of(suite)?;
    let cache = Cache::open()?;
    let address = address(stack.app.index.as_deref(), asked.index())?;
    let index = LibraryIndex::new(address, cache.clone(), reporter);
    let builder = SourceBuild::new(stack, suite, &cache, reporter);
    let pip = SuitePip::new(stack, suite, &cache, reporter);
    let sandboxed = Sandboxed { builder: &builder, pip: &pip };
    let debian = debian_libraries::of(stack, suite, &cache, reporter)?;
    let libraries = choose_versions(&asked, &debian, held, &target, &index, &cache, sandboxed)?;
    let text = lock::write(&libraries, &stack.image.suite, &asked.all(), &target, &index.shown());
    Ok((libraries, text))
}
