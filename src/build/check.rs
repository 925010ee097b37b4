//! All that can be known of a stack without building it: a `Stack` → its first mistake, or what its packages will be and
//! what the user should look at. For `stackdeb check`.

use super::built_package::CheckedStack;
use super::{advice, image, lock_packages, package};
use crate::apt::names;
use crate::stack::Stack;
use crate::system::cache::Cache;
use crate::system::progress::Reporter;

/// Puts the packages together as for a build, and writes no file of the project. Libraries are downloaded into the cache.
/// Returns as well what the user should look at, one sentence each. That the versions of a lock do not fit is one of them, and
/// no mistake: the package can be built, and the lock may be that of an image with further stacks.
///
/// # Errors
/// When the stack has a mistake that a build of its package or, without a network, of its image would refuse.
pub fn check(stack: &Stack, reporter: Reporter) -> miette::Result<(CheckedStack, Vec<String>)> {
    let checked = package::check(stack, reporter)?;
    image::check(stack)?;
    let stale = lock_packages::stale(stack, [&checked.control].into_iter().chain(&checked.further))?;
    let mut warnings = checked.warnings();
    warnings.extend(stale);
    warnings.extend(about_packages(stack));
    warnings.extend(advice::of_django(stack, &checked.libraries));
    Ok((checked, warnings))
}

/// What earlier downloads say about the packages that the stack names; nothing without them.
fn about_packages(stack: &Stack) -> Vec<String> {
    let known = names::find(&advice::names(stack), &stack.image.suite, Cache::existing().as_ref());
    let mut warnings = advice::of_relations(stack, |name| known.get(name).cloned());
    warnings.extend(stack.package_names().filter_map(|name| Some(advice::taken(name, known.get(name)?))));
    warnings
}
