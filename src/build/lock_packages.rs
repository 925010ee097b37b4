//! The packages of the distribution in `stack.lock`: which ones an image has is chosen once, and an image then has exactly
//! these.

use miette::Diagnostic;

use super::archive::Repository;
use super::asked::{self, AskedPackages, StackPackage};
use super::choice::{PackageChoice, WantedPackages};
use super::image_suite::suite_of;
use super::local::Local;
use super::lock_file::LockFile;
use super::source::Source;
use crate::apt::{OlderRelease, PackageLock};
use crate::control::Stanza;
use crate::stack::{Stack, fit_together};
use crate::system::cache::Cache;
use crate::system::progress::Reporter;
use crate::system::tree::WorkFolder;
use crate::system::userns;

/// Why an image of `stack` alone, whose packages have these control data, would refuse the packages of its lock: in the words of
/// that refusal, with what to do. `None` if it would not, or there is no such lock.
///
/// # Errors
/// When the lock cannot be read, or has a mistake.
pub fn stale<'a>(stack: &Stack, controls: impl IntoIterator<Item = &'a Stanza>) -> miette::Result<Option<String>> {
    let suite = suite_of(stack)?;
    let Some(LockFile { text, shown }) = LockFile::of(stack)? else { return Ok(None) };
    let Some(lock) = PackageLock::parse(&text, &shown)? else { return Ok(None) };
    let stacks = std::slice::from_ref(stack);
    let machine = asked::machine_packages(stacks, suite)?;
    let requires = asked::requires(stacks, machine, &Local::of(controls))?;
    let fits = lock.check_suite(suite, &shown).and_then(|()| lock.check_requires(&requires, &shown));
    let Err(error) = fits else { return Ok(None) };
    // What is checked is one stack, and the lock may be that of an image with several.
    let is_part = lock.suite == suite && requires.iter().all(|one| lock.requires.contains(one));
    let others = if is_part { " (that is right if another stack of the image asks for them)" } else { "" };
    let help = error.help().map(|help| format!("; {help}")).unwrap_or_default();
    Ok(Some(format!("{error}{others}{help}")))
}

/// Chooses the packages of an image of `stacks` from what the archive has now, without installing any.
///
/// # Errors
/// As [`super::image::build`], except for errors of installing and writing.
pub fn choose(stacks: &[Stack], older: OlderRelease, reporter: Reporter) -> miette::Result<PackageLock> {
    let Some(stack) = stacks.first() else { return Err(miette::miette!("there is no stack to lock the packages of")) };
    let suite = suite_of(stack)?;
    fit_together(stacks)?;
    userns::enter()?;
    let cache = Cache::open()?;
    let work = WorkFolder::create(&cache.work())?;
    let own = StackPackage::Installed;
    let AskedPackages { packages, relations: asked, requires } =
        AskedPackages::of(stacks, suite, own, &cache, work.path(), reporter)?;
    let repository = Repository::for_image(suite, &stack.image, reporter)?;
    let source = Source::Archive(repository.releases(&cache, older)?);
    let wanted = WantedPackages::of_image(stacks, &packages, &asked, &repository, &source);
    let PackageChoice { records, warnings } = wanted.choose(&cache, work.path(), reporter)?;
    warnings.iter().for_each(|warning| reporter.warn(warning));
    Ok(PackageLock::new(suite, requires, &source.infos(&repository), &records))
}
