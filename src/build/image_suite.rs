//! The suite of an image: that of `[image] suite`, if its cloud-init can read Linode's metadata.

use crate::apt::{CloudInit, Suite};
use crate::stack::Stack;

/// Whether images can be made of a stack's suite at all.
///
/// # Errors
/// When the suite is not known.
pub(super) fn can_be_made(stack: &Stack) -> miette::Result<bool> {
    Ok(refuse_blind(Suite::find(&stack.image.suite)?).is_ok())
}

/// The suite that the image is made of.
pub(super) fn suite_of(stack: &Stack) -> miette::Result<&'static Suite> {
    let suite = Suite::find(&stack.image.suite)?;
    refuse_blind(suite)?;
    Ok(suite)
}

/// An image that never sees its user data has no key for its administrator.
fn refuse_blind(suite: &Suite) -> miette::Result<()> {
    match suite.cloud_init {
        CloudInit::SeesLinode => Ok(()),
        CloudInit::TooOld(version) => Err(miette::miette!(
            help = "set [image] suite in stack.toml to `trixie`; the package itself installs on this suite as well",
            "{} makes no image for Linode: its cloud-init {version} cannot read Linode's metadata, which 23.3 and newer do",
            suite.title()
        )),
    }
}
